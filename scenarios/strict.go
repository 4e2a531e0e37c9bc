package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol/seal"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
)

// alikeOneIn is the share of runs, by their seeds, in which nodes are asked about what nobody
// sends.
const alikeOneIn = 8

// asks reports whether nodes are asked, in this run, about messages and transactions that nobody
// sends. What they answer is nearly the same in all runs, and to ask costs as much as all else in
// a small one. So the first seed of a sweep asks, and then one in eight.
func (p *params) asks() bool { return p.Seed%alikeOneIn == 1 }

// forms returns the check of the forms of messages, in the runs in which nodes are asked.
func (p *params) forms() *check.Check {
	c := judge.Strict()
	if !p.asks() {
		c = c.Skipped("judged with seeds 1, 9, 17 and so on, since all runs are alike in it")
	}
	return c
}

// strictEvery is how many messages arrive from one that is looked at to the next.
const strictEvery = 128

// strict requires that nodes read nothing but what is written as they would: of some messages
// that arrive, one with a byte more, one with a byte less, and one with another number at its
// end is read by nobody. Where a checksum protects a message, it is that of the other one, since
// anybody can make one.
func strict() *check.Check {
	n := 0
	return check.Always("nobody reads a message that is longer or shorter", sim.Received, func(e *sim.Event) (bool, error) {
		if n++; n%strictEvery != 0 || len(e.Body) == 0 || textMessage(e) == "" {
			return false, nil
		}
		msg, sealed := seal.Open(e.Body)
		if !sealed {
			msg = e.Body
		}
		end := len(msg) - 1
		for _, other := range [][]byte{append(slices.Clone(msg), 'e'), msg[:end], append(slices.Clone(msg[:end]), "i7ee"...)} {
			x := *e
			if x.Body = other; sealed {
				x.Body = seal.Append(slices.Clone(other))
			}
			if text := textMessage(&x); text != "" {
				return true, fmt.Errorf("node %v receives %v %q of node %v, and would read it with %q for its last byte: %s", e.Node, e.Kind, msg, e.Peer, other[min(end, len(other)):], text)
			}
		}
		return true, nil
	}).OrNotApplicable("few messages arrive")
}
