package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// smallExplored are flags of a search that takes a second.
func smallExplored(more ...string) []string {
	return append([]string{"explore", "-scenario", "commit", "-nodes", "3", "-kinds", "crash", "-down", "50ms"}, more...)
}

// explored is what the tests read of the JSON object.
type explored struct {
	Verdict                                          string
	From                                             int64 `json:"from_ns"`
	To                                               int64 `json:"to_ns"`
	Places, Runs, Skipped, Untried, Distinct, Failed int
	Inconclusive                                     int
	Complete                                         bool
	Kinds                                            []struct {
		Kind         string
		Places, Runs int
	}
	Checks []struct{ Runs int }
	First  *struct {
		Faults []string
		Replay string
	}
	Reproduce string
}

func TestAllCrashPointsOfATransferAreMadeAndNoneFails(t *testing.T) {
	t.Chdir(t.TempDir())
	text := dessim(t, smallExplored("-j", "1")...)
	if text.code != exitPass || text.stderr != "" || !strings.Contains(text.stdout, "\nall runs were made, and none failed\n") {
		t.Fatalf("%+v, want a pass", text)
	}
	var o explored
	got := dessim(t, smallExplored("-j", "2", "-json")...)
	if err := json.Unmarshal([]byte(got.stdout), &o); err != nil || got.code != exitPass {
		t.Fatalf("%+v: %v", got, err)
	}
	if !o.Complete || o.Failed != 0 || o.Places < 50 || o.Runs <= o.Places || o.Skipped == 0 || o.Distinct < o.Runs/2 || o.Verdict != "pass" {
		t.Errorf("%s: want all of more than 50 points, some skipped, none failed", got.stdout)
	}
	if again := dessim(t, strings.Fields(strings.TrimPrefix(o.Reproduce+" -json -j 1", "dessim "))...); again != got {
		t.Errorf("%s gives\n%+v, not\n%+v", o.Reproduce, again, got)
	}
	if left := entries(t, "."); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

// Whoever dies, at whatever effect of one transfer, for a short time or a long one: the
// origin, the sequencer, the leader.
func TestEveryOrderSurvivesACrashAtEachPointOfATransfer(t *testing.T) {
	t.Chdir(t.TempDir())
	orders := program.find("failover").Params()
	orders = orders[slices.IndexFunc(orders, func(x *scenario.Param) bool { return x.Name == "order" }):]
	for _, order := range orders[0].Values {
		if !*inFull && order != "sequencer" {
			continue
		}
		args := []string{"explore", "-scenario", "failover", "-nodes", "3", "-kinds", "crash", "-order", order, "-json"}
		if !*inFull {
			args = append(args, "-down", "4s") // the longer of two
		}
		r := dessim(t, args...)
		var o explored
		if err := json.Unmarshal([]byte(r.stdout), &o); err != nil || r.code != exitPass || !o.Complete || o.Places < 50 {
			t.Errorf("%s: %+v, want a pass with all of more than 50 points; reproduce: %s", order, r, o.Reproduce)
		}
	}
}

func TestASearchThatGivesUpIsInconclusive(t *testing.T) {
	r := dessim(t, smallExplored("-runs", "20", "-depth", "2")...)
	if r.code != exitInconclusive || !strings.Contains(r.stdout, "not all were made") || !strings.Contains(r.stdout, "runs       20,") {
		t.Errorf("%+v, want 20 runs and no verdict", r)
	}
}

// A network of nodes that join has no clients whose answers could bound the search.
func TestAScenarioWithoutClientsIsExploredFromItsStartToItsEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	var o explored
	r := dessim(t, "explore", "-scenario", "bootstrap", "-nodes", "3", "-kinds", "lose,isolate,late", "-runs", "25", "-json")
	if err := json.Unmarshal([]byte(r.stdout), &o); err != nil || r.code != exitInconclusive {
		t.Fatalf("%+v: %v", r, err)
	}
	if o.From != 0 || o.To < 10e9 || o.Runs != 25 || o.Failed != 0 || o.Untried < 100 || o.Complete || len(o.Kinds) != 3 {
		t.Errorf("%s: want 25 runs of many, over the whole run", r.stdout)
	}
	made := 1
	for _, k := range o.Kinds {
		if k.Runs < 5 || k.Places < k.Runs {
			t.Errorf("of kind %s there are %d runs at %d places; want as many of each", k.Kind, k.Runs, k.Places)
		}
		made += k.Runs
	}
	if made != o.Runs {
		t.Errorf("%s: the kinds have %d runs", r.stdout, made)
	}
}

// Where the run ends soon after the client was answered, a node that is down at the end
// is never judged.
func TestRunsThatShowNothingLeaveASearchInconclusive(t *testing.T) {
	args := []string{"explore", "-scenario", "crash", "-nodes", "3", "-kinds", "crash", "-down", "1s", "-until", "2300ms"}
	text := dessim(t, args...)
	var o explored
	got := dessim(t, append(args, "-json")...)
	if err := json.Unmarshal([]byte(got.stdout), &o); err != nil || got.code != exitInconclusive || text.code != exitInconclusive {
		t.Fatalf("%+v and %+v: %v", text, got, err)
	}
	if o.Verdict != "inconclusive" || !o.Complete || o.Failed != 0 || o.Inconclusive == 0 || o.Inconclusive >= o.Runs {
		t.Errorf("%s: want all runs, of which some pass and some are inconclusive", got.stdout)
	}
	want := fmt.Sprintf("\n%d pass, 0 violations, %d inconclusive\n", o.Runs-o.Inconclusive, o.Inconclusive)
	if !strings.HasPrefix(text.stdout, "inconclusive: ") || !strings.Contains(text.stdout, want) {
		t.Errorf("the text has no %q:\n%s", want, text.stdout)
	}
}

// failingAtNode1 gives a search in which every run fails where node 1 crashes.
func failingAtNode1(t *testing.T, args ...string) (*exploring, *bytes.Buffer) {
	t.Helper()
	f := &flags{program: program}
	f.addSubject()
	for _, name := range []string{"search", "kinds", "delays", "most", "depth", "down", "runs", "failures", "j"} {
		f.add(name, "x", "")
	}
	for i := 0; i < len(args); i += 2 {
		if err := f.find(args[i]).Set(args[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	x := &exploring{tool: &tool{Program: program, streams: streams{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}}}
	if _, err := x.readSearch(f); err != nil {
		t.Fatal(err)
	}
	try := x.World.Try
	x.World.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
		o := try(tr, observers...)
		if len(tr.Faults) > 0 && tr.Faults[0].Node == 1 {
			o.Verdict = check.Violation
			o.Checks = []check.Result{{Name: "node 1 never crashes", Verdict: check.Violation, Detail: "it did"}}
		}
		return o
	}
	return x, &x.out
}

func TestACrashThatFailsIsWrittenAsAReplayFile(t *testing.T) {
	t.Chdir(t.TempDir())
	x, out := failingAtNode1(t, "scenario", "commit", "nodes", "3", "kinds", "crash", "down", "50ms", "runs", "40")
	err := x.do(t.Context())
	if e, ok := err.(*exit); !ok || e.code != exitViolation || e.complaint != "" {
		t.Fatalf("it ends with %v, want a violation", err)
	}
	const file = "dessim-commit-explored.replay"
	for _, want := range []string{"violation: ", "node 1 never crashes: at the end, 0.000000 ms: it did", "  fault   1: crash 1 at ", "dessim replay " + file, "shrunk in ", "| crash | "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output has no %q:\n%s", want, out)
		}
	}
	again := dessim(t, "replay", file, "-json") // the check that failed is none of the scenario's
	if again.code != exitPass || !strings.Contains(again.stdout, `"same":true,"stale":0,`) {
		t.Errorf("the replay gives %+v, want the same run", again)
	}
	x, out = failingAtNode1(t, "scenario", "commit", "nodes", "3", "kinds", "crash", "down", "50ms", "runs", "40")
	x.json = true
	x.do(t.Context())
	var o explored
	if err := json.Unmarshal(out.Bytes(), &o); err != nil || o.First == nil || o.First.Replay != "dessim replay "+file || len(o.First.Faults) != 1 ||
		len(o.Checks) != 1 || o.Checks[0].Runs != o.Failed {
		t.Errorf("%s: %v", out, err)
	}
}

func TestAnInterruptedSearchKeepsTheFirstFailure(t *testing.T) {
	for _, failed := range []bool{false, true} {
		t.Chdir(t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		x, out := failingAtNode1(t, "scenario", "commit", "nodes", "3", "kinds", "crash", "down", "50ms", "j", "1")
		try, calm := x.World.Try, 0
		x.World.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
			o := try(tr, observers...)
			if len(tr.Faults) == 0 {
				calm++
			}
			if failed && o.Failed() || !failed && calm == 2 { // the first one only measures
				cancel()
			}
			return o
		}
		err := x.do(ctx)
		e, ok := err.(*exit)
		if !ok || e.code != exitInterrupted {
			t.Fatalf("it ends with %v, want an interruption", err)
		}
		if !failed {
			if left := entries(t, "."); e.complaint != "" || !strings.HasPrefix(out.String(), "inconclusive: ") || len(left) > 0 {
				t.Errorf("nothing was found: %q, %s, files %v", e.complaint, out, left)
			}
			continue
		}
		const file = "dessim-commit-explored.replay"
		said := x.stderr.(*bytes.Buffer).String()
		if e.complaint != "" || !strings.HasPrefix(said, "dessim: interrupted after ") || strings.Count(said, "\n") != 1 {
			t.Errorf("it complains %q, %q", e.complaint, said)
		}
		if !strings.HasPrefix(out.String(), "violation: ") || !strings.Contains(out.String(), "dessim replay "+file) {
			t.Errorf("the output is\n%s", out)
		}
		if again := dessim(t, "replay", file, "-json"); !strings.Contains(again.stdout, `"same":true,"stale":0,`) {
			t.Errorf("the replay gives %+v, want the same run", again)
		}
	}
}

func TestExploreRefusesWhatItCannotDo(t *testing.T) {
	for args, words := range map[string]string{
		"":                                    "no scenario",
		"-scenario commit -loss 10%":          "-loss: explore tries every misfortune",
		"-scenario commit -faults crash":      "-faults: explore",
		"-scenario bootstrap -txs 1":          "txs means nothing",
		"-scenario commit -until 1ms":         "the first input comes at ",
		"-scenario commit -kinds crush":       "did you mean crash?",
		"-scenario commit -depth 0":           "depth",
		"-scenario commit -depth 4":           "from 1 to 3",
		"-scenario commit -runs 0":            "runs",
		"-scenario commit -j 0":               "j ",
		"-scenario commit -down 5":            "different durations",
		"-scenario commit -down 1ms,1ms":      "different durations",
		"-scenario commit -down=":             "different durations",
		"-scenario commit -nodes 2":           "nodes 2",
		"-scenario commit -record /no/such/x": "no such file",
		"-scenario commit more":               "unexpected argument",
		"-scenario commit -search all":        "scenario commit offers no small world",
		"-scenario commit -search al":         "did you mean all?",
		"-scenario commit -delays 2":          "-delays means nothing to -search misfortunes",
		"-scenario commit -search all -j 2":   "-j means nothing to -search all",
	} {
		wantLine(t, dessim(t, append([]string{"explore"}, strings.Fields(args)...)...), exitUsage, words)
	}
}
