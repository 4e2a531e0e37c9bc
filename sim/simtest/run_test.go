package simtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/swarm"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// counter counts what it receives, tells its neighbour of each input, and says so. It
// forgets all in a crash.
type counter struct{ n byte }

func (c *counter) Start(*protocol.Env) {}

func (c *counter) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.n++
	if from == protocol.Outside {
		env.Send(1-env.ID(), protocol.KindOf("told"), msg)
	}
	env.Output(protocol.KindOf("count"), []byte{c.n})
}

func (c *counter) Timeout(*protocol.Env, uint64) {}

// counting gives 10 inputs to one of two counters, and crashes that. No count may fall
// back below what it was.
func counting(p Params) (sim.Plan, check.Suite) {
	plan := sim.Plan{
		Nodes: 2,
		Node:  func(protocol.NodeID) protocol.Node { return new(counter) },
		Link:  sim.Link{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: protocol.Percent(10)},
		Until: protocol.Time(time.Minute),
	}
	for i := range uint64(10) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(time.Second), Body: []byte{1}})
	}
	plan.Faults = p.Faults("crash", swarm.Config{
		Nodes: []protocol.NodeID{0, 1}, From: 1, To: protocol.Time(10 * time.Second), Delay: 10 * time.Millisecond, Most: 8,
	})
	counts := make(map[protocol.NodeID]byte)
	return plan, check.Suite{check.Always("counts grow", sim.Output, func(e *sim.Event) (bool, error) {
		before := counts[e.Node]
		counts[e.Node] = e.Body[0]
		if e.Body[0] <= before {
			return true, fmt.Errorf("node %v counts %d after %d", e.Node, e.Body[0], before)
		}
		return true, nil
	})}
}

func TestATrialIsTheRunThatItWasRecordedFrom(t *testing.T) {
	failed, sooner := 0, 0
	for seed := range uint64(50) {
		w := World(seed, Options{Nodes: 2}, counting)
		want, trial := w.Seed(seed, nil, true)
		got := w.Try(trial)
		if got.Digest != want.Digest || got.Check() != want.Check() {
			t.Fatalf("seed %d: the trial gives %v %q, the seed %v %q", seed, got.Digest, got.Check(), want.Digest, want.Check())
		}
		if !want.Failed() {
			continue
		}
		failed++
		g := w.Fails(trial, explore.Guard{Check: "counts grow"})
		if !g.Fails || g.Events > want.Sim.Events {
			t.Errorf("seed %d: guarded it fails: %v, after %d events of %d", seed, g.Fails, g.Events, want.Sim.Events)
		}
		if g.Events < want.Sim.Events {
			sooner++
		}
		if g := w.Fails(trial, explore.Guard{Check: "another"}); g.Fails {
			t.Errorf("seed %d: it fails by a check that there is not", seed)
		}
		less := *trial
		less.Answers = g.Used()
		if o := w.Try(&less); !o.Fails("counts grow") {
			t.Errorf("seed %d: without the answers that it did not use it passes", seed)
		}
	}
	if failed == 0 || sooner == 0 {
		t.Errorf("%d seeds fail, %d of them end sooner when guarded: the test is vacuous", failed, sooner)
	}
}

func TestTrialsWithoutInputsAndNodesAreRunAsTold(t *testing.T) {
	w := World(1, Options{Nodes: 2, MinNodes: 1}, counting)
	if d := cmp.Diff([]uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, w.Inputs); d != "" || w.MinNodes != 1 {
		t.Errorf("at least %d nodes, inputs %s", w.MinNodes, d)
	}
	all := w.Try(&explore.Trial{Nodes: 2})
	if less := w.Try(&explore.Trial{Nodes: 2, Without: []uint64{3, 4}}); all.Sim.Outputs != 20 || less.Sim.Outputs != 16 {
		t.Errorf("%d outputs, and %d without two of ten inputs; want 20 and 16", all.Sim.Outputs, less.Sim.Outputs)
	}
	crash := []fault.Fault{{ID: 1, Op: fault.Crash, Node: 1, At: 1e9, For: 1e9}}
	if o := w.Try(&explore.Trial{Nodes: 1, Faults: crash}); o.Sim.Crashes != 0 {
		t.Error("a fault of a node that was taken away hits its successor")
	}
	if o := w.Try(&explore.Trial{Nodes: 2, Faults: []fault.Fault{{ID: 1, Op: fault.Crash, Node: 9, At: 1}}}); o.Verdict != check.Inconclusive {
		t.Errorf("a plan that cannot run is %v, want inconclusive", o.Verdict)
	}
}

func TestANodeThatPanicsIsAFailureOfTheRun(t *testing.T) {
	w := World(1, Options{Nodes: 1}, func(Params) (sim.Plan, check.Suite) {
		return sim.Plan{
			Nodes:  1,
			Node:   func(protocol.NodeID) protocol.Node { return broken{} },
			Link:   sim.Link{Delay: 1},
			Until:  1,
			Inputs: []sim.Input{{ID: 0, At: 1}},
		}, nil
	})
	if o, _ := w.Seed(1, nil, true); !o.Failed() || !strings.Contains(o.Failure, "node 0 panicked at step") || !strings.Contains(told(&o), "cannot count") {
		t.Errorf("%+v", o)
	}
}

type broken struct{}

func (broken) Start(*protocol.Env)                            {}
func (broken) Receive(*protocol.Env, protocol.NodeID, []byte) { panic(errors.New("cannot count")) }
func (broken) Timeout(*protocol.Env, uint64)                  {}

func TestSavedRunsReadBackAsTheyWere(t *testing.T) {
	t.Chdir(t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		w := World(seed, Options{Nodes: 2}, counting)
		outcome, trial := w.Seed(seed, nil, true)
		trial.Without = rapid.SliceOfNDistinct(rapid.SampledFrom(w.Inputs), 0, 1, func(x uint64) uint64 { return x }).Draw(rt, "without")
		for i := range trial.Answers {
			trial.Answers[i].Comment = ""
		}
		if outcome.Check() == "" {
			outcome.Failure = "made up"
		}
		p := place{test: "TestX/" + rapid.StringMatching(`[a-z_]{1,9}`).Draw(rt, "sub"), dir: "."}
		file, err := p.save(&saved{test: p.test, seed: seed, trial: *trial, outcome: outcome})
		if err != nil {
			rt.Fatal(err)
		}
		defer os.Remove(file)
		s, err := readSaved(file)
		if err != nil {
			rt.Fatal(err)
		}
		if len(s.trial.Without) == 0 {
			s.trial.Without = trial.Without
		}
		if len(s.trial.Answers)+len(trial.Answers) == 0 {
			s.trial.Answers = trial.Answers
		}
		if len(s.trial.Faults)+len(trial.Faults) == 0 {
			s.trial.Faults = trial.Faults
		}
		if d := cmp.Diff(*trial, s.trial); d != "" || s.test != p.test || s.seed != seed || s.check != outcome.Check() || s.digest != outcome.Digest.String() {
			rt.Fatalf("%+v\n%s", s, d)
		}
	})
}

func TestARunIsSavedBesideOthersOfItsNameAndOnceOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	p := place{test: "TestX", dir: "."}
	s := &saved{test: "TestX", trial: explore.Trial{Nodes: 1}, outcome: explore.Outcome{Failure: "x"}}
	var names []string
	for _, seed := range []uint64{1, 1, 2} {
		s.seed = seed
		name, err := p.save(s)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Base(name))
	}
	if d := cmp.Diff([]string{"TestX-no-node-panics.replay", "TestX-no-node-panics.replay", "TestX-no-node-panics-2.replay"}, names); d != "" {
		t.Error(d)
	}
	if entries, _ := os.ReadDir(savedDir); len(entries) != 2 {
		t.Errorf("%d files, want 2", len(entries))
	}
}

func TestDamagedSavedRunsAreRefusedInOneLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for text, want := range map[string]string{
		"":                               "does not begin a replay file",
		"dessim replay v2\n":             "made by a newer dessim",
		"dessim replay v1\ntest TestX\n": "cut short",
		"dessim replay v1\ntest TestX\nnodes 1\nanswers\nend 0 answers\n":                          "lacks test, nodes or check",
		"dessim replay v1\ntest TestX\nnodes 0\ncheck c\nanswers\nend 0 answers\n":                 "nodes: 0; want 1 to",
		"dessim replay v1\ntest TestX\nnodes 1\ncheck c\nfault jump\nanswers\nend 0 answers\n":     "fault: ",
		"dessim replay v1\ntest TestX\nnodes 1\ncheck c\nwithout one\nanswers\nend 0 answers\n":    "without: ",
		"dessim replay v1\ntest TestX\nnodes 1\ncheck c\nscenario crash\nanswers\nend 0 answers\n": "scenario: is no field",
	} {
		if err := os.WriteFile("x", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if s, err := readSaved("x"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is read as %+v, %v; want %q", text, s, err, want)
		}
	}
}

func TestTheLineToPasteIsOneShellCommand(t *testing.T) {
	for test, want := range map[string]string{
		"TestX":             `DESSIM_SEED=17 go test ./a/b -run '^TestX$' -count=1`,
		"TestX/sub_case#01": `DESSIM_SEED=17 go test ./a/b -run '^TestX$/^sub_case#01$' -count=1`,
		"TestX/a.b":         `DESSIM_SEED=17 go test ./a/b -run '^TestX$/^a\.b$' -count=1`,
		"TestX/it's":        `DESSIM_SEED=17 go test ./a/b -run '^TestX$/^it'\''s$' -count=1`,
	} {
		if got := (place{test: test, dir: "./a/b"}).command("DESSIM_SEED=17"); got != want {
			t.Errorf("%s: %s, want %s", test, got, want)
		}
	}
	if p := newPlace("TestX"); p.dir != "./sim/simtest" {
		t.Errorf("the package is in %q, want ./sim/simtest", p.dir)
	}
}

// A plan that passes passes in parallel tests, too: nothing is shared.
func TestRunsGoSideBySide(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			Run(t, Options{Nodes: 2, Seeds: 20}, func(p Params) (sim.Plan, check.Suite) {
				plan, suite := counting(p)
				plan.Faults = nil
				return plan, suite
			})
		})
	}
}

func FuzzCounting(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 255, 3, 255, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		src := source.NewBytes(b)
		plan, suite := counting(Params{Nodes: 2, Source: src})
		plan.Faults = nil
		Judge(t, plan, suite, src)
	})
}

func TestJudgeFailsWhatDoesNotPass(t *testing.T) {
	for seed := uint64(1); ; seed++ {
		w := World(seed, Options{Nodes: 2}, counting)
		o, trial := w.Seed(seed, nil, true)
		if !o.Failed() {
			continue
		}
		plan, suite := counting(Params{Nodes: 2, Source: source.Seed(seed)})
		f := new(fake)
		f.run(func() { Judge(f, plan, suite, source.NewReplay(trial.Answers)) })
		if !strings.Contains(f.text, `violates "counts grow": node`) {
			t.Errorf("Judge says %q", f.text)
		}
		return
	}
}

// fake is a test that may fail.
type fake struct {
	name, text string
	failed     bool
}

func (f *fake) Helper()                           {}
func (f *fake) Name() string                      { return f.name }
func (f *fake) Logf(format string, args ...any)   { f.text += fmt.Sprintf(format, args...) + "\n" }
func (f *fake) Errorf(format string, args ...any) { f.failed = true; f.Logf(format, args...) }
func (f *fake) Fatalf(format string, args ...any) { f.Errorf(format, args...); panic(f) }

func (f *fake) run(body func()) {
	defer func() {
		if v := recover(); v != nil && v != any(f) {
			panic(v)
		}
	}()
	body()
}

// tried makes a Run as TestX would, under these variables.
func tried(o Options, m Maker, seed, seeds, file string) *fake {
	f := &fake{name: "TestX"}
	r := &runner{tester: f, o: o, m: m, place: place{test: f.name, dir: "./x"}}
	f.run(func() { r.run(seed, seeds, file) })
	return f
}

func TestRunTellsWhyATestFails(t *testing.T) {
	t.Chdir(t.TempDir())
	with := func(c func() *check.Check) Maker {
		return func(p Params) (sim.Plan, check.Suite) {
			plan, suite := counting(p)
			plan.Faults = nil
			return plan, append(suite, c())
		}
	}
	never := func(scope check.Scope) Maker {
		return with(func() *check.Check {
			return check.Sometimes("pigs fly", scope, sim.Output, func(*sim.Event) bool { return false })
		})
	}
	o := Options{Nodes: 2, Seeds: 3}
	for name, c := range map[string]struct {
		m                 Maker
		seed, seeds, file string
		want              string // "" passes
	}{
		"a sometimes of the sweep": {never(check.InSweep), "", "", "", `vacuous: "pigs fly" did not happen in any of 3 seeds`},
		"more seeds":               {never(check.InSweep), "", "5", "", `in any of 5 seeds`},
		"one seed of it":           {never(check.InSweep), "2", "", "", ""},
		"a sometimes of the run":   {never(check.EachRun), "", "", "", "seed 1: inconclusive: \"pigs fly\": did not happen\nDESSIM_SEED=1 go test ./x -run '^TestX$' -count=1"},
		"a suite without checks": {func(p Params) (sim.Plan, check.Suite) {
			plan, _ := counting(p)
			return plan, nil
		}, "", "", "", "seed 1: inconclusive: the suite has no check, so nothing is judged"},
		"a seed that is none":            {counting, "x", "", "", "DESSIM_SEED: "},
		"a number of seeds that is none": {counting, "", "0", "", `DESSIM_SEEDS="0": want a number of seeds`},
		"a file that there is not":       {counting, "", "", "none.replay", "none.replay: no such file"},
	} {
		f := tried(o, c.m, c.seed, c.seeds, c.file)
		if f.failed != (c.want != "") || !strings.Contains(f.text, c.want) {
			t.Errorf("%s: failed %v, %q; want %q", name, f.failed, f.text, c.want)
		}
	}
}

func TestARunThatDiffersFromItselfIsToldSo(t *testing.T) {
	t.Chdir(t.TempDir())
	runs := 0
	f := tried(Options{Nodes: 2, Seeds: 1}, func(p Params) (sim.Plan, check.Suite) {
		plan, suite := counting(p)
		runs++
		plan.Inputs[0].At += protocol.Time(runs)
		return plan, append(suite, check.Always("never", sim.Output, func(*sim.Event) (bool, error) { return true, errors.New("no") }))
	}, "", "", "")
	if !strings.Contains(f.text, "seed 1 is not deterministic") {
		t.Error(f.text)
	}
}

// What was found is run first, with its stale answers told, and stops being told when
// it is fixed; another test's file is left alone.
func TestWhatWasSavedIsRunFirst(t *testing.T) {
	t.Chdir(t.TempDir())
	o := Options{Nodes: 2, Seeds: 200, ShrinkRuns: 500}
	first := tried(o, counting, "", "", "")
	files, _ := filepath.Glob(savedDir + "/*")
	if !strings.Contains(first.text, "shrunk in") || len(files) != 1 {
		t.Fatalf("%d files:\n%s", len(files), first.text)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := strings.Cut(string(text), "answers\n")
	stale := body + "answers\nnet.loss 0 1 00000000deadbeef true\nend 1 answers\n"
	if err := os.WriteFile(files[0], []byte(stale), 0o666); err != nil {
		t.Fatal(err)
	}
	again := tried(o, counting, "", "", "")
	if strings.Contains(again.text, "seed ") || !strings.Contains(again.text, "1 of its 1 answers are stale") || !strings.Contains(again.text, `violates "counts grow"`) {
		t.Errorf("what was saved is not run first, or its stale answer is not told:\n%s", again.text)
	}
	fixed := func(p Params) (sim.Plan, check.Suite) {
		plan, suite := counting(p)
		plan.Node = func(protocol.NodeID) protocol.Node { return new(silent) }
		return plan, append(suite[:0], check.Sometimes("it started", check.EachRun, sim.Started, func(*sim.Event) bool { return true }))
	}
	if f := tried(o, fixed, "", "", ""); f.failed || !strings.Contains(f.text, "passes now; it violated \"counts grow\"") {
		t.Errorf("failed %v: %s", f.failed, f.text)
	}
	other := strings.Replace(stale, "test TestX\n", "test TestX/sub\n", 1)
	if err := os.WriteFile(files[0], []byte(other), 0o666); err != nil {
		t.Fatal(err)
	}
	if f := tried(o, counting, "", "", ""); !strings.Contains(f.text, "seed ") {
		t.Errorf("another test's file is run:\n%s", f.text)
	}
}

type silent struct{}

func (*silent) Start(*protocol.Env)                            {}
func (*silent) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (*silent) Timeout(*protocol.Env, uint64)                  {}

func TestJudgeTakesWhatRapidDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan, suite := counting(Params{Nodes: 2, Source: Sparse(t)})
		plan.Faults = nil
		plan.Inputs = plan.Inputs[:rapid.IntRange(1, 10).Draw(t, "inputs")]
		Judge(t, plan, suite, Sparse(t))
	})
}
