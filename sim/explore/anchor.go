package explore

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// A crash at a time misses its step once the run gets shorter. So before anything is
// removed, crashes at a time, or after a number of effects of a step, become crashes after
// an effect with a name: the node's third send of a vote.

// anchor makes crashes wait for effects, as long as the run still fails: all crashes at
// once, or else one after the other.
func (s *shrinker) anchor() {
	if s.strikes == nil {
		return
	}
	x := s.strikes
	now := s.now
	if _, ok := s.first(1, func(int) *Trial { return now.anchored(x.on, nil) }); ok {
		return
	}
	for i := range s.now.Faults {
		now := s.now
		s.first(1, func(int) *Trial { return now.anchored(x.on, &now.Faults[i]) })
	}
}

// watchStrikes returns an observer for the run of t, or nil if it has no crash to anchor.
func watchStrikes(t *Trial) *strikes {
	if !slices.ContainsFunc(t.Faults, func(f fault.Fault) bool { return anchorable(&f) }) {
		return nil
	}
	return &strikes{faults: t.Faults, on: make(map[uint64]fault.Anchor), nodes: make(map[protocol.NodeID]*doings)}
}

// anchored returns the trial with its crashes, or only one of them, anchored to the effects
// that they followed. It is nil if there is nothing to change.
func (t *Trial) anchored(on map[uint64]fault.Anchor, only *fault.Fault) *Trial {
	next := *t
	next.Faults = slices.Clone(t.Faults)
	changed := false
	for i := range next.Faults {
		f := &next.Faults[i]
		a, known := on[f.ID]
		if !known || only != nil && only.ID != f.ID {
			continue
		}
		f.At, f.After, f.On = 0, 0, a
		changed = true
	}
	if !changed {
		return nil
	}
	return valid(&next)
}

// anchorable reports whether the fault is a crash without an anchor.
func anchorable(f *fault.Fault) bool { return f.Op == fault.Crash && f.On == fault.Anchor{} }

// strikes is an observer that finds the effect that each crash followed.
type strikes struct {
	faults []fault.Fault
	on     map[uint64]fault.Anchor // by the identity of the crash
	nodes  map[protocol.NodeID]*doings
}

// doings counts the effects of a node.
type doings struct {
	count map[fault.Anchor]uint64 // by Op and Kind
	last  fault.Anchor            // the latest
}

func (x *strikes) Watch() sim.What {
	return sim.Sent | sim.Persisted | sim.Synced | sim.Output | sim.Flushing | sim.Crashed
}

// Observe counts effects, and records the effect that a crash followed.
func (x *strikes) Observe(e *sim.Event) {
	d := x.nodes[e.Node]
	if d == nil {
		d = &doings{count: make(map[fault.Anchor]uint64)}
		x.nodes[e.Node] = d
	}
	var a fault.Anchor
	switch e.What {
	case sim.Crashed:
		i := slices.IndexFunc(x.faults, func(f fault.Fault) bool { return f.ID == e.Tag })
		if i >= 0 && anchorable(&x.faults[i]) && d.last.N > 0 {
			x.on[e.Tag] = d.last
		}
		return
	case sim.Sent:
		a = fault.Anchor{Op: protocol.OpSend, Kind: e.Kind}
	case sim.Output:
		a = fault.Anchor{Op: protocol.OpOutput, Kind: e.Kind}
	case sim.Persisted:
		a = fault.Anchor{Op: protocol.OpPersist}
	case sim.Synced:
		a = fault.Anchor{Op: protocol.OpSync}
	case sim.Flushing:
		a = fault.Anchor{Op: protocol.OpFlush}
	}
	d.count[a]++
	d.last = a
	d.last.N = d.count[a]
}
