package scenarios_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// What a fault cannot mean is refused with its words and what would be right.
func TestFaultsThatCannotBeAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"crash 12 at 3s":                 "fault 1 (crash 12 at 3s) hits node 12, want 0 to 7",
		"crash 1 at 99h":                 "begins at 99h0m0s, want 0s to 1m0s",
		"crash 1 after send prepaer #1":  "no node does send prepaer; did you mean prepare?",
		"crash 1 after send nonsense #1": "no node does send nonsense; want one of dht.ping",
		"lose 0>1 5% only prepaer at 1s": "no node does send prepaer; did you mean prepare?",
		"cut 0>1 only voted at 1s":       "no node does send voted; did you mean vote?",
		"cut 0>1 only vote at 1s":        "",
		"crash 1 after output voted #1":  "",
		"crash 1 after send vote #1":     "",
		"cut 1>2 at 3s every 1us":        "comes and goes too often; want every 600µs or more",
		"crash 1 after output vote #1":   "no node does output vote; did you mean voted?",
		"heal at 3s; crash 1 at 4s":      "crash 1 at 4s",
	} {
		p := scenarios.Find("concurrent").Defaults
		if err := param(t, "fault").Set(&p, text); err != nil {
			t.Fatal(err)
		}
		err := scenarios.Find("concurrent").Validate(&p)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A written fault that does nothing is named: the run would be taken for a test of it.
func TestWrittenFaultsThatDidNothingAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"crash 1 after send prepare #99999": "fault 1: crash 1 after send prepare #99999 did nothing: what it waits for did not happen before the heal",
		"crash 1 at 3s for 1s":              "",
		"failsync 1 at 3s for 1s; crash 2 at 3s for 1s; crash 2 at 3.5s for 1s": "fault 3: crash 2 at 3.5s for 1s did nothing: node 2 was down",
		"cut 1>2 at 3s for 1s": "",
		"cut 1>2 after sync #1 of 1 for 1s; crash 2 after sync #3 any": "",
		"cut 1>2 after sync #99999 of 1 for 1s":                        "fault 1: cut 1>2 after sync #99999 of 1 for 1s did nothing: what it waits for did not happen before the heal",
		"pause 1 at 1s after send prepare #99999 for 1s":               "fault 1: pause 1 at 1s after send prepare #99999 for 1s did nothing: what it waits for did not happen before the heal",
		"rot 1 at 0s":                       "fault 1: rot 1 at 0s did nothing: node 1's disk had no record",
		"restart 2 at 5s":                   "fault 1: restart 2 at 5s did nothing: node 2 was up",
		"7: restart 2 at 5s; heal at never": "fault 7: restart 2 at 5s did nothing: node 2 was up",
		"lose 0>1 1/1000000 at 3s for 1s; slow 0>1 by 1ms at 3s": "fault 1: lose 0>1 0.0001% at 3s for 1s did nothing: it hit none of ",
	} {
		r := writtenRun(t, text)
		got := strings.Join(r.Warnings(), "\n")
		if want == "" && got != "" || !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s: warnings %q, want %q", text, got, want)
		}
		if strict := r.Strict(); r.Verdict == check.Pass && (strict == check.Inconclusive) != (want != "") || r.Verdict != check.Pass && strict != r.Verdict {
			t.Errorf("%s: verdict %s, strictly %s", text, r.Verdict, strict)
		}
	}
}

func writtenRun(t *testing.T, faults string) scenario.Report {
	t.Helper()
	s := scenarios.Find("crash")
	p := s.Defaults
	p.Faults, p.Fault = "", faults
	set(t, s, &p, "txs", "3")
	if err := s.Validate(&p); err != nil {
		t.Fatal(err)
	}
	r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
	return r
}

// With long delays a scenario's own faults would begin after the run, with and without
// others beside them.
func TestNoFaultBeginsAfterTheRun(t *testing.T) {
	for _, name := range []string{"blackout", "failover", "byzantine"} {
		for _, faults := range []string{"", "crash"} {
			s := scenarios.Find(name)
			p := s.Defaults
			p.Faults, p.Delay, p.Until = faults, time.Minute, 4*time.Hour // the workload has begun
			if err := s.Validate(&p); err != nil {
				t.Fatal(err)
			}
			r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
			if r.Verdict != check.Inconclusive {
				t.Errorf("%s with faults %q: %s, want inconclusive\nreproduce: go run ./cmd/dessim -scenario %s -faults '%s' -delay 1m -until 4h", name, faults, r.Verdict, name, cmp.Or(faults, "none"))
			}
		}
	}
}

// Every kind that a machine exports, but for notes, can be an anchor: none was
// forgotten when it came.
func TestAnchorsKnowTheKindsOfAllMachines(t *testing.T) {
	notes := []string{"dht.join", "dht.lookup", "dht.evict", "transfer", "abort", // and questions
		"twopc.yes", "twopc.commit", "abcast.started", "abcast.promised", "abcast.adopted", "abcast.log", "abcast.entry", "abcast.held", // and promises
		"raft.log", "raft.entry", "compact", "dht.compact",
		"kv.request", "kv.called", "kv.returned"} // and what clients say, who do not crash
	for _, dir := range []string{"link", "gossip", "kademlia", "twopc", "abcast", "raft", "peer", "kv"} {
		for _, kind := range exportedKinds(t, filepath.Join("..", "protocol", dir)) {
			if slices.Contains(notes, kind) {
				continue
			}
			known := false
			for _, op := range []string{"send", "output"} {
				s := scenarios.Find("crash")
				if dir == "kv" {
					s = scenarios.Find("kv")
				}
				p := s.Defaults
				if err := param(t, "fault").Set(&p, "crash 1 after "+op+" "+kind+" #1"); err != nil {
					t.Fatal(err)
				}
				known = known || s.Validate(&p) == nil
			}
			if !known {
				t.Errorf("package %s has the kind %q, which no anchor can name", dir, kind)
			}
		}
	}
}

// exportedKinds returns the kinds of the exported variables KindX of a package.
func exportedKinds(t *testing.T, dir string) (kinds []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no package in %s: %v", dir, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Kind") {
				return true
			}
			if call, ok := v.Values[0].(*ast.CallExpr); ok {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					kind, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					kinds = append(kinds, kind)
				}
			}
			return true
		})
	}
	return kinds
}

// Where nodes fail, what only faultless runs can promise is ruled out by name, and
// what must hold all the same is judged.
func TestFaultsRuleOutWhatOnlyFaultlessRunsPromise(t *testing.T) {
	s := mustParse(t, "-scenario commit -nodes 4 -txs 3 -faults crash,restart")
	r := s.run(nil)
	if wrong := s.fault(&r); wrong != "" {
		t.Error(wrong)
	}
	if c := find(&r, "AC4 without failures, unanimous yes votes commit"); c.Verdict != check.NotApplicable || c.Detail != "nodes or links fail" {
		t.Errorf("AC4 is %v, %q", c.Verdict, c.Detail)
	}
	if c := find(&r, "AC5 every node decides once failures heal"); c.Verdict != check.Pass {
		t.Errorf("AC5 is %v, %q", c.Verdict, c.Detail)
	}
	if !slices.ContainsFunc(r.Faults, func(f fault.Fault) bool { return f.Op == fault.Heal }) {
		t.Errorf("no heal among %v", r.Faults)
	}
}

// A disk damaged beyond the model is found out, and its node excused by name.
func TestADamagedDiskIsExcusedByName(t *testing.T) {
	p := scenarios.Find("concurrent").Defaults
	if err := param(t, "fault").Set(&p, "rot 2 at 2200ms; crash 2 at 2300ms for 1s"); err != nil {
		t.Fatal(err)
	}
	s := subject{scenario.Subject{Scenario: scenarios.Find("concurrent"), Seed: 1, Params: p}}
	r := s.run(nil)
	c := find(&r, "all nodes end with the same ledger")
	if r.Verdict != check.Pass || r.Sim.Faults.Damaged != 1 || c.Excused != 1 || !strings.Contains(c.Detail, "node 2") {
		t.Errorf("%v, %d disks damaged; %+v", r.Verdict, r.Sim.Faults.Damaged, c)
	}
}

// What is written wins over a scenario's own faults that contradict it, by what they do or
// by their identity.
func TestWrittenFaultsTakeThePlaceOfAScenariosOwn(t *testing.T) {
	for name, written := range map[string]string{
		"crash":     "pause 0 at 4.7s for 1s", // while node 0 is down for the double spend
		"failover":  "800: crash 1 at 4s for 1s",
		"byzantine": "700: crash 1 at 4s for 1s",
		"blackout":  "pause 2 at 2.5s for 3s; 1000003: crash 1 at 6s for 1s",
		"chaos":     "1003: crash 1 at 6s for 1s", // of what is drawn
	} {
		t.Run(name, func(t *testing.T) {
			s := scenarios.Find(name)
			p := s.Defaults
			if err := param(t, "fault").Set(&p, written); err != nil {
				t.Fatal(err)
			}
			sub := subject{scenario.Subject{Scenario: s, Seed: 1, Params: p}}
			r := sub.run(nil)
			if r.Verdict != check.Pass {
				t.Errorf("%v %s\nreproduce: %s", r.Verdict, r.Failure, sub)
			}
			for _, want := range strings.Split(written, "; ") {
				if !slices.ContainsFunc(r.Faults, func(f fault.Fault) bool { return strings.HasSuffix(want, f.String()) }) {
					t.Errorf("%q is none of %v", want, r.Faults)
				}
			}
		})
	}
}

// What nobody promises against a traitor is demanded all the same of one that the
// parameters ask for, drawn or written: that is how to see what it breaks.
func TestATraitorThatIsAskedForBreaksWhatNobodyPromises(t *testing.T) {
	for _, ask := range []struct{ scenario, faults, fault string }{
		{"kv", "byzantine", ""},
		{"crash", "crash,lose", "byzantine 1 replays 50% at 2s for 5s"},
	} {
		s := scenarios.Find(ask.scenario)
		p := s.Defaults
		p.Faults, p.Fault = ask.faults, ask.fault
		if err := s.Validate(&p); err != nil {
			t.Fatal(err)
		}
		broken := 0
		for seed := range uint64(12) {
			sub := subject{scenario.Subject{Scenario: s, Seed: seed + 1, Params: p}}
			if r := sub.run(nil); r.Verdict == check.Violation {
				broken++
			}
		}
		if broken == 0 {
			t.Errorf("%+v: no run of 12 shows anything", ask)
		}
	}
}
