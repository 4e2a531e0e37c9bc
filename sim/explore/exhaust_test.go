package explore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"
)

// A check of a property here is a search or a sweep. make full has 300 of each; a flag on the
// command line comes after this.
func init() {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
}

var kindToy = protocol.KindOf("toy")

// toy is a node that does something with what it receives, as salt says: it adds or
// appends, sends on, sets timers, writes, asks. Its steps depend on sum alone, so
// that many ways lead to one state.
type toy struct {
	salt    uint64
	ordered bool // the order of what it receives matters
	timed   bool // and so does the time
	still   bool // sets no timer
	sum     uint64
}

func (n *toy) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		n.sum += uint64(rec[0])
	}
	if env.Incarnation() > 1 {
		env.Output(kindToy, []byte{'b', byte(n.sum)})
	}
}

func (n *toy) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	v := uint64(msg[0])
	if n.ordered {
		n.sum = n.sum*3 + v
	} else {
		n.sum += v
	}
	h := protocol.Hash3(n.salt, n.sum%8, uint64(env.ID()))
	if n.timed {
		h = protocol.Hash2(h, uint64(env.Now()))
	}
	if h%3 == 0 {
		env.Output(kindToy, []byte{byte(n.sum)})
	}
	if h>>8%4 == 0 {
		env.Persist([]byte{byte(v)})
		if h>>12%2 == 0 {
			env.Sync()
		}
	}
	if h>>16%6 == 0 && env.Chance(kindToy, protocol.Percent(10)) {
		n.sum++
	}
	if h>>24%4 == 0 && !n.still {
		env.SetTimer(3, h>>30%2)
	}
	for i := range min(h>>32%3, 3-min(v, 3)) {
		env.Send(protocol.NodeID((h>>40+i)%3), kindToy, []byte{byte(v + 1)})
	}
}

func (n *toy) Timeout(env *protocol.Env, tag uint64) {
	n.sum += 5 + tag
	env.Send(protocol.NodeID((n.sum^n.salt)%3), kindToy, []byte{3})
}

func (n *toy) AppendState(b []byte) []byte { return fmt.Append(b, n.sum) }

// world is a Small and what its runs come to.
type world struct {
	explore.Small
	bad   uint64          // the outcome that fails, if not 0
	came  map[uint64]bool // the outcomes of all runs that came to an end
	inRun bool            // a run was cut off
}

// search makes the runs and gives their outcomes, each once.
func (w *world) search() (came []uint64, r explore.Exhausted) {
	w.came, w.inRun = make(map[uint64]bool), false
	r = w.Exhaust(context.Background())
	return protocol.SortedKeys(w.came), r
}

// newWorld makes a world of the runs of plan.
func newWorld(plan sim.Plan) *world {
	w := &world{}
	w.Make = func(protocol.Source) (sim.Plan, check.Suite, []sim.Observer) {
		nodes, outputs := make([]protocol.Node, plan.Nodes), make([]uint64, plan.Nodes)
		p := plan
		p.Node = func(id protocol.NodeID) protocol.Node {
			nodes[id] = plan.Node(id)
			return nodes[id]
		}
		p.Done = func() bool { return true }
		late := protocol.Time(0)
		return p, check.Suite{
			check.Always("outputs", sim.Received|sim.Output, func(e *sim.Event) (bool, error) {
				late = e.At
				if e.What == sim.Output {
					outputs[e.Node] = protocol.Hash2(outputs[e.Node], protocol.HashBytes(e.Body))
				}
				return true, nil
			}),
			check.Eventually("outcome", 0, func() (uint64, error) { // Finally would judge runs that join another
				fold := uint64(0)
				for i, n := range nodes {
					fold = protocol.Hash3(fold, outputs[i], protocol.HashBytes(n.(protocol.Stateful).AppendState(nil)))
				}
				w.came[fold] = true
				w.inRun = w.inRun || late > p.Until-10
				if fold == w.bad {
					return 1, errors.New("bad")
				}
				return 1, nil
			}),
		}, nil
	}
	return w
}

// drawToys gives a small world of three toys.
func drawToys(t *rapid.T) *world {
	salt := rapid.Uint64().Draw(t, "salt")
	ordered, timed := rapid.Bool().Draw(t, "ordered"), rapid.Bool().Draw(t, "timed")
	plan := sim.Plan{
		Nodes: 3,
		Node:  func(protocol.NodeID) protocol.Node { return &toy{salt: salt, ordered: ordered, timed: timed} },
		Link:  sim.Link{Delay: 2, Jitter: 2, FIFO: rapid.Bool().Draw(t, "FIFO")},
		Disk:  sim.Disk{Jitter: rapid.SampledFrom([]protocol.Time{0, 2}).Draw(t, "disk").Sub(0)},
		Until: 1000,
	}
	if rapid.IntRange(0, 3).Draw(t, "loss") == 0 {
		plan.Link.Loss = protocol.Percent(5)
	}
	for i := range uint64(rapid.IntRange(1, 3).Draw(t, "inputs")) {
		v := byte(rapid.IntRange(0, 2).Draw(t, "input"))
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: 1, Node: protocol.NodeID(i), Body: []byte{v}})
	}
	if rapid.Bool().Draw(t, "crash") {
		crash := fault.Fault{ID: 1, Op: fault.Crash, At: 3, For: 3, Node: 1, Disk: fault.Survival(rapid.IntRange(0, 2).Draw(t, "survival"))}
		switch rapid.IntRange(0, 2).Draw(t, "when") {
		case 1:
			crash.After = 1
		case 2:
			crash.On = fault.Anchor{Op: protocol.OpSend, N: 2}
		}
		plan.Faults = []fault.Fault{crash}
	}
	w := newWorld(plan)
	w.Delays = 2
	w.Values = source.Parts(1)
	w.Timeless = !timed && plan.Faults == nil
	return w
}

// TestSkippingLosesNoOutcome compares with the slow twin: all runs, none skipped.
func TestSkippingLosesNoOutcome(t *testing.T) {
	var whole, made, skipped, repeated int
	property := func(t *rapid.T) {
		w := drawToys(t)
		w.Most = rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "most")
		w.Runs = 1000
		want, all := w.search()
		w.Timeless = w.Timeless && !w.inRun // a run that is cut off depends on the time
		if !all.Complete {
			return // too large for the twin
		}
		w.bad = want[rapid.IntRange(0, len(want)-1).Draw(t, "bad")]
		w.Merge, w.Runs = true, 0
		got, few := w.search()
		if !few.Complete || !slices.Equal(got, want) {
			t.Fatalf("%d outcomes of %d: %v, instead of %v", len(got), len(want), &few, &all)
		}
		if few.First == nil {
			t.Fatal("a failure of the twin is not found")
		}
		answers := few.First.Trial.Answers
		plan, suite, _ := w.Make(nil)
		if o := executed(plan, suite, source.NewReplay(answers)); !o.Failed() || o.Digest != few.First.Outcome.Digest {
			t.Fatalf("the answers %v do not fail alike", answers)
		}
		whole, made, skipped, repeated = whole+all.Runs, made+few.Runs, skipped+few.Joined, repeated+few.Repeated
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	t.Logf("%d runs in all; with skipping %d, and %d given up, and %d before something recurred", whole, made, skipped, repeated)
	if skipped == 0 || repeated == 0 {
		t.Error("nothing was skipped, or nothing recurred: that shows nothing")
	}
}

// relay passes on what it receives, as route says; the last one counts, once an input
// has told it to.
type relay struct {
	armed bool
	n     int
}

func (r *relay) Start(*protocol.Env) {}

func (r *relay) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	route := map[protocol.NodeID][]protocol.NodeID{0: {1, 2}, 1: {3}, 2: {3}, 3: {4}}[env.ID()]
	for _, to := range route {
		env.Send(to, kindToy, []byte("x"))
	}
	switch {
	case from == protocol.Outside:
		r.armed = true
	case r.armed && env.ID() == 4:
		r.n++
	}
}

func (r *relay) Timeout(*protocol.Env, uint64) {}
func (r *relay) AppendState(b []byte) []byte   { return fmt.Append(b, r.armed, r.n) }

// Node 3 sends the same message twice, on the same grounds, so both are lost or none.
// Of the first one, which node 4 ignores, no trace is left but that. A search that
// took the two states for one would never see the second message lost.
func TestWhatWasAnsweredIsPartOfTheStateIfItIsAskedAgain(t *testing.T) {
	slow, lossy := sim.Link{Delay: 100}, sim.Link{Delay: 2, Loss: protocol.Percent(50)}
	w := newWorld(sim.Plan{
		Nodes: 5,
		Node:  func(protocol.NodeID) protocol.Node { return new(relay) },
		Link:  sim.Link{Delay: 2},
		Links: []sim.LinkRule{{From: 2, To: 3, Link: slow}, {From: 3, To: 4, Link: lossy}},
		Inputs: []sim.Input{
			{ID: 0, At: 1, Node: 0, Body: []byte("begin")},
			{ID: 1, At: 50, Node: 4, Body: []byte("arm")},
		},
		Until: 1000,
	})
	w.Merge = true
	got, r := w.search()
	if len(got) != 2 || r.Runs != 2 || r.Repeated == 0 || !r.Complete {
		t.Errorf("%d outcomes in %v, want 2: received and lost", len(got), &r)
	}
}

// asker comes to the sum 2 by one misfortune, or by two, and then asks once more.
type asker struct{ sum int }

func (a *asker) Start(*protocol.Env) {}

func (a *asker) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	ask := func(name string, worth int) {
		if env.Chance(protocol.KindOf(name), protocol.Percent(10)) {
			a.sum += worth
		}
	}
	switch msg[0] {
	case 1:
		if ask("one", 2); a.sum == 0 {
			ask("two", 1)
			ask("three", 1)
		}
	case 2:
		ask("four", 10)
	}
}

func (a *asker) Timeout(*protocol.Env, uint64) {}
func (a *asker) AppendState(b []byte) []byte   { return fmt.Append(b, a.sum) }

// The search meets the sum 2 first by two misfortunes, when none is left.
func TestMisfortunesLeftArePartOfTheState(t *testing.T) {
	x := explore.Small{Merge: true, Most: 2}
	x.Make = func(protocol.Source) (sim.Plan, check.Suite, []sim.Observer) {
		node := new(asker)
		return sim.Plan{
				Nodes:  1,
				Node:   func(protocol.NodeID) protocol.Node { return node },
				Link:   sim.Link{Delay: 1},
				Inputs: []sim.Input{{ID: 1, At: 1, Body: []byte{1}}, {ID: 2, At: 2, Body: []byte{2}}},
				Until:  10,
			}, check.Suite{check.Finally("not twelve", func() (uint64, error) {
				if node.sum == 12 {
					return 1, errors.New("twelve")
				}
				return 1, nil
			})}, nil
	}
	r := x.Exhaust(context.Background())
	if !r.Complete || r.First == nil || len(r.First.Trial.Answers) != 2 {
		t.Errorf("%v, failed %+v; want the sum 12 by 2 misfortunes", &r, r.First)
	}
}

// A message to each of n nodes, early or late, makes 2^n schedules. Their orders
// differ in nothing: those that came early are all that a state remembers.
func TestMessagesToDifferentNodesAreNotPermuted(t *testing.T) {
	const n = 8
	w := newWorld(sim.Plan{
		Nodes: n + 1,
		Node:  func(id protocol.NodeID) protocol.Node { return &sender{id: id, to: n} },
		Link:  sim.Link{Delay: 2, Jitter: 2},
		Until: 1000,
	})
	w.Delays, w.Merge = 2, true
	if _, r := w.search(); !r.Complete || r.Runs > 2*n {
		t.Errorf("%v; %d of them ended, want at most %d of %d", &r, r.Runs, 2*n, 1<<n)
	}
}

// sender sends one message to each other node, as node 0, and counts.
type sender struct {
	id protocol.NodeID
	to protocol.NodeID
	n  int
}

func (x *sender) Start(env *protocol.Env) {
	for to := protocol.NodeID(1); x.id == 0 && to <= x.to; to++ {
		env.Send(to, kindToy, nil)
	}
}

func (x *sender) Receive(*protocol.Env, protocol.NodeID, []byte) { x.n++ }
func (x *sender) Timeout(*protocol.Env, uint64)                  {}
func (x *sender) AppendState(b []byte) []byte                    { return fmt.Append(b, x.n) }

// executed makes one run.
func executed(plan sim.Plan, suite check.Suite, src protocol.Source) explore.Outcome {
	s := scenario.Scenario{Name: "one", Build: func(*scenario.Setup) *scenario.Run { return &scenario.Run{Plan: plan, Checks: suite} }}
	r, _ := s.Execute(0, scenario.Params{Nodes: plan.Nodes}, src, scenario.Options{})
	return r.Outcome()
}
