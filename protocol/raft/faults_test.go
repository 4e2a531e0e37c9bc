package raft_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/source"
)

// A simHost is a node whose crashes and disk are the simulator's.
type simHost struct {
	*life
	world *world
	sent  func(id abcast.MsgID, payload string)
}

func newSimHost(w *world, sent func(abcast.MsgID, string)) *simHost {
	return &simHost{newLife(w.config()), w, sent}
}

func (h *simHost) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		h.group.Restore(rec)
	}
	h.group.Start(env)
}

func (h *simHost) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.group.Receive(env, from, msg)
		return
	}
	payload := string(msg)
	id := h.group.Broadcast(env, msg)
	if h.sent != nil {
		h.sent(id, payload)
	}
}

func (h *simHost) Timeout(env *protocol.Env, tag uint64) { h.group.Timeout(env, tag) }

// bailiff shows the judge of a world what happens in a run of the simulator.
type bailiff struct{ w *world }

func (b bailiff) Watch() sim.What { return sim.Started | sim.Crashed | sim.Output }

func (b bailiff) Observe(e *sim.Event) {
	m := b.w.hosts[e.Node]
	switch e.What {
	case sim.Started:
		m.inc = e.Incarnation
	case sim.Crashed:
		b.w.counts.crashes++
		b.w.judge.died(m)
		m.host = nil
	case sim.Output:
		b.w.judge.output(m, e.Kind, e.Body)
	}
}

// drawFaults draws crashes within steps, with all that a disk may keep, and
// partitions. Then all heals.
func (w *world) drawFaults(chaos protocol.Time) []sim.Fault {
	size := len(w.hosts)
	kinds := []protocol.Kind{raft.KindVoted, raft.KindAppend, raft.KindAck, raft.KindPropose}
	faults := []sim.Fault{{Op: sim.Heal, At: chaos}}
	for i := range w.draw(10) {
		f := sim.Fault{ID: 100 + i, Op: sim.Crash, Node: protocol.NodeID(w.draw(uint64(size))), At: protocol.Time(w.upTo(time.Duration(chaos))),
			Disk: sim.Survival(w.draw(3)), For: 1 + w.upTo(6*tick)}
		if w.chance(50) {
			f.On = sim.Anchor{Op: protocol.OpSend, Kind: kinds[w.draw(4)], N: 1 + w.draw(4)}
		} else {
			f.After = int(w.draw(12))
		}
		faults = append(faults, f)
	}
	for i := range w.draw(3) {
		groups := make([][]protocol.NodeID, 2)
		x := window{from: protocol.Time(w.upTo(time.Duration(chaos))), camps: make([]uint64, 2), split: true}
		for id := range size {
			g := w.draw(2)
			groups[g] = append(groups[g], protocol.NodeID(id))
			x.camps[g] |= 1 << id
		}
		if len(groups[0]) > 0 && len(groups[1]) > 0 {
			f := sim.Fault{ID: 200 + i, Op: sim.Partition, Groups: groups, At: x.from, For: 1 + w.upTo(8*tick)}
			x.to = x.from.Add(f.For)
			w.windows = append(w.windows, x)
			faults = append(faults, f)
		}
	}
	return faults
}

// newSimWorld draws a run of the simulator with its own faults, a disk that takes
// its time, and links that lose, copy and reorder until all heals.
func newSimWorld(t *testing.T, seed uint64) *world {
	w := &world{seed: protocol.Hash3(seed, 6, 99), snapshot: seed % 3}
	size := sizeOf(seed)
	for i := range size {
		w.hosts = append(w.hosts, &mortal{world: w, id: protocol.NodeID(i)})
	}
	w.judge = newJudge(w)
	chaos := protocol.Time(20 * tick)
	w.calm = chaos
	plan := sim.Plan{
		Nodes: size,
		Node: func(id protocol.NodeID) protocol.Node {
			h := newSimHost(w, func(id abcast.MsgID, payload string) { w.judge.broadcast(id, payload, w.now()) })
			w.hosts[id].host = h.life
			return h
		},
		Link:   sim.Link{Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Shape: sim.HeavyTail, Loss: protocol.Percent(3), Copy: protocol.Percent(5)},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 10 * time.Millisecond},
		Until:  chaos.Add(100 * tick),
		Done:   w.settled,
		Poison: true,
	}
	plan.Faults = w.drawFaults(chaos)
	for i := range 5 + w.draw(30) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(w.upTo(time.Duration(chaos) + 5*tick)),
			Node: protocol.NodeID(w.draw(uint64(size))), Body: fmt.Append(nil, "message ", i)})
	}
	s, err := sim.New(plan, source.Seed(seed), bailiff{w})
	if err != nil {
		t.Fatal(err)
	}
	w.sim = s
	return w
}

func TestOneOrderUnderTheSimulatorsFaults(t *testing.T) {
	seeds := *flagSeeds
	if seeds == 0 {
		seeds = 100
	}
	var sum counts
	for seed := *flagFirst; seed < *flagFirst+seeds; seed++ {
		w := newSimWorld(t, seed)
		if wrong := w.run(); wrong != "" {
			t.Fatalf("seed %d, %d nodes: %s\nreproduce: go test ./protocol/raft -run TestOneOrderUnderTheSim -raft.first=%d -raft.seeds=1\n%s",
				seed, len(w.hosts), wrong, seed, w.describe())
		}
		sum.crashes += w.counts.crashes
		sum.terms += w.counts.terms
		sum.canon += w.counts.canon
	}
	t.Logf("%d runs: %d crashes, %d terms, %d messages", seeds, sum.crashes, sum.terms, sum.canon)
	if seeds >= 100 && (sum.crashes == 0 || sum.terms == 0 || sum.canon == 0) {
		t.Errorf("%d crashes, %d terms, %d messages in all runs", sum.crashes, sum.terms, sum.canon)
	}
}
