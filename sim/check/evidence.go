package check

import (
	"errors"

	"dessim/protocol"
)

// Evidence is what a violation is about, as data that a report draws. One of its fields
// is set.
type Evidence struct {
	// Sequences should be prefixes of one sequence, and are not. They begin at the same
	// place.
	Sequences []Sequence
	// History is operations that no order explains, in the order in which they began.
	History []Operation
}

// Sequence is a part of what one node has put out in order.
type Sequence struct {
	Name  string // whose it is
	First uint64 // the place of the first item, from 0
	Items []Item
}

// Item is one place of a Sequence.
type Item struct {
	Text string
	Step uint64 // in which it was put out; 0 if that is not known
}

// Operation is something that a client asked for.
type Operation struct {
	Who, Text string
	Call      protocol.Time
	Return    protocol.Time // MaxTime if it did not end
	Wrong     bool          // nothing explains it; without it, some order would do
}

// With returns err with evidence, for a check whose judge returns it.
func (e *Evidence) With(err error) error { return &evident{err, e} }

// evident is an error with evidence.
type evident struct {
	error
	evidence *Evidence
}

func (e *evident) Unwrap() error { return e.error }

// evidenceOf returns the evidence of an error, or nil.
func evidenceOf(err error) *Evidence {
	if e := (*evident)(nil); errors.As(err, &e) {
		return e.evidence
	}
	return nil
}
