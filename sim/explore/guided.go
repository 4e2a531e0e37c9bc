package explore

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

// generation is how many seeds of a guided sweep share one corpus. It bounds how many can
// run in parallel; a larger one learns later.
const generation = 64

// mostAncestors bounds the cost of a mutant's answer.
const mostAncestors = 24

// mutant answers as its parent did, except some questions, which its own seed answers.
// Questions have names, so a corpus keeps only seeds and no answers, and a mutant whose run
// leaves its parent's still has its parent's answers.
type mutant struct {
	seeds []mutation // the oldest ancestor first
}

type mutation struct {
	source.Seed
	shift uint64 // one question in 2^shift gets a new answer
}

func newMutant(r SeedRun) *mutant {
	const rates = 10
	m := new(mutant)
	for _, seed := range append(slices.Clone(r.Ancestors), r.Seed) {
		m.seeds = append(m.seeds, mutation{source.Seed(seed), 1 + protocol.Hash2(drawRate, seed)%rates})
	}
	return m
}

// of returns the youngest seed that answers k.
func (m *mutant) of(k protocol.Key) source.Seed {
	name := protocol.Hash3(uint64(k.Kind), uint64(k.A)<<32|uint64(k.B), k.N)
	for i := len(m.seeds) - 1; i > 0; i-- {
		s := &m.seeds[i]
		if protocol.Hash3(drawMutate, uint64(s.Seed), name)>>(64-s.shift) == 0 {
			return s.Seed
		}
	}
	return m.seeds[0].Seed
}

func (m *mutant) Choose(k protocol.Key, n uint64) uint64 { return m.of(k).Choose(k, n) }

func (m *mutant) Chance(k protocol.Key, p protocol.Ratio) bool { return m.of(k).Chance(k, p) }

// coverage is an observer that collects what a run reached: hashes of pairs of a node's
// state and the kind of message that it then receives. The state is what can be seen from outside:
// the kinds of the latest output and the latest message, and whether the node has restarted.
type coverage struct {
	nodes   []nodeState
	reached map[uint32]bool
}

type nodeState struct {
	received, made protocol.Kind
}

func (c *coverage) Watch() sim.What { return sim.Received | sim.Output | sim.Started }

func (c *coverage) Observe(e *sim.Event) {
	for int(e.Node) >= len(c.nodes) {
		c.nodes = append(c.nodes, nodeState{})
	}
	n := &c.nodes[e.Node]
	switch e.What {
	case sim.Started:
		*n = nodeState{}
	case sim.Output:
		n.made = e.Kind
	case sim.Received:
		again := uint64(0)
		if e.Incarnation > 1 {
			again = 1
		}
		pair := protocol.Hash3(uint64(n.made)<<1|again, uint64(n.received), uint64(e.Kind))
		c.reached[uint32(pair>>32)] = true
		n.received = e.Kind
	}
}

// corpus is what a guided sweep has learned from its seeds, in their order.
type corpus struct {
	reached map[uint32]bool
	kept    []SeedRun
	known   int // how many of kept the current generation uses
}

// mutate returns the run of a seed under the current generation: a mutant of a run in the
// corpus, more likely of a newer one. One seed in four is fresh.
func (c *corpus) mutate(seed uint64) SeedRun {
	r := SeedRun{Seed: seed}
	if c.known == 0 || protocol.Hash2(drawFresh, seed)%4 == 0 {
		return r
	}
	n := uint64(c.known)
	parent := c.kept[max(protocol.Hash3(drawParent, seed, 0)%n, protocol.Hash3(drawParent, seed, 1)%n)]
	r.Ancestors = append(slices.Clone(parent.Ancestors), parent.Seed)
	return r
}

// fresh returns what no earlier run reached, ascending.
func (c *corpus) fresh(o *coverage) (pairs []uint32) {
	for _, pair := range protocol.SortedKeys(o.reached) {
		if !c.reached[pair] {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// learn adds run i and the coverage that it was the first to reach.
func (c *corpus) learn(i uint64, r SeedRun, fresh []uint32) {
	for _, pair := range fresh {
		c.reached[pair] = true
	}
	if len(fresh) > 0 && len(r.Ancestors) < mostAncestors {
		c.kept = append(c.kept, r)
	}
	if (i+1)%generation == 0 {
		c.known = len(c.kept)
	}
}

// Course makes the runs of a strategy one after the other, each as a Sweep of the same seeds
// would, for a caller that needs every outcome. Its zero value is the strategy Random.
type Course struct {
	Strategy Strategy
	corpus   corpus
	made     uint64
}

// Next makes the run of the next seed. try gets the run, what answers its questions, and what
// must observe it.
func (c *Course) Next(seed uint64, try func(r SeedRun, src protocol.Source, observers ...sim.Observer)) {
	r := SeedRun{Seed: seed}
	if c.Strategy != Guided {
		try(r, c.Strategy.Source(r))
		return
	}
	if c.corpus.reached == nil {
		c.corpus.reached = make(map[uint32]bool)
	}
	r = c.corpus.mutate(seed)
	o := &coverage{reached: make(map[uint32]bool)}
	try(r, c.Strategy.Source(r), o)
	c.corpus.learn(c.made, r, c.corpus.fresh(o))
	c.made++
}
