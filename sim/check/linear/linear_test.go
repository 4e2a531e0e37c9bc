package linear_test

import (
	"reflect"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// swap writes a new value into a register and returns the value before, if that is what it
// expects or if it expects any.
type swap struct {
	key, old, new uint64
	any           bool
}

type found struct {
	value uint64
	ok    bool
}

var registers = linear.Model[uint64, swap, found]{
	Step: func(state uint64, in swap, out *found) (uint64, bool) {
		takes := in.any || in.old == state
		ok := out == nil || *out == found{state, takes}
		if takes {
			state = in.new
		}
		return state, ok
	},
	Part: func(in swap) string { return string('a' + rune(in.key)) },
}

type op = linear.Op[swap, found]

// explained tries all orders: the slow twin.
func explained(left []*op, state uint64) bool {
	if !slices.ContainsFunc(left, func(o *op) bool { return o.Output != nil }) {
		return true // the others need not happen
	}
	for i, o := range left {
		if slices.ContainsFunc(left, func(p *op) bool { return p.Output != nil && p.Return < o.Call }) {
			continue // something had ended when it began
		}
		next, ok := registers.Step(state, o.Input, o.Output)
		if ok && explained(slices.Delete(slices.Clone(left), i, i+1), next) {
			return true
		}
	}
	return false
}

// at returns an event, whose step is ten times less than its time.
func at(client protocol.NodeID, t protocol.Time) *sim.Event {
	return &sim.Event{Node: client, At: t, Step: uint64(t) / 10}
}

// record draws a history on two keys, and returns what happened to each.
func record(t *rapid.T) (*linear.History[uint64, swap, found], [2][]*op) {
	h := linear.NewHistory(registers)
	var keys [2][]*op
	for i := range rapid.IntRange(0, 7).Draw(t, "operations") {
		small := rapid.Uint64Range(0, 2)
		call := protocol.Time(rapid.IntRange(0, 9).Draw(t, "call"))
		o := &op{Client: protocol.NodeID(i % 3), Call: call, Return: call + protocol.Time(rapid.IntRange(0, 5).Draw(t, "for")),
			Input: swap{small.Draw(t, "key") % 2, small.Draw(t, "old"), small.Draw(t, "new"), rapid.Bool().Draw(t, "any")}}
		h.Call(at(o.Client, o.Call), uint64(i), o.Input)
		if rapid.IntRange(0, 4).Draw(t, "answered") > 0 {
			o.Output = &found{small.Draw(t, "found"), true}
			o.Output.ok = o.Input.any || o.Input.old == o.Output.value
			h.Return(at(o.Client, o.Return), uint64(i), *o.Output)
		}
		keys[o.Input.key] = append(keys[o.Input.key], o)
	}
	return h, keys
}

func TestVerdictsAreThoseOfTryingAllOrders(t *testing.T) {
	verdicts := make(map[check.Verdict]int)
	property := func(t *rapid.T) {
		h, keys := record(t)
		want := check.Pass
		switch {
		case !explained(keys[0], 0) || !explained(keys[1], 0):
			want = check.Violation
		case !slices.ContainsFunc(slices.Concat(keys[0], keys[1]), func(o *op) bool { return o.Output != nil }):
			want = check.Inconclusive
		}
		verdicts[want]++
		if r := h.Linearizable("registers").Result(100); r.Verdict != want {
			t.Fatalf("%v %s, by trying all orders %v", r.Verdict, r.Detail, want)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if len(verdicts) != 3 {
		t.Errorf("verdicts %v: the test is vacuous", verdicts)
	}
}

func TestTheFirstAnswerThatNoOrderExplainsIsShown(t *testing.T) {
	h := linear.NewHistory(registers)
	h.Call(at(1, 10), 0, swap{new: 5, any: true})
	h.Call(at(1, 12), 0, swap{new: 5, any: true}) // asked again
	h.Call(at(2, 15), 0, swap{key: 1, new: 9, any: true})
	h.Return(at(1, 20), 0, found{0, true})
	h.Return(at(1, 22), 0, found{7, true}) // too late to count
	h.Call(at(2, 30), 1, swap{old: 1, new: 1})
	h.Return(at(2, 40), 1, found{0, false}) // it is 5
	h.Call(at(3, 35), 0, swap{new: 6, any: true})
	h.Return(at(3, 50), 0, found{8, true}) // wrong, too
	r := h.Linearizable("registers").Result(100)
	if want := "no order of 3 operations on a explains {0 1 1 false}: {0 false}, by client 2 from 30ns to 40ns"; r.Detail != want || r.Exercised != 3 || r.At != 40 || r.Step != 4 {
		t.Errorf("%+v, want %q at step 4", r, want)
	}
	want := []check.Operation{
		{Who: "client 1", Text: "{0 0 5 true}: {0 true}", Call: 10, Return: 20},
		{Who: "client 2", Text: "{0 1 1 false}: {0 false}", Call: 30, Return: 40, Wrong: true},
		{Who: "client 3", Text: "{0 0 6 true}", Call: 35, Return: protocol.MaxTime},
	}
	if r.Evidence == nil || !reflect.DeepEqual(r.Evidence.History, want) {
		t.Errorf("evidence %+v, want %+v", r.Evidence, want)
	}
}

func TestAnAnswerThatNobodyAskedForIsAViolation(t *testing.T) {
	h := linear.NewHistory(registers)
	h.Return(at(4, 30), 7, found{})
	if r := h.Linearizable("registers").Result(100); r.Verdict != check.Violation {
		t.Errorf("%v %s", r.Verdict, r.Detail)
	}
}

// Of 40 writes without an answer, any may have happened, in any order.
func TestASearchThatRunsOutOfStepsIsInconclusive(t *testing.T) {
	model := registers
	model.Steps = 2000
	for name, c := range map[string]struct {
		last  swap // the only one with an answer
		found uint64
		want  check.Verdict
	}{
		"none could be seen": {swap{key: 1, any: true}, 7, check.Violation},
		"what nobody wrote":  {swap{any: true}, 99, check.Inconclusive},
	} {
		h := linear.NewHistory(model)
		for i := range uint64(40) {
			h.Call(at(1, 1), i, swap{new: i, any: true})
		}
		h.Call(at(2, 2), 0, c.last)
		h.Return(at(2, 3), 0, found{c.found, true})
		if r := h.Linearizable("registers").Result(100); r.Verdict != c.want {
			t.Errorf("%s: %v %s, want %v", name, r.Verdict, r.Detail, c.want)
		}
	}
}

// Swaps that find another value change nothing, so there is nothing to try.
func TestUnansweredOperationsThatChangeNothingCostNoSearch(t *testing.T) {
	model := registers
	model.Steps = 200
	h := linear.NewHistory(model)
	for i := range uint64(40) {
		h.Call(at(1, 1), i, swap{old: 50 + i, new: 1})
	}
	h.Call(at(2, 2), 0, swap{any: true})
	h.Return(at(2, 3), 0, found{99, true})
	if r := h.Linearizable("registers").Result(100); r.Verdict != check.Violation {
		t.Errorf("%v %s", r.Verdict, r.Detail)
	}
}
