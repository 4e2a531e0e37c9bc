package explore

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// A crash at a time misses its step as soon as the run gets shorter. So before
// anything is taken away, crashes at a time, or after a number of effects of a step,
// become crashes after an effect that has a name: the node's third send of a vote.

// anchor makes crashes wait for effects, as far as the run still fails: all of them,
// or else as many as can be, one after the other.
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

// watchStrikes returns an observer for the run of t, or none if it has no crash to be
// anchored.
func watchStrikes(t *Trial) *strikes {
	if !slices.ContainsFunc(t.Faults, func(f fault.Fault) bool { return anchorable(&f) }) {
		return nil
	}
	return &strikes{faults: t.Faults, on: make(map[uint64]fault.Anchor), nodes: make(map[protocol.NodeID]*doings)}
}

// anchored returns the trial with its crashes after what they came after, or with one
// of them so. It is nil if there is nothing to change.
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

// anchorable tells the crashes that have no anchor.
func anchorable(f *fault.Fault) bool { return f.Op == fault.Crash && f.On == fault.Anchor{} }

// strikes is an observer that finds after which effect each crash came.
type strikes struct {
	faults []fault.Fault
	on     map[uint64]fault.Anchor // by the identity of the crash
	nodes  map[protocol.NodeID]*doings
}

// doings is how often a node did what.
type doings struct {
	count map[fault.Anchor]uint64 // by Op and Kind
	last  fault.Anchor            // what it did last
}

// Watch returns the effects that show, and crashes.
func (x *strikes) Watch() sim.What {
	return sim.Sent | sim.Persisted | sim.Synced | sim.Output | sim.Crashed
}

// Observe counts effects, and looks up what a crash came after.
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
	}
	d.count[a]++
	d.last = a
	d.last.N = d.count[a]
}
