// Package kv is a key-value store over gRPC, with calls to write and read, and a stream of all
// writes: ordinary Go code that knows nothing of a simulator.
package kv

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"
)

const port = ":9000"

// Entry is a write. Without a version, there was none.
type Entry struct {
	Version uint64 `json:",omitempty"` // writes are numbered from 1 on
	Key     string `json:",omitempty"`
	Value   string `json:",omitempty"`
	ID      string `json:",omitempty"` // of the request; one that is repeated is carried out once
}

// Query asks for the latest write of a key, or for all writes from a version on.
type Query struct {
	Key  string `json:",omitempty"`
	From uint64 `json:",omitempty"`
}

// service is what a server does.
type service interface {
	put(ctx context.Context, e *Entry) (*Entry, error)
	get(ctx context.Context, q *Query) (*Entry, error)
	watch(q *Query, s grpc.ServerStream) error
}

// desc describes the service. There is no generated code: messages are JSON.
var desc = grpc.ServiceDesc{
	ServiceName: "kv",
	HandlerType: (*service)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Put", Handler: unary(service.put)}, {MethodName: "Get", Handler: unary(service.get)}},
	Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: func(s any, stream grpc.ServerStream) error {
		var q Query
		if err := stream.RecvMsg(&q); err != nil {
			return err
		}
		return s.(service).watch(&q, stream)
	}}},
}

// unary returns the handler of a call with a request and an answer.
func unary[I, O any](call func(s service, ctx context.Context, in *I) (*O, error)) grpc.MethodHandler {
	return func(s any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(I)
		if err := decode(in); err != nil {
			return nil, err
		}
		return call(s.(service), ctx, in)
	}
}

// codec has messages travel as JSON.
type codec struct{}

func (codec) Name() string                       { return "json" }
func (codec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (codec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
