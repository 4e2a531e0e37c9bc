package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// The faults of a run are those that Params.Fault lists and those drawn by Params.Faults.
// They come in the fault window, which begins with the workload. Unless Params.Fault says
// when, the run heals at the end of the window, and liveness checks apply after that.
const (
	windowDelays    = 1000
	afterHealDelays = 10_000 // two-phase commit may ask again only after 8,000
	mostOfAKind     = 8      // most faults drawn of a kind
	mostFaulty      = 1000   // nodes: each sends all others heartbeats
)

// The identities of a scenario's own faults. Listed faults are numbered from 1, unless
// they have a number, and drawn ones from 1000: see package swarm.
const (
	splitID    = 600 // of the first of two
	traitorID  = 700
	failoverID = 800 // of the first
	rivalID    = 900 // of the first of three
	absentID   = 950
	blackoutID = 1_000_000 // of the first node in the first one
	sessionID  = 1 << 48   // of the first one of the first node
)

func (w *world) healTime() protocol.Time {
	return ended(w.p.Written(), w.after(w.begin, windowDelays))
}

// healAt sets when the run heals. A sync that begins just before is slow by all that the written
// faults of its node say, since all of them can be open.
func (w *world) healAt(at protocol.Time) {
	w.healed, w.liveFrom = at, at
	late := make(map[protocol.NodeID]protocol.Time)
	for _, f := range w.p.Written() {
		if f.Op == fault.SlowSync {
			late[f.Node] += protocol.Time(f.By)
			w.liveFrom = max(w.liveFrom, min(at+late[f.Node], protocol.MaxTime))
		}
	}
}

// ended returns when written faults, and others that have ended at end, are over: at the
// written heal if there is one.
func ended(written []fault.Fault, end protocol.Time) protocol.Time {
	for i := range written {
		f := &written[i]
		switch {
		case f.Op == fault.Heal && f.At == fault.Never:
			continue
		case f.Op == fault.Heal:
			return f.At
		}
		end = max(end, min(f.At+protocol.Time(f.For)+1, protocol.MaxTime))
	}
	return end
}

// lasting reports whether some fault may last to the end of the run, other than a crash.
func lasting(faults []fault.Fault) bool {
	return fault.Calm(faults) == fault.Never && slices.ContainsFunc(faults, func(f fault.Fault) bool {
		return f.Op.Lasts() && (f.For == 0 || f.On.N > 0)
	})
}

// addFaults adds the requested faults to those of the plan, and removes those that would
// begin after the run.
func (w *world) addFaults(plan *sim.Plan) {
	plan.Faults = w.p.Faulted(func() []fault.Fault {
		faults := plan.Faults
		if w.p.Failing() {
			faults = w.drawn(faults, plan.Nodes)
		}
		return slices.DeleteFunc(faults, func(f fault.Fault) bool { return f.At > plan.Until && f.At != fault.Never })
	})
}

// drawn returns the written faults, the scenario's own, and drawn ones. Faults that conflict
// with a written one, in effect or identity, are left out. Drawn faults hit neither clients
// nor liars, which could not do their work then, nor the node that the scenario takes away.
func (w *world) drawn(own []fault.Fault, nodes int) []fault.Fault {
	written := w.p.Written()
	hit := w.truthful()
	if w.drawTo != 0 {
		hit = slices.DeleteFunc(hit, func(id protocol.NodeID) bool { return id == w.spared })
	}
	c := swarm.Config{Nodes: hit, From: w.begin, To: cmp.Or(w.drawTo, w.healed), Heal: w.healed, Delay: w.delay, Most: cmp.Or(w.most, mostOfAKind)}
	if slices.ContainsFunc(written, func(f fault.Fault) bool { return f.Op == fault.Heal }) {
		c.Heal = 0
	}
	faults := consistent(written, own, nodes)
	if c.From < c.To {
		faults = consistent(faults, w.p.Drawn(c), nodes)
	}
	return faults
}

// consistent returns faults, and those of more that are valid together with them. The
// faults of more must be valid among themselves.
func consistent(faults, more []fault.Fault, nodes int) []fault.Fault {
	all := slices.Concat(faults, more)
	if fault.Validate(all, nodes, protocol.MaxTime, nil) == nil {
		return all
	}
	all = all[:len(faults)]
	for _, f := range more {
		if fault.Validate(append(slices.Clip(faults), f), nodes, protocol.MaxTime, nil) == nil {
			all = append(all, f)
		}
	}
	return all
}

// healsWhen reports whether the parameters set when the run heals.
func (w *world) healsWhen() bool {
	return slices.ContainsFunc(w.p.Written(), func(f fault.Fault) bool { return f.Op == fault.Heal && f.At != fault.Never })
}

func (w *world) truthful() []protocol.NodeID {
	return slices.DeleteFunc(slices.Clone(w.Members), func(id protocol.NodeID) bool { return slices.Contains(w.Liars, id) })
}

func (w *world) windowFact() scenario.Fact {
	if slices.ContainsFunc(w.p.Written(), func(f fault.Fault) bool { return f.Op == fault.Heal && f.At == fault.Never }) {
		return scenario.Fact{Name: "fault window", Value: fmt.Sprintf("from %v to the end: nothing heals", w.begin)}
	}
	return scenario.Fact{Name: "fault window", Value: fmt.Sprintf("from %v to %v", w.begin, w.healed)}
}

// faultCounts returns how often faults struck, for the sums of a sweep.
func faultCounts(s *sim.Sim) []scenario.Count {
	r := s.Result()
	f := &r.Faults
	return []scenario.Count{
		{Name: "crashes", N: r.Crashes}, {Name: "restarts", N: r.Restarts},
		{Name: "failed syncs", N: f.FailedSyncs}, {Name: "records lost", N: f.Unsynced}, {Name: "records torn", N: f.Torn},
		{Name: "messages cut off", N: f.Cut}, {Name: "lost", N: f.Lost}, {Name: "copied", N: f.Copied}, {Name: "late copies", N: f.Late}, {Name: "repeated", N: f.Echoed},
		{Name: "corrupted", N: f.Corrupted}, {Name: "clogged", N: f.Clogged}, {Name: "slowed", N: f.Slowed},
		{Name: "pauses", N: f.Pauses}, {Name: "late timers", N: f.LateTimers}, {Name: "clock jumps", N: f.Jumps}, {Name: "clock drifts", N: f.Drifts},
		{Name: "disks damaged", N: f.Damaged}, {Name: "lies", N: f.Lies},
	}
}
