package check_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

func TestAnOrderViolationCarriesBothSequencesAroundIt(t *testing.T) {
	c := check.SameOrder("order", sim.Output, func(e *sim.Event) (check.Position, bool) {
		return check.Position{Index: e.Tag, Item: string(e.Body)}, true
	}, func(item string) string { return "item " + item })
	step := uint64(0)
	put := func(node protocol.NodeID, place uint64, item string) {
		step++
		c.Observe(&sim.Event{What: sim.Output, Node: node, Incarnation: 1, Tag: place, Body: []byte(item), Step: step})
	}
	for i := range uint64(30) {
		put(0, i, fmt.Sprint(i))
	}
	for i := range uint64(12) {
		put(1, i, fmt.Sprint(i))
	}
	put(1, 12, "x")
	put(1, 13, "y")
	r := c.Result(0)
	if r.Verdict != check.Violation || r.Evidence == nil || len(r.Evidence.Sequences) != 2 {
		t.Fatalf("%+v", r)
	}
	usual, other := r.Evidence.Sequences[0], r.Evidence.Sequences[1]
	if usual.Name != "node 0" || other.Name != "node 1" || usual.First != 4 || other.First != 4 || len(usual.Items) != 16 || len(other.Items) != 9 {
		t.Errorf("%s from %d: %v; %s from %d: %v", usual.Name, usual.First, usual.Items, other.Name, other.First, other.Items)
	}
	for i, item := range usual.Items {
		if want := (check.Item{Text: fmt.Sprint("item ", 4+i), Step: uint64(5 + i)}); item != want {
			t.Errorf("%+v, want %+v", item, want)
		}
		if i < 8 && other.Items[i].Text != item.Text {
			t.Errorf("place %d: %q and %q", 4+i, item.Text, other.Items[i].Text)
		}
	}
	if want := (check.Item{Text: "item x", Step: 43}); other.Items[8] != want {
		t.Errorf("it ends in %+v, want %+v", other.Items[8], want)
	}
}

func TestEvidenceGoesWithTheViolationAlone(t *testing.T) {
	evidence := &check.Evidence{History: []check.Operation{{Who: "a", Text: "b", Return: protocol.MaxTime, Wrong: true}}}
	wrong := evidence.With(errors.New("it is wrong"))
	if wrong.Error() != "it is wrong" {
		t.Errorf("the error says %q", wrong)
	}
	for name, c := range map[string]*check.Check{
		"finally":    check.Finally("f", func() (uint64, error) { return 1, wrong }),
		"eventually": check.Eventually("e", 5, func() (uint64, error) { return 1, fmt.Errorf("so: %w", wrong) }),
	} {
		if r := c.Result(10); r.Verdict != check.Violation || !reflect.DeepEqual(r.Evidence, evidence) {
			t.Errorf("%s: %s with %+v", name, r.Verdict, r.Evidence)
		}
	}
	early := check.Eventually("e", 50, func() (uint64, error) { return 1, wrong })
	if r := early.Result(10); r.Verdict != check.Inconclusive || r.Evidence != nil {
		t.Errorf("too early: %s with %+v", r.Verdict, r.Evidence)
	}
	plain := check.Finally("p", func() (uint64, error) { return 1, errors.New("plain") })
	if r := plain.Result(10); r.Evidence != nil {
		t.Errorf("no evidence: %+v", r.Evidence)
	}
}

func TestAViolationSeenAtTheEndCanTellWhatShowsIt(t *testing.T) {
	evidence := &check.Evidence{History: []check.Operation{{Who: "a"}}}
	for name, wrong := range map[string]error{
		"outside": check.Shown(evidence.With(errors.New("wrong")), 4, 7),
		"inside":  evidence.With(check.Shown(errors.New("wrong"), 4, 7)),
	} {
		r := check.Finally("f", func() (uint64, error) { return 1, wrong }).Result(10)
		if r.Verdict != check.Violation || r.Detail != "wrong" || r.At != 4 || r.Step != 7 || r.Evidence != evidence {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTheEarliestViolationComesFirst(t *testing.T) {
	bad := func(name string, step uint64) check.Result {
		return check.Result{Name: name, Verdict: check.Violation, Step: step}
	}
	all := []check.Result{{Name: "fine", Verdict: check.Pass, Step: 1}, bad("end", 0), bad("late", 9), bad("early", 4), bad("too", 4)}
	for n, want := range map[int]string{2: "end", 3: "late", 4: "early", 5: "early"} {
		if got := check.Earliest(all[:n]); got == nil || got.Name != want {
			t.Errorf("of %d: %+v, want %s", n, got, want)
		}
	}
	if got := check.Earliest(all[:1]); got != nil {
		t.Errorf("of a pass: %+v", got)
	}
}
