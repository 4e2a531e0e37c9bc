package cmdline

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// title says what a step is: its first event.
func (s *stepper) title(step int) string {
	from, to := s.RowsOf(step)
	if from == to {
		return "no observer sees an event of it"
	}
	return s.words(from)
}

// words puts an event into words.
func (s *stepper) words(row int) string {
	x := &s.Rows[row]
	text := ""
	if x.Text != history.None {
		text = s.Texts.All[x.Text]
	}
	with := func(words string) string { return strings.TrimSuffix(words+": "+text, ": ") }
	node := fmt.Sprintf("node %v", x.Node)
	switch x.What {
	case sim.Started:
		return fmt.Sprintf("%s starts, incarnation %d", node, x.Num)
	case sim.Crashed:
		return fmt.Sprintf("%s crashes %s", node, text)
	case sim.Received, sim.Dropped:
		verb := "receives"
		if x.What == sim.Dropped {
			verb = "is down and misses"
		}
		if x.Peer == protocol.Outside {
			return with(fmt.Sprintf("%s %s an input", node, verb))
		}
		return with(fmt.Sprintf("%s %s %v from %v", node, verb, s.Kinds.All[x.Kind], x.Peer))
	case sim.Fired:
		return fmt.Sprintf("%s's timer fires: %s", node, s.Timers.All[x.Num])
	case sim.TimerSet:
		return fmt.Sprintf("%s sets timer %s, after %s", node, s.Timers.All[x.Num], text)
	case sim.TimerCancelled:
		return fmt.Sprintf("%s cancels timer %s", node, s.Timers.All[x.Num])
	case sim.Sent:
		return with(fmt.Sprintf("%s sends %v to %v", node, s.Kinds.All[x.Kind], x.Peer))
	case sim.Lost:
		return fmt.Sprintf("  it is lost on the way to %v", x.Peer)
	case sim.Copied:
		return fmt.Sprintf("  it travels to %v twice", x.Peer)
	case sim.Corrupted:
		return with(fmt.Sprintf("  it arrives at %v with other bytes", x.Peer))
	case sim.Persisted:
		return with(fmt.Sprintf("%s persists record %d", node, x.Num))
	case sim.Synced:
		return fmt.Sprintf("%s has synced its records below %d", node, x.Num)
	case sim.Discarded:
		return fmt.Sprintf("%s discards its records below %d", node, x.Num)
	case sim.Output:
		return with(fmt.Sprintf("%s outputs %v", node, s.Kinds.All[x.Kind]))
	case sim.Noted:
		return with(fmt.Sprintf("%s notes %v", node, s.Kinds.All[x.Kind]))
	case sim.Damaged:
		return fmt.Sprintf("%s is down for good: %s", node, text)
	case sim.Lifted:
		return "fault ends: " + text
	}
	return "fault: " + text
}
