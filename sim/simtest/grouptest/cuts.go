package grouptest

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/fault"
)

// Patience is how long a majority that stays connected may take to deliver what one of it
// broadcasts.
const Patience = 70 * Tick

// NewCutWorld draws a run whose links fail for long: nodes that hear nobody, that nobody
// hears, pairs that do not hear each other, and links that come and go. Hardly anything
// else fails, so that some majority mostly stays connected, and must go on.
func NewCutWorld(p *Protocol, size int, seed uint64) *World {
	w := newWorld(p, size, protocol.Hash3(seed, p.Salt, uint64(size)+1<<32))
	if p.Vary != nil {
		p.Vary(w)
	}
	w.calm = protocol.Time(300 * Tick)
	plan := sim.Plan{
		Nodes:  size,
		Node:   w.node,
		Link:   sim.Link{Delay: time.Millisecond, Jitter: 20 * time.Millisecond},
		Faults: w.drawCuts(),
		Until:  w.calm.Add(100 * Tick),
		Done:   w.settled,
		Poison: true,
	}
	for i := range uint64(60) {
		_, node := w.moment()
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i * uint64(5*Tick)), Node: node, Body: fmt.Append(nil, "broadcast ", i)})
	}
	w.begin(plan, seed)
	return w
}

// drawCuts draws three phases, in each of which some links are cut all the while, and
// links that flap through all of them.
func (w *World) drawCuts() []fault.Fault {
	faults := []fault.Fault{{Op: fault.Heal, At: w.calm}}
	if w.Chance(30) {
		faults = append(faults, fault.Fault{Op: fault.Lose, Groups: [][]protocol.NodeID{nil, nil}, Rate: protocol.Percent(uint32(1 + w.Draw(5)))})
	}
	const phase = 100 * Tick
	for i := range protocol.Time(3) {
		f := fault.Fault{At: i*protocol.Time(phase) + protocol.Time(w.upTo(phase/10)), For: phase*8/10 + w.upTo(phase/10)}
		for range 1 + w.Draw(3) {
			faults = append(faults, w.cutSome(f)...)
		}
	}
	for range w.Draw(3) {
		at, _ := w.moment()
		f := fault.Fault{At: at, For: 50*Tick + w.upTo(200*Tick)}
		f.Every = []time.Duration{Tick / 2, Tick, 1 + w.upTo(2*Tick), 1 + w.upTo(20*Tick), 1 + w.upTo(60*Tick)}[w.Draw(5)]
		faults = append(faults, w.cutSome(f)...)
	}
	for range w.Draw(3) {
		at, node := w.moment()
		faults = append(faults, w.crash(at, node, 40*Tick))
	}
	for i := range faults {
		faults[i].ID = uint64(i) + 1
	}
	return faults
}

// cutSome makes f a cut that leaves a majority connected, if it is the only one.
func (w *World) cutSome(f fault.Fault) []fault.Fault {
	a, b := protocol.NodeID(w.Draw(uint64(w.Size()))), protocol.NodeID(w.Draw(uint64(w.Size())))
	f.Node = a
	switch w.Draw(5) {
	case 0:
		f.Op = fault.Deaf
		return []fault.Fault{f}
	case 1:
		f.Op = fault.Mute
		return []fault.Fault{f}
	}
	f.Node = 0
	if a == b {
		return w.parted(f, 1<<a, ^(uint64(1) << a))
	}
	if w.Chance(50) {
		f.Op, f.Groups = fault.Cut, [][]protocol.NodeID{{a}, {b}}
		return []fault.Fault{f}
	}
	return w.parted(f, 1<<a, 1<<b)
}

// overdue returns what the lasting core lacks of its broadcasts, or "".
func (w *World) overdue(now protocol.Time) string {
	core := w.core.Lasting(now, Patience)
	if core == 0 {
		return ""
	}
	for _, from := range w.members {
		if core>>from.id&1 == 0 {
			continue
		}
		life := abcast.Member{Node: from.id, Incarnation: from.inc}
		for _, to := range w.members {
			if core>>to.id&1 == 0 {
				continue
			}
			id := abcast.MsgID{Node: from.id, Incarnation: from.inc, Seq: w.judge.lives[to.id].seqs[life] + 1}
			s, sent := w.judge.sent[id]
			switch {
			case !sent:
			case now.Sub(s.at) > Patience:
				return fmt.Sprintf("node %v has not delivered %v of %v, though nodes %v have been connected since", to.id, id, s.at, w.nodes(core))
			}
			w.counts.Demanded++
		}
	}
	return ""
}
