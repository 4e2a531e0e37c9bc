// Package node is a small replicated store on etcd's raft, with etcd's write-ahead log and snapshots:
// ordinary Go code that knows nothing of a simulator.
package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/proto"
)

// Config configures a node.
type Config struct {
	Name          string   // its host name
	Members       []string // host names of all nodes
	Dir           string
	SnapshotEvery uint64 // entries
	// SaveLate has messages leave before what they promise is safe: a mistake.
	SaveLate bool
	// Leads is called when the node becomes the leader of a term, and Applied for each entry.
	Leads   func(term uint64)
	Applied func(index uint64, entry []byte)
}

const (
	tick     = 100 * time.Millisecond
	election = 10 // ticks
)

// Command is a request of a client.
type Command struct {
	Op    string // "put" or "get"
	Key   string
	Value string `json:",omitempty"`
}

// Reply answers a request.
type Reply struct {
	Value string `json:",omitempty"`
	Error string `json:",omitempty"` // it may have been done, or not
}

// proposal is an entry of the log.
type proposal struct {
	ID string // unique
	Command
}

// node is a node that runs. Only the goroutine of run uses what is not under mu.
type node struct {
	Config
	raft    raft.Node
	disk    *disk
	peers   map[uint64]*peer
	members *raftpb.ConfState
	applied uint64
	leader  uint64 // term in which the node leads, or 0
	values  map[string]string

	mu      sync.Mutex
	life    string // sets ids of proposals apart from those of other lives
	next    int
	waiting map[string]chan string
}

// Serve runs a node until it fails. When its disk does, it ends the process.
func Serve(ctx context.Context, c Config) error {
	lg := zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "m", LevelKey: "l", EncodeLevel: zapcore.LowercaseLevelEncoder}), zapcore.AddSync(os.Stderr), zap.WarnLevel))
	d, err := open(lg, c.Dir)
	if err != nil {
		return err
	}
	n := &node{
		Config: c, disk: d, peers: map[uint64]*peer{}, values: map[string]string{},
		life: fmt.Sprint(c.Name, "-", time.Now().UnixNano()), waiting: map[string]chan string{},
	}
	if s := d.snapshot; s != nil {
		if err := n.restore(s); err != nil {
			return err
		}
	}
	n.start()
	for i, name := range c.Members {
		if name != c.Name {
			n.peers[uint64(i+1)] = newPeer(name, n.raft, uint64(i+1))
		}
	}
	go listen(raftPort, func(conn net.Conn) {
		receive(conn, func(m *raftpb.Message) error { return n.step(ctx, m) })
	})
	go listen(clientPort, n.answer)
	return n.run(ctx)
}

// step hands a message to raft. A proposal waits there for a leader, and the votes that make one may
// come behind it on its connection: it must not keep them.
func (n *node) step(ctx context.Context, m *raftpb.Message) error {
	if m.GetType() != raftpb.MsgProp {
		return n.raft.Step(ctx, m)
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := n.raft.Step(ctx, m); err != nil {
			log.Print("a proposal is dropped: ", err) // its client does not wait longer, either
		}
	}()
	return nil
}

func (n *node) start() {
	id := uint64(slices.Index(n.Members, n.Name) + 1)
	conf := &raft.Config{
		ID: id, ElectionTick: election, HeartbeatTick: 1, Storage: n.disk.memory, Applied: n.applied,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, CheckQuorum: true, PreVote: true,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	}
	if !n.disk.fresh {
		n.raft = raft.RestartNode(conf)
		return
	}
	var peers []raft.Peer
	for i := range n.Members {
		peers = append(peers, raft.Peer{ID: uint64(i + 1)})
	}
	n.raft = raft.StartNode(conf, peers)
}

func listen(port int, serve func(net.Conn)) {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn)
	}
}

// run does what raft is ready with, in the order in which it must be done.
func (n *node) run(ctx context.Context) error {
	ticks := time.NewTicker(tick)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
			n.raft.Tick()
		case r := <-n.raft.Ready():
			if n.SaveLate {
				n.send(r.Messages)
			}
			if err := n.disk.save(&r); err != nil {
				log.Fatal("the disk fails: ", err)
			}
			n.lead(&r)
			if !raft.IsEmptySnap(r.Snapshot) {
				if err := n.restore(r.Snapshot); err != nil {
					return err
				}
			}
			if !n.SaveLate {
				n.send(r.Messages)
			}
			for _, e := range r.CommittedEntries {
				if err := n.apply(e); err != nil {
					return err
				}
			}
			if err := n.compact(); err != nil {
				log.Fatal("the disk fails: ", err)
			}
			n.raft.Advance()
		}
	}
}

func (n *node) send(messages []*raftpb.Message) {
	for _, m := range messages {
		if m.GetType() == raftpb.MsgSnap { // the members may have changed since
			m.Snapshot.Metadata.ConfState = n.members
		}
		if p := n.peers[m.GetTo()]; p != nil && !p.send(m) {
			n.raft.ReportUnreachable(m.GetTo())
			if m.GetType() == raftpb.MsgSnap {
				n.raft.ReportSnapshot(m.GetTo(), raft.SnapshotFailure)
			}
		}
	}
}

// lead reports when the node becomes the leader.
func (n *node) lead(r *raft.Ready) {
	if r.SoftState == nil {
		return
	}
	n.leader = 0
	if r.SoftState.RaftState == raft.StateLeader {
		n.leader = n.raft.Status().GetTerm()
		n.Leads(n.leader)
	}
}

func (n *node) apply(e *raftpb.Entry) error {
	n.applied = e.GetIndex()
	if e.GetType() == raftpb.EntryConfChange {
		var c raftpb.ConfChange
		if err := proto.Unmarshal(e.GetData(), &c); err != nil {
			return err
		}
		n.members = n.raft.ApplyConfChange(&c)
		return nil
	}
	n.Applied(e.GetIndex(), e.GetData())
	if len(e.GetData()) == 0 { // of a new leader
		return nil
	}
	var p proposal
	if err := json.Unmarshal(e.GetData(), &p); err != nil {
		return err
	}
	if p.Op == "put" {
		n.values[p.Key] = p.Value
	}
	n.mu.Lock()
	done := n.waiting[p.ID]
	delete(n.waiting, p.ID)
	n.mu.Unlock()
	if done != nil {
		done <- n.values[p.Key]
	}
	return nil
}

func (n *node) restore(s *raftpb.Snapshot) error {
	n.applied, n.members = s.GetMetadata().GetIndex(), s.GetMetadata().GetConfState()
	n.values = map[string]string{}
	return json.Unmarshal(s.GetData(), &n.values)
}

// compact makes a snapshot if the last one is old.
func (n *node) compact() error {
	if n.applied < n.disk.snapshot.GetMetadata().GetIndex()+n.SnapshotEvery {
		return nil
	}
	data, err := json.Marshal(n.values)
	if err != nil {
		return err
	}
	return n.disk.compact(n.applied, n.members, data, n.SnapshotEvery/2)
}

// answer serves the requests of a connection.
func (n *node) answer(conn net.Conn) {
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
		if out.Encode(n.do(c)) != nil {
			return
		}
	}
}

// do has a command be part of the log, and waits until it is applied.
func (n *node) do(c Command) Reply {
	n.mu.Lock()
	n.next++
	p := proposal{fmt.Sprint(n.life, "-", n.next), c}
	done := make(chan string, 1)
	n.waiting[p.ID] = done
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.waiting, p.ID)
		n.mu.Unlock()
	}()
	text, err := json.Marshal(p)
	if err != nil {
		return Reply{Error: err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := n.raft.Propose(ctx, text); err != nil {
		return Reply{Error: err.Error()}
	}
	select {
	case v := <-done:
		return Reply{Value: v}
	case <-ctx.Done():
		return Reply{Error: ctx.Err().Error()}
	}
}
