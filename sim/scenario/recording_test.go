package scenario_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func find(string) (*scenario.Scenario, error) { return counting(), nil }

func TestRecordingsReadBackAsTheyWere(t *testing.T) {
	s := counting()
	rapid.Check(t, func(t *rapid.T) {
		x := scenario.Subject{Scenario: s, Seed: rapid.Uint64().Draw(t, "seed"), Params: drawParams(t, s)}
		if s.Plannable(x.Seed, x.Params) != nil {
			t.Skip("it would end before its first input")
		}
		if again, err := scenario.ParseSubject([]*scenario.Scenario{s}, x.String()); err != nil || again != x {
			t.Fatalf("%s is read as %+v, %v", x.String(), again, err)
		}
		w := x.World()
		o, trial := w.Seed(x.Seed, nil, true)
		trial.Without = rapid.SliceOfNDistinct(rapid.SampledFrom(w.Inputs), 0, min(5, len(w.Inputs)), rapid.ID).Draw(t, "without")
		slices.Sort(trial.Without)
		want := scenario.Record(x, trial, o.Verdict, o.Digest)
		want.Test, want.Check = rapid.SampledFrom([]string{"", "TestX/sub"}).Draw(t, "test"), o.Check()
		text, err := want.AppendText(nil, "a comment\nof lines")
		if err != nil {
			t.Fatal(err)
		}
		got, err := scenario.ParseRecording(text, find)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got.Edited || got.Seed != want.Seed || got.Params != want.Params || got.Verdict != want.Verdict || got.Digest != want.Digest || got.Test != want.Test || got.Check != want.Check {
			t.Fatalf("%+v, want %+v\n%s", got, want, text)
		}
		again := got.Trial()
		if len(trial.Without)+len(again.Without) > 0 && cmp.Diff(trial.Without, again.Without) != "" || len(trial.Answers) != len(again.Answers) || len(trial.Faults) != len(again.Faults) {
			t.Fatalf("%+v, want %+v\n%s", again, trial, text)
		}
		if o2 := w.Try(again); o2.Digest != w.Try(trial).Digest {
			t.Fatalf("what is read back is another run\n%s", text)
		}
		edited := strings.Replace(string(text), "\ndigest ", "\ndigest 0", 1)
		if got, err := scenario.ParseRecording([]byte(edited), find); err == nil {
			t.Fatalf("an edited digest is read as %+v", got)
		}
	})
}

// drawParams draws parameters that the scenario takes, from each parameter's whole range.
func drawParams(t *rapid.T, s *scenario.Scenario) scenario.Params {
	ratio := func(most uint64) func() string {
		return func() string {
			den := rapid.Uint64Range(1, 1<<31).Draw(t, "of")
			return fmt.Sprintf("%d/%d", rapid.Uint64Range(0, den*most/100).Draw(t, "share"), den)
		}
	}
	span := func(least, most time.Duration) func() string {
		return func() string {
			return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, "span")).String()
		}
	}
	word := func(words ...string) func() string {
		return func() string { return rapid.SampledFrom(words).Draw(t, "word") }
	}
	p := s.Defaults
	draws := map[string]func() string{
		"nodes": word("1", "2"), "inputs": word("1", "2", "10"), "colour": word("red", "blue"), "tired": ratio(50), "pause": span(time.Millisecond, time.Minute),
		"delay": span(time.Microsecond, time.Second), "jitter": span(0, time.Second), "loss": ratio(100), "copy": ratio(100), "until": span(time.Second, time.Hour),
		"faults": word("none", "crash", "swarm", "pause,lose"), "fault": word("", "crash 0 at 1s", "7: pause 0 at 1s for 1s; lose 0>0 1/3 at 1s", "heal at never"),
	}
	for _, name := range protocol.SortedKeys(draws) {
		if rapid.Bool().Draw(t, name) {
			if err := s.Set(&p, name, draws[name]()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.Validate(&p) != nil {
		t.Skip("not valid")
	}
	return p
}

// These were written by earlier versions, and go on replaying.
func TestOldReplayFilesAreRead(t *testing.T) {
	const answers = "answers\nnet.delay 0 1 00000000deadbeef 17 of 1000001\nend 1 answers\n"
	for text, want := range map[string]string{
		// of a test, which named no scenario, and parted identities by spaces
		"dessim replay v1\ntest TestX\nseed 7\nnodes 1\nwithout 1 3\nfault 3: crash 0 at 1s\ncheck counts grow\ndigest 0123456789abcdef\n" + answers: "TestX 7 1 [1 3] [crash 0 at 1s]  counts grow",
		"dessim replay v1\ntest TestX\nseed 7\nnodes 2\ncheck counts grow\ndigest 0123456789abcdef\n" + answers:                                      "TestX 7 2 [] []  counts grow",
		// of the command line
		"dessim replay v1\nscenario counting\nseed 7\nnodes 2\ninputs 10\npause 1s\ncolour red\ntired 0%\ndelay 1ms\njitter 1ms\nloss 10%\ncopy 0%\nuntil 1m0s\nfaults crash\nfault\nverdict violation\ndigest 0123456789abcdef\nwithout 1,3\nfault 3: crash 0 at 1s\n" + answers: " 7 2 [1 3] [crash 0 at 1s] violation ",
		"dessim replay v1\nscenario counting\nseed 7\nnodes 2\ninputs 10\npause 1s\ncolour red\ntired 0%\ndelay 1ms\njitter 1ms\nloss 10%\ncopy 0%\nuntil 1m0s\nfaults crash\nfault\nverdict violation\ndigest 0123456789abcdef\nfault none\n" + answers:                          " 7 2 [] [] violation ",
	} {
		x, err := scenario.ParseRecording([]byte(text), find)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if got := describe(x); got != want || x.Faults == nil || x.Drawn() {
			t.Errorf("read as %q, want %q, faults %v\n%s", got, want, x.Faults, text)
		}
	}
	// A scenario to which nodes mean nothing.
	one := counting()
	one.Unused = []string{"nodes"}
	if x, err := scenario.ParseRecording([]byte("dessim replay v1\ntest TestX\nseed 7\nnodes 2\ncheck counts grow\ndigest 0123456789abcdef\n"+answers), func(string) (*scenario.Scenario, error) { return one, nil }); err != nil || x.Params.Nodes != 2 {
		t.Errorf("%+v, %v", x, err)
	}
	// Here the answers draw the faults.
	x, err := scenario.ParseRecording([]byte("dessim replay v1\nscenario counting\nseed 7\nnodes 2\ninputs 10\npause 1s\ncolour red\ntired 0%\ndelay 1ms\njitter 1ms\nloss 10%\ncopy 0%\nuntil 1m0s\nfaults crash\nfault\nverdict pass\ndigest 0123456789abcdef\n"+answers), find)
	if err != nil || !x.Drawn() || x.Cut() != nil {
		t.Errorf("%+v, %v", x, err)
	}
}

func describe(x *scenario.Recording) string {
	faults := make([]string, 0, len(x.Faults))
	for _, f := range x.Faults {
		faults = append(faults, f.String())
	}
	return strings.Join([]string{x.Test, fmt.Sprint(x.Seed), fmt.Sprint(x.Params.Nodes), fmt.Sprint(x.Without), fmt.Sprint(faults), string(x.Verdict), x.Check}, " ")
}

func TestDamagedRecordingsAreRefusedInOneLine(t *testing.T) {
	whole, err := scenario.Record(scenario.Subject{Scenario: counting(), Seed: 1, Params: counting().Defaults}, &explore.Trial{Nodes: 2}, check.Pass, sim.Digest{Outputs: 1}).AppendText(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	edits := map[[2]string]string{
		{"dessim replay v1", "dessim replay v2"}: "newer dessim",
		{"seed 1\n", ""}:                         "the header has no seed",
		{"jitter 1ms\n", ""}:                     "the header has no jitter",
		{"pause 1s\n", "pause soon\n"}:           "pause \"soon\": want a duration",
		{"pause 1s\n", "pause 2h\n"}:             "want 1ms to 1h",
		{"inputs 10\n", "inputs 101\n"}:          "want 0 to 100",
		{"colour red", "colour rad"}:             "did you mean red?",
		{"tired 0%", "tired 60%"}:                "want at most 50%",
		{"nodes 2", "nodes 3"}:                   "nodes 3: scenario counting wants 1 to 2",
		{"verdict pass", "verdict good"}:         "want pass, violation",
		{"digest ", "digest x"}:                  "want 16 hex digits",
		{"fault none", "fault jump"}:             "want",
		{"fault none", "without x"}:              "ascending numbers",
		{"fault none", "sorcerer 1"}:             "header field \"sorcerer\" means nothing to scenario counting",
		{"scenario counting\n", ""}:              "the header has no scenario",
	}
	for edit, want := range edits {
		if strings.Count(string(whole), edit[0]) != 1 {
			t.Fatalf("%q does not stand once in\n%s", edit[0], whole)
		}
		x, err := scenario.ParseRecording([]byte(strings.Replace(string(whole), edit[0], edit[1], 1)), find)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("with %q for %q: %+v, %v; want %q", edit[1], edit[0], x, err, want)
		}
	}
	if x, err := scenario.ParseRecording(whole, find); err != nil || len(x.Faults) != 0 || x.Faults == nil {
		t.Errorf("%+v, %v", x, err)
	}
}

// A search has taken a node away, of which a fault in words was.
func TestARecordingOfFewerNodesHasTheFaultsOfThese(t *testing.T) {
	s := counting()
	p, err := s.ParseParams("-nodes 2 -faults none -fault 'crash 1 at 1s; crash 0 at 2s'")
	if err != nil {
		t.Fatal(err)
	}
	x := scenario.Subject{Scenario: s, Seed: 1, Params: p}
	w := x.World()
	o, trial := w.Seed(x.Seed, nil, true)
	trial.Nodes, trial.Faults = 1, fault.Within(trial.Faults, 1)
	text, err := scenario.Record(x, trial, o.Verdict, o.Digest).AppendText(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := scenario.ParseRecording(text, find)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if r.Params.Nodes != 1 || !strings.Contains(r.Params.Fault, "crash 0 at 2s") || strings.Contains(r.Params.Fault, "crash 1") {
		t.Errorf("nodes %d, faults %q; want 1, and only the crash of node 0", r.Params.Nodes, r.Params.Fault)
	}
}
