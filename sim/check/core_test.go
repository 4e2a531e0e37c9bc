package check

import (
	"math/bits"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"

	"pgregory.net/rapid"
)

// watched returns a core of that many nodes, started at time 0, and a function that opens
// fault i at a time, or lifts it.
func watched(nodes int, led bool, faults ...string) (c *Core, turn func(what sim.What, i int, at protocol.Time)) {
	plan := &sim.Plan{Nodes: nodes}
	for i, text := range faults {
		all, err := fault.Parse(text)
		if err != nil {
			panic(err)
		}
		f := all[0]
		f.ID = uint64(i)
		plan.Faults = append(plan.Faults, f)
	}
	c = NewCore(plan, nodes, led)
	for id := range nodes {
		c.Observe(&sim.Event{What: sim.Started, Node: protocol.NodeID(id)})
	}
	return c, func(what sim.What, i int, at protocol.Time) {
		c.Observe(&sim.Event{What: what, Tag: uint64(i), At: at})
	}
}

func TestTheCoreIsWhoIsInEveryMajorityThatIsConnected(t *testing.T) {
	for _, x := range []struct {
		faults    []string
		core, led uint64
	}{
		{nil, 0b11111, 0b11111},
		{[]string{"cut 0-4>0 at 0s"}, 0b11110, 0b11110},
		{[]string{"mute 2 at 0s"}, 0b11011, 0b11011},
		{[]string{"partition 0,1|2-4 at 0s"}, 0b11100, 0b11100},
		{[]string{"partition 0,1|2,3|4 at 0s"}, 0, 0},
		{[]string{"cut 3>2 at 0s"}, 0b10011, 0b10011}, // 2 or 3
		{[]string{"partition 0|1 at 0s", "partition 0|2 at 0s"}, 0b11000, 0b11000},
		{[]string{"partition 0|1 at 0s", "partition 0|2 at 0s", "partition 0|3 at 0s"}, 0b11110, 0b11110},
		// 0 hears 1 and 2, which are cut off from each other: it could lead, and 3 and 4 would not hear it.
		{[]string{"partition 0|3,4 at 0s", "partition 1|2 at 0s"}, 0b11000, 0},
		{[]string{"slow 4>* by 1s at 0s"}, 0, 0}, // it may be in, or not
		{[]string{"lose *>* 5% at 0s", "copy *>* 50% at 0s", "late *>* 50% at 0s", "echo *>* 50% at 0s"}, 0b11111, 0b11111},
		{[]string{"lose 0>1 6% at 0s"}, 0b11100, 0b11100},
		{[]string{"pause 1 at 0s for 1s"}, 0b11101, 0b11101},
		{[]string{"latetimer 1 5% by 1s at 0s"}, 0, 0},
		{[]string{"drift 1 by 30000ppm at 0s"}, 0, 0},
		{[]string{"order 1 at 0s", "yield 2 50% at 0s"}, 0b11111, 0b11111},
		{[]string{"stall 1 5% by 1s at 0s"}, 0, 0},
	} {
		for _, led := range []bool{false, true} {
			want := x.core
			if led {
				want = x.led
			}
			c, turn := watched(5, led, x.faults...)
			for i := range x.faults {
				turn(sim.Injected, i, 1)
			}
			if c.core != want {
				t.Errorf("%q, led %v: core %05b, want %05b", x.faults, led, c.core, want)
			}
		}
	}
}

func TestTheCoreLasts(t *testing.T) {
	c, turn := watched(3, false, "mute 0 at 0s", "crash 1 at 0s")
	all := func(now protocol.Time, d time.Duration, want uint64) {
		t.Helper()
		if got := c.Lasting(now, d); got != want {
			t.Errorf("at %d for %d: %03b, want %03b", now, d, got, want)
		}
	}
	all(5, 5, 0b111)
	all(5, 6, 0)
	turn(sim.Injected, 0, 100)
	all(111, 111, 0b110)
	if !c.Reaches(1, 0b110, 111, 111) || c.Reaches(0, 0b110, 111, 0) {
		t.Errorf("1 does not reach 1 and 2, or 0 does")
	}
	turn(sim.Lifted, 0, 200)
	all(200, 0, 0b111)
	all(205, 50, 0b110)
	c.Observe(&sim.Event{What: sim.Crashed, Node: 1, At: 300})
	all(311, 50, 0b101)
	all(311, 112, 0)
	c.Observe(&sim.Event{What: sim.Started, Node: 1, At: 400})
	all(450, 50, 0b111)
	all(450, 51, 0b101)
	all(450, 251, 0)
}

// The search finds a majority if and only if there is one.
func TestMajoritiesAreFoundAsByTryingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "nodes")
		next := make([]uint64, n)
		for a := range n {
			next[a] |= 1 << a
			for b := range a {
				if rapid.IntRange(0, 3).Draw(t, "connected") > 0 {
					next[a] |= 1 << b
					next[b] |= 1 << a
				}
			}
		}
		for a := range n {
			want := false
			for set := range uint64(1) << n {
				whole := set>>a&1 == 1 && bits.OnesCount64(set) > n/2
				for b := range n {
					whole = whole && (set>>b&1 == 0 || set&^next[b] == 0)
				}
				want = want || whole
			}
			s := cliques{next, n/2 + 1, 10_000}
			if got := s.any(1<<a, next[a]&^(1<<a)); got != want {
				t.Fatalf("%b: a majority with %d: %v, want %v", next, a, got, want)
			}
		}
	})
}

func TestACheckThatIsNeverExercisedCanBeNotApplicable(t *testing.T) {
	relevant, waits := false, true
	c := Always("goes on", sim.Output, func(*sim.Event) (bool, error) { return relevant, nil }).
		OrNotApplicable("nothing lasts").WhileWaiting(func() bool { return waits })
	if r := c.Result(1); r.Verdict != NotApplicable || r.Detail != "nothing lasts" {
		t.Errorf("%+v", r)
	}
	if (Suite{c}).Done() {
		t.Error("a run is done while a check waits")
	}
	waits, relevant = false, true
	c.Observe(&sim.Event{What: sim.Output})
	if r := c.Result(1); r.Verdict != Pass || !(Suite{c}).Done() {
		t.Errorf("%+v, done %v", r, Suite{c}.Done())
	}
}

func TestANodeIsImpairedUntilTheLastSyncThatWasSlowCanBeOver(t *testing.T) {
	const second = protocol.Time(time.Second)
	c, turn := watched(3, false, "slowsync 1 by 15s at 0s for 2500ms", "slowsync 1 by 5s at 1s for 1s")
	turn(sim.Injected, 0, 0)
	turn(sim.Injected, 1, 1*second)
	turn(sim.Lifted, 1, 2*second)   // a sync of 2s ends at 22s
	turn(sim.Lifted, 0, 5*second/2) // and one of 2.5s earlier
	for _, x := range []struct {
		now  protocol.Time
		d    time.Duration
		want uint64
	}{
		{10 * second, 0, 0},
		{22*second - 1, 0, 0},
		{22 * second, 0, 0b111},
		{32*second - 1, 10 * time.Second, 0},
		{32 * second, 10 * time.Second, 0b111},
	} {
		if got := c.Lasting(x.now, x.d); got != x.want {
			t.Errorf("at %v for %v: nodes %b, want %b", x.now, x.d, got, x.want)
		}
	}
}

// A fault has no hold on what its operation does not slow, nor on other nodes.
func TestASlowSyncOutlastsItsFaultBySyncsAlone(t *testing.T) {
	const second = protocol.Time(time.Second)
	for _, other := range []string{"stall 1 5% by 100s at 0s", "latetimer 1 5% by 100s at 0s", "slowsync 0 by 100s at 0s", "slow 0>1 by 100s at 0s"} {
		c, turn := watched(3, false, "slowsync 1 by 1s at 0s for 1s", other)
		turn(sim.Injected, 0, 0)
		turn(sim.Injected, 1, 0)
		turn(sim.Lifted, 0, second)
		if f := c.plan.Faults[0]; len(c.open) != 2 || c.open[0].Fault.ID != f.ID || c.open[0].until != 2*second {
			t.Errorf("beside %q, the slow sync is over at %v, want 2s", other, c.open[0].until)
		}
	}
}

// What is late by several faults is late by the sum of what they say.
func TestANodeIsImpairedUntilWhatSeveralFaultsMakeLateIsOver(t *testing.T) {
	const second = protocol.Time(time.Second)
	slowest := func(d protocol.Time) protocol.Time { return d * 1_000_000 / (1_000_000 - fault.MaxDrift) }
	for _, x := range []struct {
		fault       string // three of them are open until 10s
		least, most protocol.Time
	}{
		// A goroutine that stands still for 30s does so for longer where the clock is slow.
		{"stall 1 5% by 10s at 0s", slowest(30 * second), 60 * second},
		// A timer of 30s that was set at the end, and is then as late.
		{"latetimer 1 5% by 10s at 0s", 60 * second, 60 * second},
	} {
		// What another node does, which is free at last by the same time, lengthens nothing.
		c, turn := watched(3, false, x.fault, x.fault, x.fault, strings.ReplaceAll(x.fault, " 1 ", " 2 "))
		for i := range c.plan.Faults {
			turn(sim.Injected, i, 0)
		}
		for i := range 3 {
			turn(sim.Lifted, i, 10*second)
		}
		turn(sim.Lifted, 3, 11*second)
		if got := c.Lasting(10*second+x.least-1, 0); got != 0 {
			t.Errorf("%q: the core is %03b while what three of them made late may come, want none", x.fault, got)
		}
		if got := c.Lasting(10*second+x.most, 0); got != 0b111 {
			t.Errorf("%q: the core is %03b after what three of them made late has come, want all", x.fault, got)
		}
	}
}

func TestANodeIsAwayIfNothingPassesBetweenItAndTheOthers(t *testing.T) {
	const second = protocol.Time(time.Second)
	for _, x := range []struct {
		faults []string
		away   uint64 // of the core
	}{
		{nil, 0},
		{[]string{"partition 0,1|2-4 at 0s"}, 0b00011},
		{[]string{"cut 0>1-4 at 0s"}, 0}, // it hears the others
		{[]string{"mute 0 at 0s", "deaf 0 at 0s"}, 0b00001},
		{[]string{"partition 0|2-4 at 0s", "partition 1|2,3 at 0s"}, 0}, // 0 and 4 hear each other through 1
	} {
		c, turn := watched(5, false, x.faults...)
		for i := range x.faults {
			turn(sim.Injected, i, second)
		}
		nodes := c.Lasting(second, 0)
		if got := c.Away(nodes, 2*second, time.Second); got != x.away {
			t.Errorf("%q: %05b are away, want %05b", x.faults, got, x.away)
		}
		if got := c.Away(nodes, 2*second-1, time.Second); got != 0 {
			t.Errorf("%q: %05b are away too soon", x.faults, got)
		}
	}
}
