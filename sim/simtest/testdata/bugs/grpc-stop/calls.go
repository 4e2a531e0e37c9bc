// Package calls has clients that call a server of gRPC, which has workers and is replaced now and then.
package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	port    = ":9000"
	lasts   = 50 * time.Millisecond // how long a server runs
	timeout = 2 * time.Second       // of a call, until which there are many servers
)

// codec has messages travel as JSON.
type codec struct{}

func (codec) Name() string                       { return "json" }
func (codec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (codec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// desc describes a service that answers with what it is asked.
var desc = grpc.ServiceDesc{
	ServiceName: "echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var n uint64
		err := decode(&n)
		return n, err
	}}},
}

// serve has one server after the other.
func serve(ctx context.Context, h *host.Host) error {
	for {
		l, err := net.Listen("tcp", port)
		if err != nil {
			return err
		}
		s := grpc.NewServer(grpc.ForceServerCodec(codec{}), grpc.NumStreamWorkers(2))
		s.RegisterService(&desc, nil)
		time.AfterFunc(lasts, s.GracefulStop)
		if err := s.Serve(l); err != nil {
			return err
		}
	}
}

// ask answers each request by a call, which a server has answered before it stops, or another takes.
func ask(ctx context.Context, h *host.Host) error {
	c, err := grpc.Dial(host.Name(0)+port, grpc.WithTransportCredentials(insecure.NewCredentials()),
		// Without jitter: its random numbers are seeded when the process begins.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1, MaxDelay: time.Second}, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{}), grpc.WaitForReady(true)))
	if err != nil {
		return err
	}
	return workload.Answer(ctx, h, func(request uint64) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		var got uint64
		err := c.Invoke(ctx, "/echo/Echo", request, &got)
		if status.Code(err) == codes.Unavailable {
			return nil // the server stopped first
		}
		if err != nil || got != request {
			return fmt.Errorf("the call is answered with %d, %w", got, err)
		}
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "calls", Shows: "calls are answered while servers are replaced, each stopping gracefully",
		Nodes: []host.Program{serve, ask}, Requests: 120, AtOnce: 6, Every: 12 * time.Millisecond, For: -50 * time.Second, Faults: "order,yield",
	}.Scenario()}
}
