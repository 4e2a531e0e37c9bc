package network

import (
	"time"

	"dessim/protocol"
)

// A clock is that of one incarnation. Its origin is when the genesis was made, which all
// incarnations share and all nodes agree on as well as their wall clocks do.
//
// Time ends at protocol.MaxTime, after 100 days. So when half of that has passed the next
// incarnation begins with 0 again, and an incarnation that comes near the end is ended, and
// followed by another in the same process: nodes bear a clock that jumps back between two
// incarnations (obligation 27), and a crash (24). That is once in 50 days or more.
type clock struct {
	begin protocol.Time // when it was made
	real  time.Time     // the same, with a monotonic reading
}

const (
	lap     = protocol.MaxTime / 2
	lastDay = protocol.MaxTime - protocol.Time(24*time.Hour) // no incarnation lives longer
)

// newClock returns a clock that reads the time since origin, modulo lap. A wall clock before
// the origin reads 0.
func newClock(origin, now time.Time) clock {
	return clock{begin: protocol.Time(max(0, now.Sub(origin))) % lap, real: now}
}

// now returns the time.
func (c clock) now() protocol.Time { return c.at(time.Since(c.real)) }

// at returns the time when so much has passed. It stops below MaxTime, in a process that was
// paused for months.
func (c clock) at(passed time.Duration) protocol.Time {
	return c.begin.Add(max(0, min(passed, (protocol.MaxTime-1).Sub(c.begin))))
}

// left returns for how long an incarnation that has this clock may live.
func (c clock) left() time.Duration { return lastDay.Sub(c.begin) }
