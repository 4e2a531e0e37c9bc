package simtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/files"
	"dessim/sim/scenario"
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

// counting sends 10 inputs to one of two counters, and crashes that. No count may fall
// back below what it was. change, if it is not nil, changes the run.
func counting(change func(*scenario.Run)) *scenario.Scenario {
	return &scenario.Scenario{
		Name: "counting", MinNodes: 1,
		Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Jitter: time.Millisecond, Loss: protocol.Percent(10), Until: time.Minute, Faults: "crash"},
		Build: func(b *scenario.Setup) *scenario.Run {
			r := counted()
			r.Plan.Nodes = b.Nodes
			r.Plan.Faults = b.DrawFaults(swarm.Config{
				Nodes: []protocol.NodeID{0, 1}[:b.Nodes], From: 1, To: protocol.Time(10 * time.Second), Delay: 10 * time.Millisecond, Most: 8,
			})
			if change != nil {
				change(r)
			}
			return r
		},
	}
}

// counted is a run of counting without faults.
func counted() *scenario.Run {
	plan := sim.Plan{
		Nodes: 2,
		Node:  func(protocol.NodeID) protocol.Node { return new(counter) },
		Link:  sim.Link{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: protocol.Percent(10)},
		Until: protocol.Time(time.Minute),
	}
	for i := range uint64(10) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(time.Second), Body: []byte{1}})
	}
	counts := make(map[protocol.NodeID]byte)
	return &scenario.Run{Plan: plan, Checks: check.Suite{check.Always("counts grow", sim.Output, func(e *sim.Event) (bool, error) {
		before := counts[e.Node]
		counts[e.Node] = e.Body[0]
		if e.Body[0] <= before {
			return true, fmt.Errorf("node %v counts %d after %d", e.Node, e.Body[0], before)
		}
		return true, nil
	})}}
}

func TestARunIsSavedBesideOthersOfItsNameAndOnceOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	p := place{test: "TestX", dir: "."}
	x := scenario.Record(scenario.Subject{Scenario: counting(nil), Params: counting(nil).Defaults}, &explore.Trial{Nodes: 1}, scenario.Failed, sim.Digest{})
	x.Test, x.Check = "TestX", explore.Panicked
	var names []string
	for _, seed := range []uint64{1, 1, 2} {
		x.Seed = seed
		name, err := p.save(x, "again")
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
	r := &runner{Subject: scenario.Subject{Scenario: counting(nil), Params: counting(nil).Defaults}}
	const head = "dessim replay v1\ntest TestX\nseed 1\nnodes 1\n"
	for text, want := range map[string]string{
		"":                               "does not begin a replay file",
		"dessim replay v1\ntest TestX\n": "cut short",
		head + "digest 0123456789abcdef\nanswers\nend 0 answers\n":                  "no test, or no check",
		head + "scenario crash\ncheck c\nanswers\nend 0 answers\n":                  "the test runs counting",
		head + "check c\nanswers\nend 0 answers\n":                                  "no digest",
		strings.Replace(head, "nodes 1", "nodes 0", 1) + "answers\nend 0 answers\n": "nodes 0: scenario counting wants",
	} {
		if err := os.WriteFile("x", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if x, err := r.readSaved("x"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is read as %+v, %v; want %q", text, x, err, want)
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
			Run(t, counting(nil), Options{Flags: "-faults none", Seeds: 20})
		})
	}
}

func FuzzCounting(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 255, 3, 255, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		Judge(t, counted(), source.NewBytes(b))
	})
}

func TestJudgeFailsWhatDoesNotPass(t *testing.T) {
	run := counted()
	run.Plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: protocol.Time(1500 * time.Millisecond), For: time.Millisecond}}
	f := new(fake)
	f.run(func() { Judge(f, run, protocol.Benign{}) })
	if !strings.Contains(f.text, `violates "counts grow": node`) {
		t.Errorf("Judge says %q", f.text)
	}
}

// fake is a test that may fail.
type fake struct {
	name, text string
	failed     bool
}

func (f *fake) Helper()                           {}
func (f *fake) Name() string                      { return f.name }
func (f *fake) ArtifactDir() string               { return "." }
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
func tried(o Options, s *scenario.Scenario, seed, seeds, file string) *fake {
	return triedAs("TestX", o, s, seed, seeds, file)
}

func triedAs(test string, o Options, s *scenario.Scenario, seed, seeds, file string) *fake {
	f := &fake{name: test}
	r := &runner{tester: f, o: o, Subject: scenario.Subject{Scenario: s, Params: s.Defaults}, place: place{test: f.name, dir: "./x"}}
	f.run(func() { r.run(seed, seeds, file) })
	return f
}

func TestRunTellsWhyATestFails(t *testing.T) {
	t.Chdir(t.TempDir())
	never := func(scope check.Scope) *scenario.Scenario {
		return counting(func(r *scenario.Run) {
			r.Plan.Faults = nil
			r.Checks = append(r.Checks, check.Sometimes("pigs fly", scope, sim.Output, func(*sim.Event) bool { return false }))
		})
	}
	o := Options{Seeds: 3}
	for name, c := range map[string]struct {
		s                 *scenario.Scenario
		seed, seeds, file string
		want              string // "" passes
	}{
		"a sometimes of the sweep":       {never(check.InSweep), "", "", "", `vacuous: "pigs fly" did not happen in any of 3 seeds`},
		"more seeds":                     {never(check.InSweep), "", "5", "", `in any of 5 seeds`},
		"one seed of it":                 {never(check.InSweep), "2", "", "", ""},
		"a sometimes of the run":         {never(check.EachRun), "", "", "", "seed 1: inconclusive: \"pigs fly\": did not happen\nDESSIM_SEED=1 go test ./x -run '^TestX$' -count=1"},
		"a suite without checks":         {counting(func(r *scenario.Run) { r.Checks = nil }), "", "", "", "seed 1: inconclusive: the suite has no check, so it judges nothing"},
		"a seed that is none":            {counting(nil), "x", "", "", "DESSIM_SEED: "},
		"a number of seeds that is none": {counting(nil), "", "0", "", `DESSIM_SEEDS="0": want a number of seeds`},
		"a file that there is not":       {counting(nil), "", "", "none.replay", "none.replay: no such file"},
	} {
		f := tried(o, c.s, c.seed, c.seeds, c.file)
		if f.failed != (c.want != "") || !strings.Contains(f.text, c.want) {
			t.Errorf("%s: failed %v, %q; want %q", name, f.failed, f.text, c.want)
		}
	}
}

func TestARunOfAnyStrategyIsFoundSavedAndRepeated(t *testing.T) {
	for _, strategy := range explore.Strategies() {
		t.Chdir(t.TempDir())
		o := Options{Seeds: 5000, Strategy: strategy, ShrinkRuns: 300}
		found := tried(o, counting(seldom), "", "", "")
		line := regexp.MustCompile(`DESSIM_SEED=(\S+) go test`).FindStringSubmatch(found.text)
		if line == nil {
			t.Fatalf("%v finds nothing:\n%s", strategy, found.text)
		}
		if err := os.RemoveAll(savedDir); err != nil {
			t.Fatal(err)
		}
		if again := tried(o, counting(seldom), line[1], "", ""); again.text != found.text {
			t.Errorf("%v: %s says\n%s\nit said\n%s", strategy, line[0], again.text, found.text)
		}
	}
}

func TestTheSeedOfAGuidedRunNamesItsAncestors(t *testing.T) {
	for text, want := range map[string]explore.SeedRun{"7": {Seed: 7, Ancestors: []uint64{}}, "3,19,7": {Seed: 7, Ancestors: []uint64{3, 19}}} {
		if r, err := parseRun(text); err != nil || !reflect.DeepEqual(r, want) || runText(r) != text {
			t.Errorf("%q is %+v, %v, which is %q", text, r, err, runText(r))
		}
	}
	if _, err := parseRun("3,,7"); err == nil {
		t.Error("a seed that is none is read")
	}
	s := counting(seldom)
	f := &fake{name: "TestX"}
	r := &runner{tester: f, o: Options{Strategy: explore.Guided}, Subject: scenario.Subject{Scenario: s, Params: s.Defaults}}
	parent := r.make(explore.SeedRun{Seed: 3}, explore.Guided.Source(explore.SeedRun{Seed: 3}))
	run := explore.SeedRun{Seed: 19, Ancestors: []uint64{3}}
	if child := r.make(run, explore.Guided.Source(run)); child.Digest == parent.Digest {
		t.Error("a mutant is its parent")
	}
}

// seldom makes runs of counting fail if three messages in a row are lost, and then one is not.
func seldom(r *scenario.Run) {
	r.Plan.Faults, r.Plan.Nodes = nil, 2
	told := protocol.KindOf("told")
	lost := 0
	r.Checks = check.Suite{check.Always("messages arrive", sim.Lost|sim.Received, func(e *sim.Event) (bool, error) {
		switch {
		case e.Kind != told:
			return true, nil
		case e.What == sim.Lost:
			lost++
			return true, nil
		case lost >= 3:
			return true, fmt.Errorf("%d were lost", lost)
		}
		lost = 0
		return true, nil
	})}
}

func TestALongTestTellsHowFarItIs(t *testing.T) {
	t.Chdir(t.TempDir())
	s := counting(func(r *scenario.Run) {
		r.Plan.Faults = nil
		r.Checks = append(r.Checks, check.Sometimes("pigs fly", check.InSweep, sim.Output, func(*sim.Event) bool { return false }))
	})
	for _, verbose := range []bool{false, true} {
		f := &fake{name: "TestX"}
		r := &runner{tester: f, o: Options{Seeds: 100}, verbose: verbose, Subject: scenario.Subject{Scenario: s, Params: s.Defaults}}
		f.run(func() { r.run("", "", "") })
		if n := strings.Count(f.text, " of 100 seeds pass, with "); n != 9 && verbose || n != 0 && !verbose {
			t.Errorf("verbose %v: %d lines, want 9 if it is:\n%s", verbose, n, f.text)
		}
		if strings.Contains(f.text, `not seen yet: "pigs fly"`) != verbose {
			t.Errorf("verbose %v:\n%s", verbose, f.text)
		}
	}
}

func TestShrinkingWarnsIfTheBenignRunFails(t *testing.T) {
	t.Chdir(t.TempDir())
	const warning = `a benign run without a fault fails "counts grow", too`
	f := tried(Options{Seeds: 1, ShrinkRuns: 50}, counting(func(r *scenario.Run) { r.Plan.Node = stuck }), "", "", "")
	if strings.Count(f.text, warning) != 1 {
		t.Errorf("it does not warn once:\n%s", f.text)
	}
	t.Chdir(t.TempDir())
	if f = tried(Options{Seeds: 3, ShrinkRuns: 300}, counting(nil), "", "", ""); strings.Contains(f.text, "benign") || !f.failed {
		t.Errorf("it warns without need:\n%s", f.text)
	}
}

// stuck is a counter that puts out 1 whatever it counts.
func stuck(protocol.NodeID) protocol.Node { return new(constant) }

type constant struct{ silent }

func (*constant) Receive(env *protocol.Env, _ protocol.NodeID, _ []byte) {
	env.Output(protocol.KindOf("count"), []byte{1})
}

func TestAFailureTellsWhatLedToIt(t *testing.T) {
	t.Chdir(t.TempDir())
	f := tried(Options{Seeds: 3, ShrinkRuns: 300}, counting(nil), "", "", "")
	_, story, told := strings.Cut(f.text, "what led to it:\n")
	const most = 12
	if n := strings.Count(story, "\n\tstep ") + 1; !f.failed || !told || !strings.HasPrefix(story, "\tstep ") || n > most {
		t.Errorf("it tells %d steps:\n%s", n, f.text)
	}
}

func TestAFailureIsShownAsAPage(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(ReportVariable, "page.html")
	f := tried(Options{Seeds: 3, ShrinkRuns: 300}, counting(nil), "", "", "")
	page, err := os.ReadFile("page.html")
	if err != nil || !f.failed || !strings.Contains(f.text, "the run as a page: page.html") {
		t.Fatalf("%v, failed %v, %q", err, f.failed, f.text)
	}
	for _, want := range []string{"violation: scenario counting, seed 1 (shrunk)", "(before shrinking)", "DESSIM_SEED=1 go test ./x", "counts grow"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	saved, err := filepath.Glob(savedDir + "/*.replay")
	if err != nil || len(saved) != 1 {
		t.Fatalf("saved %q, %v", saved, err)
	}
	t.Setenv(ReportVariable, "again.html")
	tried(Options{Seeds: 3}, counting(nil), "", "", filepath.Base(saved[0]))
	if page, err = os.ReadFile("again.html"); err != nil || strings.Contains(string(page), "(shrunk)") {
		t.Errorf("a saved run is shown as shrunk, or not at all: %v", err)
	}
}

func TestAFaultThatDidNothingIsLoggedAndFailsAStrictTest(t *testing.T) {
	t.Chdir(t.TempDir())
	for fault, idle := range map[string]string{
		"restart 1 at 5s":                    "vacuous: fault 1 (restart 1 at 5s) did nothing in any of 3 seeds",
		"slow 0>1 by 1ms at 2s":              "",
		"slow 0>1 by 1ms at 2s; rot 1 at 0s": "vacuous: fault 2 (rot 1 at 0s) did nothing in any of 3 seeds",
	} {
		s := counting(nil)
		s.Defaults.Faults, s.Defaults.Fault = "", fault
		for _, strict := range []bool{false, true} {
			f := tried(Options{Seeds: 3, Strict: strict}, s, "", "", "")
			if f.failed != (strict && idle != "") || strings.Contains(f.text, "vacuous") != (idle != "") || !strings.Contains(f.text, idle) {
				t.Errorf("%s, strict %v: failed %v, %q; want %q", fault, strict, f.failed, f.text, idle)
			}
		}
	}
}

func TestAMessageToNoNodeIsLoggedAndFailsAStrictTest(t *testing.T) {
	t.Chdir(t.TempDir())
	s := counting(nil) // whose only node tells a neighbour that it does not have
	s.Defaults.Nodes, s.Defaults.Faults = 1, ""
	for _, strict := range []bool{false, true} {
		f := tried(Options{Seeds: 3, Strict: strict}, s, "", "", "")
		if want := "seed 1: messages to nodes that do not exist: 10, the first by node 0 to node 1: told"; f.failed != strict || !strings.Contains(f.text, want) {
			t.Errorf("strict %v: failed %v, %q; want %q", strict, f.failed, f.text, want)
		}
	}
}

func TestARunThatDiffersFromItselfIsToldSo(t *testing.T) {
	t.Chdir(t.TempDir())
	var runs atomic.Int64
	f := tried(Options{Seeds: 1}, counting(func(r *scenario.Run) {
		r.Plan.Inputs[0].At += protocol.Time(runs.Add(1))
		r.Checks = append(r.Checks, check.Always("never", sim.Output, func(*sim.Event) (bool, error) { return true, errors.New("no") }))
	}), "", "", "")
	if !strings.Contains(f.text, "seed 1 is not deterministic") {
		t.Error(f.text)
	}
}

// What was found is run first, with its stale answers told, and stops being told when
// it is fixed; another test's file is left alone.
func TestWhatWasSavedIsRunFirst(t *testing.T) {
	t.Chdir(t.TempDir())
	o := Options{Seeds: 200, ShrinkRuns: 500}
	first := tried(o, counting(nil), "", "", "")
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
	again := tried(o, counting(nil), "", "", "")
	if strings.Contains(again.text, "seed ") || !strings.Contains(again.text, "1 of its 1 answers are stale") || !strings.Contains(again.text, `violates "counts grow"`) {
		t.Errorf("what was saved is not run first, or its stale answer is not told:\n%s", again.text)
	}
	fixed := counting(func(r *scenario.Run) {
		r.Plan.Node = func(protocol.NodeID) protocol.Node { return new(silent) }
		r.Checks = check.Suite{check.Sometimes("it started", check.EachRun, sim.Started, func(*sim.Event) bool { return true })}
	})
	if f := tried(o, fixed, "", "", ""); f.failed || !strings.Contains(f.text, "passes now; it violated \"counts grow\"") {
		t.Errorf("failed %v: %s", f.failed, f.text)
	}
	other := strings.Replace(stale, "test TestX\n", "test TestX/sub\n", 1)
	if err := os.WriteFile(files[0], []byte(other), 0o666); err != nil {
		t.Fatal(err)
	}
	if f := tried(o, counting(nil), "", "", ""); !strings.Contains(f.text, "seed ") {
		t.Errorf("another test's file is run:\n%s", f.text)
	}
}

func TestARunOfATestWithAnyNameIsSavedAndRunAgain(t *testing.T) {
	o := Options{Seeds: 200}
	for _, test := range []string{"TestX/" + strings.Repeat("a_subtest_of_many_letters_", 10), "TestX/a:b/../con.", "TestX/" + strings.Repeat("й", 200)} {
		t.Chdir(t.TempDir())
		first := triedAs(test, o, counting(nil), "", "", "")
		saved, _ := filepath.Glob(savedDir + "/*.replay")
		if len(saved) != 1 || !strings.Contains(first.text, "saved: "+saved[0]) || len(filepath.Base(saved[0])) > files.MostName {
			t.Fatalf("%q saved %q and says\n%s", test, saved, first.text)
		}
		if again := triedAs(test, o, counting(nil), "", "", ""); strings.Contains(again.text, "seed ") || !strings.HasPrefix(again.text, saved[0]+": ") {
			t.Errorf("what %q saved is not run first:\n%s", test, again.text)
		}
		if other := triedAs(test+"b", o, counting(nil), "", "", ""); !strings.Contains(other.text, "seed ") {
			t.Errorf("what %q saved is run by another test:\n%s", test, other.text)
		}
		if err := os.WriteFile(saved[0], []byte("damaged"), 0o666); err != nil {
			t.Fatal(err)
		}
		if f := triedAs(test, o, counting(nil), "", "", ""); !strings.Contains(f.text, "does not begin a replay file") {
			t.Errorf("a damaged file of %q is not told:\n%s", test, f.text)
		}
	}
}

func TestOnlyWhatWasSavedIsSaidToBe(t *testing.T) {
	t.Chdir(t.TempDir())
	f := tried(Options{Seeds: 200}, counting(func(*scenario.Run) {
		if err := os.WriteFile("testdata", nil, 0o666); err != nil { // where the folder should be
			t.Error(err)
		}
	}), "", "", "")
	if !strings.Contains(f.text, `violates "counts grow"`) || !strings.Contains(f.text, "\nnot saved: ") || strings.Contains(f.text, "\nsaved: ") {
		t.Error(f.text)
	}
}

type silent struct{}

func (*silent) Start(*protocol.Env)                            {}
func (*silent) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (*silent) Timeout(*protocol.Env, uint64)                  {}

// A check that waits for a loss has nothing to judge if no answer is one.
func TestABenignDrawNeedNotExerciseAnyCheck(t *testing.T) {
	losses := func() *scenario.Run {
		run := counted()
		run.Checks = check.Suite{check.Always("losses", sim.Lost, func(*sim.Event) (bool, error) { return true, nil })}
		return run
	}
	judged := func(run *scenario.Run, src protocol.Source) bool {
		f := new(fake)
		f.run(func() { Judge(f, run, src) })
		return !f.failed
	}
	empty := losses()
	empty.Checks = nil
	for name, c := range map[string]struct{ got, want bool }{
		"drawn":                       {judged(losses(), source.NewBytes(nil)), true},
		"asked for":                   {judged(losses(), protocol.Benign{}), false},
		"not benign, and unexercised": {judged(losses(), slow{}), false},
		"without a check":             {judged(empty, source.NewBytes(nil)), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: passes %v, want %v", name, c.got, c.want)
		}
	}
}

// slow chooses the longest delays, and loses nothing.
type slow struct{ protocol.Benign }

func (slow) Choose(_ protocol.Key, n uint64) uint64 { return n - 1 }

func TestJudgeTakesWhatRapidDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := counted()
		run.Plan.Inputs = run.Plan.Inputs[:rapid.IntRange(1, 10).Draw(t, "inputs")]
		Judge(t, run, Sparse(t))
	})
}
