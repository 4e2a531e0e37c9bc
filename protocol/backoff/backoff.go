package backoff

import (
	"fmt"
	"time"

	"dessim/protocol"
)

// A Rule says how the pauses of one retry grow. A machine declares one, as a variable
// of the package, for each thing that it tries again.
type Rule struct {
	// Kind names the retry, and the question of its jitter.
	Kind protocol.Kind
	// Doublings is how often the pause doubles: at most 16. The bound of the pause
	// is the first one times 2^Doublings, without jitter.
	Doublings uint8
	// Jitter is the part of a pause that chance adds to it at most: more than 0, up
	// to 1.
	Jitter protocol.Ratio
}

// maxDoublings keeps a sensible first pause, doubled, below protocol.MaxTime.
const maxDoublings = 16

// Pause returns the time to the next try, after tries of them: 0 is the first pause,
// which lasts first. Each further one is twice as long, up to the rule's bound. The
// answer to the question r.Kind adds up to r.Jitter of it; 0 adds nothing. Pause panics
// if the rule or tries is out of range, or first is less than 1 ns or leads to a pause
// beyond protocol.MaxTime.
func (r Rule) Pause(env *protocol.Env, first time.Duration, tries int) time.Duration {
	r.Longest(first) // which checks first
	if tries < 0 {
		panic(fmt.Sprintf("backoff: %v after %d tries, want 0 or more", r.Kind, tries))
	}
	p := first << min(tries, int(r.Doublings))
	return p + time.Duration(env.Choose(r.Kind, uint64(r.jitter(p))+1))
}

// Next returns the number of tries after one more, at most r.Doublings: pauses grow no more
// then, and a count that went on would make the states of a machine that waits infinitely many.
func (r Rule) Next(tries int) int { return min(tries+1, int(r.Doublings)) }

// Ticks returns the whole ticks in a Pause whose first one lasts first ticks: for machines
// that count ticks instead of setting a timer.
func (r Rule) Ticks(env *protocol.Env, tick time.Duration, first, tries int) int {
	return int(r.Pause(env, time.Duration(first)*tick, tries) / tick)
}

// Longest returns the bound of every pause that begins with first, jitter included.
func (r Rule) Longest(first time.Duration) time.Duration {
	if r.Doublings > maxDoublings {
		panic(fmt.Sprintf("backoff: %v doubles %d times, want 0 to %d", r.Kind, r.Doublings, maxDoublings))
	}
	if !r.Jitter.Valid() || r.Jitter.Never() {
		panic(fmt.Sprintf("backoff: %v has a jitter of %d/%d, want more than 0, up to 1", r.Kind, r.Jitter.Num, r.Jitter.Den))
	}
	if first < 1 || first > r.MostFirst() {
		panic(fmt.Sprintf("backoff: the first pause of %v is %v, want 1ns to %v", r.Kind, first, r.MostFirst()))
	}
	p := first << r.Doublings
	return p + r.jitter(p)
}

// MostFirst returns the greatest first pause of the rule: it doubles up to protocol.MaxTime.
func (r Rule) MostFirst() time.Duration { return time.Duration(protocol.MaxTime) >> r.Doublings }

// jitter returns the most that jitter adds to p. It divides first: the product could
// overflow.
func (r Rule) jitter(p time.Duration) time.Duration {
	num, den := time.Duration(r.Jitter.Num), time.Duration(r.Jitter.Den)
	return p/den*num + p%den*num/den
}
