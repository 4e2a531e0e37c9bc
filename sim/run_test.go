package sim

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

func TestAPanicTellsNodeStepAndTime(t *testing.T) {
	plan := lifers(3)
	plan.Inputs = []Input{input(1, 10, 0, ""), input(2, 20, 2, "boom")}
	plan.Node = scripts(script{receive: func(_ *protocol.Env, _ protocol.NodeID, msg []byte) {
		if string(msg) == "boom" {
			panic("bad state")
		}
	}})
	run := map[string]func(s *Sim){
		"Run":     func(s *Sim) { s.Run() },
		"Advance": func(s *Sim) { s.Advance(100) },
	}
	for name, run := range run {
		func() {
			defer func() {
				p, ok := recover().(*Panic)
				if !ok || p.Node != 2 || p.At != 20 || p.Step != 5 || p.Value != "bad state" {
					t.Fatalf("%s panics with %+v", name, p)
				}
				if want := "node 2 panicked at step 5, 0.000020 ms (receives an input): bad state"; p.Error() != want {
					t.Errorf("got %q, want %q", p.Error(), want)
				}
			}()
			run(mustNew(t, plan, nil))
		}()
	}
}

// panicker is an observer that panics at the start of node 1.
type panicker struct{}

func (panicker) Watch() What { return Started }
func (panicker) Observe(e *Event) {
	if e.Node == 1 {
		panic("bad check")
	}
}

func TestAPanicOutsideOfNodesBlamesNone(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{start: func(env *protocol.Env) { env.SetTimer(5, protocol.Periodic|1) }})}
	plan.Done = func() bool { panic("bad check") }
	for name, s := range map[string]*Sim{
		"observer": mustNew(t, lifers(3), nil, panicker{}),
		"Done":     mustNew(t, plan, nil),
	} {
		func() {
			defer func() {
				p, ok := recover().(*Panic)
				if !ok || p.Node != protocol.Outside || !strings.HasPrefix(p.Error(), "an observer or the simulator panicked at step ") {
					t.Errorf("%s: got %v", name, p)
				}
			}()
			s.Run()
		}()
	}
}

// index panics with a runtime.Error at its first step.
type index []int

func (x index) Start(*protocol.Env)                            { _ = x[len(x)] }
func (x index) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (x index) Timeout(*protocol.Env, uint64)                  {}

func TestAPanicKeepsStackAndError(t *testing.T) {
	defer func() {
		p, _ := recover().(*Panic)
		var err runtime.Error
		if p == nil || p.Node != 0 || !errors.As(p, &err) {
			t.Errorf("got %v, want one that is a runtime.Error", p)
		}
		if stack := string(debug.Stack()); !strings.Contains(stack, "sim.index.Start") {
			t.Errorf("the stack does not lead to the node:\n%s", stack)
		}
	}()
	mustNew(t, Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return index{} }, Until: 1}, nil).Run()
}

func TestAPlanWithoutANodePanicsWithItsNumber(t *testing.T) {
	defer func() {
		if p, ok := recover().(*Panic); !ok || p.Value != "sim: plan makes no node 1" {
			t.Errorf("got %v", p)
		}
	}()
	mustNew(t, Plan{Nodes: 2, Node: func(id protocol.NodeID) protocol.Node {
		if id == 1 {
			return nil
		}
		return script{}
	}}, nil).Run()
}

// keeper keeps what it borrowed, against the rules, and makes it known later.
func keeper(size int, poison bool) Plan {
	body := bytes.Repeat([]byte{'a'}, size)
	var kept []byte
	s := script{
		start: func(env *protocol.Env) {
			for _, rec := range env.Records() {
				kept = rec
			}
			env.SetTimer(50, 1)
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			kept = msg
			env.Persist(msg)
			env.Sync()
			env.SetTimer(20, 1)
		},
		timeout: func(env *protocol.Env, _ uint64) { env.Output(kindT, kept) },
	}
	return Plan{Nodes: 1, Node: scripts(s), Poison: poison, Inputs: []Input{{ID: 1, At: 10, Body: body}}}
}

func TestPoisonSpoilsWhatWasBorrowed(t *testing.T) {
	for _, size := range []int{1, 32, 33, 500} {
		for _, restart := range []bool{false, true} {
			plan := keeper(size, true)
			if restart {
				plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 15, For: 1}}
			}
			_, c := run(t, plan, nil)
			last := c.events[len(c.events)-2]
			if last.What != Output || bytes.Contains(last.Body, []byte{'a'}) {
				t.Errorf("a node kept %d bytes (of the disk: %v) and still sees %q", size, restart, last.Body)
			}
		}
	}
}

func TestPoisonLeavesTheDiskAlone(t *testing.T) {
	plan := keeper(40, true)
	plan.Node = scripts(script{
		start: func(env *protocol.Env) {
			for _, rec := range env.Records() {
				env.Output(kindT, rec)
			}
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			env.Persist(msg)
			env.Sync()
		},
	})
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 20, For: 5}, {ID: 2, Op: fault.Crash, At: 30, For: 5}}
	a := strings.Repeat("a", 40)
	expectOutputs(t, plan, "25 0 "+a, "35 0 "+a)
}

// What is poisoned after the first receiver is not what the second one gets.
func TestPoisonSparesTheMessagesOfABroadcast(t *testing.T) {
	body := strings.Repeat("b", 100)
	plan := Plan{Nodes: 3, Poison: true, Link: Link{Delay: 1, Copy: protocol.Percent(100)}, Node: scripts(script{
		start: func(env *protocol.Env) {
			for id := range protocol.NodeID(3) {
				env.Send(id, kindT, []byte(body))
			}
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) { env.Output(kindT, msg) },
	})}
	_, c := run(t, plan, nil)
	for _, out := range c.outputs() {
		if !strings.HasSuffix(out, body) {
			t.Errorf("a receiver got %q", out)
		}
	}
	if n := len(c.outputs()); n != 9+6 { // what nodes send to themselves is not copied
		t.Errorf("%d outputs, want 15", n)
	}
}

// Appending to a borrowed message must not reach memory of others.
func TestABorrowedMessageHasNoRoomToAppend(t *testing.T) {
	for _, size := range []int{0, 3, 32, 33, 100} {
		plan := keeper(size, false)
		plan.Node = scripts(script{receive: func(_ *protocol.Env, _ protocol.NodeID, msg []byte) {
			if cap(msg) != len(msg) {
				t.Errorf("a message of %d bytes has room for %d", len(msg), cap(msg))
			}
		}})
		run(t, plan, nil)
	}
}

func TestNodesAndRecordsAreOneCacheLine(t *testing.T) {
	for _, v := range []any{record{}, node{}} {
		if n := reflect.TypeOf(v).Size(); n != 64 {
			t.Errorf("%T has %d bytes, want 64", v, n)
		}
	}
	if n := reflect.TypeOf(entry{}).Size(); n != 16 {
		t.Errorf("entry has %d bytes, want 16", n)
	}
	if n := reflect.TypeOf(chunk{}).Size(); n > 1024 {
		t.Errorf("chunk has %d bytes, want at most 1024", n)
	}
}

func TestObserversSeeWhatTheyAskFor(t *testing.T) {
	plan := Plan{Nodes: 5, Node: func(id protocol.NodeID) protocol.Node { return &chaos{nodes: 5, plain: id > 0} }, Until: 80, Disk: Disk{Sync: 3}}
	plan.Link = Link{Delay: 2, Jitter: 5, Loss: protocol.Percent(10), Copy: protocol.Percent(10)}
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Crash, At: 9, For: 4},
		{ID: 2, Op: fault.Corrupt, Rate: protocol.Percent(50), For: 20, Groups: make([][]protocol.NodeID, 2)},
	}
	for id := range protocol.NodeID(5) {
		plan.Faults = append(plan.Faults, fault.Fault{ID: 10 + uint64(id), Op: fault.Rot, Node: id, At: 39}, fault.Fault{ID: 20 + uint64(id), Op: fault.Crash, Node: id, At: 40, For: 4})
	}
	all := &collector{want: Everything}
	mustNew(t, plan, wildcard{}, all).Run()
	sets := []What{Lost | Output | Crashed}
	for w := Started; w <= Salvaged; w <<= 1 {
		sets = append(sets, w)
	}
	for _, want := range sets {
		// Alone, and beside one who wants something else.
		alone, beside := &collector{want: want}, &collector{want: want}
		mustNew(t, plan, wildcard{}, alone).Run()
		mustNew(t, plan, wildcard{}, &collector{want: Received}, beside).Run()
		var events []Event
		for _, e := range all.events {
			if e.What&want != 0 {
				events = append(events, e)
			}
		}
		if len(events) == 0 {
			t.Errorf("vacuous: nothing is %v", want)
		}
		for _, c := range []*collector{alone, beside} {
			if d := cmp.Diff(events, c.events); d != "" {
				t.Errorf("who asked for %v alone sees other events of it (-all +alone):\n%s", want, d)
			}
		}
	}
}

// wildcard answers by a hash of the key alone.
type wildcard struct{}

func (wildcard) Choose(k protocol.Key, n uint64) uint64 { return protocol.Hash2(k.N, uint64(k.B)) % n }

func (wildcard) Chance(k protocol.Key, p protocol.Ratio) bool {
	return protocol.Hash2(k.N, 7)%uint64(p.Den) < uint64(p.Num)
}

func TestSimsShowNodesAndTime(t *testing.T) {
	plan := lifers(2)
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 5, Node: 1}}
	s := mustNew(t, plan, nil)
	if s.Nodes() != 2 || s.Node(0) != nil || s.Now() != 0 {
		t.Error("nodes are up before they start")
	}
	s.Run()
	if l, ok := s.Node(0).(*lifer); !ok || l.steps != 1 || s.Node(1) != nil || s.Now() != 5 {
		t.Errorf("got nodes %v and %v at %v", s.Node(0), s.Node(1), s.Now())
	}
}

func TestWordsOfReasonsAndEventsAreComplete(t *testing.T) {
	for r := Running; r <= TimeUp; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no words", r)
		}
	}
	seen := make(map[string]bool)
	for w := Started; w <= Shadowed; w <<= 1 {
		if seen[w.String()] || w.String() == "several" || Everything&w == 0 {
			t.Errorf("event %d is %v", w, w)
		}
		seen[w.String()] = true
	}
	if Everything.String() != "several" || Everything != Shadowed<<1-1 {
		t.Errorf("Everything is %v, %d", Everything, Everything)
	}
}

// failing accepts so many writes.
type failing struct {
	ok    int
	lines bytes.Buffer
}

func (f *failing) Write(b []byte) (int, error) {
	if f.ok--; f.ok < 0 {
		return 0, fmt.Errorf("full")
	}
	return f.lines.Write(b)
}

func TestATraceKeepsTheFirstErrorOfItsWriter(t *testing.T) {
	plan := lifers(4)
	whole := new(Trace)
	mustNew(t, plan, nil, whole).Run()
	w := &failing{ok: 3}
	tr := &Trace{W: w}
	mustNew(t, plan, nil, tr).Run()
	if tr.Err() == nil || tr.String() != "" || w.ok != -1 {
		t.Errorf("error %v, kept %q, %d writes after the error", tr.Err(), tr, -1-w.ok)
	}
	if lines := w.lines.String(); lines == "" || !strings.HasPrefix(whole.String(), lines) {
		t.Errorf("wrote %q", lines)
	}
}

func TestATraceUsesTheTextOfBodies(t *testing.T) {
	plan := lifers(1)
	tr := &Trace{Only: Output, Text: func(e *Event) string { return strings.ToUpper(string(e.Body)) }}
	mustNew(t, plan, nil, tr).Run()
	want := legend + "      0.000000      1  output    0                 t START: INCARNATION 1, STEP 1\n"
	if tr.String() != want {
		t.Errorf("got\n%swant\n%s", tr, want)
	}
}

// A node that sets a timer that is not periodic, again and again, keeps a run from being
// settled before its end.
func TestARunEndsAtItsBoundJustIfItIsNotDoneThen(t *testing.T) {
	again := func(env *protocol.Env) { env.SetTimer(10, 1) }
	for _, c := range []struct {
		bound, doneAt protocol.Time // doneAt 0: never
		want          protocol.Time
		fired         uint64
	}{
		{0, 0, 100, 10},
		{45, 0, 45, 4},
		{45, 46, 45, 4},
		{40, 40, 100, 10},
		{40, 41, 40, 4}, // what happens at the bound still happens
		{45, 20, 100, 10},
		{100, 0, 100, 10},
		{500, 0, 100, 10},
	} {
		var s *Sim
		plan := Plan{Nodes: 1, Until: 100, Bound: c.bound, Node: scripts(script{start: again, timeout: func(env *protocol.Env, _ uint64) { again(env) }})}
		plan.Done = func() bool { return c.doneAt != 0 && s.now >= c.doneAt }
		s = mustNew(t, plan, nil)
		if r := s.Run(); r.End != c.want || r.Fired != c.fired || r.Reason != TimeUp {
			t.Errorf("bound %d, done at %d: ends at %d after %d timers, %v; want %d after %d", c.bound, c.doneAt, r.End, r.Fired, r.Reason, c.want, c.fired)
		}
	}
	plan := lifers(1)
	plan.Bound = -1
	if _, err := New(plan, nil); err == nil {
		t.Error("a bound before the beginning is accepted")
	}
}

func TestARunThatIsEndedIsTheBeginningOfTheRun(t *testing.T) {
	const events = 500
	plan := stormy()
	whole := mustNew(t, plan, source.Seed(1))
	for whole.Events() < events && whole.Step() {
	}
	want := whole.Result()

	bounded := plan
	bounded.Events = events
	var trace Trace
	r := mustNew(t, bounded, source.Seed(1), &trace).Run()
	if r.Reason != Bounded || r.Events != events || r.Digest != want.Digest || r.End != want.End {
		t.Errorf("a run of %d events ends with %+v, want %+v", events, r, want)
	}
	if !strings.HasSuffix(trace.String(), " most events reached\n") {
		t.Error("the trace does not say why it ends")
	}

	whole.Interrupt()
	if whole.Step() || whole.Result().Reason != Interrupted || whole.Result().Digest != want.Digest {
		t.Errorf("an interrupted run goes on, or is another: %+v", whole.Result())
	}
}

func TestABoundOfAllEventsChangesNothing(t *testing.T) {
	plan := stormy()
	want := mustNew(t, plan, source.Seed(1)).Run()
	plan.Events = want.Events
	if got := mustNew(t, plan, source.Seed(1)).Run(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
