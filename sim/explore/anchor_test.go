package explore_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// hasty is a node that stores what it is told and acknowledges it, before it is
// safe: the classic mistake. What it has it tells at each start.
type hasty struct{}

var (
	kindStore = protocol.KindOf("store")
	kindAck   = protocol.KindOf("ack")
	kindHas   = protocol.KindOf("has")
	kindChat  = protocol.KindOf("chat")
)

func (hasty) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		env.Output(kindHas, rec)
	}
}

func (hasty) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside && env.ID() != 0:
		env.Send(0, kindStore, msg)
	case from == protocol.Outside:
		for i := range 3 { // idle talk, so that there are answers to remove
			env.Send(protocol.NodeID(1+i%2), kindChat, []byte{0, byte(i)})
		}
	case msg[0] != 0:
		env.Persist(msg)
		env.Output(kindAck, msg)
		env.Sync()
	}
}

func (hasty) Timeout(*protocol.Env, uint64) {}

// keeps judges that what a node acknowledged it has after a restart.
func keeps() *check.Check {
	acked, has := make(map[string]bool), make(map[string]bool)
	return check.Always("what was acknowledged is kept", sim.Output|sim.Crashed|sim.Started|sim.Ended, func(e *sim.Event) (bool, error) {
		switch {
		case e.What == sim.Crashed && e.Node == 0:
			has = make(map[string]bool)
		case e.What == sim.Output && e.Kind == kindAck:
			acked[string(e.Body)], has[string(e.Body)] = true, true
		case e.What == sim.Output && e.Kind == kindHas:
			has[string(e.Body)] = true
		case e.What == sim.Ended:
			for i := range byte(250) {
				if acked[string([]byte{i})] && !has[string([]byte{i})] {
					return true, fmt.Errorf("record %d was acknowledged and is lost", i)
				}
			}
			return true, nil
		}
		return false, nil
	})
}

// hastyWorld has node 0 store what others are told.
func hastyWorld() *explore.World {
	w := &explore.World{MinNodes: 3}
	for i := range uint64(8) {
		w.Inputs = append(w.Inputs, i)
	}
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		out := make(map[uint64]bool)
		for _, id := range t.Without {
			out[id] = true
		}
		plan := sim.Plan{Nodes: t.Nodes, Node: func(protocol.NodeID) protocol.Node { return hasty{} }, Until: protocol.Time(time.Minute),
			Link: sim.Link{Delay: time.Millisecond, Jitter: 9 * time.Millisecond}, Disk: sim.Disk{Sync: time.Millisecond}, Faults: fault.Within(t.Faults, t.Nodes)}
		for _, id := range w.Inputs {
			if !out[id] {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: id, At: protocol.Time(id+1) * protocol.Time(time.Second),
					Node: protocol.NodeID(int(id) % t.Nodes), Body: []byte{byte(id) + 1}})
			}
		}
		suite := check.Suite{keeps()}
		s, err := sim.New(plan, source.NewReplay(t.Answers), append(suite.Observers(), observers...)...)
		if err != nil {
			panic(err)
		}
		r := s.Run()
		results := suite.Results(r.End)
		return explore.Outcome{Verdict: check.Conclude(results), Checks: results, Sim: r, Digest: r.Digest}
	}
	return w
}

// hastyTrial is a run of the world in which a record is lost: it looks for a crash at
// the right time among many others.
func hastyTrial(t testing.TB, w *explore.World) *explore.Trial {
	t.Helper()
	for seed := range source.Seed(1000) {
		src := source.Seed(seed)
		trial := &explore.Trial{Nodes: 5}
		for i := range 40 {
			ask := func(what string, n uint64) uint64 {
				return src.Choose(protocol.Key{Kind: protocol.KindOf(what), N: uint64(i)}, n)
			}
			f := fault.Fault{ID: uint64(i + 1), At: protocol.Time(ask("at", 9000)) * protocol.Time(time.Millisecond)}
			switch i % 3 {
			case 0:
				f.Op, f.Node, f.For, f.Disk = fault.Crash, protocol.NodeID(ask("node", 5)), time.Duration(1+ask("for", 9))*100*time.Millisecond, fault.KeepScattered
			case 1:
				f.Op, f.Groups, f.Rate, f.For = fault.Copy, [][]protocol.NodeID{nil, nil}, protocol.Percent(20), time.Second
			case 2:
				f.Op, f.Groups, f.By, f.For = fault.Slow, [][]protocol.NodeID{{0, 1}, nil}, time.Millisecond, time.Second
			}
			trial.Faults = append(trial.Faults, f)
		}
		trial.Faults = append(trial.Faults, fault.Fault{ID: 99, Op: fault.Heal, At: protocol.Time(20 * time.Second)})
		if o := w.Try(trial); o.Failed() {
			return trial
		}
	}
	t.Fatal("no seed loses a record")
	return nil
}

func TestALostRecordShrinksToOneCrashThatIsAnchored(t *testing.T) {
	w := hastyWorld()
	trial := hastyTrial(t, w)
	out := shrink(t, w, trial, 3000, 2)
	if !out.Minimal || out.Check != "what was acknowledged is kept" {
		t.Fatalf("%+v", out)
	}
	after := out.After
	if after.Nodes != 3 || len(after.Without) != len(w.Inputs)-1 || len(after.Faults) != 2 || len(after.Answers) != 0 {
		t.Fatalf("left: %d nodes, without %v\n%s%v", after.Nodes, after.Without, fault.Format(after.Faults), after.Answers)
	}
	f := after.Faults[0]
	if f.Op != fault.Crash || f.Node != 0 || f.At != 0 || f.On.N != 1 || f.Disk != fault.KeepNone {
		t.Errorf("the crash is %v, want it anchored and simple", f)
	}
	if out.Runs > 300 {
		t.Errorf("40 faults took %d runs, want at most 300", out.Runs)
	}
	t.Logf("%d runs: %v", out.Runs, f)
}

func BenchmarkShrinkingACrashAmong40Faults(b *testing.B) {
	w := hastyWorld()
	trial := hastyTrial(b, w)
	runs := 0
	for b.Loop() {
		out := shrink(b, w, trial, 3000, 1)
		runs = out.Runs
	}
	b.ReportMetric(float64(runs), "runs")
}
