// Package transfer has a client that fetches files over the streams of a session of go-yamux, each
// with two workers that take pieces from the one stream.
package transfer

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	yamux "github.com/libp2p/go-yamux"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	port    = ":7000"
	size    = 160 << 10 // of a file: more than half of a stream's window, so that the window is updated
	workers = 2
)

// serve sends a file on each stream.
func serve(ctx context.Context, h *host.Host) error {
	l, err := net.Listen("tcp", port)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		session, err := yamux.Server(c, nil)
		if err != nil {
			return err
		}
		go func() {
			for {
				s, err := session.AcceptStream()
				if err != nil {
					return // the session is over
				}
				go func() {
					defer s.Close()
					s.Write(make([]byte, size))
				}()
			}
		}()
	}
}

// fetch returns the size of a file, which workers read.
func fetch(session *yamux.Session) (total int64, err error) {
	s, err := session.OpenStream()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			n, failed := io.Copy(io.Discard, s)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if failed != nil {
				err = failed
			}
		})
	}
	wg.Wait()
	return total, err
}

// ask answers each request by a file.
func ask(ctx context.Context, h *host.Host) error {
	c, err := net.Dial("tcp", host.Name(0)+port)
	if err != nil {
		return err
	}
	session, err := yamux.Client(c, nil)
	if err != nil {
		return err
	}
	return workload.Answer(ctx, h, func(uint64) error {
		if n, err := fetch(session); n != size || err != nil {
			return fmt.Errorf("a file of %d bytes was fetched with %d: %v", size, n, err)
		}
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "transfer", Shows: "files are fetched, each by two readers of one stream",
		Nodes: []host.Program{serve, ask}, Requests: 4, AtOnce: 2, Every: 100 * time.Millisecond, For: -30 * time.Second, Faults: "order,yield",
	}.Scenario()}
}
