// Package server is a server of a cluster of nats with one stream, which has a copy on each: ordinary Go code that
// knows nothing of a simulator.
package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	clientPort = 4222
	routePort  = 6222
	stream     = "orders"
	subject    = "orders.new"
	// patience is how long a request may take.
	patience = 5 * time.Second
)

// Config is what a server is given.
type Config struct {
	Name    string   // its host name
	Members []string // host names of all servers
	Dir     string   // of its files
	// Lazy has files synced every two minutes, as is the library's default: a mistake, if all may lose power.
	Lazy bool
	// Stays has a server that could not write go on, as is the library's default: it takes part in what it
	// could not write no longer, until somebody starts it again.
	Stays bool
}

// Server is a server that runs.
type Server struct {
	server *natsd.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	config Config
}

// Start starts a server, and a client of it.
func Start(c Config) (*Server, error) {
	if err := makeDir(c.Dir); err != nil {
		return nil, err
	}
	o := &natsd.Options{
		ServerName: c.Name, Host: "0.0.0.0", Port: clientPort,
		Cluster:   natsd.ClusterOpts{Name: "c", Host: "0.0.0.0", Port: routePort},
		JetStream: true, StoreDir: c.Dir, JetStreamMaxMemory: 1 << 26, JetStreamMaxStore: 1 << 30,
		SyncAlways: !c.Lazy, NoSigs: true, NoLog: true,
	}
	for _, m := range c.Members {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("%s:%d", m, routePort)})
	}
	s, err := natsd.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.SetLogger(logger{exits: !c.Stays}, false, false)
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return nil, errors.New("the server is not ready")
	}
	conn, err := nats.Connect(s.ClientURL(), nats.InProcessServer(s), nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	return &Server{s, conn, js, c}, err
}

// makeDir makes the directory, and its name safe.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// Prepare makes the stream, if there is none.
func (s *Server) Prepare(ctx context.Context) error {
	for {
		c, cancel := context.WithTimeout(ctx, patience)
		_, err := s.js.CreateOrUpdateStream(c, jetstream.StreamConfig{Name: stream, Subjects: []string{"orders.*"}, Replicas: len(s.config.Members), Storage: jetstream.FileStorage})
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Second)
	}
}

// Publish has a text stored, and returns its number. Without an error, it is safe.
func (s *Server) Publish(ctx context.Context, text string) (number uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ack, err := s.js.Publish(ctx, subject, []byte(text), jetstream.WithMsgID(text), jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// Read returns the texts of the stream, by number.
func (s *Server) Read(ctx context.Context) (texts map[uint64]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	st, err := s.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	texts = map[uint64]string{}
	last := st.CachedInfo().State.LastSeq
	for n := st.CachedInfo().State.FirstSeq; n <= last && n > 0; n++ {
		m, err := st.GetMsg(ctx, n)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		texts[n] = string(m.Data)
	}
	return texts, nil
}
