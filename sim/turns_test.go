package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

// askTurns says what a host of goroutines would be told: whose turn it is of four, twice, whether
// one yields, and for how long it stands still, if it does.
func askTurns(env *protocol.Env) {
	turns := env.Scheduler()
	if turns == nil {
		say(env, "-")
		return
	}
	told := fmt.Sprint(turns.Order(1, 4), turns.Order(2, 4), turns.Yield(1))
	if d := turns.Stall(1); d > 0 {
		told += fmt.Sprintf(" %v", d)
	}
	say(env, told)
}

// turnsAt runs two nodes that ask so at their starts and at inputs at 10, 20, 30 and 40.
func turnsAt(t tb, src protocol.Source, text string) (plan Plan, r Result, c *collector) {
	t.Helper()
	plan = Plan{Nodes: 2, Node: scripts(script{start: askTurns, receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) { askTurns(env) }})}
	for i := range uint64(8) {
		plan.Inputs = append(plan.Inputs, input(i, protocol.Time(10+i/2*10), protocol.NodeID(i%2), ""))
	}
	plan.Faults = mustFaults(t, text)
	r, c = run(t, plan, src)
	return plan, r, c
}

// toldTo returns what a node was told, in order.
func toldTo(c *collector, node string) string {
	var all []string
	for _, line := range c.outputs() {
		if words := strings.Fields(line); words[1] == node {
			all = append(all, words[0]+":"+strings.Join(words[2:], ","))
		}
	}
	return strings.Join(all, " ")
}

func TestOnlyStepsInWhichAFaultIsOpenHaveAScheduler(t *testing.T) {
	const none = "0:- 10:- 20:- 30:- 40:-"
	for text, want := range map[string]string{
		"":                                   none,
		"order 1 at 0s; yield 1 1% at 0s":    none,
		"order 0 at 10ns for 20ns":           "0:- 10:3,3,false 20:3,3,false 30:- 40:-",
		"yield 0 1% at 10ns for 20ns":        "0:- 10:0,0,true 20:0,0,true 30:- 40:-",
		"yield 0 100% at 10ns for 20ns":      "0:- 10:0,0,true 20:0,0,true 30:- 40:-",
		"stall 0 1% by 7ns at 10ns for 20ns": "0:- 10:0,0,false,7ns 20:0,0,false,7ns 30:- 40:-",
		"stall 0 1% by 7ns at 0s for 15ns; stall 0 1% by 5ns at 10ns for 15ns": "0:0,0,false,7ns 10:0,0,false,12ns 20:0,0,false,5ns 30:- 40:-",
		"stall 1 1% by 7ns at 0s; yield 0 1% at 30ns":                          "0:- 10:- 20:- 30:0,0,true 40:0,0,true",
		"order 0 at 0s": "0:3,3,false 10:3,3,false 20:3,3,false 30:3,3,false 40:3,3,false",
		"order 0 at 0s for 15ns; yield 0 1% at 10ns for 15ns":                      "0:3,3,false 10:3,3,true 20:0,0,true 30:- 40:-",
		"order 0 at 10ns; order 0 at 20ns; heal at 25ns":                           "0:- 10:3,3,false 20:3,3,false 30:- 40:-",
		"order 0 after output t #2 of 1; yield 0 5% after output t #3 for 2ns":     "0:- 10:- 20:- 30:3,3,false 40:3,3,false",
		"order 0 at 5ns after output #2 for 11ns":                                  "0:- 10:- 20:- 30:3,3,false 40:-",
		"order 0 at 15ns; crash 0 at 22ns for 3ns":                                 "0:- 10:- 20:3,3,false 25:3,3,false 30:3,3,false 40:3,3,false", // the next incarnation, too
		"order 0 at 15ns; jump 0 by 1ns at 0s; byzantine 0 forges 1% at 0s for 1s": "0:- 10:- 20:3,3,false 30:3,3,false 40:3,3,false",
	} {
		_, _, c := turnsAt(t, most{}, text)
		if got := toldTo(c, "0"); got != want {
			t.Errorf("%q: node 0 is told\n%q, want\n%q", text, got, want)
		}
	}
}

// Without a choice there is no question, and benign answers change nothing.
func TestOneGoroutineIsNotAskedAbout(t *testing.T) {
	turns, plan := "", Plan{Nodes: 1, Faults: mustFaults(t, "order 0 at 0s")}
	plan.Node = scripts(script{start: func(env *protocol.Env) { turns = fmt.Sprint(env.Scheduler().Order(1, 1)) }})
	s := mustNew(t, plan, most{})
	if s.Run(); turns != "0" || s.Impacts()[0] != (Impact{Why: "node 0 never had two goroutines that could run while it was open"}) {
		t.Errorf("order %s, impact %+v", turns, s.Impacts()[0])
	}
	plan.Node = scripts(script{start: func(env *protocol.Env) { env.Scheduler().Order(1, 0) }})
	defer func() {
		if p, ok := recover().(*Panic); !ok || fmt.Sprint(p.Value) != "sim: node 0 orders no goroutines" {
			t.Errorf("an order of none panics with %v", p)
		}
	}()
	mustNew(t, plan, most{}).Run()
}

func TestBenignAnswersKeepTheOrderOfArrival(t *testing.T) {
	_, plain, _ := turnsAt(t, nil, "")
	_, r, c := turnsAt(t, nil, "order 0 at 10ns; yield 0 50% at 10ns; stall 0 50% by 9ns at 10ns")
	if got := toldTo(c, "0"); got != "0:- 10:0,0,false 20:0,0,false 30:0,0,false 40:0,0,false" {
		t.Errorf("node 0 is told %q", got)
	}
	if r.Faults.Orders != 0 || r.Faults.Yields != 0 || r.Faults.Stalls != 0 || r.Received != plain.Received {
		t.Errorf("orders %d, yields %d, stalls %d, received %d; want none, none, none and %d", r.Faults.Orders, r.Faults.Yields, r.Faults.Stalls, r.Received, plain.Received)
	}
}

// byFault answers by the fault that asks, as far as the key of a question of this step tells.
type byFault struct {
	step    uint64
	answers map[uint64]uint64 // by fault
	asked   map[uint64]int    // likewise
}

func (b byFault) Choose(k protocol.Key, n uint64) uint64 {
	for id, a := range b.answers {
		for about := range uint64(9) {
			if k.N == protocol.Hash3(b.step, id, about) {
				b.asked[id]++
				return a
			}
		}
	}
	return 0
}

func (b byFault) Chance(k protocol.Key, p protocol.Ratio) bool { return b.Choose(k, 2) > 0 }

// All faults are asked, so that removing one leaves what is known of the others.
func TestOfSeveralFaultsTheFirstThatChangesSomethingCounts(t *testing.T) {
	for _, c := range []struct {
		text    string
		answers map[uint64]uint64
		want    string
		impacts []uint64
	}{
		{"order 0 at 0s; order 0 at 0s; order 0 at 0s", map[uint64]uint64{1: 0, 2: 2, 3: 1}, "2,2,false", []uint64{0, 2, 0}},
		{"order 0 at 0s; order 0 at 0s", map[uint64]uint64{1: 3, 2: 2}, "3,3,false", []uint64{2, 0}},
		{"yield 0 5% at 0s; yield 0 5% at 0s; order 0 at 0s", map[uint64]uint64{1: 0, 2: 1, 3: 0}, "0,0,true", []uint64{0, 1, 0}},
		{"yield 0 5% at 0s; yield 0 100% at 0s", map[uint64]uint64{1: 1}, "0,0,true", []uint64{1, 0}},
	} {
		plan := Plan{Nodes: 1, Node: scripts(script{start: askTurns}), Faults: mustFaults(t, c.text)}
		src := byFault{protocol.Hash2(rootStart, 0), c.answers, make(map[uint64]int)}
		trace := &collector{want: Output}
		s := mustNew(t, plan, src, trace)
		r := s.Run()
		if got := toldTo(trace, "0"); got != "0:"+c.want {
			t.Errorf("%s: told %q, want %q", c.text, got, c.want)
		}
		var did []uint64
		for _, x := range s.Impacts() {
			did = append(did, x.N)
		}
		if !slices.Equal(did, c.impacts) || r.Faults.Orders+r.Faults.Yields != sum(c.impacts) {
			t.Errorf("%s: the faults did %d, want %d; counted are %d orders and %d yields", c.text, did, c.impacts, r.Faults.Orders, r.Faults.Yields)
		}
		for id := range c.answers {
			if src.asked[id] == 0 {
				t.Errorf("%s: fault %d is not asked", c.text, id)
			}
		}
	}
}

func sum(all []uint64) (n uint64) {
	for _, x := range all {
		n += x
	}
	return n
}

// The names are in replay files.
func TestTurnsAreNamedByFaultStepAndWhatTheyAreAbout(t *testing.T) {
	_, known, _ := turnAnswers(t, most{}, "7: order 1 at 5ns for 10ns; 9: yield 1 50% at 5ns for 10ns; 8: order 1 at 5ns for 10ns; 10: stall 1 50% by 4ns at 5ns for 10ns")
	step := protocol.Hash2(rootInput, 1)
	want := map[protocol.Key]uint64{{Kind: protocol.KindOf("go.yield"), A: 1, N: protocol.Hash3(step, 9, 1)}: 1,
		{Kind: protocol.KindOf("go.stall"), A: 1, N: protocol.Hash3(step, 10, 1)}: 1, {Kind: protocol.KindOf("go.stallby"), A: 1, N: protocol.Hash3(step, 10, 1)}: 3}
	for about := range uint64(2) {
		for id := range uint64(2) {
			want[protocol.Key{Kind: protocol.KindOf("go.order"), A: 1, N: protocol.Hash3(step, 7+id, 1+about)}] = 3
		}
	}
	if d := cmp.Diff(want, known); d != "" {
		t.Errorf("questions that are not benign (-want +got):\n%s", d)
	}
}

func TestAStepWithTurnsAllocatesNothing(t *testing.T) {
	plan := Plan{Nodes: 1, Until: 1_000_000, Faults: mustFaults(t, "order 0 at 0s; yield 0 50% at 0s; stall 0 50% by 9ns at 0s; jump 0 by 1s at 0s")}
	plan.Node = scripts(script{start: func(env *protocol.Env) { env.SetTimer(1, 1) }, timeout: func(env *protocol.Env, tag uint64) {
		for about := range uint64(4) {
			env.Scheduler().Order(about, 5)
			env.Scheduler().Yield(about)
			env.Scheduler().Stall(about)
		}
		env.SetTimer(1, tag)
	}})
	s := mustNew(t, plan, source.Seed(1))
	if n := testing.AllocsPerRun(20_000, func() { s.Step() }); n != 0 {
		t.Errorf("a step allocates %v times, want 0", n)
	}
	if r := s.Result(); r.Faults.Orders == 0 || r.Faults.Yields == 0 || r.Faults.Stalls == 0 {
		t.Errorf("vacuous: %d orders, %d yields, %d stalls", r.Faults.Orders, r.Faults.Yields, r.Faults.Stalls)
	}
}

// turnAnswers records a run and returns its answers to questions about goroutines, by key, and
// all that are not benign.
func turnAnswers(t tb, src protocol.Source, text string) (Result, map[protocol.Key]uint64, []source.Answer) {
	rec := &source.Recorder{Source: src}
	_, r, _ := turnsAt(t, rec, text)
	known := make(map[protocol.Key]uint64)
	for _, a := range rec.Answers() {
		if AsksOfTurns(a.Key.Kind) || a.Key.Kind == kindStallBy {
			known[a.Key] = a.Value
		}
	}
	return r, known, rec.Answers()
}

func TestRemovingAFaultLeavesTheAnswersOfOthers(t *testing.T) {
	const all = "1: order 0 at 0s\n2: yield 0 50% at 0s\n3: order 0 at 0s\n4: order 1 at 0s\n6: stall 0 50% by 9ns at 0s\n7: stall 0 50% by 7ns at 0s\n5: crash 1 at 15ns for 2ns\n"
	removed := 0
	for seed := range source.Seed(20) {
		_, before, _ := turnAnswers(t, seed, all)
		for id := 1; id <= 7; id++ {
			var rest []string
			for line := range strings.Lines(all) {
				if !strings.HasPrefix(line, fmt.Sprint(id, ":")) {
					rest = append(rest, line)
				}
			}
			_, after, _ := turnAnswers(t, seed, strings.Join(rest, ""))
			for k, v := range after {
				if before[k] != v {
					t.Fatalf("seed %d: without fault %d the answer to %+v is %d, and %d with it", seed, id, k, v, before[k])
				}
			}
			removed += len(before) - len(after)
		}
	}
	if removed == 0 {
		t.Error("vacuous: no fault had an answer that was not benign")
	}
}

// An answer that is taken away changes its own turn alone.
func TestARunWithOrdersIsReplayed(t *testing.T) {
	const text = "order 0 at 10ns; yield 1 50% at 0s; order 1 at 15ns for 10ns; stall 0 50% by 9ns at 0s"
	for seed := range source.Seed(20) {
		want, known, answers := turnAnswers(t, seed, text)
		got, again, _ := turnAnswers(t, source.NewReplay(answers), text)
		if d := cmp.Diff(want, got); d != "" || !maps.Equal(known, again) {
			t.Fatalf("seed %d: the replay differs:\n%s", seed, d)
		}
		if len(known) == 0 {
			t.Errorf("vacuous: seed %d changes no turn", seed)
		}
		for i, a := range answers {
			_, left, _ := turnAnswers(t, source.NewReplay(slices.Delete(slices.Clone(answers), i, i+1)), text)
			want := maps.Clone(known)
			delete(want, a.Key)
			if AsksToStall(a.Key.Kind) { // what stands no longer is not asked for how long
				delete(want, LengthOfStall(a.Key))
			}
			if !maps.Equal(want, left) {
				t.Fatalf("seed %d: without the answer to %+v the others are %v, want %v", seed, a.Key, left, want)
			}
		}
	}
}

// promiser promises what it tells node 1 in each step. Its twin beside the run has no Scheduler,
// and the clock of the node.
type promiser struct {
	t     tb
	twins *int
	began bool
}

func (p *promiser) Start(env *protocol.Env) {
	if p.began = env.Scheduler() != nil; !p.began {
		*p.twins++
	}
	if env.Steady() != env.Now()-7 {
		p.t.Fatal("the steady clock and the other are at", env.Steady(), env.Now())
	}
}

func (p *promiser) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	askTurns(env)
	env.Send(1, kindT, msg)
}

func (p *promiser) Timeout(*protocol.Env, uint64) {}

func (p *promiser) Promises(list []protocol.Promise, _ *protocol.Effect) []protocol.Promise {
	return append(list, protocol.Promise{Kind: kindT, Value: 1})
}

func (p *promiser) Keeps(*protocol.Promise) (value uint64, known bool) { return 1, true }

func TestTheTwinBesideTheRunIsAskedNothing(t *testing.T) {
	var looked [2]Result
	for i, share := range []protocol.Ratio{{}, protocol.Percent(100)} {
		twins := 0
		plan := Plan{Nodes: 2, Shadow: share, Faults: mustFaults(t, "order 0 at 0s; yield 0 100% at 0s; stall 0 50% by 9ns at 0s; jump 0 by 7ns at 0s")}
		plan.Inputs = []Input{input(1, 10, 0, "a"), input(2, 20, 0, "b")}
		plan.Node = func(id protocol.NodeID) protocol.Node {
			if id == 1 {
				return script{}
			}
			return &promiser{t: t, twins: &twins}
		}
		looked[i], _ = run(t, plan, most{})
		if want := i > 0; twins > 0 != want {
			t.Errorf("with a share of %v, %d twins start", share, twins)
		}
	}
	looked[1].Shadows = 0
	if d := cmp.Diff(looked[0], looked[1]); d != "" || looked[0].Faults.Yields == 0 {
		t.Errorf("with looks at promises (+) the run is not as without (-), or vacuous:\n%s", d)
	}
}
