package sim

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/traitor"
)

// Random answers randomness that belongs to the process, such as crypto/rand, while the
// code of a node runs. Package cryptorand has the one for crypto/rand.
type Random interface {
	// Begin returns a function for one run, which is called for each step with the Env
	// and the node's code, do, and calls do once. Of all runs in the process, one step
	// runs at a time.
	Begin() func(env *protocol.Env, do func())
}

// guarded is a node whose code runs under a Random. Its making is part of its Start.
type guarded struct {
	id    protocol.NodeID
	make  func(id protocol.NodeID) protocol.Node
	node  protocol.Node // nil before Start
	under func(env *protocol.Env, do func())
}

// guard returns a function that makes the nodes of make, guarded unless r is nil.
func guard(make func(id protocol.NodeID) protocol.Node, r Random) func(id protocol.NodeID) protocol.Node {
	if r == nil {
		return make
	}
	under := r.Begin()
	return func(id protocol.NodeID) protocol.Node { return &guarded{id: id, make: make, under: under} }
}

// unguarded returns the node inside if n is guarded, and n itself if not.
func unguarded(n protocol.Node) protocol.Node {
	if g, ok := n.(*guarded); ok {
		return g.node
	}
	return n
}

// inside returns the plan's node, which the simulator may have wrapped.
func inside(n protocol.Node) protocol.Node { return traitor.Honest(unguarded(n)) }

func (g *guarded) Start(env *protocol.Env) {
	g.under(env, func() {
		if g.node = g.make(g.id); g.node == nil {
			panic(fmt.Sprintf("sim: plan makes no node %v", g.id))
		}
		g.node.Start(env)
	})
}

func (g *guarded) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	g.under(env, func() { g.node.Receive(env, from, msg) })
}

func (g *guarded) Timeout(env *protocol.Env, tag uint64) {
	g.under(env, func() { g.node.Timeout(env, tag) })
}

// Flushed is called only if the node inside is a protocol.Flusher.
func (g *guarded) Flushed(env *protocol.Env, tag uint64, failed bool) {
	g.under(env, func() { g.node.(protocol.Flusher).Flushed(env, tag, failed) })
}
