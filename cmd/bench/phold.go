//go:build unix

package main

import (
	"fmt"

	"dessim/sim"
	sharedphold "dessim/sim/phold"
)

// phold is the load of that many nodes, with load messages in flight for each.
type phold struct {
	nodes, load int
	digest      string // of the run that was measured
}

func pholdName(nodes, load int) string { return fmt.Sprintf("phold/nodes=%d/messages=%d", nodes, load) }

// plan returns a plan without an end: the caller decides how far to run it.
func (p *phold) plan() sim.Plan {
	return sharedphold.Load{Nodes: p.nodes, Messages: p.load}.Plan()
}
