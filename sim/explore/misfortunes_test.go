package explore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// keeper keeps what inputs tell it on its disk, says so, and tells the next node. It
// does so in an order that script says, as letters: p persist, s sync, o output, n
// next, t timer, T a timer that is cancelled.
type keeper struct {
	script string
	nodes  int
	values []byte // kept
}

func (k *keeper) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		k.values = append(k.values, rec...)
	}
	env.Output(kindToy, append([]byte("has "), k.values...))
}

func (k *keeper) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	k.do(env, k.script, msg[0])
}

func (k *keeper) Timeout(env *protocol.Env, tag uint64) { k.do(env, "pos", byte(tag)) }

func (k *keeper) do(env *protocol.Env, script string, v byte) {
	for _, c := range script {
		switch c {
		case 'p':
			env.Persist([]byte{v})
			k.values = append(k.values, v)
		case 's':
			env.Sync()
		case 'o':
			env.Output(kindToy, []byte{'+', v})
		case 'n':
			if to := int(env.ID()) + 1; to < k.nodes {
				env.Send(protocol.NodeID(to), kindToy, []byte{v})
			}
		case 't':
			env.SetTimer(7, uint64(v+100))
		case 'T':
			env.SetTimer(9, 1)
			env.CancelTimer(1)
		}
	}
}

const kept = "what is said to be kept is kept"

// keepers is a world of nodes that keep the values 1 to inputs.
func keepers(script string, nodes, inputs int) *explore.World {
	w := new(explore.World)
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		outputs := &said{by: make([][]string, nodes)}
		plan := sim.Plan{
			Nodes:  nodes,
			Node:   func(protocol.NodeID) protocol.Node { return &keeper{script: script, nodes: nodes} },
			Link:   sim.Link{Delay: 10},
			Until:  1000,
			Faults: t.Faults,
		}
		for i := range inputs {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: 5 + 6*protocol.Time(i), Body: []byte{byte(1 + i)}})
		}
		s, err := sim.New(plan, source.NewReplay(t.Answers), append(observers, outputs)...)
		if err != nil {
			panic(err)
		}
		o := explore.Outcome{Verdict: check.Pass, Sim: s.Run()}
		o.Digest = o.Sim.Digest
		for id := range protocol.NodeID(nodes) {
			for _, text := range outputs.by[id] {
				if text[0] == '+' && s.Node(id) != nil && !slices.Contains(s.Node(id).(*keeper).values, text[1]) {
					o.Verdict = check.Violation
					o.Checks = []check.Result{{Name: kept, Verdict: check.Violation, Detail: fmt.Sprintf("node %v lost %d", id, text[1])}}
				}
			}
		}
		o.Counts = []explore.Count{{Name: fmt.Sprintf("%q", outputs.by), N: o.Sim.Faults.Kept}}
		return o
	}
	return w
}

// said collects outputs.
type said struct{ by [][]string }

func (x *said) Watch() sim.What      { return sim.Output }
func (x *said) Observe(e *sim.Event) { x.by[e.Node] = append(x.by[e.Node], string(e.Body)) }

func crashesOf(w *explore.World, nodes int) *explore.Misfortunes {
	return &explore.Misfortunes{World: w, Trial: &explore.Trial{Nodes: nodes}, From: 1, To: 200, Nodes: nodes,
		Kinds: []string{"crash"}, Downs: []time.Duration{4, 50}, Depth: 1}
}

func TestAWordGivenBeforeTheSyncIsFoundByOneCrash(t *testing.T) {
	c := crashesOf(keepers("pson", 2, 1), 2)
	if r, err := c.Search(context.Background()); err != nil || !r.Complete || r.Failed != 0 {
		t.Errorf("a keeper that syncs first: %+v, %v", r, err)
	}
	c.World = keepers("pons", 2, 1)
	r, err := c.Search(context.Background())
	if err != nil || !r.Complete || r.First == nil {
		t.Fatalf("a keeper that syncs last: %+v, %v", r, err)
	}
	faults := r.First.Trial.Faults
	if want := "crash 0 at 1ns after output toy #1 for 4ns"; len(faults) != 1 || faults[0].String() != want {
		t.Errorf("the first failure has the faults %v, want %s", faults, want)
	}
	if o := c.World.Try(r.First.Trial); o.Check() != kept || r.Checks[kept] != r.Failed {
		t.Errorf("made again it fails %q; failures %v", o.Check(), r.Checks)
	}
}

func TestRunsThatShowNothingAreCounted(t *testing.T) {
	w := keepers("pson", 2, 1)
	spied, want := *w, 0
	spied.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		o := w.Try(tr, observers...)
		if len(tr.Faults) > 0 && tr.Faults[0].Node == 1 {
			o.Verdict = check.Inconclusive
			want++
		}
		return o
	}
	r, err := crashesOf(&spied, 2).Search(context.Background())
	if err != nil || !r.Complete || r.Failed != 0 || want == 0 || r.Inconclusive != want {
		t.Errorf("of %d runs that show nothing: %+v, %v", want, r, err)
	}
	spied.Try = keepers("pons", 2, 1).Try // of which some fail
	if r, err := crashesOf(&spied, 2).Search(context.Background()); err != nil || r.Failed == 0 || r.Inconclusive != 0 {
		t.Errorf("of runs that pass or fail: %+v, %v", r, err)
	}
}

func TestASecondCrashComesAfterEachRunThatPassed(t *testing.T) {
	w := keepers("ppospon", 1, 2)
	spied := *w
	lostThenKept := 0
	spied.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		o := w.Try(tr, observers...)
		if len(tr.Faults) == 2 && len(tr.Answers) == 1 && o.Sim.Faults.Unsynced == 2 {
			if (tr.Answers[0] == source.Answer{Key: sim.Survivors(&tr.Faults[1]), Range: 3, Value: 2}) {
				lostThenKept++
			}
		}
		survive := uint64(0)
		for _, a := range tr.Answers {
			survive += a.Value
		}
		if got := o.Counts[0].N; got != survive || o.Sim.Crashes != uint64(len(tr.Faults)) {
			t.Errorf("with %v there are %d crashes, and %d records survive, want %d", tr.Faults, o.Sim.Crashes, got, survive)
		}
		o.Verdict, o.Checks = check.Pass, nil // it is too hasty a keeper
		return o
	}
	c := crashesOf(&spied, 1)
	one, err := c.Search(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.Depth = 2
	two, err := c.Search(context.Background())
	if err != nil || !two.Complete || two.Failed != 0 {
		t.Fatalf("%+v, %v", two, err)
	}
	if two.Runs < one.Runs+(one.Runs-1)*2 {
		t.Errorf("%d runs with two crashes after %d with one, want more", two.Runs-one.Runs, one.Runs)
	}
	if lostThenKept == 0 {
		t.Error("in no run two records are lost in the first crash and two survive the second")
	}
	for _, runs := range []int{one.Runs + 1, two.Runs - 1, two.Runs} {
		c.Runs = runs
		r, err := c.Search(context.Background())
		if err != nil || r.Runs != runs || r.Complete != (runs == two.Runs) {
			t.Errorf("at most %d runs: %+v, %v", runs, r, err)
		}
	}
}

func TestAnyNumberOfWorkersFindsTheSame(t *testing.T) {
	c := crashesOf(keepers("pons", 2, 2), 2)
	c.Depth = 2
	for _, c.Kinds = range [][]string{{"crash"}, nil} {
		for _, c.Runs = range []int{0, 37, 150} {
			var want string
			for _, workers := range []int{1, 2, 5} {
				c.Workers = workers
				r, err := c.Search(context.Background())
				if err != nil || c.Runs > 0 && r.Runs != c.Runs {
					t.Fatalf("%d workers make %d runs of at most %d: %v", workers, r.Runs, c.Runs, err)
				}
				first := "none failed"
				if r.First != nil {
					first = fmt.Sprint(r.First.Trial.Faults, r.First.Trial.Answers)
					r.First = nil
				}
				got := fmt.Sprintf("%+v %s", r, first)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%d workers: %s, want %s", workers, got, want)
				}
			}
		}
	}
}

// TestSkippedCrashesLeaveNothingNew compares with the slow twin: a crash after every
// effect of every sort, with every number of records surviving.
func TestSkippedCrashesLeaveNothingNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Each step does something that lasts, or a crash in it would be one at another time.
		script := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"p", "s", "o", "n", "t", "T"}), 0, 6).Draw(t, "script"), "") + "o"
		nodes, inputs := rapid.IntRange(1, 2).Draw(t, "nodes"), rapid.IntRange(1, 2).Draw(t, "inputs")
		w := keepers(script, nodes, inputs)
		made := make(map[string]bool)
		spied := *w
		spied.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
			o := w.Try(tr, observers...)
			made[o.Counts[0].Name] = true
			o.Verdict, o.Checks = check.Pass, nil // some scripts keep nothing
			for _, a := range tr.Answers {
				if o.Counts[0].N != a.Value {
					t.Fatalf("%d records survive %v, want %d of %d", o.Counts[0].N, tr.Faults, a.Value, a.Range-1)
				}
			}
			return o
		}
		c := crashesOf(&spied, nodes)
		if r, err := c.Search(context.Background()); err != nil || !r.Complete {
			t.Fatalf("%+v, %v", r, err)
		}
		for _, f := range allCrashes(nodes, c.Downs) {
			for n := uint64(1); ; n++ {
				f.On.N = n
				o := explore.Outcome{}
				for survive := range uint64(6) {
					answer := source.Answer{Key: sim.Survivors(&f), Range: 6, Value: survive} // adapted to how many there are
					o = w.Try(&explore.Trial{Nodes: nodes, Faults: []fault.Fault{f}, Answers: []source.Answer{answer}})
					if !made[o.Counts[0].Name] {
						t.Fatalf("script %s: %v with %d of 5 surviving gives %s, which no run gave", script, f, survive, o.Counts[0].Name)
					}
				}
				if o.Sim.Crashes == 0 {
					break
				}
			}
		}
	})
}

// allCrashes gives a crash for each sort of effect.
func allCrashes(nodes int, downs []time.Duration) (all []fault.Fault) {
	for id := range protocol.NodeID(nodes) {
		for _, op := range []protocol.Op{protocol.OpSend, protocol.OpPersist, protocol.OpSync, protocol.OpOutput, protocol.OpSetTimer} {
			for _, down := range downs {
				all = append(all, fault.Fault{ID: 1, Op: fault.Crash, At: 1, For: down, Node: id, On: fault.Anchor{Op: op}, Disk: fault.KeepTorn})
			}
		}
	}
	return all
}

func TestARunThatFailsOnlyOnceIsNoResult(t *testing.T) {
	w := keepers("pons", 1, 1)
	try, failed := w.Try, false
	w.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		o := try(tr, observers...)
		if o.Failed() && failed {
			o.Verdict, o.Checks = check.Pass, nil
		}
		failed = failed || o.Failed()
		return o
	}
	_, err := crashesOf(w, 1).Search(context.Background())
	if err == nil || !strings.Contains(err.Error(), "not deterministic") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that says so", err)
	}
}
