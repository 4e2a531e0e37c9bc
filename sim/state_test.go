package sim

import (
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
)

// stateAt returns the state of the run of plan after so many steps; machines tell
// nothing.
func stateAt(t *testing.T, plan Plan, steps int) uint64 {
	t.Helper()
	s := mustNew(t, plan, nil)
	for range steps {
		if !s.Step() {
			t.Fatalf("the run is over before %d steps", steps)
		}
	}
	fold, ok := s.State(func(protocol.NodeID, protocol.Node) uint64 { return 0 }, true)
	if !ok {
		t.Fatal("the state cannot be told")
	}
	return fold
}

// does is a node that does this when it starts.
func does(start func(env *protocol.Env)) func(protocol.NodeID) protocol.Node {
	return scripts(script{start: start}, script{})
}

func TestStatesThatGoOnOtherwiseDiffer(t *testing.T) {
	nothing := Plan{Nodes: 2, Node: does(nil)}
	with := func(change func(p *Plan)) Plan {
		p := nothing
		change(&p)
		return p
	}
	doing := func(start func(env *protocol.Env)) Plan { return with(func(p *Plan) { p.Node = does(start) }) }
	faulty := func(f fault.Fault) Plan { return with(func(p *Plan) { f.ID, p.Faults = 1, []fault.Fault{f} }) }
	input := func(body string, at protocol.Time) Plan {
		return with(func(p *Plan) { p.Inputs = []Input{input(1, at, 1, body)} })
	}
	plans := map[string]Plan{
		"nothing":           nothing,
		"an output":         doing(func(env *protocol.Env) { say(env, "a") }),
		"another output":    doing(func(env *protocol.Env) { say(env, "b") }),
		"a message":         doing(func(env *protocol.Env) { env.Send(1, kindT, []byte("a")) }),
		"other bytes":       doing(func(env *protocol.Env) { env.Send(1, kindT, []byte("b")) }),
		"another receiver":  doing(func(env *protocol.Env) { env.Send(0, kindT, []byte("a")) }),
		"two messages":      doing(func(env *protocol.Env) { env.Send(1, kindT, []byte("a")); env.Send(1, kindT, []byte("b")) }),
		"in another order":  doing(func(env *protocol.Env) { env.Send(1, kindT, []byte("b")); env.Send(1, kindT, []byte("a")) }),
		"a timer":           doing(func(env *protocol.Env) { env.SetTimer(5, 1) }),
		"a later timer":     doing(func(env *protocol.Env) { env.SetTimer(6, 1) }),
		"another timer":     doing(func(env *protocol.Env) { env.SetTimer(5, 2) }),
		"a periodic timer":  doing(func(env *protocol.Env) { env.SetTimer(5, 1|protocol.Periodic) }),
		"a record":          doing(func(env *protocol.Env) { env.Persist([]byte("a")) }),
		"a synced record":   doing(func(env *protocol.Env) { env.Persist([]byte("a")); env.Sync() }),
		"a discarded one":   doing(func(env *protocol.Env) { env.Persist([]byte("a")); env.Discard(1) }),
		"an input":          input("a", 9),
		"other input":       input("b", 9),
		"a later input":     input("a", 10),
		"a crash to come":   faulty(fault.Fault{Op: fault.Crash, At: 9}),
		"a crash that was":  faulty(fault.Fault{Op: fault.Crash, At: 0}),
		"one in a step":     faulty(fault.Fault{Op: fault.Crash, At: 0, After: 1}),
		"one by an anchor":  faulty(fault.Fault{Op: fault.Crash, At: 0, On: fault.Anchor{Op: protocol.OpSend, N: 1}}),
		"a sync that fails": faulty(fault.Fault{Op: fault.FailSync, At: 0}),
	}
	seen := make(map[uint64]string)
	for _, name := range protocol.SortedKeys(plans) {
		steps := 2
		if plans[name].Faults != nil && plans[name].Faults[0].At == 0 {
			steps = 3
		}
		fold := stateAt(t, plans[name], steps)
		if other, is := seen[fold]; is {
			t.Errorf("after %s the state is as after %s", name, other)
		}
		seen[fold] = name
	}
}

// Cancelled timers, the counts of sources, and how long it took leave nothing.
func TestStatesThatGoOnAlikeAreAlike(t *testing.T) {
	plan := func(start func(env *protocol.Env), at protocol.Time) Plan {
		return Plan{Nodes: 1, Node: does(start), Starts: []protocol.Time{at}}
	}
	want := stateAt(t, plan(func(env *protocol.Env) { env.SetTimer(5, 1) }, 0), 1)
	for name, p := range map[string]Plan{
		"started later":     plan(func(env *protocol.Env) { env.SetTimer(5, 1) }, 7),
		"cancelled another": plan(func(env *protocol.Env) { env.SetTimer(4, 2); env.CancelTimer(2); env.SetTimer(5, 1) }, 0),
		"set twice":         plan(func(env *protocol.Env) { env.SetTimer(9, 1); env.SetTimer(5, 1) }, 0),
	} {
		if got := stateAt(t, p, 1); got != want {
			t.Errorf("%s: the state is another one", name)
		}
	}
}

// The state is asked for after each step.
func TestAskingForTheStateChangesNothing(t *testing.T) {
	plan := Plan{Nodes: 8, Node: scripts(chatty(2)), Link: Link{Delay: 10, Jitter: 90, FIFO: true}, Until: 2000}
	s := mustNew(t, plan, nil)
	for s.Step() {
		s.State(func(protocol.NodeID, protocol.Node) uint64 { return 0 }, true)
	}
	want, _ := run(t, plan, nil)
	if got := s.Result(); got != want {
		t.Errorf("the run comes to %+v, without asking to %+v", got, want)
	}
}

// chatty is a node that starts n rumours, each of which goes on to the next node.
func chatty(n int) script {
	return script{
		start: func(env *protocol.Env) {
			for i := range n {
				env.Send((env.ID()+1)%8, kindT, []byte{byte(i)})
			}
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			env.SetTimer(3, uint64(msg[0]))
			env.Send((env.ID()+3)%8, kindT, msg)
		},
	}
}

func TestTheStateOfATraitorCannotBeTold(t *testing.T) {
	s := mustNew(t, Plan{Nodes: 1, Node: does(nil), Faults: []fault.Fault{{ID: 1, Op: fault.Byzantine, Trait: fault.Withhold, Rate: protocol.Percent(1)}}}, nil)
	if _, ok := s.State(func(protocol.NodeID, protocol.Node) uint64 { return 0 }, true); ok {
		t.Error("it was told")
	}
}
