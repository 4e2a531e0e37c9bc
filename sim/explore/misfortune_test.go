package explore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// teller tells node 1 each input, and again if it hears no answer, but at most as often as tries
// says. Node 1 outputs what it hears. Both chat with node 2, which is of no interest.
type teller struct {
	tries int
	asked map[byte]int
}

const (
	telling = 't'
	heard   = 'h'
	idle    = 'i'
)

var kindTell, kindHeard, kindIdle = protocol.KindOf("tell"), protocol.KindOf("heard"), protocol.KindOf("idle")

func (x *teller) Start(env *protocol.Env) {
	x.asked = make(map[byte]int)
	if env.ID() < 2 {
		env.SetTimer(5, protocol.Periodic)
	}
}

func (x *teller) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		x.tell(env, msg[0])
	case msg[0] == telling:
		env.Output(kindHeard, msg[1:])
		env.Send(from, kindHeard, []byte{heard, msg[1]})
	case msg[0] == heard:
		env.CancelTimer(uint64(msg[1]))
	}
}

func (x *teller) tell(env *protocol.Env, v byte) {
	x.asked[v]++
	env.Send(1, kindTell, []byte{telling, v})
	if x.asked[v] < x.tries {
		env.SetTimer(60, uint64(v))
	}
}

func (x *teller) Timeout(env *protocol.Env, tag uint64) {
	if tag != protocol.Periodic {
		x.tell(env, byte(tag))
		return
	}
	env.Send(2, kindIdle, []byte{idle})
	env.SetTimer(5, protocol.Periodic)
}

const told = "node 1 hears every input"

// tellers is a world of three nodes and that many inputs.
func tellers(tries, inputs int) *explore.World {
	w := new(explore.World)
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		outputs := &said{by: make([][]string, 3)}
		plan := sim.Plan{
			Nodes:  3,
			Node:   func(protocol.NodeID) protocol.Node { return &teller{tries: tries} },
			Link:   sim.Link{Delay: 10},
			Until:  400,
			Faults: t.Faults,
			Done:   func() bool { return false },
		}
		for i := range inputs {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: 7 + 10*protocol.Time(i), Body: []byte{byte(i + 1)}})
		}
		s, err := sim.New(plan, source.NewReplay(t.Answers), append(observers, outputs)...)
		if err != nil {
			panic(err)
		}
		o := explore.Outcome{Verdict: check.Pass, Sim: s.Run()}
		o.Digest = o.Sim.Digest
		for i := range inputs {
			if !slices.Contains(outputs.by[1], string([]byte{byte(i + 1)})) {
				o.Verdict = check.Violation
				o.Checks = []check.Result{{Name: told, Verdict: check.Violation, Detail: fmt.Sprintf("not input %d", i)}}
			}
		}
		return o
	}
	return w
}

func lossesIn(w *explore.World, depth int) *explore.Misfortunes {
	return &explore.Misfortunes{World: w, Trial: &explore.Trial{Nodes: 3}, Nodes: 3, From: 1, To: 300,
		Kinds: []string{"lose"}, Downs: []time.Duration{20}, Depth: depth}
}

func TestAMessageThatIsSentOnlyOnceIsFoundByOneLoss(t *testing.T) {
	r, err := lossesIn(tellers(1, 3), 1).Search(context.Background())
	if err != nil || !r.Complete || r.Failed != 3 || r.Checks[told] != 3 {
		t.Fatalf("%+v, %v; want the loss of each of 3 messages to fail", r, err)
	}
	first := r.First.Trial
	if len(first.Faults) != 1 || len(first.Answers) != 1 || len(r.What) != 1 || r.What[0] != "lose: send tell #1, which 0 sends to 1" {
		t.Errorf("the first is %q, of %d faults and %d answers", r.What, len(first.Faults), len(first.Answers))
	}
}

// Among 131 messages there are some 8,000 pairs. That of a message and its repetition comes
// soon, since there is no repetition in the run without misfortunes.
func TestARepairThatGivesUpIsFoundByTheSecondLossOfWhatTheFirstBroughtAbout(t *testing.T) {
	c := lossesIn(tellers(2, 3), 1)
	if r, err := c.Search(context.Background()); err != nil || !r.Complete || r.Failed != 0 {
		t.Fatalf("one loss: %+v, %v; want a pass", r, err)
	}
	c.Depth, c.Runs = 2, 400
	r, err := c.Search(context.Background())
	if err != nil || r.First == nil || r.Complete || r.Runs != 400 {
		t.Fatalf("two losses in 400 runs: %+v, %v; want a failure, of not all runs", r, err)
	}
	if want := []string{"lose: send tell #1, which 0 sends to 1", "lose: send tell #4, which 0 sends to 1"}; !slices.Equal(r.What, want) {
		t.Errorf("the first is %q, want %q", r.What, want)
	}
	s, err := explore.Shrink(context.Background(), c.World, r.First.Trial, explore.ShrinkOptions{Runs: 300, Workers: 1})
	if err != nil || !s.Minimal || len(s.After.Answers) != 2 {
		t.Errorf("it shrinks to %d answers, %v; want two, which are minimal", len(s.After.Answers), err)
	}
}

func TestEachMisfortuneHappensAndNoOther(t *testing.T) {
	w := keepers("ppsonp", 3, 1)
	try := w.Try
	w.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		begun := &begins{}
		o := try(tr, append(observers, begun)...)
		o.Verdict, o.Checks = check.Pass, nil // it is too hasty a keeper
		if len(tr.Faults) == 0 {
			return o
		}
		did, f := o.Sim.Faults, tr.Faults[0]
		ok := begun.n == len(tr.Faults)
		if len(tr.Faults) > 1 {
			if len(tr.Faults) != 3 || !ok || o.Sim.Crashes != 3 || did.Kept > 0 {
				t.Errorf("with %v there are %d crashes", tr.Faults, o.Sim.Crashes)
			}
			return o
		}
		switch f.Op {
		case fault.Lose:
			ok = ok && did.Lost == 1
		case fault.Late:
			ok = ok && did.Late == 1 && o.Sim.Copied == 1
		case fault.Pause:
			ok = ok && did.Pauses == 1
		case fault.Crash:
			ok = ok && o.Sim.Crashes == 1 && (f.Disk != fault.KeepScattered || did.Unsynced == 1 && did.Kept > 0)
		case fault.Partition:
			ok = ok && o.Sim.Crashes == 0
		default:
			ok = false
		}
		if !ok {
			t.Errorf("with %v and %v: %d begin, and they do %+v", tr.Faults, tr.Answers, begun.n, did)
		}
		return o
	}
	c := crashesOf(w, 3)
	c.Kinds = nil
	r, err := c.Search(context.Background())
	if err != nil || !r.Complete || r.Untried != 0 || r.Failed != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	runs := 1
	for _, k := range r.Kinds {
		runs += k.Runs
		if k.Places == 0 || k.Runs == 0 && k.Skipped == 0 {
			t.Errorf("of kind %s there are %d places, %d runs, and %d skipped", k.Name, k.Places, k.Runs, k.Skipped)
		}
	}
	if runs != r.Runs {
		t.Errorf("the kinds have %d runs, of %d", runs, r.Runs)
	}
}

// begins counts the faults that begin.
type begins struct{ n int }

func (b *begins) Watch() sim.What { return sim.Injected }

func (b *begins) Observe(*sim.Event) { b.n++ }

func TestFewRunsAreSpreadOverALongRun(t *testing.T) {
	w := tellers(5, 30)
	var at [4]int
	try := w.Try
	w.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		o := try(tr, observers...)
		if len(tr.Faults) == 1 && tr.Faults[0].Op == fault.Pause {
			at[min(3, tr.Faults[0].On.N/8)]++
		}
		return o
	}
	c := lossesIn(w, 1)
	c.Kinds, c.Runs = []string{"pause"}, 41
	r, err := c.Search(context.Background())
	if err != nil || r.Runs != 41 || r.Untried == 0 || r.Complete {
		t.Fatalf("%+v, %v; want 41 runs, and some untried", r, err)
	}
	for i, n := range at {
		if n < 4 {
			t.Errorf("of 40 pauses %d come in part %d of the run: %v", n, i, at)
		}
	}
}

func TestAKindThatDoesNotExistIsRefused(t *testing.T) {
	c := lossesIn(tellers(1, 1), 1)
	c.Kinds = []string{"crush"}
	if r, err := c.Search(context.Background()); err == nil || r.Runs != 0 {
		t.Errorf("%+v, %v; want an error and no run", r, err)
	}
}
