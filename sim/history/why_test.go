package history_test

import (
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// made returns the history of a run of seed 1.
func made(t *testing.T, name, flags string) *history.History {
	t.Helper()
	s := scenarios.Find(name)
	p, err := s.ParseParams(flags)
	if err != nil {
		t.Fatal(err)
	}
	h := history.New(s, &p, history.Usual)
	var o scenario.Options
	s.Execute(1, p, h.Attach(&o, source.Seed(1)), o)
	return h
}

const stormy = "-nodes 4 -txs 3 -until 20s -faults none -fault 'crash 1 after send vote #1 for 1s; pause 0 at 6s for 1s; copy *>* 20% at 1s for 3s'"

func TestEachStepComesFromOneThatCanHaveCausedIt(t *testing.T) {
	h := made(t, "crash", stormy)
	seen := sim.What(0)
	for step := 1; step <= h.Last(); step++ {
		from, to := h.RowsOf(step)
		if from == to {
			continue
		}
		x, row := &h.Rows[from], h.Cause(step)
		if row == history.None {
			if x.What&(sim.Fired|sim.Synced) != 0 || x.What == sim.Received && x.Peer != protocol.Outside || x.What == sim.Started && x.Num > 1 {
				t.Fatalf("step %d, %v of %v, has no cause", step, x.What, x.Node)
			}
			continue
		}
		c := &h.Rows[row]
		good := false
		switch x.What {
		case sim.Received, sim.Dropped:
			good = c.What&(sim.Sent|sim.Copied) != 0 && c.Node == x.Peer && c.Peer == x.Node
		case sim.Fired:
			good = c.What == sim.TimerSet && c.Node == x.Node && c.Num == x.Num
		case sim.Synced:
			good = c.Node == x.Node && h.StepOf(row) < step
		case sim.Started:
			good = c.What == sim.Crashed && c.Node == x.Node
		}
		if !good {
			t.Fatalf("step %d, %v of %v, comes from row %d: %+v", step, x.What, x.Node, row, c)
		}
		seen |= x.What
		if chain := h.Why(step); chain[0] != step || chain[1] != h.StepOf(row) || h.Cause(chain[len(chain)-1]) != history.None {
			t.Fatalf("the chain of step %d is %v", step, chain)
		}
	}
	if want := sim.Received | sim.Fired | sim.Synced | sim.Started; seen&want != want {
		t.Errorf("vacuous: causes of %b, want %b", seen, want)
	}
}

// Effects are counted as faults count them, which begin with the run.
func TestAnAnchorNamesTheEffectThatAFaultWaitsFor(t *testing.T) {
	for _, text := range []string{"send vote #2 of 1", "output decided #1 of 2", "persist #7 of 1", "sync #3 of 1", "set-timer #9 of 3", "send #20 of 0"} {
		a, err := fault.ParseAnchor(text)
		if err != nil {
			t.Fatal(err)
		}
		h := made(t, "crash", "-nodes 4 -txs 3 -until 20s -faults none -fault 'crash "+a.Of.String()+" after "+text+"'")
		rows := h.Effects(a)
		if len(rows) != 1 {
			t.Fatalf("%s: rows %v", text, rows)
		}
		at := rows[0] + 1
		for h.Rows[at].What&(sim.Lost|sim.Copied|sim.Noted) != 0 {
			at++
		}
		if x := &h.Rows[at]; x.What != sim.Crashed || x.Node != a.Of {
			t.Errorf("%s: after row %d comes %v of %v", text, rows[0], x.What, x.Node)
		}
		n := a.N
		a.N = 0
		if all := h.Effects(a); uint64(len(all)) < n || all[n-1] != rows[0] {
			t.Errorf("%s: without a number rows %v", text, all)
		}
	}
}

func TestLivesFollowCrashesAndRestarts(t *testing.T) {
	h := made(t, "crash", stormy)
	down, up := 0, 0
	for step := 1; step <= h.Last(); step++ {
		from, to := h.RowsOf(step)
		for i := from; i < to; i++ {
			switch x := &h.Rows[i]; {
			case x.What == sim.Crashed:
				if l := h.Lives(step)[x.Node]; l.Up || l.Step != step || l.Incarnation == 0 {
					t.Errorf("node %v crashes in step %d, and is %+v", x.Node, step, l)
				}
				down++
			case x.What == sim.Started && x.Num > 1:
				if l := h.Lives(step)[x.Node]; !l.Up || l.Incarnation != x.Num {
					t.Errorf("node %v restarts in step %d, and is %+v", x.Node, step, l)
				}
				if text, known := h.States.At(x.Node, step-1); known && text != nil {
					t.Errorf("node %v is down before step %d, and says %.40q", x.Node, step, text)
				}
				if text, known := h.States.At(x.Node, step); !known || text == nil {
					t.Errorf("node %v is up after step %d, and says nothing", x.Node, step)
				}
				up++
			}
		}
	}
	if down == 0 || up == 0 {
		t.Errorf("vacuous: %d crashes, %d restarts", down, up)
	}
}
