package judge

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
)

// issued is a token that a node gave to another one.
type issued struct {
	token       string
	incarnation uint32
	last        protocol.Time // when it was given last
}

// tokenLife is the time for which a node takes a token at least, and half the time for
// which it takes it at most.
const tokenLife = 5 * time.Minute

// permits reports whether a node must take a token, and whether it must refuse it.
func (q *Queries) permits(of []issued, e *sim.Event, token []byte) (good, bad bool) {
	for _, i := range of {
		if i.token == string(token) && i.incarnation == e.Incarnation {
			age := e.At.Sub(i.last)
			return !q.c.Untimely && age < tokenLife, !q.c.Untimely && age > 2*tokenLife
		}
	}
	return false, true
}

// issue notes a token that a node gives. Those of former incarnations are forgotten.
func (n *watched) issue(e *sim.Event, token string) {
	of := slices.DeleteFunc(n.issued[e.Peer], func(i issued) bool {
		return i.incarnation != e.Incarnation || i.token == token || e.At.Sub(i.last) > 3*tokenLife
	})
	n.issued[e.Peer] = append(of, issued{token, e.Incarnation, e.At})
}
