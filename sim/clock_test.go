package sim

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"

	"pgregory.net/rapid"
)

// clockwork says the time by its clock at each input and timer, and sets a timer
// of 1000 at an input that says so.
func clockwork() script {
	return script{
		start: func(env *protocol.Env) { say(env, fmt.Sprintf("start %d", env.Now())) },
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			say(env, fmt.Sprint(int64(env.Now())))
			if len(msg) > 0 {
				env.SetTimer(1000, 1)
			}
		},
		timeout: func(env *protocol.Env, _ uint64) { say(env, fmt.Sprintf("timer %d", env.Now())) },
	}
}

func inputsAt(texts map[protocol.Time]string, at ...protocol.Time) (inputs []Input) {
	for i, t := range at {
		inputs = append(inputs, input(uint64(i), t, 0, texts[t]))
	}
	return inputs
}

func TestAJumpMovesTheClockAndNoTimer(t *testing.T) {
	plan := Plan{Nodes: 2, Node: scripts(clockwork())}
	plan.Inputs = append(inputsAt(map[protocol.Time]string{2000: "set"}, 0, 999, 1000, 2000, 2500, 4000), input(9, 2500, 1, ""))
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Jump, At: 0, By: 50},
		{ID: 2, Op: fault.Jump, At: 1000, By: 500},
		{ID: 3, Op: fault.Jump, At: 2500, By: -3500},
	}
	r := expectOutputs(t, plan, "0 0 start 50", "0 0 50", "0 1 start 0", "999 0 1049", "1000 0 1550", "2000 0 2550",
		"2500 0 0", // not less than 0
		"2500 1 2500", "3000 0 timer 50", "4000 0 1050")
	if r.Faults.Jumps != 3 {
		t.Errorf("%d jumps, want 3", r.Faults.Jumps)
	}
}

func TestADriftStretchesTheClockAndItsTimers(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(clockwork())}
	set := map[protocol.Time]string{500: "set", 3000: "set", 10_000: "set"}
	plan.Inputs = inputsAt(set, 500, 1000, 2000, 3000, 6000, 7000, 10_000, 12_000)
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Drift, At: 1000, PPM: 200_000, For: 4000}, // 800 too fast in the end, and stays so
		{ID: 2, Op: fault.Drift, At: 6000, PPM: -100_000},
	}
	r := expectOutputs(t, plan,
		"0 0 start 0", "500 0 500", "1000 0 1000", "1500 0 timer 1600", // set before the drift
		"2000 0 2200", "3000 0 3400", "3834 0 timer 4400", // 1000 at the rate 1.2
		"6000 0 6800", "7000 0 7700", "10000 0 10400", "11112 0 timer 11400", "12000 0 12200")
	if r.Faults.Drifts != 2 {
		t.Errorf("%d drifts, want 2", r.Faults.Drifts)
	}
}

func TestClocksStayInTheRangeOfTime(t *testing.T) {
	plan := Plan{Nodes: 2, Until: protocol.MaxTime}
	plan.Node = scripts(script{start: func(env *protocol.Env) {
		env.SetTimer(1<<63-1, 1) // beyond any run: no overflow
		env.SetTimer(time.Duration(protocol.MaxTime)/2, 2)
	}, timeout: func(env *protocol.Env, tag uint64) { say(env, fmt.Sprintf("%d at %d", tag, env.Now())) }})
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Jump, By: 24 * time.Hour, At: 5}, {ID: 2, Op: fault.Drift, PPM: fault.MaxDrift}, {ID: 3, Op: fault.Drift, PPM: fault.MaxDrift, At: 1},
		{ID: 4, Op: fault.Jump, By: -24 * time.Hour, At: 5, Node: 1}, {ID: 5, Op: fault.Drift, PPM: -fault.MaxDrift, Node: 1},
	}
	for id := range protocol.NodeID(2) {
		plan.Inputs = append(plan.Inputs, input(uint64(id), protocol.MaxTime, id, ""))
	}
	half := int64(protocol.MaxTime) / 2
	day := int64(24 * time.Hour)
	expectOutputs(t, plan, fmt.Sprintf("%d 0 2 at %d", half*5/6, half+day), fmt.Sprintf("%d 1 2 at %d", half*5/4, half-day))
}

// Clock and timers are what whole numbers of any size say.
func TestClocksAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Custom(func(t *rapid.T) protocol.Time {
			return protocol.Time(rapid.Int64Range(0, int64(protocol.MaxTime)).Draw(t, "at"))
		})
		p := Plan{Nodes: 1, Until: protocol.MaxTime}
		for i := range rapid.IntRange(0, 6).Draw(t, "faults") {
			f := fault.Fault{ID: uint64(i), Op: fault.Jump, At: at.Draw(t, "fault")}
			if f.By = time.Duration(rapid.Int64Range(-int64(maxSpan), int64(maxSpan)).Draw(t, "by")); f.By%2 != 0 {
				f.Op, f.By, f.For = fault.Drift, 0, time.Duration(rapid.Int64Range(0, int64(maxSpan)).Draw(t, "for"))
				f.PPM = rapid.Int32Range(-fault.MaxDrift, fault.MaxDrift).Draw(t, "ppm")
			}
			p.Faults = append(p.Faults, f)
		}
		var windows []fault.Window
		for i := range p.Faults {
			windows = append(windows, fault.WindowOf(&p.Faults[i], fault.Never))
		}
		c, twin := newClock(0, windows), &slow{plan: p}
		times := rapid.SliceOfN(at, 1, 20).Draw(t, "times")
		slices.Sort(times)
		for _, now := range times {
			twin.now = now
			if got, want := c.at(now), twin.local(0); got != want {
				t.Fatalf("at %d the clock shows %d, want %d", now, got, want)
			}
			after := time.Duration(rapid.Int64Range(1, 1<<62).Draw(t, "after"))
			d := c.truly(now, after)
			rate := big.NewInt(1_000_000 + twin.ppm(0, now))
			gained := func(d time.Duration) *big.Int {
				x := new(big.Int).Mul(big.NewInt(int64(d)), rate)
				return x.Div(x, big.NewInt(1_000_000))
			}
			if after = min(after, longest); d < 1 || gained(d).Cmp(big.NewInt(int64(after))) < 0 || gained(d-1).Cmp(big.NewInt(int64(after))) >= 0 {
				t.Fatalf("at %d a timer of %d runs %d, in which the clock gains %v", now, after, d, gained(d))
			}
		}
	})
}
