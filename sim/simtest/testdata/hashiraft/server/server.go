// Package server is a small replicated store on top of hashicorp/raft: ordinary Go code, with
// goroutines, sockets and time as usual, that knows nothing of a simulator.
package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Ports of a server.
const (
	raftPort   = 7000
	clientPort = 8000
)

// Config configures a server.
type Config struct {
	Name    string   // its host name
	Members []string // host names of all servers
	Logs    raft.LogStore
	Stable  raft.StableStore
	// Snapshots has them, one for each SnapshotEvery entries. Nil is none.
	Snapshots     raft.SnapshotStore
	SnapshotEvery uint64
	closers       []io.Closer // of files
	// LocalReads has the leader answer reads from its own memory, without asking the others whether it
	// still leads: a mistake.
	LocalReads bool
	// Leads is called when the server becomes the leader of a term.
	Leads func(term uint64)
}

// Command is a request of a client.
type Command struct {
	Op    string // "put" or "get"
	Key   string
	Value string `json:",omitempty"`
}

// Reply answers a request.
type Reply struct {
	Value  string `json:",omitempty"`
	Leader string `json:",omitempty"` // ask there: nothing was done
	Error  string `json:",omitempty"` // it may have been done, or not
}

// Serve runs a server until it fails.
func Serve(ctx context.Context, c Config) error {
	s := &store{values: map[string]string{}}
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(c.Name)
	conf.SnapshotThreshold = 1 << 30
	if c.Snapshots != nil {
		conf.SnapshotThreshold, conf.TrailingLogs, conf.SnapshotInterval = c.SnapshotEvery, c.SnapshotEvery/2, time.Second
	} else {
		c.Snapshots = raft.NewInmemSnapshotStore()
	}
	conf.Logger = hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn, DisableTime: true})
	leads := make(chan bool, 16)
	conf.NotifyCh = leads
	advertised, err := net.ResolveTCPAddr("tcp", fmt.Sprintf("%s:%d", c.Name, raftPort))
	if err != nil {
		return err
	}
	transport, err := raft.NewTCPTransportWithLogger(fmt.Sprintf(":%d", raftPort), advertised, 3, 2*time.Second, conf.Logger)
	if err != nil {
		return err
	}
	if err := bootstrap(c, conf, transport); err != nil {
		return err
	}
	r, err := raft.NewRaft(conf, s, c.Logs, c.Stable, c.Snapshots, transport)
	if err != nil {
		return err
	}
	go func() {
		for leader := range leads {
			if leader && c.Leads != nil {
				c.Leads(r.CurrentTerm())
			}
		}
	}()
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", clientPort))
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(conn, r, s, c.LocalReads)
	}
}

func bootstrap(c Config, conf *raft.Config, t raft.Transport) error {
	if has, err := raft.HasExistingState(c.Logs, c.Stable, c.Snapshots); has || err != nil {
		return err
	}
	var all raft.Configuration
	for _, name := range c.Members {
		all.Servers = append(all.Servers, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(fmt.Sprintf("%s:%d", name, raftPort))})
	}
	return raft.BootstrapCluster(conf, c.Logs, c.Stable, c.Snapshots, t, all)
}

// answer serves the requests of a connection.
func answer(conn net.Conn, r *raft.Raft, s *store, local bool) {
	defer conn.Close()
	in, out := json.NewDecoder(bufio.NewReader(conn)), json.NewEncoder(conn)
	for {
		var c Command
		if err := in.Decode(&c); err != nil {
			if !errors.Is(err, io.EOF) {
				log.Print("bad request: ", err)
			}
			return
		}
		if out.Encode(do(c, r, s, local)) != nil {
			return
		}
	}
}

func do(c Command, r *raft.Raft, s *store, local bool) Reply {
	if r.State() != raft.Leader {
		address, _ := r.LeaderWithID()
		host, _, _ := net.SplitHostPort(string(address))
		return Reply{Leader: host, Error: "no leader here"}
	}
	if local && c.Op == "get" {
		return Reply{Value: s.get(c.Key)}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return Reply{Error: err.Error()}
	}
	f := r.Apply(text, time.Second)
	if err := f.Error(); err != nil {
		return Reply{Error: err.Error()}
	}
	return Reply{Value: f.Response().(string)}
}

// store is the state machine.
type store struct {
	mu     sync.Mutex
	values map[string]string
}

func (s *store) get(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key]
}

// Apply carries out a command of the log.
func (s *store) Apply(l *raft.Log) any {
	var c Command
	if err := json.Unmarshal(l.Data, &c); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Op == "put" {
		s.values[c.Key] = c.Value
	}
	return s.values[c.Key]
}

// Snapshot returns the values as they are.
func (s *store) Snapshot() (raft.FSMSnapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot(maps.Clone(s.values)), nil
}

// Restore replaces the values by those of a snapshot.
func (s *store) Restore(r io.ReadCloser) error {
	defer r.Close()
	var values map[string]string
	if err := json.NewDecoder(r).Decode(&values); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = values
	return nil
}

type snapshot map[string]string

// Persist writes a snapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if err := json.NewEncoder(sink).Encode(s); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (s snapshot) Release() {}
