package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"

	"github.com/google/go-cmp/cmp"
)

func TestAPausedNodeDoesLaterWhatCameMeanwhile(t *testing.T) {
	plan := lifers(2)
	plan.Inputs = []Input{input(1, 10, 0, ""), input(2, 30, 0, ""), input(3, 25, 0, ""), input(4, 40, 0, ""), input(5, 50, 0, ""), input(6, 30, 1, "")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Pause, At: 25, For: 15}}
	r := expectOutputs(t, plan,
		"0 0 start: incarnation 1, step 1", "0 1 start: incarnation 1, step 1", "10 0 receive from outside: incarnation 1, step 2",
		"30 1 receive from outside: incarnation 1, step 2",
		"40 0 receive from outside: incarnation 1, step 3", "40 0 receive from outside: incarnation 1, step 4", // those of 25 and 30
		"40 0 receive from outside: incarnation 1, step 5", "50 0 receive from outside: incarnation 1, step 6")
	if r.Faults != (FaultCounts{Pauses: 1}) || r.Received != 6 {
		t.Errorf("got %+v", r)
	}
}

func TestACrashEndsAPause(t *testing.T) {
	plan := lifers(1)
	plan.Inputs = []Input{input(1, 20, 0, ""), input(2, 35, 0, "")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Pause, At: 10, For: 90}, {ID: 2, Op: fault.Crash, At: 25, For: 5}, {ID: 3, Op: fault.Pause, At: 110, For: 5}}
	r, c := run(t, plan, nil)
	want := []string{"0 0 start: incarnation 1, step 1", "30 0 start: incarnation 2, step 1", "35 0 receive from outside: incarnation 2, step 2"}
	if got := c.outputs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := textOf(c, Crashed); !slices.Equal(got, []string{"while paused"}) || r.Dropped != 1 || r.Faults.Pauses != 2 {
		t.Errorf("crashed %q, %+v", got, r)
	}
}

// Timers of a paused node fire when it goes on; one of them can cancel another.
func TestTimersOfAPausedNodeFireAfterIt(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{
		start: func(env *protocol.Env) {
			for tag := range uint64(4) {
				env.SetTimer(10+protocol.Time(tag).Sub(0), tag)
			}
		},
		timeout: func(env *protocol.Env, tag uint64) {
			say(env, fmt.Sprint(tag))
			env.CancelTimer(2)
		},
	}), Faults: []fault.Fault{{ID: 1, Op: fault.Pause, At: 5, For: 50}}}
	expectOutputs(t, plan, "55 0 0", "55 0 1", "55 0 3")
}

func TestAStepThatWaitsForItsDiskGoesOnAfterAPause(t *testing.T) {
	node := script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
		env.Persist(msg)
		env.Sync()
		say(env, string(msg))
	}}
	plan := Plan{Nodes: 1, Node: scripts(node), Disk: Disk{Sync: 10}}
	plan.Inputs = []Input{input(1, 100, 0, "a"), input(2, 103, 0, "b"), input(3, 112, 0, "c")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Pause, At: 105, For: 20}}
	expectOutputs(t, plan, "125 0 a", "135 0 b", "145 0 c")

	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Pause, At: 105, For: 3}} // over before the disk is done
	expectOutputs(t, plan, "110 0 a", "120 0 b", "130 0 c")

	// The node does not know yet that its disk was done.
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Pause, At: 105, For: 20}, {ID: 2, Op: fault.Crash, At: 120, For: 1}}
	r := expectOutputs(t, plan)
	if r.Faults.Unsynced != 1 || r.Dropped != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestACrashComesRightAfterItsAnchor(t *testing.T) {
	ack := protocol.KindOf("ack")
	node := script{receive: func(env *protocol.Env, from protocol.NodeID, _ []byte) {
		if from == protocol.Outside {
			env.Send(1, kindT, nil)
			env.Persist([]byte{1})
			env.Send(1, ack, nil)
			env.Sync()
			env.SetTimer(100, 1)
			say(env, "x")
			env.Send(1, kindT, nil)
		}
	}}
	const whole = "sent persisted sent synced output sent"
	for _, test := range []struct {
		on   fault.Anchor
		at   protocol.Time
		want []string // of the inputs of 100, 200 and 300
	}{
		{fault.Anchor{Op: protocol.OpPersist, N: 1}, 50, []string{"sent persisted crashed", whole, whole}},
		{fault.Anchor{Op: protocol.OpPersist, N: 1}, 101, []string{whole, "sent persisted crashed", whole}},
		{fault.Anchor{Op: protocol.OpSync, N: 2}, 50, []string{whole, "sent persisted sent synced crashed", whole}},
		{fault.Anchor{Op: protocol.OpOutput, Kind: kindT, N: 1}, 50, []string{"sent persisted sent synced output crashed", whole, whole}},
		{fault.Anchor{Op: protocol.OpOutput, Kind: ack, N: 1}, 50, []string{whole, whole, whole}},
		{fault.Anchor{Op: protocol.OpSend, Kind: ack, N: 2}, 50, []string{whole, "sent persisted sent crashed", whole}},
		{fault.Anchor{Op: protocol.OpSend, Kind: kindT, N: 6}, 50, []string{whole, whole, whole + " crashed"}},
		{fault.Anchor{Op: protocol.OpSend, N: 4}, 50, []string{whole, "sent crashed", whole}},
		{fault.Anchor{Op: protocol.OpSetTimer, N: 3}, 50, []string{whole, whole, "sent persisted sent synced crashed"}},
	} {
		for _, took := range []protocol.Time{0, 5} {
			plan := Plan{Nodes: 2, Node: scripts(node, script{}), Disk: Disk{Sync: took.Sub(0)}}
			plan.Inputs = []Input{input(1, 100, 0, ""), input(2, 200, 0, ""), input(3, 300, 0, "")}
			plan.Faults = []fault.Fault{
				{ID: 1, Op: fault.Crash, At: test.at, On: test.on, For: 10},
				// A life in between: the count goes on.
				{ID: 2, Op: fault.Crash, At: 150, For: 10}, {ID: 3, Op: fault.Crash, At: 250, For: 10},
			}
			_, c := run(t, plan, nil)
			got := []string{"", "", ""}
			for _, e := range c.events {
				i := int(e.At/100) - 1
				if i < 0 || e.At%100 >= 20 || e.What&(Sent|Persisted|Synced|Output|Crashed) == 0 {
					continue
				}
				if got[i] != "" {
					got[i] += " "
				}
				got[i] += e.What.String()
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("crash on %v from %v on, sync takes %v: got %q, want %q", test.on, test.at, took, got, test.want)
			}
		}
	}
}

// Node 0 does four effects of a step. What the others have not synced is lost at that
// moment, whatever they do: node 1 waits for its disk, node 2 rests, node 3 is down
// already, and node 4 crashes for it.
func TestACrashComesRightAfterAnotherNodesEffect(t *testing.T) {
	leader := script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
		env.Persist([]byte{1})
		env.Send(2, kindT, nil)
		say(env, "first")
		say(env, "second")
	}}
	keeper := func(sync bool) script {
		return script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
			env.Persist([]byte{1})
			if sync {
				env.Sync()
			}
		}}
	}
	at := func(id uint64, node protocol.NodeID, span time.Duration) fault.Fault {
		return fault.Fault{ID: id, Op: fault.Crash, Node: node, At: 50, For: span,
			On: fault.Anchor{Op: protocol.OpOutput, Kind: kindT, N: 1, Other: true}}
	}
	plan := Plan{Nodes: 5, Node: scripts(leader, keeper(true), keeper(false), keeper(false), keeper(false)), Disk: Disk{Sync: 10}}
	for id := range protocol.NodeID(5) {
		plan.Inputs = append(plan.Inputs, input(uint64(id), 95+protocol.Time(id), id, ""))
	}
	plan.Inputs[0].At = 100
	plan.Faults = []fault.Fault{at(1, 0, 7), at(2, 1, 5), at(3, 2, 0), at(4, 3, 5), at(5, 3, 5), at(6, 4, 6), at(7, 0, 1),
		{ID: 8, Op: fault.Crash, Node: 3, At: 99, For: 50}}
	r, c := run(t, plan, nil)
	var got []string
	for _, e := range c.events {
		if e.At >= 100 && e.What&(Sent|Output|Crashed|Started|Synced) != 0 {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d: %v %v %s", e.At, e.Node, e.What, e.Text)))
		}
	}
	want := []string{"100: 0 sent", "100: 0 output",
		"100: 1 crashed after effect 3 of node 0, its output", "100: 2 crashed after effect 3 of node 0, its output",
		"100: 4 crashed after effect 3 of node 0, its output", "100: 0 crashed after effect 3, its output",
		"105: 1 started", "106: 4 started", "107: 0 started", "149: 3 started"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if r.Crashes != 5 || r.Restarts != 4 || r.Faults.Unsynced != 5 {
		t.Errorf("got %+v", r)
	}
}

func TestHealEndsAllFaults(t *testing.T) {
	everywhere := [][]protocol.NodeID{nil, nil}
	sure := protocol.Percent(100)
	plan := bells(7, 9,
		fault.Fault{ID: 1, Op: fault.Cut, At: 15, Groups: [][]protocol.NodeID{{0}, {1}}}, fault.Fault{ID: 2, Op: fault.Slow, At: 15, By: 3, Groups: everywhere, For: 500},
		fault.Fault{ID: 3, Op: fault.Lose, At: 15, Rate: sure, Groups: [][]protocol.NodeID{{1}, {0}}},
		fault.Fault{ID: 4, Op: fault.Crash, At: 15, Node: 2},
		fault.Fault{ID: 5, Op: fault.Crash, At: 15, Node: 3, For: 5000},
		fault.Fault{ID: 6, Op: fault.Pause, At: 15, Node: 4, For: 5000},
		fault.Fault{ID: 7, Op: fault.Crash, At: 15, Node: 5, On: fault.Anchor{Op: protocol.OpSend, Kind: kindT, N: 23}}, // the 21st is at 30, and four are one step
		fault.Fault{ID: 8, Op: fault.FailSync, At: 15, Node: 5},
		fault.Fault{ID: 9, Op: fault.Crash, At: 15, Node: 6, After: 3},
		fault.Fault{ID: 10, Op: fault.Crash, At: 41, Node: 6, After: 3},
		fault.Fault{ID: 11, Op: fault.Heal, At: 45},
	)
	plan.Starts = make([]protocol.Time, 7)
	plan.Starts[6] = 70 // a node that was never up is left to its start
	r, c := run(t, plan, nil)
	if r.Healed != 45 {
		t.Errorf("healed at %v, want 45", r.Healed)
	}
	for _, test := range []struct {
		to, from protocol.NodeID
		want     string
	}{
		{1, 0, "10+5 50+5 60+5 70+5 80+5 90+5"}, // the cut
		{0, 1, "10+5 50+5 60+5 70+5 80+5 90+5"}, // the loss
		{1, 2, "10+5 55+5 65+5 75+5 85+5 95+5 105+5 115+5 125+5 135+5"},
		{1, 3, "10+5 55+5 65+5 75+5 85+5 95+5 105+5 115+5 125+5 135+5"},
		{1, 4, "10+5 45+5 55+5 65+5 75+5 85+5 95+5 105+5 115+5"},
	} {
		if got := heard(c, test.to, test.from); got != test.want {
			t.Errorf("%v hears from %v %q, want %q", test.to, test.from, got, test.want)
		}
	}
	var lives []string
	for _, e := range c.events {
		if e.What&(Started|Crashed) != 0 && e.At > 0 {
			lives = append(lives, fmt.Sprintf("%d %v %v", e.At, e.Node, e.What))
		}
	}
	want := []string{"15 2 crashed", "15 3 crashed", "45 2 started", "45 3 started", "70 6 started"}
	// The 23rd send of node 5 from 15 on is its second at 50.
	if !slices.Equal(lives, want) {
		t.Errorf("lives %q, want %q", lives, want)
	}
}

// A crash that has cut its step already cannot be undone: it comes with the heal,
// and the restart right after it.
func TestACrashThatWaitsForTheDiskComesAtTheHeal(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(clerk()), Disk: Disk{Sync: 50}, Inputs: []Input{input(1, 10, 0, "p0s0p1s0")}}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 5, After: 3}, {ID: 2, Op: fault.Heal, At: 40}}
	r, c := run(t, plan, nil)
	if got := c.outputs(); !slices.Equal(got, []string{"0 0 ", "40 0 "}) || r.Crashes != 1 || r.Restarts != 1 || r.Syncs != 1 {
		t.Errorf("got %q, %+v", got, r)
	}
}
