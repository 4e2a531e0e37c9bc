package check_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

func ExampleConclude() {
	c := check.Always("no odd output", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Body[0]%2 == 1 {
			return true, fmt.Errorf("node %v put out %d", e.Node, e.Body[0])
		}
		return true, nil
	})
	c.Observe(&sim.Event{What: sim.Output, Node: 1, Body: []byte{4}, At: 5})
	c.Observe(&sim.Event{What: sim.Output, Node: 2, Body: []byte{7}, At: 9})
	results := check.Suite{c}.Results(10)
	fmt.Println(check.Conclude(results), results[0].At, results[0].Detail)
	// Output: violation 9ns node 2 put out 7
}

func TestWhatWasNeverExercisedDoesNotPass(t *testing.T) {
	none := func() (uint64, error) { return 0, nil }
	for _, c := range []*check.Check{
		check.Always("always", sim.Output, func(*sim.Event) (bool, error) { return false, nil }),
		check.SameOrder("order", sim.Output, func(*sim.Event) (check.Position, bool) { return check.Position{}, false }, strings.ToUpper),
		check.Sometimes("sometimes", check.EachRun, sim.Output, func(*sim.Event) bool { return false }),
		check.Eventually("eventually", 0, none),
		check.Finally("finally", none),
	} {
		c.Observe(&sim.Event{What: sim.Output})
		r := c.Result(1)
		if r.Verdict != check.Inconclusive || r.Detail == "" {
			t.Errorf("%s unexercised is %v %q, want inconclusive with a reason", r.Name, r.Verdict, r.Detail)
		}
	}
}

func TestTheVerdictOfARunFollowsFromItsChecks(t *testing.T) {
	for _, c := range []struct {
		checks []check.Verdict
		want   check.Verdict
	}{
		{nil, check.Inconclusive},
		{[]check.Verdict{check.NotApplicable}, check.Inconclusive},
		{[]check.Verdict{check.Unseen}, check.Inconclusive},
		{[]check.Verdict{check.Pass, check.NotApplicable, check.Unseen}, check.Pass},
		{[]check.Verdict{check.Pass, check.Inconclusive}, check.Inconclusive},
		{[]check.Verdict{check.Inconclusive, check.Violation, check.Pass}, check.Violation},
	} {
		var rs []check.Result
		for _, v := range c.checks {
			rs = append(rs, check.Result{Verdict: v})
		}
		if got := check.Conclude(rs); got != c.want {
			t.Errorf("%v conclude to %v, want %v", c.checks, got, c.want)
		}
	}
}

func TestEventuallyCutShortIsInconclusiveAndOverdueAViolation(t *testing.T) {
	missing := func() (uint64, error) { return 3, errors.New("node 2 has not decided") }
	c := check.Eventually("decided", 100, missing)
	if (check.Suite{c}).Done() {
		t.Error("done although an Eventually does not hold")
	}
	if r := c.Result(99); r.Verdict != check.Inconclusive {
		t.Errorf("before its bound: %v", r.Verdict)
	}
	if r := c.Result(100); r.Verdict != check.Violation || r.Detail != "node 2 has not decided" || r.Exercised != 3 {
		t.Errorf("at its bound: %+v", r)
	}
}

func TestAJudgeThatGivesUpIsInconclusiveUnlessItFindsSomething(t *testing.T) {
	gives := check.Undecided("it took too long")
	always := check.Always("always", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Step == 3 {
			return true, errors.New("wrong")
		}
		return true, gives
	})
	finally := check.Finally("finally", func() (uint64, error) { return 1, fmt.Errorf("so: %w", gives) })
	for step := range uint64(2) {
		always.Observe(&sim.Event{What: sim.Output, Step: step})
	}
	for _, c := range []*check.Check{always, finally} {
		if r := c.Result(9); r.Verdict != check.Inconclusive || !strings.Contains(r.Detail, "it took too long") {
			t.Errorf("%s: %v %q", r.Name, r.Verdict, r.Detail)
		}
	}
	always.Observe(&sim.Event{What: sim.Output, Step: 3})
	if r := always.Result(9); r.Verdict != check.Violation || r.Step != 3 {
		t.Errorf("%v %q", r.Verdict, r.Detail)
	}
}

// deliver feeds SameOrder with deliveries "node:index:item" of incarnation 1.
func deliver(t *testing.T, events ...sim.Event) check.Result {
	t.Helper()
	c := check.SameOrder("order", sim.Output, func(e *sim.Event) (check.Position, bool) {
		return check.Position{Index: e.Tag, Item: e.Text}, true
	}, strings.ToUpper)
	for i := range events {
		e := events[i]
		e.What, e.At, e.Step = sim.Output, protocol.Time(i), uint64(i)+1
		if e.Incarnation == 0 {
			e.Incarnation = 1
		}
		c.Observe(&e)
	}
	return c.Result(protocol.Time(len(events)))
}

// A safety check has no bound: however early the run ends, what was wrong was wrong.
// Nor does a run go on for its sake.
func TestFinallyJudgesOnceWheneverTheRunEnds(t *testing.T) {
	judged, wrong := 0, errors.New("two leaders")
	c := check.Finally("one leader", func() (uint64, error) { judged++; return 3, wrong })
	s := check.Suite{c}
	if !s.Done() || len(s.Observers()) != 0 || judged != 0 {
		t.Errorf("it is judged %d times before the end, or waited for, or shown events", judged)
	}
	if r := c.Result(1); r.Verdict != check.Violation || r.Detail != "two leaders" || r.At != 1 || r.Exercised != 3 || judged != 1 {
		t.Errorf("judged %d times: %+v", judged, r)
	}
	if wrong = nil; c.Result(1).Verdict != check.Pass {
		t.Errorf("%+v, want a pass", c.Result(1))
	}
}

func TestSameOrderAcceptsPrefixesAlone(t *testing.T) {
	for name, c := range map[string]struct {
		events []sim.Event
		want   check.Verdict
		detail string
	}{
		"one prefix of the other": {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 1, Text: "b"}, {Node: 1, Tag: 0, Text: "a"}}, check.Pass, ""},
		"swapped": {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 1, Text: "b"}, {Node: 1, Tag: 0, Text: "b"}}, check.Violation,
			"node 1 has B as number 0, where node 0 has A since step 1"},
		"gap":              {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 2, Text: "c"}}, check.Violation, "node 0 has C as number 2 after number 0"},
		"repeated":         {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 0, Text: "a"}}, check.Violation, "node 0 has A as number 0 after number 0"},
		"again, restarted": {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 0, Text: "a", Incarnation: 2}}, check.Pass, ""},
		"another, restarted": {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}, {Node: 0, Tag: 0, Text: "b", Incarnation: 2}}, check.Violation,
			"node 0 has B as number 0, where node 0 has A since step 1"},
		"one node alone": {[]sim.Event{{Node: 0, Tag: 0, Text: "a"}}, check.Inconclusive, "never exercised: nothing happened that it could judge"},
	} {
		if r := deliver(t, c.events...); r.Verdict != c.want || r.Detail != c.detail {
			t.Errorf("%s: %v %q, want %v %q", name, r.Verdict, r.Detail, c.want, c.detail)
		}
	}
}

func TestARunIsBoundByAllThatMustComeAndAllThatThePlanBrings(t *testing.T) {
	const s = protocol.Time(time.Second)
	must := func(bound protocol.Time) *check.Check {
		return check.Eventually("it comes", bound, func() (uint64, error) { return 1, nil })
	}
	never := check.Always("it never comes", sim.Output, func(*sim.Event) (bool, error) { return false, nil })
	for _, c := range []struct {
		suite check.Suite
		plan  sim.Plan
		want  protocol.Time
	}{
		{nil, sim.Plan{}, 0},
		{check.Suite{never}, sim.Plan{}, 0},
		{check.Suite{must(5 * s), never, must(3 * s)}, sim.Plan{}, 5 * s},
		{check.Suite{must(5 * s)}.Skipped("unwanted"), sim.Plan{}, 0},
		{check.Suite{must(99 * s)}, sim.Plan{}, 99 * s},
		{check.Suite{must(5 * s)}, sim.Plan{Inputs: []sim.Input{{At: 7 * s}}}, 7 * s},
		{check.Suite{must(5 * s)}, sim.Plan{Starts: []protocol.Time{8 * s, 0}}, 8 * s},
		{check.Suite{must(5 * s)}, sim.Plan{Faults: []fault.Fault{{At: 6 * s, For: 3 * time.Second}, {Op: fault.Heal, At: fault.Never}}}, 9 * s},
	} {
		if got := c.suite.Bound(&c.plan); got != c.want {
			t.Errorf("%+v: bound %v, want %v", c.plan, got, c.want)
		}
	}
}
