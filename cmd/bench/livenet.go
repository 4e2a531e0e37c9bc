//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/live"
	"dessim/protocol/live/disk"
	"dessim/protocol/live/record"
	"dessim/protocol/live/udp"
	ledgerpeer "dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/sim/source"
)

const (
	liveNodes    = 5
	liveDelay    = 20 * time.Millisecond // the longest usual travel time, as dessim genesis has it
	settleDelays = 150
	liveCoins    = 64   // that a node begins with: so many transfers can be under way at once
	snapshot     = 1000 // log entries behind a snapshot of Raft
	liveNetwork  = 1
)

var liveOrders = []string{"isis", "lamport", "sequencer", "raft"}

// ledgerNet is a live network of the ledger in this process: nodes and perhaps a client, each
// with a goroutine, a socket on loopback, and a disk in files that is synced.
type ledgerNet struct {
	order   string
	book    *udp.Book
	keys    []ledger.Key
	genesis *ledger.Genesis
	conns   []*net.UDPConn
	hosts   []*live.Host // the client's is the last
	disks   []*disk.Disk
	began   time.Time
	load    *load // told what the client answers
	record  bool  // to files
	dir     string
	back    func() // see disk.Processors
}

// openNet opens a network in dir, which is empty, and waits until its nodes have settled.
func openNet(dir, order string, client, recorded bool) (*ledgerNet, error) {
	n := &ledgerNet{order: order, began: time.Now(), record: recorded, dir: dir, back: disk.Processors(liveNodes + 1)}
	if err := n.addresses(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	var minted []ledger.TxOut
	for i := range liveNodes {
		key := ledger.NewKey(sha256.Sum256([]byte{byte(i)}))
		n.keys = append(n.keys, key)
		for range liveCoins {
			minted = append(minted, ledger.TxOut{Owner: key.Owner(), Amount: 1_000_000})
		}
	}
	n.genesis = ledger.NewGenesis("bench", minted)
	hosts := liveNodes
	if client {
		hosts++
	}
	for i := range hosts {
		if err := n.open(protocol.NodeID(i)); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	for _, h := range n.hosts[:liveNodes] {
		for joined := false; !joined; time.Sleep(liveDelay) {
			if !h.Do(func(p protocol.Node) { joined = p.(*ledgerpeer.Node).Joined() }) {
				return nil, errors.Join(fmt.Errorf("a node %v", h.Wait()), n.close())
			}
		}
	}
	return n, nil
}

func (n *ledgerNet) addresses() (err error) {
	var at []netip.AddrPort
	for range liveNodes + 1 {
		conn, err := udp.Listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		n.conns = append(n.conns, conn)
		at = append(at, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	n.book, err = udp.NewBook(at, 256)
	return err
}

// open opens the host of a node, or of the client.
func (n *ledgerNet) open(id protocol.NodeID) error {
	d, err := disk.Open(filepath.Join(n.dir, fmt.Sprint(id)), disk.Options{})
	if err != nil {
		return err
	}
	n.disks = append(n.disks, d)
	c := live.Config{
		ID: id, Disk: d, Make: func() protocol.Node { return ledgerpeer.New(n.config(id)) },
		Connect: func(incarnation uint32, arrive func(live.Arrival)) (live.Network, error) {
			return n.connect(n.conns[id], incarnation, arrive)
		},
		Clock:  func() protocol.Time { return protocol.Time(time.Since(n.began)) },
		Source: source.Seed(rand.Uint64()), // jitter, above all: nodes must not try again in step
	}
	if id == liveNodes {
		c.Make = func() protocol.Node { return ledgerpeer.NewClient(liveDelay, true) }
		c.Watch = func(e *live.Event) {
			if a, ok := ledgerpeer.DecodeAnswer(e.Body); ok && e.What == live.Output && e.Kind == ledgerpeer.KindAnswered {
				n.load.answered(a)
			}
		}
	}
	if n.record {
		f, err := os.Create(n.recording(int(id)))
		if err != nil {
			return err
		}
		c.Tape = record.NewWriter(f, record.Header{Node: id, Run: "bench"})
	}
	h, err := live.Open(c)
	if err != nil {
		return err
	}
	n.hosts = append(n.hosts, h)
	return nil
}

func (n *ledgerNet) connect(conn *net.UDPConn, incarnation uint32, arrive func(live.Arrival)) (live.Network, error) {
	return udp.Open(udp.Config{
		Conn: conn, Book: n.book, Network: liveNetwork, Incarnation: incarnation, Limits: udp.DefaultLimits(n.book.Members()),
		Receive: func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
			arrive(live.Arrival{From: from, Incarnation: incarnation, Seq: seq, Body: bytes.Clone(body)})
		},
	})
}

// config returns the configuration of a node, as dessim node has it.
func (n *ledgerNet) config(id protocol.NodeID) ledgerpeer.Config {
	c := ledgerpeer.Config{
		Book: n.book, Key: n.keys[id], Genesis: n.genesis, Verifier: ledger.NewVerifier(1 << 16), Secret: uint64(id) + 1,
		Delay: liveDelay, Settle: settleDelays * liveDelay, Tries: 8, Survive: true,
	}
	for i := range protocol.NodeID(liveNodes) {
		c.Members = append(c.Members, i)
	}
	if n.order != "raft" {
		c.Order, _ = abcast.ParseOrder(n.order)
		return c
	}
	c.Group = func(c abcast.Config) abcast.Orderer {
		return raft.New(raft.Config{Members: c.Members, Datagram: c.Views.Datagram, Tick: c.Views.Tick,
			Snapshot: snapshot, Deliver: c.Deliver, Changed: c.Views.Changed})
	}
	return c
}

// ask asks for a transfer. Senders, receivers and witnesses take turns.
func (n *ledgerNet) ask(transfer uint64) {
	sender := transfer % liveNodes
	other := func(by uint64) ledger.Owner { return n.keys[(sender+by)%liveNodes].Owner() }
	turn := transfer / liveNodes % (liveNodes - 1)
	r := ledgerpeer.Request{Transfer: transfer, Amount: 1, Receiver: other(1 + turn), Witness: other(1 + (turn+1)%(liveNodes-1))}
	n.hosts[liveNodes].Input(transfer, ledgerpeer.TransferInput(protocol.NodeID(sender), r))
}

// counts returns how many steps the hosts have made, and how many syncs.
func (n *ledgerNet) counts() (steps, syncs float64) {
	for _, h := range n.hosts {
		s := h.Stats()
		steps += float64(s.Steps)
		syncs += float64(s.Syncs)
	}
	return steps, syncs
}

func (n *ledgerNet) close() error {
	n.back()
	var errs []error
	for _, h := range n.hosts {
		if end := h.Stop(); end.Reason != live.Stopped {
			errs = append(errs, fmt.Errorf("a node %v", end))
		}
	}
	for _, c := range n.conns { // those of hosts are closed already
		_ = c.Close()
	}
	for _, d := range n.disks {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

// recording returns the file of a node's recording.
func (n *ledgerNet) recording(id int) string { return filepath.Join(n.dir, fmt.Sprintf("%d.rec", id)) }
