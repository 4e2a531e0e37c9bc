package sim

import (
	"fmt"

	"dessim/protocol"
)

// Digest folds a run into 64 bits a layer. Each layer is folded per node, in the
// order of that node's events, and the nodes are combined in their order; so it
// does not depend on how simultaneous events of different nodes interleave.
// Parameters are not folded, only what happened.
type Digest struct {
	Decisions uint64 // every answer, to nodes and of the network
	Network   uint64 // every event that a node consumed: when, what and from which node
	Outputs   uint64 // every output and record on disk, in order, without its time
}

// Sum returns the three layers as one word.
func (d Digest) Sum() uint64 {
	return protocol.Hash3(d.Decisions, d.Network, d.Outputs)
}

// String returns the sum as 16 hex digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", d.Sum()) }

// Constants that are folded too, so that sorts of events differ, and records differ
// from outputs.
const (
	foldMessage = 0x4d
	foldTimer   = 0x54
	foldStart   = 0x53
	foldCrash   = 0x43
	foldDropped = 0x44
	foldDamaged = 0x44414d
	foldPersist = 0x50

	foldFlushed   = 0x464c
	foldUnflushed = 0x55464c // the flush failed
)

// foldAnswer folds an answer to the network or the disk, or the fold of a step's answers.
func (n *node) foldAnswer(a uint64) { n.decisions = protocol.Hash2(n.decisions, a) }

// foldEvent folds an event of a sort: what is the name of a message or timer, or else
// the incarnation.
func (n *node) foldEvent(sort uint64, at protocol.Time, what uint64) {
	n.network = protocol.Hash3(n.network^sort, uint64(at), what)
}

func (n *node) foldOutput(f *protocol.Effect) {
	n.outputs = protocol.Hash3(n.outputs, uint64(f.Kind), protocol.HashBytes(f.Body))
}

func (n *node) foldRecord(f *protocol.Effect) {
	n.outputs = protocol.Hash3(n.outputs, foldPersist, protocol.HashBytes(f.Body))
}

// Digest returns the digest of the run so far.
func (s *Sim) Digest() Digest {
	var d Digest
	for i := range s.nodes {
		n := &s.nodes[i]
		d.Decisions = protocol.Hash2(d.Decisions, n.decisions)
		d.Network = protocol.Hash2(d.Network, n.network)
		d.Outputs = protocol.Hash2(d.Outputs, n.outputs)
	}
	return d
}
