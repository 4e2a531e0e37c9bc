package sim

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func (m muted) Concurrent() protocol.Source { return m }

// states is an observer that keeps what the nodes' states are at their events, as lines.
type states struct {
	s     *Sim
	lines strings.Builder
}

func (*states) Watch() What  { return Received | Fired | Output | Synced }
func (*states) Reads() Reads { return ReadsNode }

func (x *states) Observe(e *Event) {
	if then := x.Look(e); then != nil {
		then(e)
	}
}

func (x *states) Look(e *Event) (then func(e *Event)) {
	state := x.s.Node(e.Node).(*chaos).state
	if state%3 == 0 {
		return nil // nothing to tell
	}
	return func(e *Event) { fmt.Fprintln(&x.lines, e.Step, e.What, e.Node, state) }
}

// observed is all that a run shows.
type observed struct {
	Result  Result
	Impacts []Impact
	Trace   string
	States  string
}

// observe runs a plan with that many threads, on as many goroutines however few the events,
// and advances it by these numbers of events, in turn; 0 is a Step. Windows should have at most
// most events.
func observe(t tb, plan Plan, src protocol.Source, enough uint64, threads, most int, chunks []int) (o observed, events int) {
	t.Helper()
	var s *Sim
	plan.Threads = threads
	plan.Done = func() bool { return s.Result().Outputs >= enough }
	trace, states := &Trace{Only: Everything}, new(states)
	s = mustNew(t, plan, src, trace, states)
	states.s = s
	if s.team != nil {
		s.team.few, s.team.most = -1, most
	}
	for more, i := true, 0; more; i++ {
		if n := chunks[i%len(chunks)]; n > 0 {
			before := s.Events()
			more = s.Advance(n)
			events += int(s.Events() - before)
		} else {
			more = s.Step()
		}
	}
	return observed{s.Result(), s.Impacts(), trace.String(), states.lines.String()}, events
}

// drawApart draws a plan that can be in parts.
func drawApart(t *rapid.T) Plan {
	p := drawPlan(t)
	p.Faults = slices.DeleteFunc(p.Faults, func(f fault.Fault) bool {
		return f.On.N > 0 || f.Op == fault.Byzantine || f.Op == fault.Echo
	})
	if p.Validate() != nil { // without what they belong to
		p.Faults = nil
	}
	more := rapid.SampledFrom([]time.Duration{0, 0, 3, 30}).Draw(t, "longer delays")
	p.Link.Delay += more
	for i := range p.Links {
		p.Links[i].Link.Delay += more
	}
	return p
}

func TestRunsInPartsAreThoseOfOneThread(t *testing.T) {
	parted, reasons := 0, make(map[Reason]int)
	covered := make(map[string]bool)
	property := func(t *rapid.T) {
		plan := drawApart(t)
		threads := rapid.IntRange(2, 5).Draw(t, "threads")
		chunks := rapid.SliceOfN(rapid.SampledFrom([]int{1 << 20, 1, 7, 0}), 1, 4).Draw(t, "chunks")
		most := rapid.SampledFrom([]int{mostEvents, 1, 4}).Draw(t, "events of a window")
		enough := rapid.SampledFrom([]uint64{0, 1, 20}).Draw(t, "outputs enough")
		src := drawSource(t).(muted)
		for i := range source.Seed(3) {
			src.Source = source.Seed(rapid.Uint64().Draw(t, "seed")) + i
			want, _ := observe(t, plan, src, enough, 1, 0, []int{1 << 20})
			got, events := observe(t, plan, src, enough, threads, most, chunks)
			if got.Trace != want.Trace {
				t.Fatalf("in parts, and then (slow) on one thread:\n%s", firstDifference(got.Trace, want.Trace))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("on one thread (-) and in parts (+):\n%s", d)
			}
			if plan.Nodes > 1 {
				parted += events
			}
			reasons[want.Result.Reason]++
			count(covered, reflect.ValueOf(want.Result))
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 200, property)
	if parted == 0 {
		t.Error("vacuous: no run was in parts")
	}
	for _, why := range []Reason{Quiet, Settled, TimeUp} {
		if reasons[why] == 0 {
			t.Errorf("vacuous: no run ended because: %v", why)
		}
	}
	for name, seen := range covered {
		if !seen {
			t.Errorf("vacuous: %s is 0 in every run", name)
		}
	}
}

// apartNever are the counts of what rules parts out.
var apartNever = []string{"Shadows", "Echoed", "Lies", "Forged"}

// count notes which counts of a result are not 0.
func count(seen map[string]bool, v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i); {
		case slices.Contains(apartNever, name):
		case f.Kind() == reflect.Struct:
			count(seen, f)
		case f.CanUint() || f.CanInt():
			seen[name] = seen[name] || !f.IsZero()
		}
	}
}

// A count that is added to Result must be added up over the parts.
func TestResultsAddUp(t *testing.T) {
	var one Result
	fill := func(v reflect.Value) {
		for i := range v.NumField() {
			if f := v.Field(i); f.CanUint() && f.Kind() == reflect.Uint64 {
				f.SetUint(1)
			}
		}
	}
	fill(reflect.ValueOf(&one).Elem())
	fill(reflect.ValueOf(&one.Faults).Elem())
	one.Healed = 1
	sum := one
	sum.add(&one)
	sum.Events, one.Events = 0, 0 // the whole counts them
	want := 2
	for _, v := range []reflect.Value{reflect.ValueOf(sum), reflect.ValueOf(sum.Faults)} {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Uint64 && f.Uint() != uint64(want) && v.Type().Field(i).Name != "Events" {
				t.Errorf("%s is %d, want %d", v.Type().Field(i).Name, f.Uint(), want)
			}
		}
	}
}

// bomb panics with value when it receives a message at or after a time; nil ends its goroutine.
type bomb struct {
	chaos
	at    protocol.Time
	value any
}

func (b *bomb) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if env.Now() >= b.at {
		env.Output(kindChaos, nil)
		panic(b.value)
	}
	b.chaos.Receive(env, from, msg)
}

func TestAPanicInPartsIsTheFirstOfTheRun(t *testing.T) {
	panics := 0
	rapid.Check(t, func(t *rapid.T) {
		plan, src := drawApart(t), drawSource(t)
		plan.Lag, plan.Faults = 0, nil
		at := protocol.Time(rapid.IntRange(0, 60).Draw(t, "bombs go off"))
		plan.Node = func(id protocol.NodeID) protocol.Node {
			return &bomb{chaos{nodes: plan.Nodes}, at + protocol.Time(id%2), errors.New(id.String())}
		}
		type end struct {
			Panic, Trace string
			Misaddressed Misaddressed
		}
		run := func(threads int) (e end) {
			trace := &Trace{Only: Everything}
			plan.Threads = threads
			s := mustNew(t, plan, src, trace)
			if s.team != nil {
				s.team.few = -1
			}
			defer func() {
				if v := recover(); v != nil {
					p := v.(*Panic)
					e = end{p.Error(), trace.String(), Misaddressed{}}
					if threads > 1 && plan.Nodes > 1 && len(p.Stack) > 0 && !strings.Contains(string(p.Stack), "(*bomb).Receive") {
						t.Fatalf("the stack of the panic does not lead to it:\n%s", p.Stack)
					}
					panics++
				}
			}()
			r := s.Run()
			return end{"", trace.String(), r.Misaddressed}
		}
		if d := cmp.Diff(run(1), run(3)); d != "" {
			t.Fatalf("on one thread (-) and in parts (+):\n%s", d)
		}
	})
	if panics == 0 {
		t.Error("vacuous: no node ever panicked")
	}
}

// What rules parts out is said, and the run is the same.
func TestRunsThatCannotBeInPartsAreSerial(t *testing.T) {
	idle := func(protocol.NodeID) protocol.Node { return &chaos{nodes: 4} }
	base := Plan{Nodes: 4, Node: idle, Link: Link{Delay: 5}, Until: 1000, Threads: 3}
	with := func(change func(p *Plan)) Plan {
		p := base
		change(&p)
		return p
	}
	for _, c := range []struct {
		name      string
		plan      Plan
		src       protocol.Source
		observers []Observer
		threads   int
		why       string
	}{
		{"nothing", base, source.Seed(1), nil, 3, ""},
		{"one thread", with(func(p *Plan) { p.Threads = 1 }), source.Seed(1), nil, 1, ""},
		{"no threads", with(func(p *Plan) { p.Threads = 0 }), source.Seed(1), nil, 1, ""},
		{"more threads than nodes", with(func(p *Plan) { p.Threads = 9 }), source.Seed(1), nil, 4, "there are 4 nodes"},
		{"one node", with(func(p *Plan) { p.Nodes = 1 }), source.Seed(1), nil, 1, "there is a single node"},
		{"a bound", with(func(p *Plan) { p.Events = 10 }), source.Seed(1), nil, 1, "it ends after a number of events"},
		{"a recorder", base, &source.Recorder{Source: source.Seed(1)}, nil, 1, "its answers come from a *source.Recorder, which is asked in order"},
		{"a seed with memory", base, counting{Seed: 1, n: new(int)}, nil, 1, "its answers come from a sim.counting, which is asked in order"},
		{"an observer", base, source.Seed(1), []Observer{&collector{want: Received}}, 1, "a *sim.collector may look at any node while it watches"},
		{"an observer of nothing", base, source.Seed(1), []Observer{&collector{}}, 3, ""},
		{"a traitor", with(func(p *Plan) {
			p.Faults = []fault.Fault{{ID: 1, Op: fault.Byzantine, At: 5, Rate: protocol.Percent(5), Trait: fault.Withhold}}
		}), source.Seed(1), nil, 1, "a fault remembers the messages of several nodes: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustNew(t, c.plan, c.src, c.observers...)
			if n, why := s.Threads(); n != c.threads || !strings.HasPrefix(why, c.why) || (why == "") != (c.why == "") {
				t.Errorf("%d threads, since %q; want %d, since %q", n, why, c.threads, c.why)
			}
		})
	}
	if _, err := New(with(func(p *Plan) { p.Threads = -1 }), nil); err == nil {
		t.Error("a plan of -1 threads is run")
	}
}

type counting struct {
	source.Seed
	n *int
}

// A part that only sends must not need more and more memory for that.
func TestPartsGiveEachOtherRecordsBack(t *testing.T) {
	plan := Plan{Nodes: 2, Link: Link{Delay: 10}, Until: 20_000, Threads: 2, Node: func(id protocol.NodeID) protocol.Node {
		beat := func(env *protocol.Env) {
			for range 10 {
				env.Send(1, kindT, []byte("one way"))
			}
			env.SetTimer(1, 1)
		}
		if id == 0 {
			return script{start: beat, timeout: func(env *protocol.Env, _ uint64) { beat(env) }}
		}
		return script{receive: func(*protocol.Env, protocol.NodeID, []byte) {}}
	}}
	s := mustNew(t, plan, source.Seed(1))
	if n, why := s.Threads(); n != 2 {
		t.Fatalf("%d threads: %s", n, why)
	}
	r := s.Run()
	pages := 0
	for _, p := range s.team.parts {
		for i := range p.slab.pages {
			if p.slab.pages[i] != nil && i%2 == p.index {
				pages++
			}
		}
	}
	if most := 3*mostGained/pageSize + 4; pages > most {
		t.Errorf("%d pages of records for %d messages of which 100 are pending, want at most %d", pages, r.Sent, most)
	}
}

// Whoever wakes another may be late to do so, by as much as a machine is busy: in many windows,
// some are.
func TestManyShortWindowsMeetWhereTheyShould(t *testing.T) {
	const nodes, events = 64, 60_000
	end := func(threads, spins int) Digest {
		pass := func(env *protocol.Env) {
			env.Send(protocol.NodeID(env.Choose(kindArg, nodes)), kindT, []byte("a message"))
		}
		s := mustNew(t, Plan{
			Nodes: nodes, Threads: threads, Link: Link{Delay: 10, Jitter: 100}, Until: protocol.MaxTime,
			Node: scripts(script{start: pass, receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) { pass(env) }}),
		}, source.Seed(1))
		if s.team != nil {
			s.team.few, s.team.most, s.team.threads.spins = -1, 4, spins
		}
		s.Advance(events / 2)
		for s.Events() < events {
			s.Advance(100)
		}
		for s.Events() < events+100 { // a place where digests compare
			s.Step()
		}
		return s.Digest()
	}
	want := end(1, 0)
	for _, c := range [][2]int{{2, 100}, {2, 0}, {3, 0}, {4, 10}} {
		if got := end(c[0], c[1]); got != want {
			t.Errorf("%d threads that look %d times: digest %v, want %v", c[0], c[1], got, want)
		}
	}
}
