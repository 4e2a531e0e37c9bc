// Package echo has a client and a server that talk over the streams of a session of yamux.
package echo

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	port     = ":7000"
	replaced = 10 // requests of a session
)

func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.KeepAliveInterval, c.ConnectionWriteTimeout = 2*time.Second, time.Second
	return c
}

// serve sends back what comes on a stream.
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
		session, err := yamux.Server(c, config())
		if err != nil {
			return err
		}
		go func() {
			for {
				s, err := session.Accept()
				if err != nil {
					return // the session is over
				}
				go func() {
					defer s.Close()
					io.Copy(s, s)
				}()
			}
		}()
	}
}

// client has a session with the server, and makes another when that is over. Each ends after so many
// requests, with those that are under way.
type client struct {
	mu      sync.Mutex
	session *yamux.Session
}

func (c *client) open() (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.session.IsClosed() {
		conn, err := net.DialTimeout("tcp", host.Name(0)+port, time.Second)
		if err != nil {
			return nil, err
		}
		if c.session, err = yamux.Client(conn, config()); err != nil {
			return nil, err
		}
	}
	return c.session.Open()
}

func (c *client) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		c.session.Close()
	}
}

// echo sends text and returns what comes back, or why nothing does.
func (c *client) echo(text string) (string, error) {
	s, err := c.open()
	if err != nil {
		return "", err
	}
	defer s.Close()
	if _, err := io.WriteString(s, text); err != nil {
		return "", err
	}
	b := make([]byte, len(text))
	_, err = io.ReadFull(s, b)
	return string(b), err
}

// ask answers each request by an echo, or by the error that a broken connection is.
func ask(ctx context.Context, h *host.Host) error {
	var c client
	return workload.Answer(ctx, h, func(request uint64) error {
		if request%replaced == replaced-1 {
			c.end()
			return nil
		}
		text := fmt.Sprint("request ", request)
		if got, err := c.echo(text); err == nil && got != text {
			return fmt.Errorf("%s is echoed as %s", text, got)
		}
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "echo", Shows: "each request is echoed, or fails when its connection does",
		Nodes: []host.Program{serve, ask}, Requests: 40, AtOnce: 5, Every: 100 * time.Millisecond, Faults: "order,yield",
	}.Scenario()}
}
