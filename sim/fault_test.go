package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
)

// lifer says its incarnation and how many steps its machine has seen, and on an
// input does one effect of each sort.
type lifer struct{ steps int }

func (l *lifer) hello(env *protocol.Env, what string) {
	l.steps++
	say(env, fmt.Sprintf("%s: incarnation %d, step %d", what, env.Incarnation(), l.steps))
}

func (l *lifer) Start(env *protocol.Env) { l.hello(env, "start") }

func (l *lifer) Receive(env *protocol.Env, from protocol.NodeID, _ []byte) {
	l.hello(env, "receive from "+from.String())
}

func (l *lifer) Timeout(env *protocol.Env, _ uint64) { l.hello(env, "timeout") }

func lifers(nodes int) Plan {
	return Plan{Nodes: nodes, Node: func(protocol.NodeID) protocol.Node { return new(lifer) }}
}

func TestACrashComesAfterTheKthEffect(t *testing.T) {
	node := script{receive: func(env *protocol.Env, from protocol.NodeID, _ []byte) {
		if from == protocol.Outside {
			env.Note(kindT, "first")
			env.Send(1, kindT, nil)
			env.Persist([]byte{1})
			env.Note(kindT, "third")
			env.Sync()
			env.SetTimer(5, 1)
			say(env, "x")
			env.CancelTimer(1)
			env.Note(kindT, "last")
		}
	}}
	want := []string{
		"", // of a crash between steps
		"noted sent",
		"noted sent persisted noted",
		"noted sent persisted noted synced",
		"noted sent persisted noted synced set",
		"noted sent persisted noted synced set output",
		"noted sent persisted noted synced set output cancelled noted",
		"noted sent persisted noted synced set output cancelled noted",
	}
	for k := 1; k < len(want); k++ {
		plan := Plan{Nodes: 2, Node: scripts(node, script{}), Inputs: []Input{input(1, 100, 0, "")}}
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 50, After: k}}
		r, c := run(t, plan, nil)
		var got []string
		for _, e := range c.events {
			if e.At == 100 && e.What != Received && e.What != Salvaged {
				got = append(got, e.What.String())
			}
		}
		when := ""
		for _, e := range c.events {
			if e.What == Crashed {
				when = e.Text
			}
		}
		if text := strings.Join(got, " "); text != want[k]+" crashed" || when != fmt.Sprintf("after %d of 6 effects", min(k, 6)) {
			t.Errorf("crash after %d effects: %s, %s; want %s", k, text, when, want[k])
		}
		if r.Received != 2 || r.Fired != 0 || r.Crashes != 1 || r.Dropped != 0 {
			t.Errorf("crash after %d effects: %+v; want the message sent received and no timer", k, r)
		}
	}
}

func TestAStepWithoutEffectsCanCrash(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{}), Inputs: []Input{input(1, 100, 0, "")}, Faults: []fault.Fault{{ID: 1, Op: fault.Crash, At: 50, After: 3}}}
	r, c := run(t, plan, nil)
	if r.Crashes != 1 || c.events[len(c.events)-2].Text != "after 0 of 0 effects" {
		t.Errorf("got %+v", c.events)
	}
}

func TestARestartIsAFreshMachineOfTheNextIncarnation(t *testing.T) {
	plan := lifers(1)
	plan.Inputs = []Input{input(1, 10, 0, ""), input(2, 25, 0, ""), input(3, 40, 0, "")}
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Crash, At: 20, For: 10},
		{ID: 2, Op: fault.Crash, At: 50},
		{ID: 3, Op: fault.Restart, At: 60},
		{ID: 4, Op: fault.Restart, At: 61}, // it is up: nothing
		{ID: 5, Op: fault.Crash, At: 70},
		{ID: 6, Op: fault.Crash, At: 71}, // it is down: nothing
	}
	r := expectOutputs(t, plan,
		"0 0 start: incarnation 1, step 1", "10 0 receive from outside: incarnation 1, step 2",
		"30 0 start: incarnation 2, step 1", "40 0 receive from outside: incarnation 2, step 2",
		"60 0 start: incarnation 3, step 1")
	if r.Crashes != 3 || r.Restarts != 2 || r.Dropped != 1 || r.Received != 2 || r.Reason != Quiet {
		t.Errorf("got %+v, want 3 crashes, 2 restarts, 1 dropped, 2 received", r)
	}
}

// For belongs to its own crash: if the node was restarted before and crashed again, the
// later crash decides how long it is down.
func TestTheEndOfOneCrashDoesNotEndAnother(t *testing.T) {
	plan := lifers(1)
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Crash, At: 10, For: 50}, // until 60
		{ID: 2, Op: fault.Restart, At: 20},
		{ID: 3, Op: fault.Crash, At: 30}, // until a restart
		{ID: 4, Op: fault.Restart, At: 90},
	}
	expectOutputs(t, plan, "0 0 start: incarnation 1, step 1", "20 0 start: incarnation 2, step 1", "90 0 start: incarnation 3, step 1")
}

func TestMessagesSentBeforeACrashArrive(t *testing.T) {
	plan := Plan{Nodes: 2, Node: scripts(
		script{start: func(env *protocol.Env) { env.Send(1, kindT, []byte("from the dead")) }},
		script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) { say(env, string(msg)) }},
	), Faults: []fault.Fault{{ID: 1, Op: fault.Crash, At: 1}}}
	expectOutputs(t, plan, "10 1 from the dead")
}

func TestACrashDropsAllTimers(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{
		start: func(env *protocol.Env) {
			for tag := range uint64(9) {
				env.SetTimer(20+protocol.Time(10*env.Incarnation()).Sub(0), tag)
			}
		},
		timeout: func(env *protocol.Env, tag uint64) { say(env, fmt.Sprint(tag)) },
	}), Faults: []fault.Fault{{ID: 1, Op: fault.Crash, At: 10, For: 1}}}
	r, c := run(t, plan, nil)
	if r.Fired != 9 || r.End != 51 || c.outputs()[0] != "51 0 0" {
		t.Errorf("got %d timers, %q; want those of the second incarnation", r.Fired, c.outputs())
	}
}

func TestFaultsComeBeforeInputsBeforeMessages(t *testing.T) {
	plan := lifers(3)
	plan.Node = func(id protocol.NodeID) protocol.Node {
		if id != 1 {
			return script{start: func(env *protocol.Env) { env.Send(1, kindT, nil) }}
		}
		return new(lifer)
	}
	plan.Inputs = []Input{input(7, 10, 1, "")}
	expectOutputs(t, plan, "0 1 start: incarnation 1, step 1",
		"10 1 receive from outside: incarnation 1, step 2", "10 1 receive from 0: incarnation 1, step 3", "10 1 receive from 2: incarnation 1, step 4")
	plan.Faults = []fault.Fault{{ID: 1 << 61, Op: fault.Crash, At: 10}}
	plan.Faults[0].Node = 1
	if r := expectOutputs(t, plan, "0 1 start: incarnation 1, step 1"); r.Dropped != 3 {
		t.Errorf("%d dropped, want 3", r.Dropped)
	}
	plan.Faults = append(plan.Faults, fault.Fault{ID: 1<<61 + 1, Op: fault.Restart, At: 10, Node: 1})
	expectOutputs(t, plan, "0 1 start: incarnation 1, step 1", "10 1 start: incarnation 2, step 1",
		"10 1 receive from outside: incarnation 2, step 2", "10 1 receive from 0: incarnation 2, step 3", "10 1 receive from 2: incarnation 2, step 4")
}

func TestFaultsBeforeTheStartDoNotHurt(t *testing.T) {
	plan := lifers(1)
	plan.Starts = []protocol.Time{50}
	plan.Inputs = []Input{input(1, 40, 0, ""), input(2, 60, 0, "")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 10, For: 5}, {ID: 2, Op: fault.Restart, At: 20}}
	r := expectOutputs(t, plan, "50 0 start: incarnation 1, step 1", "60 0 receive from outside: incarnation 1, step 2")
	if r.Crashes != 0 || r.Restarts != 0 || r.Dropped != 1 {
		t.Errorf("got %+v, want no crash, no restart, one dropped", r)
	}
}

// A crash in the first step from a time on finds a Start too, since recovery is
// the step that crashes must be tried on most.
func TestACrashAfterEffectsCanHitAStart(t *testing.T) {
	plan := lifers(1)
	plan.Starts = []protocol.Time{50}
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Crash, At: 10, After: 1, For: 5}, // hits the start of 50
		{ID: 2, Op: fault.Crash, At: 70, For: 30},
		{ID: 3, Op: fault.Crash, At: 80, After: 1, For: 1}, // hits the restart of 100
	}
	r := expectOutputs(t, plan,
		"50 0 start: incarnation 1, step 1", "55 0 start: incarnation 2, step 1",
		"100 0 start: incarnation 3, step 1", "101 0 start: incarnation 4, step 1")
	if r.Crashes != 3 || r.Restarts != 3 {
		t.Errorf("%d crashes, %d restarts; want 3 and 3", r.Crashes, r.Restarts)
	}
}

func TestOfTwoFaultsInOneStepTheFirstEffectCounts(t *testing.T) {
	node := script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
		for i := range 9 {
			say(env, fmt.Sprint(i))
		}
	}}
	for _, ids := range [][2]uint64{{1, 2}, {2, 1}} {
		plan := Plan{Nodes: 1, Node: scripts(node), Inputs: []Input{input(1, 100, 0, ""), input(2, 200, 0, "")}}
		plan.Faults = []fault.Fault{{ID: ids[0], Op: fault.Crash, At: 50, After: 2, For: 10}, {ID: ids[1], Op: fault.Crash, At: 50, After: 5}}
		_, c := run(t, plan, nil)
		want := []string{"100 0 0", "100 0 1"}
		for i := range 9 {
			want = append(want, fmt.Sprintf("200 0 %d", i))
		}
		if got := c.outputs(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
