package grouptest

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/fault"
)

// NewFaultyWorld draws a run of the simulator with its own faults, a disk that
// takes its time, and links that lose, copy and reorder until all heals.
func NewFaultyWorld(p *Protocol, size int, seed uint64) *World {
	w := newWorld(p, size, protocol.Hash3(seed, p.Salt, 99))
	w.calm = protocol.Time(20 * Tick)
	plan := sim.Plan{
		Nodes: size,
		Node: func(id protocol.NodeID) protocol.Node {
			h := p.NewHost(size)
			h.Sent = func(id abcast.MsgID, payload string) { w.judge.broadcast(id, payload, w.now()) }
			w.members[id].group = h.Group
			return h
		},
		Link:   sim.Link{Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Shape: sim.HeavyTail, Loss: protocol.Percent(3), Copy: protocol.Percent(5)},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 10 * time.Millisecond},
		Until:  w.calm.Add(100 * Tick),
		Done:   w.settled,
		Poison: true,
	}
	plan.Faults = w.drawFaults()
	for i := range 5 + w.Draw(30) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(w.upTo(time.Duration(w.calm) + 5*Tick)),
			Node: protocol.NodeID(w.Draw(uint64(size))), Body: fmt.Append(nil, "message ", i)})
	}
	w.begin(plan, seed, bailiff{w})
	return w
}

// drawFaults draws crashes within steps, with all that a disk may keep, and
// partitions. Then all heals.
func (w *World) drawFaults() []fault.Fault {
	size := uint64(w.Size())
	anchors := w.protocol.Anchors
	faults := []fault.Fault{{Op: fault.Heal, At: w.calm}}
	for i := range w.Draw(10) {
		f := fault.Fault{ID: 100 + i, Op: fault.Crash, Node: protocol.NodeID(w.Draw(size)), At: protocol.Time(w.upTo(time.Duration(w.calm))),
			Disk: fault.Survival(w.Draw(3)), For: 1 + w.upTo(6*Tick)}
		if w.Chance(50) {
			f.On = fault.Anchor{Op: protocol.OpSend, Kind: anchors[w.Draw(uint64(len(anchors)))], N: 1 + w.Draw(4)}
		} else {
			f.After = int(w.Draw(12))
		}
		faults = append(faults, f)
	}
	for i := range w.Draw(3) {
		groups := make([][]protocol.NodeID, 2)
		x := window{from: protocol.Time(w.upTo(time.Duration(w.calm))), camps: make([]uint64, 2), split: true}
		for id := range size {
			g := w.Draw(2)
			groups[g] = append(groups[g], protocol.NodeID(id))
			x.camps[g] |= 1 << id
		}
		if len(groups[0]) > 0 && len(groups[1]) > 0 {
			f := fault.Fault{ID: 200 + i, Op: fault.Partition, Groups: groups, At: x.from, For: 1 + w.upTo(8*Tick)}
			x.to = x.from.Add(f.For)
			w.windows = append(w.windows, x)
			faults = append(faults, f)
		}
	}
	return faults
}

// A bailiff shows the judge of a world what happens in a run of the simulator.
type bailiff struct{ w *World }

func (b bailiff) Watch() sim.What { return sim.Started | sim.Crashed | sim.Output }

func (b bailiff) Observe(e *sim.Event) {
	m := b.w.members[e.Node]
	switch e.What {
	case sim.Started:
		m.inc = e.Incarnation
	case sim.Crashed:
		b.w.counts.Crashes++
		b.w.judge.died(m)
		m.group = nil
	case sim.Output:
		b.w.judge.output(m, e.Kind, e.Body)
	}
}
