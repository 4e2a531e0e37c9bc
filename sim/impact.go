package sim

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/traitor"
	"dessim/sim/wording"
)

// Impact is what a fault of the plan did in a run.
type Impact struct {
	// N counts what it did, in the unit of its operation: see fault.Op.Impact. If several
	// faults would lose, copy or corrupt one message, the one that did counts it. A message
	// or a sync that several delay counts for each.
	N uint64
	// Why says why N is 0, if that is known, such as "node 1 was down".
	Why string
}

// impact is an Impact so far.
type impact struct {
	n     uint64
	met   uint64 // messages on its links while it was open
	begun bool   // the fault; of a crash that waits for an effect, its wait
	why   string // it did nothing, if n is 0
	text  string // the fault in words, made when an observer is shown it
}

// did counts what the fault did. It searches, so it is not for what happens often.
func (s *Sim) did(f *fault.Fault) { s.impacts[s.indexOf(f)].n++ }

// noImpact notes why the fault does nothing.
func (s *Sim) noImpact(f *fault.Fault, format string, args ...any) {
	s.impacts[s.indexOf(f)].why = fmt.Sprintf(format, args...)
}

// dropWaiting notes that the heal is too early for what still waits at a node.
func (s *Sim) dropWaiting(id protocol.NodeID, x *coldState) {
	if x.armed != nil {
		s.noImpact(x.armed, "node %v took no step before the heal", id)
	}
	for _, f := range x.failing {
		s.noImpact(f, "node %v made no sync before the heal", id)
	}
	for _, a := range x.anchors {
		s.noImpact(a.Fault, "what it waits for did not happen before the heal")
	}
}

// Impacts returns what each fault of the plan did so far, in the plan's order.
func (s *Sim) Impacts() []Impact {
	impacts := make([]Impact, len(s.impacts))
	for i := range impacts {
		d := s.impacts[i]
		if s.team != nil {
			s.team.impact(i, &d)
		}
		if s.plan.Faults[i].Op == fault.Byzantine {
			d.n, d.met = s.acts[i].Lies, s.acts[i].Messages
		}
		if impacts[i].N = d.n; d.n == 0 {
			impacts[i].Why = s.whyNone(&s.plan.Faults[i], &d)
		}
	}
	return impacts
}

// whyNone says why a fault did nothing, or returns "". Every operation has a case: a test
// wants a reason for each.
func (s *Sim) whyNone(f *fault.Fault, d *impact) string {
	switch {
	case d.why != "":
		return d.why
	case !d.begun && f.On.N > 0 && f.At <= s.now:
		return "what it waits for did not happen"
	case !d.begun:
		return "the run ended before it"
	}
	switch f.Op {
	case fault.Crash:
		if f.On.N > 0 {
			return "what it waits for did not happen"
		}
		return fmt.Sprintf("node %v took no step from then on", f.Node)
	case fault.FailSync:
		if f.On.N > 0 {
			return fmt.Sprintf("what it waits for did not happen, or node %v made no sync after it", f.Node)
		}
		return fmt.Sprintf("node %v made no sync from then on", f.Node)
	case fault.SlowSync:
		return fmt.Sprintf("node %v made no sync while it was open", f.Node)
	case fault.Echo:
		if d.met > 0 {
			return fmt.Sprintf("it repeated none of %s", wording.Count(d.met, messages(f)))
		}
		return fmt.Sprintf("no %s had passed on its links when it could come again", messages(f))
	case fault.Jump, fault.Drift:
		return fmt.Sprintf("node %v took no step that saw it", f.Node)
	case fault.Partition, fault.Cut, fault.Ring, fault.Deaf, fault.Mute, fault.Clog, fault.Slow:
		if d.met > 0 {
			return fmt.Sprintf("other faults lost the %s on its links", wording.Count(d.met, messages(f)))
		}
		return fmt.Sprintf("no %s was sent on its links while it was open", messages(f))
	case fault.Lose, fault.Copy, fault.Late, fault.Corrupt:
		if d.met > 0 {
			return fmt.Sprintf("it hit none of %s", wording.Count(d.met, messages(f)))
		}
		return fmt.Sprintf("no %s was sent on its links while it was open", messages(f))
	case fault.Byzantine:
		if d.met > 0 {
			return fmt.Sprintf("it changed none of %s", wording.Count(d.met, "message"))
		}
		return fmt.Sprintf("node %v sent no message while it was open", f.Node)
	case fault.LateTimer, fault.Order, fault.Yield, fault.Stall, fault.Full:
		return whyUnmet(f, d)
	case fault.Restart, fault.Pause, fault.Rot, fault.Heal: // noted when they begin
	}
	return ""
}

// whyUnmet says why a fault did nothing that is about what its node does while it is open.
func whyUnmet(f *fault.Fault, d *impact) string {
	switch f.Op {
	case fault.LateTimer:
		if d.met > 0 {
			return fmt.Sprintf("it made none of %s late", wording.Count(d.met, "timer"))
		}
		return fmt.Sprintf("node %v set no timer while it was open", f.Node)
	case fault.Order:
		if d.met > 0 {
			return fmt.Sprintf("it changed none of %s", wording.Count(d.met, "choice"))
		}
		return fmt.Sprintf("node %v never had two goroutines that could run while it was open", f.Node)
	case fault.Yield, fault.Stall:
		if d.met > 0 {
			return fmt.Sprintf("it hit none of %s", wording.Count(d.met, "operation"))
		}
		return fmt.Sprintf("no goroutine of node %v used a channel or lock while it was open", f.Node)
	case fault.Full:
		if d.met > 0 {
			return fmt.Sprintf("node %v asked in none of %s whether its disk is full", f.Node, wording.Count(d.met, "step"))
		}
		return fmt.Sprintf("node %v took no step while it was open", f.Node)
	}
	return ""
}

// messages names what a link fault hits, in the singular.
func messages(f *fault.Fault) string {
	if f.Only != 0 {
		return f.Only.String() + " message"
	}
	return "message"
}

// bends counts the faults of a node's clock that it sees now for the first time.
func (s *Sim) bends(x *coldState) {
	x.bent = slices.DeleteFunc(x.bent, func(i int) bool {
		w := &s.windows[i]
		if w.From > s.now || w.Op == fault.Drift && !gains(w, s.now) {
			return false
		}
		s.impacts[i].n++
		return true
	})
}

// gains reports whether a drift has moved its clock by a nanosecond.
func gains(w *fault.Window, now protocol.Time) bool {
	size := protocol.Time(max(w.PPM, -w.PPM))
	return min(now, w.Until)-w.From >= (million+size-1)/size
}

// wrapTraitors makes the Byzantine nodes, and counts what they do.
func (s *Sim) wrapTraitors() {
	if !slices.ContainsFunc(s.plan.Faults, func(f fault.Fault) bool { return f.Op == fault.Byzantine }) {
		return
	}
	s.acts = make([]traitor.Acts, len(s.plan.Faults))
	s.plan.Node = traitor.Wrap(s.plan.Node, s.plan.Faults, s.acts)
}
