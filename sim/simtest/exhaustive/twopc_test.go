package exhaustive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
)

// One transaction of a coordinator, node 0, and the participants 1 and 2, any of whom
// may vote no, over datagrams.
var (
	transaction  = twopc.ID{Client: 100, Transfer: 1, Attempt: 1}
	participants = []protocol.NodeID{1, 2}
)

// committer hosts a manager.
type committer struct{ m *twopc.Manager }

func newCommitter(patience time.Duration) *committer {
	return &committer{twopc.New(twopc.Config{
		Send:        (*protocol.Env).Send,
		VoteTimeout: patience,
		AskAfter:    patience + 2,
		Remember:    1,
		Abort:       func(twopc.ID) protocol.Ratio { return protocol.Percent(50) },
		Inspect: func(*protocol.Env, twopc.ID, []byte) ([][]byte, []byte, bool) {
			return [][]byte{[]byte("key")}, []byte("yes"), true
		},
		Decided: func(*protocol.Env, twopc.Decision) {},
	})}
}

func (c *committer) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		c.m.Restore(rec)
	}
	c.m.Start(env)
}

func (c *committer) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		_ = c.m.Begin(env, transaction, msg, participants)
		return
	}
	c.m.Receive(env, from, msg)
}

func (c *committer) Timeout(env *protocol.Env, tag uint64) { c.m.Timeout(env, tag) }
func (c *committer) AppendState(b []byte) []byte           { return c.m.AppendState(b) }

// ballot is what each node voted and decided, in its order.
type ballot struct {
	votes, decisions [3][]bool
}

func (b *ballot) see(e *sim.Event) {
	v, ok := twopc.DecodeOutput(e.Kind, e.Body)
	switch {
	case ok && e.Kind == twopc.KindVoted:
		b.votes[e.Node] = append(b.votes[e.Node], v.Yes)
	case ok && e.Kind == twopc.KindDecided:
		b.decisions[e.Node] = append(b.decisions[e.Node], v.Yes)
	}
}

func (b *ballot) yes(node protocol.NodeID) bool { return slices.Contains(b.votes[node], true) }

// decided reports whether some node decided that.
func (b *ballot) decided(commit bool) bool {
	return slices.ContainsFunc(b.decisions[:], func(of []bool) bool { return slices.Contains(of, commit) })
}

// agreed counts the decisions that were made, of commit and abort.
func (b *ballot) agreed() (n uint64, wrong error) {
	for _, commit := range []bool{false, true} {
		if b.decided(commit) {
			n++
		}
	}
	if n > 1 {
		wrong = fmt.Errorf("the nodes decide %v", b.decisions)
	}
	return n, wrong
}

// unanimous demands that all voted yes if some node commits.
func (b *ballot) unanimous() (n uint64, wrong error) {
	if !b.decided(true) {
		return 0, nil
	}
	if !b.yes(1) || !b.yes(2) {
		wrong = fmt.Errorf("the nodes vote %v and decide %v", b.votes, b.decisions)
	}
	return 1, wrong
}

// doubt reports who voted yes and does not decide.
func (b *ballot) doubt() (n uint64, wrong error) {
	for _, id := range participants {
		if !b.yes(id) {
			continue
		}
		if n++; len(b.decisions[id]) == 0 {
			wrong = fmt.Errorf("node %v is in doubt for ever", id)
		}
	}
	return n, wrong
}

// wanted demands that what all voted yes on commits.
func (b *ballot) wanted() (n uint64, wrong error) {
	if !b.yes(1) || !b.yes(2) {
		return 0, nil
	}
	if !b.decided(true) {
		wrong = fmt.Errorf("the nodes vote %v and decide %v", b.votes, b.decisions)
	}
	return 1, wrong
}

// suite is the checks of one run; calm says that nothing fails or times out, and can is
// what the specification allows.
func (b *ballot) suite(calm bool, can map[specified]bool) check.Suite {
	decides := func(commit bool) func(*sim.Event) bool {
		return func(*sim.Event) bool { return b.decided(commit) }
	}
	s := check.Suite{
		check.Always("AC2 no decision is reversed", sim.Output, func(e *sim.Event) (bool, error) {
			b.see(e) // the first check is shown each output first
			d := b.decisions[e.Node]
			if slices.Contains(d, true) && slices.Contains(d, false) {
				return true, fmt.Errorf("node %v decides %v", e.Node, d)
			}
			return len(d) > 0, nil
		}),
		check.Finally("AC1 all who decide decide the same", b.agreed),
		check.Finally("AC3 commit only if all voted yes", b.unanimous),
		check.Eventually("AC5 who voted yes decides", 0, b.doubt),
		check.Always("the specification TwoPhase allows the state", sim.Output, func(*sim.Event) (bool, error) {
			return true, b.refines(can)
		}),
		check.Sometimes("a commit", check.InSweep, sim.Output, decides(true)),
		check.Sometimes("an abort", check.InSweep, sim.Output, decides(false)),
	}
	if calm {
		s = append(s, check.Eventually("AC4 no failures and all yes means commit", 0, b.wanted))
	}
	return s
}

// A commitWorld is a world of one transaction. Its misfortunes are lost messages and
// crashes.
type commitWorld struct {
	name        string
	jitter      time.Duration // 1 is for two delays
	patience    time.Duration
	misfortunes int
	downs       []time.Duration // of nodes that crash
	full        bool
	golden      string
}

func (w *commitWorld) small() *explore.Small {
	x, can := &explore.Small{Merge: true, Timeless: true, Most: w.misfortunes}, allowed()
	x.Make = func(protocol.Source) (sim.Plan, check.Suite, []sim.Observer) {
		plan := sim.Plan{
			Nodes:  3,
			Node:   func(protocol.NodeID) protocol.Node { return newCommitter(w.patience) },
			Link:   sim.Link{Delay: 1, Jitter: w.jitter},
			Inputs: []sim.Input{{ID: 1, At: 1, Node: 0, Body: []byte("payload")}},
			Until:  100_000,
		}
		if w.misfortunes > 0 {
			plan.Link.Loss = protocol.Percent(1)
		}
		return explore.Adversary{Crashes: w.downs}.Plan(plan), new(ballot).suite(w.misfortunes == 0 && 2*(1+w.jitter) < w.patience, can), nil
	}
	x.Values = func(k protocol.Key, n uint64) []uint64 {
		if k.Kind == twopc.AskAgain.Kind || k.Kind == twopc.CommitAgain.Kind {
			return []uint64{0} // what is repeated later meets the same messages: the delays try that
		}
		if k.Kind == protocol.KindOf("disk.tear") {
			return []uint64{0, n / 2}
		}
		return nil
	}
	x.Free = func(k protocol.Key) bool { return k.Kind != protocol.KindOf("net.loss") && k.Kind != explore.KindCrash }
	return x
}

func TestAllRunsOfATransactionAgree(t *testing.T) {
	downs := []time.Duration{2, 40} // shorter than the first timeout, and longer than all that can be done meanwhile
	for _, w := range []commitWorld{
		{name: "calm", jitter: 2, patience: 8,
			golden: "3250 runs, 2313 states: all runs with 3 delays for each message (1ns to 3ns); 0 failed"},
		{name: "late", jitter: 2, patience: 4, full: true, // a part of the next one
			golden: "2974 runs, 4402 states: all runs with 3 delays for each message (1ns to 3ns); 0 failed"},
		{name: "late and lossy", jitter: 2, patience: 4, misfortunes: 1,
			golden: "9638 runs, 10136 states: all runs with 3 delays for each message (1ns to 3ns) and at most 1 fault or loss; 0 failed"},
		{name: "two misfortunes", jitter: 0, patience: 4, misfortunes: 2, downs: downs,
			golden: "5357 runs, 23727 states: all runs with a delay of 1ns and at most 2 faults or losses; 0 failed"},
		{name: "late and one misfortune", jitter: 1, patience: 4, misfortunes: 1, downs: downs[:1], full: true,
			golden: "6305 runs, 9317 states: all runs with 2 delays for each message (1ns to 2ns) and at most 1 fault or loss; 0 failed"},
		{name: "late and one misfortune, long ones too", jitter: 1, patience: 4, misfortunes: 1, downs: downs, full: true,
			golden: "24774 runs, 45043 states: all runs with 2 delays for each message (1ns to 2ns) and at most 1 fault or loss; 0 failed"},
		{name: "late and two misfortunes", jitter: 1, patience: 4, misfortunes: 2, downs: downs, full: true,
			golden: "586031 runs, 905580 states: all runs with 2 delays for each message (1ns to 2ns) and at most 2 faults or losses; 0 failed"},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			if w.full && !*full {
				t.Skip("see -full")
			}
			searched(t, w.small(), w.golden)
		})
	}
}
