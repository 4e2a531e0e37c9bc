// Package memory has a network and disks in memory: for clusters in tests, and for nodes of one
// process.
package memory

import (
	"iter"
	"slices"
	"sync"

	"dessim/protocol"
	"dessim/protocol/live"
)

// Network connects the nodes of a cluster. Messages to nodes that are down are lost.
type Network struct {
	mu     sync.Mutex
	arrive map[protocol.NodeID]func(live.Arrival)
}

// NewNetwork makes a network without nodes.
func NewNetwork() *Network {
	return &Network{arrive: make(map[protocol.NodeID]func(live.Arrival))}
}

// Connect connects an incarnation of a node, as a cluster's Config wants it.
func (n *Network) Connect(id protocol.NodeID, incarnation uint32, arrive func(live.Arrival)) (live.Network, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.arrive[id] = arrive
	return &port{n, id, incarnation}, nil
}

// port is what one incarnation sees of the network.
type port struct {
	n   *Network
	id  protocol.NodeID
	inc uint32
}

// Send hands the message over at once.
func (p *port) Send(to protocol.NodeID, seq uint64, msg []byte) {
	p.n.mu.Lock()
	arrive := p.n.arrive[to]
	p.n.mu.Unlock()
	if arrive != nil {
		arrive(live.Arrival{From: p.id, Incarnation: p.inc, Seq: seq, Body: slices.Clone(msg)})
	}
}

// Close takes the node off the network.
func (p *port) Close() error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	delete(p.n.arrive, p.id)
	return nil
}

// Disk keeps records in memory. It is ready for use.
type Disk struct {
	inc    uint32
	first  uint64 // index of recs[0]
	recs   [][]byte
	safe   int // of them
	forget uint64
}

// Begin counts an incarnation. It gives up a discard that was not synced.
func (d *Disk) Begin() (uint32, error) {
	d.inc++
	d.safe, d.forget = len(d.recs), 0
	return d.inc, nil
}

// Records returns the records.
func (d *Disk) Records() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for i, rec := range d.recs {
			if !yield(d.first+uint64(i), rec) {
				return
			}
		}
	}
}

// Append adds a record.
func (d *Disk) Append(rec []byte) error {
	d.recs = append(d.recs, slices.Clone(rec))
	return nil
}

// Discard forgets records at the next Sync.
func (d *Disk) Discard(upTo uint64) {
	d.forget = max(d.forget, min(upTo, d.first+uint64(len(d.recs))))
}

// Sync makes the records survive a Crash.
func (d *Disk) Sync() error {
	if d.forget > d.first {
		d.recs = slices.Clone(d.recs[d.forget-d.first:])
		d.first = d.forget
	}
	d.safe = len(d.recs)
	return nil
}

// Crash gives up what was not synced.
func (d *Disk) Crash() error {
	d.recs, d.forget = d.recs[:d.safe:d.safe], 0
	return nil
}

// Close does nothing.
func (d *Disk) Close() error { return nil }
