package cmdline

import (
	"bytes"
	"encoding/json"
	goflag "flag"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

var (
	update = goflag.Bool("update", false, "write the golden files of testdata")
	inFull = goflag.Bool("full", false, "run what the README of package abcast shows, explore each order, and build what takes long to build")
)

// builtInFull skips a test that builds programs of its own, unless -full is given. The tests
// for which make full gives it are named in the Makefile: see TestMakeFullRunsWhatWaitsForIt.
func builtInFull(t *testing.T) {
	t.Helper()
	if !*inFull {
		t.Skip("builds programs of its own: make full")
	}
}

func TestMakeFullRunsWhatWaitsForIt(t *testing.T) {
	line := regexp.MustCompile(`(?m)^\tgo test \./cmd/dessim/cmdline -run '([^']+)' .*-full$`).FindStringSubmatch(read(t, filepath.Join(root, "Makefile")))
	if line == nil {
		t.Fatal("make full does not run this package")
	}
	runs, found := regexp.MustCompile(line[1]), 0
	for _, name := range entries(t, ".") {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, f := range strings.Split(read(t, name), "\nfunc ")[1:] {
			if test, body, _ := strings.Cut(f, "("); strings.HasPrefix(test, "Test") && strings.Contains(body, "\tbuiltInFull(t)\n") {
				found++
				if !runs.MatchString(test) {
					t.Errorf("make full does not run %s", test)
				}
			}
		}
	}
	if found < 4 {
		t.Errorf("%d tests wait for it", found)
	}
}

// handmade is a report made by hand, so that the golden files show the printing alone.
func handmade(nodes int) *scenario.Report {
	x := scenarios.Find("concurrent")
	x.Defaults = scenario.Params{Nodes: 8, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: time.Minute}
	p := x.Defaults
	p.Nodes, p.Loss = nodes, protocol.Ratio{Num: 10, Den: 100}
	r := &scenario.Report{
		Scenario: x,
		Seed:     1<<64 - 1,
		Params:   p,
		Verdict:  check.Violation,
		Checks: []check.Result{
			{Name: "ledgers are equal", Verdict: check.Pass, Exercised: 40},
			{Name: "every transfer ends", Verdict: check.Violation, Exercised: 9, At: 2_500_000_000, Detail: "9 of 10 transfers have ended"},
			{Name: "one order everywhere", Verdict: check.Violation, Exercised: 17, At: 1_234_567, Step: 812,
				Detail: "node 1 has tx 3 as number 0, where node 0 has tx 2 <which & is> \"quoted\", and the sentence goes on"},
			{Name: "a double spend was refused", Verdict: check.NotApplicable, Detail: "no double spends are asked for"},
		},
		Sim: sim.Result{End: 2_500_000_000, Reason: sim.Settled, Events: 9001, Received: 7000, Fired: 2000, Sent: 8000,
			Lost: 900, Copied: 12, Dropped: 3, Bytes: 123456, Syncs: 40, Outputs: 80, Crashes: 1, Restarts: 1,
			Digest: sim.Digest{Decisions: 1, Network: 0xabcdef, Outputs: 1 << 63}},
		Facts: []scenario.Fact{{Name: "hops", Value: "1: 10, 2: 5"}},
	}
	for i := range nodes {
		r.Nodes = append(r.Nodes, scenario.Node{ID: protocol.NodeID(i), Messages: uint64(i * i), Cells: []string{
			fmt.Sprintf("%02x%036xff", i, 0), "10", "ee" + strings.Repeat("0", 62), fmt.Sprint(100 + i),
		}})
	}
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		write(t, path, string(got))
	}
	if want := read(t, path); want != string(got) {
		t.Errorf("%s is\n%s\nnow\n%s\nif that is right: go test ./cmd/dessim/cmdline -update", path, want, got)
	}
}

func TestTheSummaryReadsAsInTheGoldenFiles(t *testing.T) {
	failed := handmade(3)
	failed.Verdict, failed.Failure = scenario.Failed, "node 1 panicked at step 9, 3.000000 ms: boom\nand more \u2603"
	failed.Checks, failed.Nodes = nil, nil
	replayed := handmade(3)
	replayed.Verdict, replayed.Checks = check.Pass, replayed.Checks[:1]
	replayed.Scenario.Columns = replayed.Scenario.Columns[:1]
	replayed.Sim.Syncs, replayed.Sim.Flushes = 0, 17
	x := &replay{Recording: &scenario.Recording{Verdict: check.Pass, Digest: replayed.Sim.Digest.String()}, answers: source.NewReplay([]source.Answer{{Key: protocol.Key{Kind: protocol.KindOf("net.delay")}, Range: 2, Value: 1}})}
	differ := handmade(21)
	differ.Nodes[20].Cells[2] = "ef" + strings.Repeat("0", 62)
	for name, s := range map[string]*summary{
		"violation": {Report: handmade(3), command: "dessim run -seed 1 -scenario concurrent", verified: true},
		"many":      {Report: differ, command: "dessim run"},
		"error":     {Report: failed, command: "dessim run"},
		"replay":    {Report: replayed, command: "dessim replay 'a b'", replay: x},
	} {
		var text, object bytes.Buffer
		s.text(&text)
		s.json(&object)
		golden(t, name+".txt", text.Bytes())
		golden(t, name+".json", object.Bytes())
		for _, line := range strings.SplitAfter(text.String(), "\n") {
			if plain(strings.TrimSuffix(line, "\n")) != strings.TrimSuffix(line, "\n") {
				t.Errorf("%s: not printable ASCII: %q", name, line)
			}
		}
	}
}

// keys lists the keys of an object in their order, and refuses floats.
func keys(t *testing.T, text string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var names []string
	depth, key := 0, true
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			key = true
			continue
		case json.Number:
			if strings.ContainsAny(v.String(), ".eE") {
				t.Errorf("%s is a float", v)
			}
		case string:
			if depth == 1 && key {
				names = append(names, v)
				key = false
				continue
			}
		}
		key = depth == 1
	}
	return names
}

// The keys of a run's object that were there before others came; those come after them.
const oldKeys = "scenario seed params verdict digest digests events virtual_ns checks nodes reproduce"

func TestJSONIsOneObjectWithItsKeysInOrder(t *testing.T) {
	optional := []string{"counts", "replay", "error", "recorded", "panic", "stuck", "report"}
	var all []string
	for _, k := range keysOfRun() {
		if all = append(all, k[0]); k[0] == "" || k[1] == "" {
			t.Errorf("key %q means %q", k[0], k[1])
		}
	}
	without := func(present ...string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(all), func(k string) bool {
			return slices.Contains(optional, k) && !slices.Contains(present, k)
		}), " ")
	}
	if got := without(); !strings.HasPrefix(got, oldKeys+" ") {
		t.Errorf("keys are %s, want first %s", got, oldKeys)
	}
	for _, args := range []string{"-seed 42 -scenario concurrent -json", "-scenario bootstrap -nodes 3 -json"} {
		r := dessim(t, strings.Fields(args)...)
		wantRun(t, r)
		if !json.Valid([]byte(r.stdout)) || strings.Count(r.stdout, "\n") != 1 || !strings.HasSuffix(r.stdout, "}\n") {
			t.Errorf("dessim %s: not one object and one newline: %q", args, r.stdout)
		}
		if got := strings.Join(keys(t, r.stdout), " "); got != without() {
			t.Errorf("dessim %s has the keys %s, want %s", args, got, without())
		}
	}
	for file, want := range map[string]string{"error": without("error"), "replay": without("recorded"), "violation": without()} {
		if got := strings.Join(keys(t, read(t, "testdata/"+file+".json")), " "); got != want {
			t.Errorf("%s has the keys %s, want %s", file, got, want)
		}
	}
	for args, want := range map[string]string{"list -json": "scenarios", "list -json -faults": "drawn written kinds", "list -faults -json": "drawn written kinds"} {
		r := dessim(t, strings.Fields(args)...)
		if r.code != exitPass || !json.Valid([]byte(r.stdout)) || strings.Join(keys(t, r.stdout), " ") != want {
			t.Errorf("%s: %+v", args, r)
		}
	}
	help := dessim(t, "help", "run")
	for _, k := range all {
		if !strings.Contains(help.stdout, "\n   "+k+" ") {
			t.Errorf("help run does not list %s", k)
		}
	}
}

// scalars appends the words of all values of an object, and of its keys.
func scalars(words map[string]bool, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			scalars(words, strings.ReplaceAll(key, "_", " "))
			scalars(words, x)
		}
	case []any:
		for _, x := range v {
			scalars(words, x)
		}
	default:
		for _, w := range summaryWords(fmt.Sprint(v)) {
			words[w] = true
		}
	}
}

// summaryWords cuts a text into words without the punctuation around them and the lines of
// tables.
func summaryWords(text string) (words []string) {
	for _, w := range strings.Fields(text) {
		if w = strings.Trim(w, "+-|:;,.()"); w != "" {
			words = append(words, w)
		}
	}
	return words
}

// The summary has no word that the object lacks, but for what it calls things.
func TestTheObjectHasAllThatTheSummaryPrints(t *testing.T) {
	names := summaryWords("check node exercised detail see it -trace run.trace virtual time messages to nodes that were down parameters in a second process every event same was at step ms")
	t.Chdir(t.TempDir())
	wantRun(t, dessim(t, words("run -scenario concurrent -record r")...))
	for _, x := range scenarios.All() {
		for _, c := range x.Columns {
			names = append(names, summaryWords(c.Head)...)
		}
	}
	for _, command := range [][]string{
		words("-scenario concurrent -loss 10% -copy 5%"), words("-scenario bootstrap -nodes 5"), words("-scenario commit -nodes 4"), words("-scenario kv"),
		words("-scenario churn -nodes 20"), words("replay r"), words("-scenario crash -txs 3 -faults swarm"), words("-scenario byzantine"), words("-scenario failover"),
		words("-scenario crash -txs 3 -faults none -fault", "7: restart 2 at 5s; heal at 20s"), words("-scenario crash -txs 3 -faults none -fault", "crash 1 at 3s; heal at never"),
	} {
		text, printed := dessim(t, command...), dessim(t, append(command, "-json")...)
		d := json.NewDecoder(strings.NewReader(printed.stdout))
		d.UseNumber()
		var o map[string]any
		if err := d.Decode(&o); err != nil || text.code != printed.code {
			t.Fatalf("dessim %q: %v, %+v", command, err, printed)
		}
		has := map[string]bool{}
		for _, w := range names {
			has[w] = true
		}
		scalars(has, o)
		end, err := o["virtual_ns"].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		has[protocol.Time(end).String()] = true
		short := func(w string) bool { // a cell that the table cuts
			return (len(w) == 8 || len(w) == 16) && slices.ContainsFunc(protocol.SortedKeys(has), func(o string) bool { return strings.HasPrefix(o, w) })
		}
		for _, w := range summaryWords(text.stdout) {
			if !has[w] && !short(w) {
				t.Errorf("dessim %q prints %q; its object lacks it", command, w)
			}
		}
	}
}

func TestTheLineThatReproducesNamesWhatDiffers(t *testing.T) {
	r := dessim(t, "run", "-scenario", "concurrent", "-loss", "0.1", "-seed", "0x2a", "-until", "60s", "-nodes", "05")
	wantRun(t, r)
	const want = "dessim run -seed 42 -scenario concurrent -nodes 5 -loss 10%"
	_, line, _ := strings.Cut(r.stdout, "\nreproduce")
	if strings.TrimSpace(line) != want {
		t.Fatalf("reproduce is %q, want %q", line, want)
	}
	if again := dessim(t, strings.Fields(want)[1:]...); again != r {
		t.Errorf("it gives\n%s, not\n%s", again.stdout, r.stdout)
	}
}

func TestTheEnvironmentChangesNoByte(t *testing.T) {
	for _, args := range []string{"-seed 3 -scenario concurrent", "-scenario bootstrap -nodes 30 -json", "list", "help run"} {
		plain := process(t, binary, nil, strings.Fields(args)...)
		if plain.stdout == "" || plain.stderr != "" {
			t.Errorf("dessim %s: %+v", args, plain)
		}
		for _, env := range [][]string{ // what one of them changes, all of them change
			{"NO_COLOR=1", "RUNEWIDTH_EASTASIAN=1", "COLUMNS=20", "LC_ALL=ja_JP.UTF-8", "TERM=dumb", "DESSIM_VERIFY=1"},
			{"FORCE_COLOR=1", "LANG=zh_CN.UTF-8", "GOMAXPROCS=1", "TZ=Asia/Tokyo", "CLI_TRACING="},
		} {
			if got := process(t, binary, env, strings.Fields(args)...); got != plain {
				t.Errorf("%s dessim %s gives\n%s\nnot\n%s", env, args, got.stdout, plain.stdout)
			}
		}
	}
}

func TestListedDefaultsAreAccepted(t *testing.T) {
	for _, s := range scenarios.All() {
		if err := s.Validate(&s.Defaults); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	r := dessim(t, "list")
	for _, s := range scenarios.All() {
		if !strings.Contains(r.stdout, "| "+s.Name) {
			t.Errorf("the list lacks %s:\n%s", s.Name, r.stdout)
		}
	}
	if r.code != exitPass || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

func TestProgressComesOnATerminalAlone(t *testing.T) {
	args := []string{"-scenario", "bootstrap", "-nodes", "4"}
	silent := dessim(t, args...)
	wantRun(t, silent)
	var out, errs bytes.Buffer
	code := program.run(t.Context(), args, streams{stdout: &out, stderr: &errs, terminal: true})
	if code != silent.code || out.String() != silent.stdout {
		t.Errorf("on a terminal it exits with %d and prints\n%s", code, &out)
	}
	if !regexp.MustCompile(`^[0-9]+ events in [0-9.]+m?s, [0-9]+ a second\n$`).MatchString(errs.String()) {
		t.Errorf("stderr: %q", errs.String())
	}
}

func TestTheVersionIsThatOfTheModuleOrTheRevision(t *testing.T) {
	for _, x := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "(devel)"},
		{debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}, "abc with changes"},
	} {
		if got := buildVersion(&x.info); got != x.want {
			t.Errorf("%+v is version %q, want %q", x.info, got, x.want)
		}
	}
}

func TestSpansBelowAMillisecondAreInTheUnitOfFlags(t *testing.T) {
	r := dessim(t, "-scenario", "crash", "-delay", "1us", "-jitter", "0s", "-nodes", "3", "-txs", "1")
	if r.code != exitPass || !strings.Contains(r.stdout, "from 211.5us to 1.2115ms") || strings.ContainsAny(r.stdout, "µ\\") {
		t.Errorf("exits with %d: %s\n%s", r.code, r.stderr, r.stdout)
	}
}
