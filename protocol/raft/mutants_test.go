package raft_test

import (
	"testing"

	"dessim/protocol"
)

// What a wrong driver of the library would do, as a change of what a step of the
// right one does: a judge that lets it pass judges nothing. In a sweep of
// 1000 seeds they were caught by 61, 35, 392 and 11.
var mutants = []struct {
	name string
	does func([]protocol.Effect) []protocol.Effect
}{
	{"sends before it persists", func(effects []protocol.Effect) []protocol.Effect {
		return sorted(effects, func(e *protocol.Effect) bool { return e.Op == protocol.OpSend })
	}},
	{"sends before it syncs", func(effects []protocol.Effect) []protocol.Effect {
		return sorted(effects, func(e *protocol.Effect) bool { return e.Op != protocol.OpSync })
	}},
	{"never syncs", func(effects []protocol.Effect) []protocol.Effect {
		return sorted(effects, func(e *protocol.Effect) bool { return e.Op != protocol.OpSync })[:len(effects)-syncs(effects)]
	}},
	{"delivers before it persists", func(effects []protocol.Effect) []protocol.Effect {
		return sorted(effects, func(e *protocol.Effect) bool { return e.Op == protocol.OpOutput })
	}},
}

// sorted puts the effects that come first before the others.
func sorted(effects []protocol.Effect, first func(e *protocol.Effect) bool) (out []protocol.Effect) {
	for _, want := range []bool{true, false} {
		for i := range effects {
			if first(&effects[i]) == want {
				out = append(out, effects[i])
			}
		}
	}
	return out
}

func syncs(effects []protocol.Effect) (n int) {
	for i := range effects {
		if effects[i].Op == protocol.OpSync {
			n++
		}
	}
	return n
}

func TestMisuseOfTheLibraryIsCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			for seed := *flagFirst; seed < *flagFirst+1000; seed++ {
				w := newWorld(sizeOf(seed), seed)
				w.mutant = m.does
				if wrong := w.run(); wrong != "" {
					t.Logf("seed %d: %s", seed, wrong)
					return
				}
			}
			t.Errorf("nobody notices in 1000 seeds")
		})
	}
}
