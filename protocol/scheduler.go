package protocol

import "time"

// A Scheduler decides, within a step, in which order a node that has goroutines of its own
// runs them. The node's host asks it: one goroutine runs at a time, and the step ends when
// all wait. It must not be used after the step.
//
// Each question names what it is about within the step, such as the goroutine and how often
// it has waited. A count of all questions so far would be no good name: where one answer
// changes, all that follow would be renamed. Equal questions of a step get equal answers.
type Scheduler interface {
	// Order returns which of n goroutines that could run does: 0 is the one that could first.
	// n must be at least 1.
	Order(about, n uint64) uint64
	// Yield reports whether the goroutine that is about to operate on a channel or lock gives
	// its turn away first.
	Yield(about uint64) bool
	// Stall returns how long that goroutine stands still first, while all others go on: 0 is
	// not at all. The time passes on the node's clock, as that of a timer does.
	Stall(about uint64) time.Duration
}
