package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/wording"
)

// Failures is what fails besides sessions that end. The zero Failures is nothing.
type Failures struct {
	Any      bool          // nodes or links fail
	Untimely bool          // clocks run wrong, nodes are paused, or messages come late or damaged
	Heal     protocol.Time // when all failures end; 0: some last to the end
	// Merged is some time after Heal, when the network is one again: lookups that begin
	// later are judged. It is 0 without failures.
	Merged protocol.Time
}

// untimely is why nothing can be required of what happens by the clock.
const untimely = "faults can make clocks, nodes or messages late"

// never is why nothing can be required of lookups if failures last.
const never = "nodes or links fail until the end"

// judged reports whether a lookup must find what some node holds: without failures always,
// else if it begins after the network has become one again.
func (j *Churn) judged(s *Lookup) bool { return s.began >= j.c.Failures.Merged }

// unjudged returns why no lookup can be judged, or "".
func (j *Churn) unjudged() string {
	const least = 8 // for which the shares of misses hold
	f := &j.c.Failures
	switch {
	case j.c.K < least:
		return fmt.Sprintf("with k below %d more lookups miss by chance", least)
	case !f.Any:
		return ""
	case f.Heal == 0:
		return never
	case f.Merged >= j.c.Until:
		return fmt.Sprintf("the run ends before %v, by when the network is one again", f.Merged)
	}
	return ""
}

// reunited requires that every node that is up finds, once the network has been whole for a
// refresh interval, what was published before: perhaps at the other side of a partition. By
// chance a few lookups miss: see succeeds.
func (j *Churn) reunited() *check.Check {
	const name, percent, chance = "all find what was published before the heal", 100, 3
	switch why := j.unjudged(); {
	case !j.c.Failures.Any:
		return check.Skip(name, "nothing heals")
	case why != "":
		return check.Skip(name, why)
	}
	return check.Always(name, sim.Output, func(*sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.due || !s.held || !j.judged(s) || s.Value.stored >= j.c.Failures.Heal {
			return false, nil
		}
		if missed := j.every - j.seen; !s.result.OK && missed > j.every/percent+chance {
			return true, fmt.Errorf("node %v does not find %.8s, which node %v published at %v, before the heal at %v and %s still held: of %d such lookups, %v after the heal or later, %d missed, want at most 1 in %d, plus %d",
				s.Node, s.Value.ID, s.Value.By, s.Value.At, j.c.Failures.Heal, wording.Count(len(s.holders), "node"), j.every, j.c.Failures.Merged.Sub(j.c.Failures.Heal), missed, percent, chance)
		}
		return true, nil
	})
}
