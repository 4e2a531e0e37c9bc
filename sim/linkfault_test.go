package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// bells is a plan in which each node sends its time to every other one at 10, 20,
// ... and each hears it 5 later if nothing is wrong.
func bells(nodes, times int, faults ...fault.Fault) Plan {
	return Plan{
		Nodes: nodes,
		Link:  Link{Delay: 5},
		Node: scripts(script{
			start: func(env *protocol.Env) { env.SetTimer(10, 1) },
			timeout: func(env *protocol.Env, tag uint64) {
				for to := range protocol.NodeID(nodes) {
					env.Send(to, kindT, fmt.Append(nil, "at", env.Now()))
				}
				if tag < uint64(times) {
					env.SetTimer(10, tag+1)
				}
			},
		}),
		Faults: faults,
	}
}

// heard returns "10+5 20+7", when each message from one node to the other was sent and
// how long it took, or "10~5" if the bytes are others.
func heard(c *collector, to, from protocol.NodeID) string {
	var got []string
	for _, e := range c.events {
		if e.What == Received && e.Node == to && e.Peer == from {
			text, whole := strings.CutPrefix(string(e.Body), "at")
			if at, err := time.ParseDuration(text); whole && err == nil {
				got = append(got, fmt.Sprintf("%d+%d", at, e.At-protocol.Time(at)))
			} else {
				got = append(got, fmt.Sprintf("~%d", e.At))
			}
		}
	}
	return strings.Join(got, " ")
}

// announced returns "injected 10", "lifted 20", ...
func announced(c *collector) string {
	var got []string
	for _, e := range c.events {
		if e.What&(Injected|Lifted) != 0 {
			got = append(got, fmt.Sprintf("%v %d", e.What, e.At))
		}
	}
	return strings.Join(got, ", ")
}

const (
	all4  = "10+5 20+5 30+5 40+5"
	gap23 = "10+5 40+5" // of what is lost from 20 to 30
)

func TestWhatEachFaultOfLinksDoes(t *testing.T) {
	sure := protocol.Ratio{Num: 1, Den: 1}
	for _, test := range []struct {
		f     fault.Fault
		heard map[[2]protocol.NodeID]string // from, to; the others hear all
		count func(r *Result) uint64
		want  uint64
	}{
		{fault.Fault{Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2}}, For: 20},
			map[[2]protocol.NodeID]string{{0, 2}: gap23, {1, 2}: gap23, {2, 0}: gap23, {2, 1}: gap23},
			func(r *Result) uint64 { return r.Faults.Cut }, 8},
		{fault.Fault{Op: fault.Cut, Groups: [][]protocol.NodeID{{0}, nil}, For: 20},
			map[[2]protocol.NodeID]string{{0, 1}: gap23, {0, 2}: gap23, {0, 3}: gap23, {0, 4}: gap23},
			func(r *Result) uint64 { return r.Faults.Cut }, 8},
		{fault.Fault{Op: fault.Ring, Groups: [][]protocol.NodeID{{0, 1, 2, 4}}, For: 20},
			map[[2]protocol.NodeID]string{{0, 2}: gap23, {2, 0}: gap23, {1, 4}: gap23, {4, 1}: gap23},
			func(r *Result) uint64 { return r.Faults.Cut }, 8},
		{fault.Fault{Op: fault.Cut, Groups: [][]protocol.NodeID{{0}, {1}}, For: 25, Every: 10},
			map[[2]protocol.NodeID]string{{0, 1}: "10+5 30+5"},
			func(r *Result) uint64 { return r.Faults.Cut }, 2},
		{fault.Fault{Op: fault.Deaf, Node: 3, For: 20},
			map[[2]protocol.NodeID]string{{0, 3}: gap23, {1, 3}: gap23, {2, 3}: gap23, {4, 3}: gap23},
			func(r *Result) uint64 { return r.Faults.Cut }, 8},
		{fault.Fault{Op: fault.Mute, Node: 3, For: 25, Every: 10},
			map[[2]protocol.NodeID]string{{3, 0}: "10+5 30+5", {3, 1}: "10+5 30+5", {3, 2}: "10+5 30+5", {3, 4}: "10+5 30+5"},
			func(r *Result) uint64 { return r.Faults.Cut }, 8},
		{fault.Fault{Op: fault.Clog, Groups: [][]protocol.NodeID{{0, 2}, {1}}, For: 18},
			map[[2]protocol.NodeID]string{{0, 1}: "10+5 20+23 30+13 40+5", {2, 1}: "10+5 20+23 30+13 40+5"},
			func(r *Result) uint64 { return r.Faults.Clogged }, 4},
		{fault.Fault{Op: fault.Slow, Groups: [][]protocol.NodeID{nil, {1}}, By: 3, For: 20},
			map[[2]protocol.NodeID]string{{0, 1}: "10+5 20+8 30+8 40+5", {2, 1}: "10+5 20+8 30+8 40+5", {3, 1}: "10+5 20+8 30+8 40+5", {4, 1}: "10+5 20+8 30+8 40+5"},
			func(r *Result) uint64 { return r.Faults.Slowed }, 8},
		{fault.Fault{Op: fault.Slow, Groups: [][]protocol.NodeID{nil, {1}}, By: 3, For: 20, Only: protocol.KindOf("other")}, nil,
			func(r *Result) uint64 { return r.Faults.Slowed }, 0},
		{fault.Fault{Op: fault.Lose, Groups: [][]protocol.NodeID{{3}, {1}}, Rate: sure, For: 20},
			map[[2]protocol.NodeID]string{{3, 1}: gap23},
			func(r *Result) uint64 { return r.Faults.Lost }, 2},
		{fault.Fault{Op: fault.Copy, Groups: [][]protocol.NodeID{{3}, {1}}, Rate: sure, For: 20},
			map[[2]protocol.NodeID]string{{3, 1}: "10+5 20+5 20+5 30+5 30+5 40+5"},
			func(r *Result) uint64 { return r.Faults.Copied }, 2},
		{fault.Fault{Op: fault.Corrupt, Groups: [][]protocol.NodeID{{3}, {1}}, Rate: sure, For: 20},
			map[[2]protocol.NodeID]string{{3, 1}: "10+5 ~25 ~35 40+5"},
			func(r *Result) uint64 { return r.Faults.Corrupted }, 2},
	} {
		test.f.ID, test.f.At = 1, 20
		r, c := run(t, bells(5, 4, test.f), nil)
		for from := range protocol.NodeID(5) {
			for to := range protocol.NodeID(5) {
				want, hit := test.heard[[2]protocol.NodeID{from, to}]
				if !hit {
					want = all4
				}
				if got := heard(c, to, from); got != want {
					t.Errorf("%v: %v hears from %v %q, want %q", test.f, to, from, got, want)
				}
			}
		}
		if n := test.count(&r); n != test.want {
			t.Errorf("%v: counted %d, want %d: %+v", test.f, n, test.want, r.Faults)
		}
		want := fmt.Sprintf("injected 20, lifted %d", 20+test.f.For)
		if test.f.Every > 0 {
			want = "injected 20, lifted 30, injected 40, lifted 45"
		}
		if got := announced(c); got != want {
			t.Errorf("%v: observers see %q, want %q", test.f, got, want)
		}
	}
}

func TestWhatANodeSendsToItselfCrossesNoLink(t *testing.T) {
	bad := Link{Delay: 7, Jitter: 3, Loss: protocol.Percent(50), Copy: protocol.Percent(50), FIFO: true}
	for name, change := range map[string]func(p *Plan){
		"all links are bad":    func(p *Plan) { p.Link = bad; p.Link.Delay = 5 },
		"its links are bad":    func(p *Plan) { p.Links = []LinkRule{{1, Any, bad}} },
		"links to it are bad":  func(p *Plan) { p.Links = []LinkRule{{Any, 1, bad}} },
		"it is down meanwhile": func(p *Plan) { p.Faults = []fault.Fault{{Op: fault.Crash, Node: 1, At: 22, For: 2}} },
	} {
		plan := bells(2, 4)
		change(&plan)
		want := all4
		if len(plan.Faults) > 0 {
			want = "10+5 20+5 34+5 44+5 54+5 64+5" // the second arrives at the next incarnation
		}
		_, c := run(t, plan, source.Seed(1))
		if got := heard(c, 1, 1); got != want {
			t.Errorf("%s: node 1 hears itself %q, want %q", name, got, want)
		}
	}
	lost := bells(2, 2, fault.Fault{Op: fault.Crash, Node: 1, At: 22, For: 5})
	if _, c := run(t, lost, nil); heard(c, 1, 1) != "10+5 37+5 47+5" {
		t.Errorf("node 1, down when what it sent arrives, hears itself %q", heard(c, 1, 1))
	}
}

func TestNobodyIsCutOffFromItself(t *testing.T) {
	for _, op := range []fault.Op{fault.Cut, fault.Clog, fault.Slow, fault.Lose, fault.Copy, fault.Corrupt} {
		f := fault.Fault{Op: op, Groups: [][]protocol.NodeID{nil, nil}, For: 90}
		switch op {
		case fault.Slow:
			f.By = 1
		case fault.Lose, fault.Copy, fault.Corrupt:
			f.Rate = protocol.Percent(100)
		}
		_, c := run(t, bells(2, 4, f), nil)
		if got := heard(c, 1, 1); got != all4 {
			t.Errorf("under %v node 1 hears itself %q", f, got)
		}
	}
}

func TestFaultsOfLinksCombine(t *testing.T) {
	pair := [][]protocol.NodeID{{0}, {1}}
	r, c := run(t, bells(2, 4,
		fault.Fault{ID: 1, Op: fault.Slow, By: 3, Groups: pair}, fault.Fault{ID: 2, Op: fault.Slow, By: 4, Groups: pair, At: 15},
		fault.Fault{ID: 3, Op: fault.Clog, At: 25, For: 10, Groups: pair}, fault.Fault{ID: 4, Op: fault.Clog, At: 28, For: 5, Groups: pair},
		fault.Fault{ID: 5, Op: fault.Copy, At: 35, Rate: protocol.Percent(100), Groups: pair}, fault.Fault{ID: 6, Op: fault.Copy, At: 35, Rate: protocol.Percent(100), Groups: pair},
	), nil)
	if got, want := heard(c, 1, 0), "10+8 20+12 30+17 40+12 40+12 40+12"; got != want {
		t.Errorf("1 hears from 0 %q, want %q", got, want)
	}
	if r.Faults.Slowed != 6 || r.Faults.Clogged != 1 || r.Faults.Copied != 2 || r.Copied != 2 {
		t.Errorf("got %+v", r)
	}
}

// A fault of links meets what is sent while it is there, not what travels then.
func TestMessagesUnderWayTravelOn(t *testing.T) {
	_, c := run(t, bells(2, 2, fault.Fault{ID: 1, Op: fault.Cut, At: 11, For: 9, Groups: [][]protocol.NodeID{nil, nil}}), nil)
	if got := heard(c, 1, 0); got != "10+5 20+5" {
		t.Errorf("got %q, want what was sent before the cut at 11 and at its end at 20", got)
	}
}

// Each fault has its own questions: one more leaves the answers to the others.
func TestTheQuestionsOfOneFaultAreNotThoseOfAnother(t *testing.T) {
	lost := func(faults ...fault.Fault) (by []string) {
		plan := bells(2, 200, faults...)
		_, c := run(t, plan, source.Seed(3))
		for _, e := range c.events {
			if e.What == Lost && e.Node == 0 {
				by = append(by, string(e.Body))
			}
		}
		return by
	}
	lose := func(id uint64) fault.Fault {
		return fault.Fault{ID: id, Op: fault.Lose, Rate: protocol.Percent(30), Groups: [][]protocol.NodeID{{0}, {1}}}
	}
	one, two, both := lost(lose(1)), lost(lose(2)), lost(lose(1), lose(2))
	if slices.Equal(one, two) {
		t.Error("two faults lose the same messages")
	}
	for _, s := range append(slices.Clone(one), two...) {
		if !slices.Contains(both, s) {
			t.Errorf("both lose %d messages, but not that of %s, which one alone loses", len(both), s)
		}
	}
	for _, s := range both {
		if !slices.Contains(one, s) && !slices.Contains(two, s) {
			t.Errorf("that of %s is lost by both alone", s)
		}
	}
}

// What is corrupted has the same length and one to four other bytes, and those who
// get the same message whole do not see them.
func TestCorruptionChangesOneToFourBytesOfOneMessage(t *testing.T) {
	var changes [6]int
	property := func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "body")
		plan := Plan{Nodes: 4, Poison: rapid.Bool().Draw(t, "poison")}
		plan.Node = scripts(script{receive: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
			if from == protocol.Outside {
				for to := range protocol.NodeID(4) {
					env.Send(to, kindT, msg)
				}
			}
		}})
		plan.Inputs = []Input{input(1, 10, 0, string(body))}
		plan.Faults = []fault.Fault{{Op: fault.Corrupt, Rate: protocol.Percent(100), Groups: [][]protocol.NodeID{{0}, {2}}}}
		if rapid.Bool().Draw(t, "twice") {
			plan.Faults = append(plan.Faults, fault.Fault{ID: 1, Op: fault.Corrupt, Rate: protocol.Percent(50), Groups: [][]protocol.NodeID{{0}, {2}}})
		}
		_, c := run(t, plan, source.Seed(rapid.Uint64().Draw(t, "seed")))
		var shown []byte
		for _, e := range c.events {
			switch {
			case e.What == Corrupted:
				shown = e.Body
			case e.What == Sent && !bytes.Equal(e.Body, body):
				t.Fatalf("%x is sent, want %x", e.Body, body)
			case e.What == Received && e.Peer == 0 && e.Node != 2 && !bytes.Equal(e.Body, body):
				t.Fatalf("node %v receives %x, want %x", e.Node, e.Body, body)
			case e.What == Received && e.Node == 2:
				differ := 0
				for i := range e.Body {
					if e.Body[i] != body[i] {
						differ++
					}
				}
				changes[differ]++
				if len(e.Body) != len(body) || !bytes.Equal(e.Body, shown) || differ > 4 || differ == 0 && len(body) > 0 {
					t.Fatalf("%x becomes %x, shown as %x", body, e.Body, shown)
				}
			}
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if slices.Contains(changes[:5], 0) {
		t.Errorf("vacuous: numbers of changed bytes are %v", changes)
	}
}

func TestFaultsOfLinksAllocateNothing(t *testing.T) {
	plan := bells(6, 1<<40)
	plan.Link.Delay, plan.Until = 5*time.Nanosecond, protocol.MaxTime
	pair := [][]protocol.NodeID{{0, 1, 2}, nil}
	for i, op := range []fault.Op{fault.Slow, fault.Lose, fault.Copy, fault.Corrupt, fault.Cut} {
		f := fault.Fault{ID: uint64(i), Op: op, Groups: pair, For: time.Hour}
		switch op {
		case fault.Slow:
			f.By = 2
		case fault.Cut:
			f.Every = 10
		default:
			f.Rate = protocol.Percent(20)
		}
		plan.Faults = append(plan.Faults, f)
	}
	plan.Node = scripts(script{
		start: func(env *protocol.Env) { env.SetTimer(10, 1) },
		timeout: func(env *protocol.Env, tag uint64) {
			env.SetTimer(10, 1)
			for to := range protocol.NodeID(6) {
				env.Send(to, kindT, loadOf100[:])
			}
		},
	})
	s := mustNew(t, plan, source.Seed(1))
	step := func() {
		for range 5000 {
			s.Step()
		}
	}
	for range 10 {
		step()
	}
	if n := testing.AllocsPerRun(10, step); n > 0 {
		t.Errorf("%v allocations in 5000 steps, want 0", n)
	}
}

var loadOf100 [100]byte
