package kv

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Disk is where the server keeps what was written. What was persisted may be lost until Sync returns.
type Disk interface {
	Records() [][]byte // that survived
	Persist(rec []byte)
	Sync()
}

// Config configures a server.
type Config struct {
	Disk Disk
	// Forgets has the server carry out a request again that a client repeats, since it had no
	// answer: a mistake.
	Forgets bool
}

// Serve runs a server until it fails.
func Serve(ctx context.Context, c Config) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", port)
	if err != nil {
		return err
	}
	g := grpc.NewServer(
		grpc.ForceServerCodec(codec{}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	g.RegisterService(&desc, open(c))
	return g.Serve(l)
}

// server has the data.
type server struct {
	Config
	mu     sync.Mutex
	all    []*Entry          // by version, from 1 on
	latest map[string]*Entry // by key
	done   map[string]*Entry // by request
	more   chan struct{}     // closed at the next write
}

// open returns the server with what is on the disk.
func open(c Config) *server {
	s := &server{Config: c, latest: map[string]*Entry{}, done: map[string]*Entry{}, more: make(chan struct{})}
	for _, rec := range c.Disk.Records() {
		e := new(Entry)
		if json.Unmarshal(rec, e) != nil {
			continue // a crash tore it, so it was never acknowledged: no part of an object is an object
		}
		s.apply(e)
	}
	return s
}

func (s *server) apply(e *Entry) {
	s.all = append(s.all, e)
	s.latest[e.Key], s.done[e.ID] = e, e
	close(s.more)
	s.more = make(chan struct{})
}

func (s *server) put(_ context.Context, in *Entry) (*Entry, error) {
	if in.Key == "" || in.ID == "" {
		return nil, status.Error(codes.InvalidArgument, "a write needs a key and an id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if was := s.done[in.ID]; was != nil && !s.Forgets {
		return was, nil
	}
	in.Version = uint64(len(s.all)) + 1
	rec, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	s.Disk.Persist(rec)
	s.Disk.Sync()
	s.apply(in)
	return in, nil
}

func (s *server) get(_ context.Context, q *Query) (*Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.latest[q.Key]; e != nil {
		return e, nil
	}
	return new(Entry), nil
}

func (s *server) watch(q *Query, stream grpc.ServerStream) error {
	for next := max(q.From, 1); ; {
		s.mu.Lock()
		news, more := s.all[min(next-1, uint64(len(s.all))):], s.more
		s.mu.Unlock()
		for _, e := range news {
			if err := stream.SendMsg(e); err != nil {
				return err
			}
		}
		next += uint64(len(news))
		select {
		case <-more:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}
