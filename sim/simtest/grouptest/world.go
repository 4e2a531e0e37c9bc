package grouptest

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/words"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// A World is one run of a group under faults drawn from a seed, as a swarm: most runs have
// only a few kinds of faults, but many of each.
type World struct {
	// Benign are the kinds of questions that get benign answers, set by Vary.
	Benign []protocol.Kind

	protocol *Protocol
	seed     uint64
	drawn    uint64

	calm protocol.Time // no faults from then on

	members []*member
	splits  []split
	judge   *judge
	core    *check.Core
	plan    sim.Plan
	sim     *sim.Sim
	end     sim.Result
	counts  Counts
}

// A member is what the judge knows about a node.
type member struct {
	id    protocol.NodeID
	inc   uint32       // the current life, or the last one
	group Group        // of the current life, or nil while it is down
	stats abcast.Stats // of earlier lives
}

// A split is a partition of all nodes, and when it is open.
type split struct {
	*fault.Fault
	since protocol.Time
}

func newWorld(p *Protocol, size int, seed uint64) *World {
	w := &World{protocol: p, seed: seed}
	for i := range size {
		w.members = append(w.members, &member{id: protocol.NodeID(i)})
	}
	w.judge = newJudge(w)
	return w
}

// NewWorld draws a run.
func NewWorld(p *Protocol, size int, seed uint64) *World {
	w := newWorld(p, size, protocol.Hash3(seed, p.Salt, uint64(size)))
	if p.Vary != nil {
		p.Vary(w)
	}
	w.calm = protocol.Time((8 + time.Duration(w.Draw(20))) * Tick)
	plan := sim.Plan{
		Nodes: size,
		Node:  w.node,
		Link: []sim.Link{
			{Delay: time.Millisecond, Jitter: 20 * time.Millisecond},
			{Delay: time.Millisecond, Jitter: 60 * time.Millisecond},
			{Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Shape: sim.HeavyTail},
		}[w.Draw(3)],
		Inputs: w.drawInputs(),
		Faults: w.drawFaults(),
		Until:  w.calm.Add(100 * Tick),
		Done:   w.settled,
		Poison: true,
	}
	if w.Chance(33) {
		plan.Disk = sim.Disk{Sync: time.Millisecond, Jitter: 10 * time.Millisecond}
	}
	w.begin(plan, seed)
	return w
}

// node returns a new life of a member.
func (w *World) node(id protocol.NodeID) protocol.Node {
	h := w.protocol.NewHost(w.Size())
	h.Sent = func(id abcast.MsgID, payload string) { w.judge.broadcast(id, payload, w.now()) }
	w.members[id].group = h.Group
	if d := w.protocol.Distort; d != nil {
		return &distorted{node: h, distort: d}
	}
	return h
}

// drawInputs draws the broadcasts: bursts, and one by each node in the calm.
func (w *World) drawInputs() (inputs []sim.Input) {
	input := func(at protocol.Time, node protocol.NodeID, body string) {
		inputs = append(inputs, sim.Input{ID: uint64(len(inputs)), At: at, Node: node, Body: []byte(body)})
	}
	for i := range 2 + w.Draw(28) {
		at, node := w.moment()
		for j := range 1 + w.Draw(3) {
			input(at, node, fmt.Sprintf("broadcast %d.%d", i, j))
		}
	}
	for _, m := range w.members {
		input(w.calm.Add(w.upTo(3*Tick)), m.id, fmt.Sprint("broadcast in the calm ", m.id))
	}
	return inputs
}

func (w *World) begin(plan sim.Plan, seed uint64) {
	w.core = check.NewCore(&w.plan, w.Size(), w.protocol.Led)
	s, err := sim.New(plan, answers{source.Seed(seed), w.Benign}, bailiff{w}, w.core)
	if err != nil {
		panic(err)
	}
	w.plan, w.sim = plan, s
}

// answers is a source, but with benign answers to questions of some kinds.
type answers struct {
	protocol.Source
	benign []protocol.Kind
}

func (a answers) Choose(k protocol.Key, n uint64) uint64 {
	if slices.Contains(a.benign, k.Kind) {
		return 0
	}
	return a.Source.Choose(k, n)
}

// A bailiff is the observer that passes events to the judge of a world.
type bailiff struct{ w *World }

func (b bailiff) Watch() sim.What {
	return sim.Started | sim.Crashed | sim.Output | sim.Injected | sim.Lifted
}

func (b bailiff) Observe(e *sim.Event) {
	w := b.w
	if late := w.overdue(e.At); late != "" {
		w.judge.violated("%s", late)
	}
	switch e.What {
	case sim.Injected, sim.Lifted:
		w.turn(e)
		return
	}
	m := w.members[e.Node]
	switch e.What {
	case sim.Started:
		m.inc = e.Incarnation
	case sim.Crashed:
		w.counts.Crashes++
		w.judge.died(m)
		add(&m.stats, m.group.Stats())
		m.group = nil
	case sim.Output:
		w.judge.output(m, e.Kind, e.Body)
	}
}

// turn follows the splits.
func (w *World) turn(e *sim.Event) {
	if e.What == sim.Lifted {
		w.splits = slices.DeleteFunc(w.splits, func(s split) bool { return s.ID == e.Tag })
		return
	}
	faults := w.plan.Faults
	i := slices.IndexFunc(faults, func(f fault.Fault) bool { return f.ID == e.Tag })
	if f := &faults[i]; f.Op == fault.Partition && sizeOf(f.Groups) == w.Size() {
		w.splits = append(w.splits, split{f, e.At})
		w.counts.Minorities++
	}
}

func sizeOf(groups [][]protocol.NodeID) (n int) {
	for _, g := range groups {
		n += len(g)
	}
	return n
}

// isolated returns since when the node has been in one minority, or ok false.
func (w *World) isolated(id protocol.NodeID) (since protocol.Time, ok bool) {
	for _, s := range w.splits {
		for _, g := range s.Groups {
			if slices.Contains(g, id) && len(g) <= w.Size()/2 && (!ok || s.since < since) {
				since, ok = s.since, true
			}
		}
	}
	return since, ok
}

// Draw returns a number below n.
func (w *World) Draw(n uint64) uint64 {
	w.drawn++
	return protocol.Hash3(w.seed, w.drawn, 0x77) % n
}

// Chance returns true with that probability, in percent.
func (w *World) Chance(percent uint64) bool { return w.Draw(100) < percent }

func (w *World) upTo(d time.Duration) time.Duration { return time.Duration(w.Draw(uint64(d) + 1)) }

// moment draws a time before the calm, and a node.
func (w *World) moment() (protocol.Time, protocol.NodeID) {
	return protocol.Time(w.Draw(uint64(w.calm))), protocol.NodeID(w.Draw(uint64(w.Size())))
}

// Size returns the number of nodes.
func (w *World) Size() int { return len(w.members) }

// Incarnation returns the node's current life, or its last.
func (w *World) Incarnation(id protocol.NodeID) uint32 { return w.members[id].inc }

// Digest returns the run's digest.
func (w *World) Digest() sim.Digest { return w.end.Digest }

func (w *World) now() protocol.Time { return w.sim.Now() }

// Run runs the world and returns the first violation, or "".
func (w *World) Run() (wrong string) {
	defer func() {
		if v := recover(); v != nil {
			wrong = fmt.Sprint(v)
		}
	}()
	w.end = w.sim.Run()
	if w.judge.wrong == "" {
		if s := w.unfinished(); s != "" {
			w.judge.violated("not done %v after the calm began: %s", w.end.End.Sub(w.calm), s)
		}
	}
	w.count()
	return w.judge.wrong
}

// Describe returns the faults and the state of each node.
func (w *World) Describe() string {
	s := fault.Format(w.plan.Faults)
	for _, m := range w.members {
		name := fmt.Sprintf("node %v/%d", m.id, m.inc)
		if m.group == nil {
			s += name + ": down\n"
			continue
		}
		s += string(words.Part(nil, name, m.group.Describe))
	}
	return s
}
