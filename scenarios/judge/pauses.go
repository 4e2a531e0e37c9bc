package judge

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// Pauses judges the timers by which a node looks again for keys that it did not find. The owner of
// one may be away for long, or may not exist, so pauses grow until there is news: a key is found,
// or a neighbour comes back. It judges timers as they are set, by the node's clock.
type Pauses struct {
	first time.Duration
	since []int // by node: the pauses since there was news, as many as count
}

// NewPauses returns a judge of that many nodes.
func NewPauses(nodes int, delay time.Duration) *Pauses {
	const first = 10
	return &Pauses{first: first * delay, since: make([]int, nodes)}
}

// Heard begins the pauses anew at a neighbour's hello.
func (p *Pauses) Heard(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	if peer.IsHello(msg) {
		p.since[env.ID()] = 0
	}
}

// Grow returns the check that judges it all.
func (p *Pauses) Grow() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Output | sim.TimerSet
	return check.Always("pauses for a key grow until there is news", watch, p.observe).OfTimers(sim.TimerSet, protocol.Peer).OfOutputs(peer.KindFound).OrNotApplicable("nodes find all keys")
}

func (p *Pauses) observe(e *sim.Event) (relevant bool, wrong error) {
	const doublings = 6
	if uint64(e.Node) >= uint64(len(p.since)) {
		return false, nil // a client
	}
	n := &p.since[e.Node]
	switch {
	case e.What == sim.TimerSet && e.Tag == peer.KeyTimer():
		least := p.first << *n
		if most := least * 5 / 4; e.After < least || e.After > most {
			return true, fmt.Errorf("node %v pauses for %v before it looks again for keys, want %v to %v", e.Node, e.After, least, most)
		}
		*n = min(*n+1, doublings)
		return true, nil
	case e.What == sim.Started, e.What == sim.Crashed, e.What == sim.Output && e.Kind == peer.KindFound:
		*n = 0
	}
	return false, nil
}
