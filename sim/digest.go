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
	Network   uint64 // every event that a node consumed: when, what, from whom
	Outputs   uint64 // every output and record on disk, in order, without its time
}

// Sum gives the three layers as one word.
func (d Digest) Sum() uint64 {
	return protocol.Hash3(d.Decisions, d.Network, d.Outputs)
}

// String gives the sum as 16 hex digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", d.Sum()) }

// Digest gives the digest of the run so far.
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
