package story_test

import (
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
)

// hung is a register that says at the letter d what became of a goroutine, and forgets the letter.
type hung struct {
	register
	kind protocol.Kind
}

func (h *hung) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if string(msg) == "d" && from != protocol.Outside {
		env.Note(h.kind, "a.go:1/0fe is stuck")
		return
	}
	h.register.Receive(env, from, msg)
}

// leaver ends at the letter d, as a program.
type leaver struct{ hung }

func (l *leaver) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if string(msg) == "d" && from != protocol.Outside {
		env.Note(protocol.KindOf("go.exit"), "the program returned: no more")
		return
	}
	l.register.Receive(env, from, msg)
}

func TestAStoryTellsHowAProgramEnded(t *testing.T) {
	s, _ := made(t, registers(func() protocol.Node { return &leaver{} }), "-faults none", 1)
	lines := s.Lines()
	if !slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(l, "node 1 receives set d from 0; the program returned: no more")
	}) {
		t.Errorf("the end of a program is not told:\n%s", strings.Join(lines, "\n"))
	}
}

// No cause leads from the note to the violation: only its kind has it told.
func TestAStoryTellsWhatBecameOfGoroutines(t *testing.T) {
	for kind, want := range map[string]bool{"go.order": true, "go.yield": true, "go.stall": true, "go.panics": true, "go.turns": false} {
		node := func() protocol.Node { return &hung{kind: protocol.KindOf(kind)} }
		s, r := made(t, registers(node), "-faults none", 1)
		if o := r.Outcome(); o.Check() != "no letter is missing" {
			t.Fatalf("the run with a note of kind %s ends with %q", kind, o.Check())
		}
		lines := s.Lines()
		if told := slices.ContainsFunc(lines, func(l string) bool {
			return strings.Contains(l, "node 1 receives set d from 0; goroutine a.go:1/0fe is stuck")
		}); told != want {
			t.Errorf("a note of kind %s is told: %v, want %v\n%s", kind, told, want, strings.Join(lines, "\n"))
		}
	}
}
