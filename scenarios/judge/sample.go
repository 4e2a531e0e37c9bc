package judge

import (
	"iter"
	"slices"

	"dessim/protocol"
)

// sample returns at most that many of the nodes, evenly apart, without the exempt ones: a judge
// of each message costs too much to watch all of a large network. The seed says which, so that a
// sweep watches every node.
func sample(nodes, most int, seed uint64, exempt []protocol.NodeID) iter.Seq[protocol.NodeID] {
	return func(yield func(protocol.NodeID) bool) {
		stride := max(1, (nodes+most-1)/most)
		for i := int(seed % uint64(stride)); i < nodes; i += stride {
			if id := protocol.NodeID(i); !slices.Contains(exempt, id) && !yield(id) {
				return
			}
		}
	}
}
