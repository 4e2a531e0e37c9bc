package grouptest

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

// A World is one run of a group under misfortunes drawn from a seed: a swarm, so
// that most runs have few kinds of them and all of those.
type World struct {
	// Answers are what the nodes of NewWorld are told, benign unless Vary sets it.
	Answers protocol.Source

	protocol *Protocol
	seed     uint64
	drawn    uint64

	loss, copies uint64 // percent
	slowest      time.Duration
	calm         protocol.Time // from then on nothing bad happens

	members []*member
	windows []window
	judge   *judge
	sim     *sim.Sim
	end     sim.Result
	counts  Counts
}

// A window severs links for a while.
type window struct {
	from, to protocol.Time
	camps    []uint64 // sets of nodes by bits; who shares none is severed
	oneWay   bool     // from the first camp to the others only
	split    bool     // the camps are disjoint and hold all nodes
}

func newWorld(p *Protocol, size int, seed uint64) *World {
	w := &World{protocol: p, seed: seed}
	for i := range size {
		w.members = append(w.members, &member{id: protocol.NodeID(i)})
	}
	w.judge = newJudge(w)
	return w
}

// Draw gives a number below n.
func (w *World) Draw(n uint64) uint64 {
	w.drawn++
	return protocol.Hash3(w.seed, w.drawn, 0x77) % n
}

// Chance is true so often of a hundred times.
func (w *World) Chance(percent uint64) bool { return w.Draw(100) < percent }

// Seed is what all draws come from.
func (w *World) Seed() uint64 { return w.seed }

// Size is how many nodes there are.
func (w *World) Size() int { return len(w.members) }

// Incarnation is the life that the node lives, or lived last.
func (w *World) Incarnation(id protocol.NodeID) uint32 { return w.members[id].inc }

// Digest tells the runs of two worlds apart.
func (w *World) Digest() sim.Digest { return w.end.Digest }

func (w *World) upTo(d time.Duration) time.Duration { return time.Duration(w.Draw(uint64(d) + 1)) }

func (w *World) now() protocol.Time { return w.sim.Now() }

func (w *World) chaotic() bool { return w.now() < w.calm }

// moment draws when and to whom something happens while it is not calm.
func (w *World) moment() (protocol.Time, uint64) {
	return protocol.Time(w.upTo(time.Duration(w.calm))), w.Draw(uint64(w.Size()))
}

// severed tells whether a message that leaves now is lost to a window.
func (w *World) severed(from, to protocol.NodeID) bool {
	now := w.now()
	for i := range w.windows {
		x := &w.windows[i]
		if now < x.from || now >= min(x.to, w.calm) {
			continue
		}
		joint := false
		for _, c := range x.camps {
			joint = joint || c>>from&1 == 1 && c>>to&1 == 1
		}
		if !joint && !(x.oneWay && x.camps[0]>>from&1 == 0) {
			return true
		}
	}
	return false
}

// isolated gives since when the node has been within one minority, or ok false.
func (w *World) isolated(id protocol.NodeID) (since protocol.Time, ok bool) {
	now := w.now()
	for i := range w.windows {
		x := &w.windows[i]
		if !x.split || now < x.from || now >= min(x.to, w.calm) {
			continue
		}
		for _, c := range x.camps {
			if c>>id&1 == 1 && ones(c) <= w.Size()/2 && (!ok || x.from < since) {
				since, ok = x.from, true
			}
		}
	}
	return since, ok
}

func ones(set uint64) (n int) {
	for ; set != 0; set &= set - 1 {
		n++
	}
	return n
}

// NewWorld draws a run. What a step does is cut by its crash between any two
// effects, and of what was not synced anything may survive, with gaps and torn.
//
// The crashes are the world's own and not the plan's: they wait for a step of
// some kind, and what they leave on disk is worse than what fault.Fault leaves.
func NewWorld(p *Protocol, size int, seed uint64) *World {
	w := newWorld(p, size, protocol.Hash3(seed, p.Salt, uint64(size)))
	w.loss = []uint64{0, 0, 5, 20}[w.Draw(4)]
	w.copies = []uint64{0, 10}[w.Draw(2)]
	w.slowest = []time.Duration{0, 30, 80, 200, 400}[w.Draw(5)] * time.Millisecond
	if p.Vary != nil {
		p.Vary(w)
	}
	w.calm = protocol.Time((8 + time.Duration(w.Draw(20))) * Tick)
	plan := sim.Plan{
		Nodes:  size,
		Node:   func(id protocol.NodeID) protocol.Node { return newMortal(w, w.members[id]) },
		Link:   sim.Link{Delay: time.Millisecond, Jitter: 20 * time.Millisecond},
		Until:  w.calm.Add(60 * Tick),
		Done:   w.settled,
		Poison: true,
	}
	input := func(at protocol.Time, node uint64, body string) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(len(plan.Inputs)), At: at, Node: protocol.NodeID(node), Body: []byte(body)})
	}
	for i := range 2 + w.Draw(28) {
		at, node := w.moment()
		for j := range 1 + w.Draw(3) {
			input(at, node, fmt.Sprintf("broadcast %d.%d", i, j))
		}
	}
	w.drawCrashes(input)
	w.drawWindows()
	for i := range uint64(size) {
		input(w.calm, i, "revive")
		input(w.calm.Add(w.upTo(3*Tick)), i, fmt.Sprint("broadcast in the calm ", i))
	}
	w.begin(plan, seed)
	return w
}

func (w *World) begin(plan sim.Plan, seed uint64, observers ...sim.Observer) {
	s, err := sim.New(plan, source.Seed(seed), observers...)
	if err != nil {
		panic(err)
	}
	w.sim = s
}

// Run runs the world and gives the first violation, or "".
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

// Describe tells the state of each node.
func (w *World) Describe() string {
	s := ""
	for _, m := range w.members {
		s += fmt.Sprintf("node %v/%d ", m.id, m.inc)
		if m.group == nil {
			s += "down\n"
			continue
		}
		s += string(m.group.Describe(nil))
	}
	return s
}
