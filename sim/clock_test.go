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
		{ID: 1, Op: fault.Drift, At: 1000, PPM: 200_000, For: 4000}, // 800 ahead in the end, and stays so
		{ID: 2, Op: fault.Drift, At: 6000, PPM: -100_000},
	}
	r := expectOutputs(t, plan,
		"0 0 start 0", "500 0 500", "1000 0 1000", "1417 0 timer 1500", // 500 before the drift, 500 at the rate 1.2
		"2000 0 2200", "3000 0 3400", "3834 0 timer 4400", // 1000 at the rate 1.2
		"6000 0 6800", "7000 0 7700", "10000 0 10400", "11112 0 timer 11400", "12000 0 12200")
	if r.Faults.Drifts != 2 {
		t.Errorf("%d drifts, want 2", r.Faults.Drifts)
	}
}

// The steady clock drifts and does not jump, and begins with the run, whatever the incarnation.
func TestTheSteadyClockDriftsAndDoesNotJump(t *testing.T) {
	tell := func(env *protocol.Env) { say(env, fmt.Sprint(int64(env.Steady()), " ", int64(env.Now()))) }
	plan := Plan{Nodes: 2, Faults: mustFaults(t, "jump 0 by 50ns at 0s; jump 0 by -3000ns at 1000ns; drift 0 by 200000ppm at 2us for 1us; jump 0 by 5us at 4us; crash 0 at 5us for 1us")}
	plan.Node = scripts(script{start: tell, receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) { tell(env) }})
	plan.Inputs = append(inputsAt(nil, 999, 1000, 2500, 3500, 4000, 7000), input(9, 2500, 1, ""))
	expectOutputs(t, plan,
		"0 0 0 50", "0 1 0 0",
		"999 0 999 1049", "1000 0 1000 0", // not less than 0
		"2500 0 2600 0", "2500 1 2500 2500", // 500 at the rate 1.2
		"3500 0 3700 750", "4000 0 4200 6250", "6000 0 6200 8250", "7000 0 7200 9250")
}

// Now is the steady clock and the jumps so far, within bounds; the steady clock is the time at
// its rate so far.
func TestTheClockIsTheSteadyClockAndItsJumps(t *testing.T) {
	jumped, drifted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		plan := Plan{Nodes: 1, Until: 2000}
		rate := rapid.Int32Range(-fault.MaxDrift, fault.MaxDrift).Filter(func(ppm int32) bool { return ppm != 0 }).Draw(t, "ppm")
		from, lasts := rapid.Int64Range(0, 900).Draw(t, "from"), rapid.Int64Range(1, 900).Draw(t, "for")
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Drift, At: protocol.Time(from), For: time.Duration(lasts), PPM: rate}}
		for id := range uint64(rapid.IntRange(0, 4).Draw(t, "jumps")) {
			by := rapid.SampledFrom([]time.Duration{-5000, -100, -1, 3, 700, 1 << 40}).Draw(t, "by")
			plan.Faults = append(plan.Faults, fault.Fault{ID: 2 + id, Op: fault.Jump, At: protocol.Time(rapid.IntRange(0, 1900).Draw(t, "at")), By: by})
		}
		step := func(env *protocol.Env) { say(env, fmt.Sprint(int64(env.Steady()), " ", int64(env.Now()))) }
		plan.Node = scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) { step(env) }})
		var at []protocol.Time
		for range 20 {
			at = append(at, protocol.Time(rapid.IntRange(0, 1999).Draw(t, "input")))
		}
		slices.Sort(at)
		plan.Inputs = inputsAt(nil, at...)
		_, c := run(t, plan, nil)
		for i, line := range c.outputs() {
			millionths := int64(at[i])*million + max(0, min(int64(at[i])-from, lasts))*int64(rate)
			steady, now := millionths/million, millionths/million
			for _, f := range plan.Faults[1:] {
				if f.At <= at[i] {
					now += int64(f.By)
					jumped++
				}
			}
			if steady != int64(at[i]) {
				drifted++
			}
			if want := fmt.Sprint(int64(at[i]), " 0 ", steady, " ", max(0, now)); line != want {
				t.Fatalf("the node says %q, want %q", line, want)
			}
		}
	})
	if jumped == 0 || drifted == 0 {
		t.Error("vacuous: no clock jumped, or none drifted")
	}
}

// A timer for 10 s is due when 10 s have passed by the node's own clock, whatever the
// clock does meanwhile. Rounded up to whole nanoseconds of true time.
func TestATimerRunsByItsNodesClockWhateverTheClockDoes(t *testing.T) {
	const s = int64(time.Second)
	for _, c := range []struct {
		text        string
		true, local int64
	}{
		{"", 10 * s, 10 * s},
		{"drift 0 by -100000ppm at 1s", 11 * s, 10 * s},
		{"drift 0 by 100000ppm at 1s", 9_181_818_182, 10 * s},
		{"drift 0 by -100000ppm at 0s for 1s", 10*s + s/10, 10 * s},
		{"drift 0 by 100000ppm at 0s for 1s", 10*s - s/10, 10 * s},
		{"drift 0 by -100000ppm at 0s", 11_111_111_112, 10 * s},
		{"drift 0 by 200000ppm at 1s for 1s; drift 0 by -200000ppm at 5s for 2s", 10*s + s/5, 10 * s},
		{"drift 0 by 200000ppm at 1s; heal at 2s", 10*s - s/5, 10 * s},
		{"drift 0 by 200000ppm at 9900ms", 9_983_333_334, 10 * s},
		{"drift 0 by 200000ppm at 10s", 10 * s, 10 * s},
		{"jump 0 by 5s at 1s", 10 * s, 15 * s},
		{"jump 0 by -5s at 1s", 10 * s, 5 * s},
		{"jump 0 by 1h at 1s; drift 0 by -100000ppm at 1s", 11 * s, 3610 * s},
		// A drift that waits for an effect moves timers that are pending: it begins 1 ns later.
		{"drift 0 by -100000ppm after send #1 of 1", 11 * s, 10 * s},
		{"drift 0 by 100000ppm after send #1 of 1 for 1s; drift 0 by 100000ppm after send #2 of 1 for 1s", 10*s - s/5, 10 * s},
	} {
		faults, err := fault.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		plan := Plan{Nodes: 2, Faults: faults}
		plan.Node = scripts(script{start: func(env *protocol.Env) {
			env.SetTimer(10*time.Second, 1)
			env.SetTimer(50*time.Second, 2) // which is to stay behind the first
			say(env, "set")
		}, timeout: func(env *protocol.Env, tag uint64) { say(env, fmt.Sprint(tag, int64(env.Now()))) }},
			script{start: func(env *protocol.Env) {
				env.SetTimer(time.Second-1, 1)
			}, timeout: func(env *protocol.Env, tag uint64) {
				env.Send(5, kindT, nil)
				env.SetTimer(2*time.Second, tag)
			}})
		plan.Until = protocol.Time(20 * s)
		_, events := run(t, plan, nil)
		want := []string{"0 0 set", fmt.Sprintf("%d 0 %s", c.true, fmt.Sprint(1, c.local))}
		if got := events.outputs(); !slices.Equal(got, want) {
			t.Errorf("%q:\n%q, want\n%q", c.text, got, want)
		}
	}
}

// Ten thousand drifts, each too short to gain a whole nanosecond, still sum exactly.
func TestNoRoundingAddsUpHoweverOftenADriftChanges(t *testing.T) {
	plan := Plan{Nodes: 1, Until: 1_000_000}
	for i := range 10_000 {
		plan.Faults = append(plan.Faults, fault.Fault{ID: uint64(i), Op: fault.Drift, At: protocol.Time(20 * i), For: 7, PPM: 100_001})
	}
	// Each gains 0.700007 ns: 7000.07 in all.
	plan.Inputs = inputsAt(map[protocol.Time]string{0: "set"}, 0, 199_999, 200_000)
	plan.Node = scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
		say(env, fmt.Sprint(int64(env.Now())))
		if len(msg) > 0 {
			env.SetTimer(207_001, 1)
		}
	}, timeout: func(env *protocol.Env, _ uint64) { say(env, fmt.Sprintf("timer %d", env.Now())) }})
	expectOutputs(t, plan, "0 0 0", "199999 0 206999", "200000 0 207000", "200001 0 timer 207001")
}

// A drift that begins moves the timers that are still to come, and none that waits for
// its paused node already.
func TestADriftThatBeginsLeavesTimersThatAreDueWhereTheyAre(t *testing.T) {
	plan := Plan{Nodes: 2, Until: 10_000}
	plan.Node = scripts(script{start: func(env *protocol.Env) {
		for tag, after := range []time.Duration{900, 990, 993, 994, 995, 1000, 2001} {
			env.SetTimer(after, uint64(tag))
		}
	}, timeout: func(env *protocol.Env, tag uint64) { say(env, fmt.Sprint(tag, " ", int64(env.Now()))) }},
		script{start: func(env *protocol.Env) { env.SetTimer(1000, 1) }, timeout: func(env *protocol.Env, _ uint64) { env.Send(0, kindT, nil) }})
	// The rate is 1 to 930, 0.9 to 1001, when 993.9 have elapsed, and 1.1 from there.
	faults, err := fault.Parse("pause 0 at 800ns for 202ns; drift 0 by -100000ppm at 930ns; drift 0 by 200000ppm after send #1 of 1")
	if err != nil {
		t.Fatal(err)
	}
	plan.Faults = faults
	expectOutputs(t, plan, "1002 0 0 995", "1002 0 1 995", "1002 0 2 995", "1002 0 3 995", "1002 0 4 995", "1007 0 5 1000", "1917 0 6 2001")
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
			if got, steady := c.at(now); got != twin.local(0) || steady != twin.steady(0) {
				t.Fatalf("at %d the clock shows %d, and %d without jumps; want %d and %d", now, got, steady, twin.local(0), twin.steady(0))
			}
			after := time.Duration(rapid.OneOf(rapid.Int64Range(1, int64(longest)), rapid.Int64Range(1, 1<<62)).Draw(t, "after"))
			due := c.due(now, c.piece(now).elapsed(now).after(after))
			target := big.NewInt(int64(min(after, longest)))
			target.Add(target.Mul(target, big.NewInt(1_000_000)), twin.elapsed(0, now))
			if due > protocol.MaxTime {
				if twin.elapsed(0, protocol.MaxTime).Cmp(target) >= 0 {
					t.Fatalf("a timer set at %d for %d is never due, but %v millionths will have elapsed, want %v", now, after, twin.elapsed(0, protocol.MaxTime), target)
				}
				continue
			}
			if due <= now || twin.elapsed(0, due).Cmp(target) < 0 || twin.elapsed(0, due-1).Cmp(target) >= 0 {
				t.Fatalf("a timer set at %d for %d is due at %d, when %v millionths have elapsed, want %v", now, after, due, twin.elapsed(0, due), target)
			}
		}
	})
}
