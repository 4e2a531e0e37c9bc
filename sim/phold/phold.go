// Package phold is the classic benchmark of simulators (Fujimoto 1990, "Performance
// of Time Warp under synthetic workloads"): a message is passed on to a random node
// after 0.1 s and an exponential time of mean 1 s, so that the number of pending
// events never changes. Here it goes through the public Node, Env and Source, as any
// protocol does, and each node folds what it receives into a state.
//
// It serves go test -bench in package sim and cmd/bench, which are to measure the
// same thing. It judges nothing.
package phold

import (
	"encoding/binary"
	"time"

	"dessim/protocol"
	"dessim/sim"
)

var (
	kindJob    = protocol.KindOf("job")
	kindTarget = protocol.KindOf("target")
)

// Load is how many nodes there are, and how many messages each sends at first.
type Load struct{ Nodes, Messages int }

// Plan gives the plan, which never ends: who runs it says how far.
func (l Load) Plan() sim.Plan {
	nodes := make([]node, l.Nodes) // one piece of memory: what is measured is the simulator
	return sim.Plan{
		Nodes: l.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			nodes[id] = node{load: l}
			return &nodes[id]
		},
		Link:  sim.Link{Delay: 100 * time.Millisecond, Jitter: time.Second, Shape: sim.Exponential},
		Until: protocol.MaxTime,
	}
}

// node folds a message into its state and passes it on.
type node struct {
	load           Load
	received, hash uint64
}

func (n *node) Start(env *protocol.Env) {
	for i := range n.load.Messages {
		n.pass(env, uint64(i))
	}
}

func (n *node) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	arg := binary.LittleEndian.Uint64(msg)
	n.received++
	n.hash = n.hash*31 + arg + uint64(env.Now())
	n.pass(env, arg+1)
}

func (n *node) Timeout(*protocol.Env, uint64) {}

func (n *node) pass(env *protocol.Env, arg uint64) {
	var msg [16]byte
	binary.LittleEndian.PutUint64(msg[:], arg)
	binary.LittleEndian.PutUint64(msg[8:], n.hash)
	env.Send(protocol.NodeID(env.Choose(kindTarget, uint64(n.load.Nodes))), kindJob, msg[:])
}
