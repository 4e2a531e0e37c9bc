package simtest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// fragile is a counter that does something else at its third message.
type fragile struct {
	counter
	third func()
}

func (f *fragile) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if f.counter.Receive(env, from, msg); f.n == 3 {
		f.third()
	}
}

func breaking(third func()) *scenario.Scenario {
	return counting(func(r *scenario.Run) {
		r.Plan.Faults = nil
		r.Plan.Node = func(protocol.NodeID) protocol.Node { return &fragile{third: third} }
	})
}

func TestANodeThatPanicsOrFailsTheTestHasItsPlaceInTheReport(t *testing.T) {
	for how, third := range map[string]func(){
		"boom":    func() { panic("boom") },
		"Goexit,": func() { new(testing.T).FailNow() },
	} {
		t.Chdir(t.TempDir())
		f := tried(Options{Seeds: 3, ShrinkRuns: 100}, breaking(third), "", "", "")
		want := regexp.MustCompile(`^seed 1: violates "no node panics": node \d panicked \(receives .*\): .*` + how + `.*, at dessim/sim/simtest/panic_test.go:\d+ \S+\.func\d.* \(at .*, step \d+\)\n\tcalled at dessim/sim/simtest/panic_test.go:\d+ \(\*fragile\)\.Receive\nshrunk in `)
		if !f.failed || !want.MatchString(f.text) || !strings.Contains(f.text, "saved: ") {
			t.Errorf("%s", f.text)
		}
		again := tried(Options{Seeds: 3}, breaking(third), "", "", "")
		if !again.failed || !strings.HasPrefix(again.text, savedDir) || strings.Contains(again.text, "differs") {
			t.Errorf("what was saved: %s", again.text)
		}
		g := new(fake)
		g.run(func() {
			run := counted()
			run.Plan.Node = func(protocol.NodeID) protocol.Node { return &fragile{third: third} }
			Judge(g, run, source.Seed(1))
		})
		if !strings.Contains(g.text, "panic_test.go:") {
			t.Errorf("Judge says %q", g.text)
		}
	}
}

// restless sets a timer for the next nanosecond for ever.
type restless struct{ counter }

func (*restless) Start(env *protocol.Env)             { env.SetTimer(time.Nanosecond, 1) }
func (*restless) Timeout(env *protocol.Env, _ uint64) { env.SetTimer(time.Nanosecond, 1) }

func TestARunThatFillsItsEventsFailsTheTestAndSaysOfWhat(t *testing.T) {
	storm := counting(func(r *scenario.Run) {
		r.Plan.Node = func(protocol.NodeID) protocol.Node { return new(restless) }
	})
	f := tried(Options{Seeds: 3, Events: 1000}, storm, "", "", "")
	if !f.failed || !strings.Contains(f.text, `seed 1: inconclusive: "the run comes to its end": its bound of 1000 events was reached; the most frequent sends, outputs, timers and syncs: timers `) {
		t.Errorf("failed %v: %s", f.failed, f.text)
	}
}
