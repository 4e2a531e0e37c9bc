// Command etcd measures etcd's raft with its write-ahead log, beside which bench -live measures
// the ledger: five nodes in one process, each with a UDP socket on loopback and a log in files
// that is synced as raft wants it. Each client has one transfer at a time, which is three log
// entries, one after the other, proposed at one of the nodes and waited for until that node
// applies it. It prints the figures that bench reads.
//
// It is a module of its own since etcd's server has many dependencies.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

const (
	nodes      = 5
	entries    = 3   // a transfer
	entrySize  = 256 // bytes
	maxMessage = 32 << 10
	tick       = 100 * time.Millisecond // as etcd has it
)

func main() {
	clients := flag.Int("clients", 8, "transfers at a time")
	warm := flag.Duration("warm", 2*time.Second, "time before the measurement")
	span := flag.Duration("for", 8*time.Second, "time of the measurement")
	dir := flag.String("dir", "", "an empty folder for the logs")
	flag.Parse()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + nodes) // as bench does for the ledger: a sync holds one of them
	if err := run(*dir, *clients, *warm, *span); err != nil {
		log.Fatal(err)
	}
}

// node is a node of raft, with all that it needs.
type node struct {
	raft.Node
	id      uint64
	conn    *net.UDPConn
	peers   []netip.AddrPort
	log     *wal.WAL
	storage *raft.MemoryStorage

	mu      sync.Mutex
	waiting map[uint64]chan struct{} // by the number that an entry begins with
}

func run(dir string, clients int, warm, span time.Duration) error {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(os.Stderr, "", 0)}) // says little, unlike zap's
	all := make([]*node, nodes)
	var peers []raft.Peer
	var at []netip.AddrPort
	for i := range all {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		_ = conn.SetReadBuffer(4 << 20)
		w, err := wal.Create(zap.NewNop(), filepath.Join(dir, fmt.Sprint(i)), nil)
		if err != nil {
			return err
		}
		all[i] = &node{id: uint64(i + 1), conn: conn, log: w, storage: raft.NewMemoryStorage(), waiting: make(map[uint64]chan struct{})}
		peers = append(peers, raft.Peer{ID: all[i].id})
		at = append(at, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	for _, n := range all {
		n.peers = at
		n.Node = raft.StartNode(&raft.Config{
			ID: n.id, ElectionTick: 10, HeartbeatTick: 1, Storage: n.storage, MaxSizePerMsg: maxMessage / 2,
			MaxInflightMsgs: 512, CheckQuorum: true, PreVote: true,
		}, peers)
		go n.receive()
		go n.work()
	}
	for all[0].Status().Lead == raft.None {
		time.Sleep(tick)
	}
	return measure(all, clients, warm, span)
}

// measure prints how many transfers end in a second, and the percentiles of their latency.
func measure(all []*node, clients int, warm, span time.Duration) error {
	var mu sync.Mutex
	var latencies []float64
	from := time.Now().Add(warm)
	until := from.Add(span)
	for c := range clients {
		go func() {
			for number := uint64(c) << 32; ; number += entries {
				began := time.Now()
				for i := range uint64(entries) {
					all[c%nodes].replicate(number + i)
				}
				if ended := time.Now(); ended.After(from) && ended.Before(until) {
					mu.Lock()
					latencies = append(latencies, ended.Sub(began).Seconds())
					mu.Unlock()
				}
			}
		}()
	}
	time.Sleep(time.Until(until))
	mu.Lock()
	defer mu.Unlock()
	if len(latencies) == 0 {
		return fmt.Errorf("no transfer ended within %v", span)
	}
	slices.Sort(latencies)
	fmt.Printf("transfers=%g\n", float64(len(latencies))/span.Seconds())
	for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1} {
		fmt.Printf("%s=%g\n", name, latencies[int(share*float64(len(latencies)-1))])
	}
	return nil
}

// replicate proposes an entry, and returns when this node has applied it. A proposal that is
// lost on the way to the leader is repeated.
func (n *node) replicate(number uint64) {
	applied := make(chan struct{})
	n.mu.Lock()
	n.waiting[number] = applied
	n.mu.Unlock()
	data := binary.BigEndian.AppendUint64(nil, number)
	data = append(data, make([]byte, entrySize-len(data))...)
	for {
		_ = n.Propose(context.Background(), data) // without a leader it is dropped
		select {
		case <-applied:
			return
		case <-time.After(time.Second):
		}
	}
}

// work does what raft asks for, in the order that it wants.
func (n *node) work() {
	ticker := time.NewTicker(tick)
	for {
		select {
		case <-ticker.C:
			n.Tick()
		case r := <-n.Ready():
			if err := n.log.Save(r.HardState, r.Entries); err != nil {
				log.Fatal(err)
			}
			if err := n.storage.Append(r.Entries); err != nil {
				log.Fatal(err)
			}
			for _, m := range r.Messages {
				n.send(m)
			}
			for _, e := range r.CommittedEntries {
				n.apply(e)
			}
			n.Advance()
		}
	}
}

func (n *node) send(m *raftpb.Message) {
	b, err := proto.Marshal(m)
	if err != nil {
		log.Fatal(err)
	}
	_, _ = n.conn.WriteToUDPAddrPort(b, n.peers[m.GetTo()-1]) // raft repeats what is lost
}

func (n *node) receive() {
	buf := make([]byte, 1<<16)
	for {
		size, _, err := n.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			log.Fatal(err)
		}
		m := new(raftpb.Message)
		if err := proto.Unmarshal(buf[:size], m); err != nil {
			log.Fatal(err)
		}
		_ = n.Step(context.Background(), m)
	}
}

func (n *node) apply(e *raftpb.Entry) {
	switch {
	case e.GetType() == raftpb.EntryConfChange:
		c := new(raftpb.ConfChange)
		if err := proto.Unmarshal(e.Data, c); err != nil {
			log.Fatal(err)
		}
		n.ApplyConfChange(c)
	case len(e.Data) == entrySize:
		number := binary.BigEndian.Uint64(e.Data)
		n.mu.Lock()
		applied := n.waiting[number]
		delete(n.waiting, number)
		n.mu.Unlock()
		if applied != nil {
			close(applied)
		}
	}
}
