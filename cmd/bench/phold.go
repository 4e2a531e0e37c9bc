//go:build unix

package main

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

// phold is the load of that many nodes, with that many messages a node under way.
type phold struct{ nodes, load int }

// plan never ends: who runs it says how far.
func (p *phold) plan() sim.Plan {
	machines := make([]passer, p.nodes)
	return sim.Plan{
		Nodes: p.nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			machines[id] = passer{phold: *p}
			return &machines[id]
		},
		Link:  sim.Link{Delay: 100 * time.Millisecond, Jitter: time.Second, Shape: sim.Exponential},
		Until: protocol.MaxTime,
	}
}

// passer is a node: it folds a message into its state and passes it on.
type passer struct {
	phold
	received, hash uint64
}

func (p *passer) Start(env *protocol.Env) {
	for i := range p.load {
		p.pass(env, uint64(i))
	}
}

func (p *passer) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	arg := binary.LittleEndian.Uint64(msg)
	p.received++
	p.hash = p.hash*31 + arg + uint64(env.Now())
	p.pass(env, arg+1)
}

func (p *passer) Timeout(*protocol.Env, uint64) {}

func (p *passer) pass(env *protocol.Env, arg uint64) {
	var msg [16]byte
	binary.LittleEndian.PutUint64(msg[:], arg)
	binary.LittleEndian.PutUint64(msg[8:], p.hash)
	env.Send(protocol.NodeID(env.Choose(kindTarget, uint64(p.nodes))), kindJob, msg[:])
}
