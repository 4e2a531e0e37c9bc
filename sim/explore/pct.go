package explore

import (
	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

// priorities answers the delays of messages by priorities, and all else by its seed.
// It is probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi,
// Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs,
// ASPLOS 2010) in the form for messages (Ozkan, Majumdar, Niksic, Tabaei Befrouei,
// Weissenbacher: Randomized Testing of Distributed Systems with Probabilistic
// Guarantees, OOPSLA 2018). A bug of depth d needs d events in one order; uniform
// delays meet it seldom, since each of them is about the mean.
//
// A chain is the messages of one directed link. Chains of low priority have the greatest
// delay, others the least; at each of a few change points, the chain of the current message
// changes sides. The papers' schedulers choose among waiting messages. Here a low chain
// waits for its longest delay and not for all others, since no message may be later than
// its link allows; and the place of a change point is drawn on a logarithmic scale, since
// the length of a run is not known. So the papers' bound on the probability does not hold
// here.
type priorities struct {
	source.Seed
	low     protocol.Ratio // share of the chains that are low at first
	changes []uint64       // the numbers of the messages that change the side of their chain
	asked   uint64         // delays so far
	flipped map[[2]protocol.NodeID]bool
	given   map[protocol.Key]bool // whether low: equal names get equal answers
}

func newPriorities(seed uint64) *priorities {
	const mostChanges, scales, leastScale = 5, 10, 5 // a change comes within the first 32 to 16,384 messages
	p := &priorities{Seed: source.Seed(seed), flipped: make(map[[2]protocol.NodeID]bool), given: make(map[protocol.Key]bool)}
	p.low = protocol.Ratio{Num: 1, Den: 2 << (protocol.Hash2(drawLow, seed) % 3)}
	scale := leastScale + protocol.Hash2(drawScale, seed)%scales
	for i := range protocol.Hash2(drawChanges, seed) % (mostChanges + 1) {
		p.changes = append(p.changes, protocol.Hash3(drawChange, seed, i)%(1<<scale))
	}
	return p
}

// Choose answers in [0, n), a delay by the priority of its chain.
func (p *priorities) Choose(k protocol.Key, n uint64) uint64 {
	if !sim.AsksDelay(k.Kind) {
		return p.Seed.Choose(k, n)
	}
	low, again := p.given[k]
	if !again {
		low = p.next(k)
		p.given[k] = low
	}
	if low {
		return n - 1
	}
	return 0
}

// next reports whether the next message is in a low chain.
func (p *priorities) next(k protocol.Key) bool {
	chain := [2]protocol.NodeID{k.A, k.B}
	for _, at := range p.changes {
		if at == p.asked {
			p.flipped[chain] = !p.flipped[chain]
		}
	}
	p.asked++
	rank := protocol.Hash3(drawLink, uint64(p.Seed), uint64(k.A)<<32|uint64(k.B))
	return (rank%uint64(p.low.Den) < uint64(p.low.Num)) != p.flipped[chain]
}
