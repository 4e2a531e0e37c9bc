package grouptest

import "dessim/protocol"

// A Misuse turns the effects of a correct step into those of a wrong host, or of a machine
// that orders its effects wrongly. A judge that does not notice it is worthless.
type Misuse struct {
	Name    string
	Distort func(effects []protocol.Effect) []protocol.Effect
}

// Misuses returns the misuses that break every group.
func Misuses() []Misuse {
	return []Misuse{
		{"sends before it persists", func(effects []protocol.Effect) []protocol.Effect {
			return first(effects, func(e *protocol.Effect) bool { return e.Op == protocol.OpSend })
		}},
		{"sends before it syncs", func(effects []protocol.Effect) []protocol.Effect {
			return first(effects, func(e *protocol.Effect) bool { return e.Op != protocol.OpSync })
		}},
		{"never syncs", func(effects []protocol.Effect) []protocol.Effect {
			return only(effects, func(e *protocol.Effect) bool { return e.Op != protocol.OpSync })
		}},
		{"delivers before it persists", func(effects []protocol.Effect) []protocol.Effect {
			return first(effects, func(e *protocol.Effect) bool { return e.Op == protocol.OpOutput })
		}},
	}
}

// first moves the effects that f picks before the others.
func first(effects []protocol.Effect, f func(e *protocol.Effect) bool) []protocol.Effect {
	return append(only(effects, f), only(effects, func(e *protocol.Effect) bool { return !f(e) })...)
}

// only keeps the effects that f picks.
func only(effects []protocol.Effect, f func(e *protocol.Effect) bool) (picked []protocol.Effect) {
	for i := range effects {
		if f(&effects[i]) {
			picked = append(picked, effects[i])
		}
	}
	return picked
}

// Catch fails t unless a run of 1000 seeds shows the misuse.
func (m *Misuse) Catch(t T, f *Flags, p *Protocol) {
	t.Helper()
	q := *p
	q.Distort = m.Distort
	for seed := f.First; seed < f.First+1000; seed++ {
		if wrong := NewWorld(&q, f.Size(seed), seed).Run(); wrong != "" {
			t.Logf("seed %d: %s", seed, wrong)
			return
		}
	}
	t.Errorf("no violation in 1000 seeds")
}
