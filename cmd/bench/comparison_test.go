//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestQuartilesLieBetweenSamples(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{9, 1}, spread{3, 5, 7}},
		{[]float64{5, 1, 4, 2, 3}, spread{2, 3, 4}},
		{[]float64{4, 3, 2, 1}, spread{1.75, 2.5, 3.25}},
	} {
		if got := spreadOf(c.samples); got != c.want {
			t.Errorf("spread of %v is %v, want %v", c.samples, got, c.want)
		}
	}
}

func TestVerdictCountsTheRoundsThatAgree(t *testing.T) {
	for _, c := range []struct {
		slower, faster, same int
		want                 string
	}{
		{9, 0, 0, "slower"},
		{0, 9, 0, "faster"},
		{8, 1, 0, "perhaps slower"},
		{1, 8, 0, "perhaps faster"},
		{8, 0, 1, "perhaps slower"},
		{7, 2, 0, within},
		{4, 5, 0, within},
		{0, 0, 9, within},
		{6, 0, 0, "perhaps slower"},
		{5, 0, 0, tooFew},
		{1, 0, 0, tooFew},
		{2, 1, 0, within},
		{18, 3, 0, "slower"},
		{0, 1500, 1000, "faster"},
	} {
		var ratios []float64
		for _, side := range []struct {
			n     int
			ratio float64
		}{{c.slower, 1.01}, {c.faster, 0.5}, {c.same, 1}} {
			ratios = append(ratios, slices.Repeat([]float64{side.ratio}, side.n)...)
		}
		if got := verdict(ratios); got != c.want {
			t.Errorf("%d slower, %d faster, %d the same: %q, want %q", c.slower, c.faster, c.same, got, c.want)
		}
	}
}

func TestSignTestIsExact(t *testing.T) {
	for _, c := range []struct {
		agree, n int
		want     string
	}{{9, 9, "0.00390625"}, {8, 9, "0.03906250"}, {5, 9, "1.00000000"}, {1, 1, "1.00000000"}, {5, 5, "0.06250000"}} {
		if got := fmt.Sprintf("%.8f", signTest(c.agree, c.n)); got != c.want {
			t.Errorf("%d of %d agree by chance with probability %s, want %s", c.agree, c.n, got, c.want)
		}
	}
}

// script is a workload with figures of its own, which notes who is measured.
type script struct {
	title string
	takes map[string]float64 // by side; a side that is missing cannot run it
	made  map[string]work
	log   *[]string
}

func (s *script) name() string  { return s.title }
func (*script) unit() string    { return "CPU s" }
func (*script) program() string { return "dessim" }
func (s *script) inspect(_ context.Context, r *revision) (work, error) {
	return s.made[r.side], nil
}

func (s *script) measure(ctx context.Context, r *revision) (float64, error) {
	*s.log = append(*s.log, s.title+" "+r.side)
	if took, ok := s.takes[r.side]; ok {
		return took, nil
	}
	return 0, errors.New("no such scenario\nand more")
}

func scripted(rounds int) *comparison {
	return &comparison{
		sides:  [2]*revision{{Name: "v1", Commit: "c0ffee", side: "base"}, {Name: "working tree", Commit: "c0ffee-dirty", side: "new"}},
		rounds: rounds, progress: io.Discard,
	}
}

func both(w work) map[string]work { return map[string]work{"base": w, "new": w} }

func TestSidesTakeTurnsWithinRoundsAndFromRoundToRound(t *testing.T) {
	var log []string
	takes := map[string]float64{"base": 2, "new": 1}
	list := []workload{&script{title: "x", takes: takes, log: &log}, &script{title: "y", takes: takes, log: &log}}
	if err := scripted(3).measure(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"x base", "x new", "x new", "x base", "y base", "y new", "y new", "y base",
		"x new", "x base", "x base", "x new", "y new", "y base", "y base", "y new",
		"x base", "x new", "x new", "x base", "y base", "y new", "y new", "y base",
	}
	if !slices.Equal(log, want) {
		t.Errorf("measured in the order\n%q\nwant\n%q", log, want)
	}
}

func TestTableNamesAnotherLoadAndWhatIsLeftOut(t *testing.T) {
	var log []string
	run := outcome{"seed 1", "abcd", 10}
	other := outcome{"seed 1", "abce", 11}
	takes := map[string]float64{"base": 2, "new": 3}
	c := scripted(9)
	err := c.measure(t.Context(), []workload{
		&script{title: "equal", takes: takes, log: &log, made: both(work{"1 seed, 10 events", []outcome{run}})},
		&script{title: "silent", takes: map[string]float64{"base": 2, "new": 2}, log: &log, made: both(work{"7 pending", nil})},
		&script{title: "moved", takes: takes, log: &log, made: map[string]work{
			"base": {"1 seed, 10 events", []outcome{run}}, "new": {"1 seed, 11 events", []outcome{other}},
		}},
		&script{title: "gone", takes: map[string]float64{"new": 1}, log: &log},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(c.text(), "\n\n")
	const want = `+--------+-------------------+---------+-------+------+------------+------+------------+-------+--------+-----------------+-------------------+
| case   | load              | digests | unit  | base |  quartiles |  new |  quartiles | ratio | paired | least..greatest | verdict           |
+--------+-------------------+---------+-------+------+------------+------+------------+-------+--------+-----------------+-------------------+
| equal  | 1 seed, 10 events | equal   | CPU s | 2.00 | 2.00..2.00 | 3.00 | 3.00..3.00 | 1.500 |  1.500 |    1.500..1.500 | slower            |
| silent | 7 pending         | unknown | CPU s | 2.00 | 2.00..2.00 | 2.00 | 2.00..2.00 | 1.000 |  1.000 |    1.000..1.000 | within the spread |
| moved  | 1 seed, 11 events | differ  | CPU s | 2.00 | 2.00..2.00 | 3.00 | 3.00..3.00 | 1.500 |  1.500 |    1.500..1.500 | another load      |
+--------+-------------------+---------+-------+------+------------+------+------------+-------+--------+-----------------+-------------------+
moved: the load is not the same: seed 1 has digest abcd and 10 events in base, abce and 11 in new
left out: gone: base: no such scenario
`
	if got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
}

func TestWorkDiffersByTheFirstRun(t *testing.T) {
	a, b := outcome{"seed 1", "aa", 1}, outcome{"seed 2", "bb", 2}
	x, y := outcome{"seed 1", "xx", 1}, outcome{"seed 2", "bb", 3}
	for _, c := range []struct {
		base, changed []outcome
		want          string
		known         bool
	}{
		{[]outcome{a, b}, []outcome{a, b}, "", true},
		{[]outcome{a, b}, nil, "", false},
		{nil, []outcome{a}, "", false},
		{[]outcome{a, b}, []outcome{a}, "2 runs in base, 1 in new", true},
		{[]outcome{a, b}, []outcome{a, y}, "seed 2 has digest bb and 2 events in base, bb and 3 in new", true},
		{[]outcome{a, b}, []outcome{x, y}, "2 of 2 runs differ, the first: seed 1 has digest aa and 1 events in base, xx and 1 in new", true},
	} {
		if got, known := differs(work{"", c.base}, work{"", c.changed}); got != c.want || known != c.known {
			t.Errorf("%v and %v: %q, %t, want %q, %t", c.base, c.changed, got, known, c.want, c.known)
		}
	}
}

func TestInterruptEndsTheRounds(t *testing.T) {
	var log []string
	ctx, cancel := context.WithCancel(t.Context())
	c := scripted(9)
	w := &script{title: "x", takes: map[string]float64{"base": 1, "new": 1}, log: &log}
	if err := c.prepare(ctx, []workload{w}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := c.round(ctx, c.pairings[0], 0); !errors.Is(err, context.Canceled) || len(log) != 1 {
		t.Errorf("error %v after %q, want an interrupt after one measurement", err, log)
	}
}

// A slip in a flag or in the text of a fault would otherwise show only as a case left out.
func TestEveryWorkloadCanBeRunHere(t *testing.T) {
	r := &revision{side: "new", dir: t.TempDir()}
	r.dessim, r.bench = filepath.Join(r.dir, "dessim"), os.Args[0]
	if _, err := output(exec.Command("go", "build", "-ldflags=-s -w", "-o", r.dessim, "dessim/cmd/dessim")); err != nil {
		t.Fatal(err)
	}
	for _, w := range allWorkloads(1000) {
		switch w := w.(type) {
		case *sweepWork:
			w.seeds, w.params = 1, strings.Replace(w.params, "-nodes 1000", "-nodes 10", 1)
		case *pholdWork:
			if w.nodes > 1000 {
				continue
			}
		}
		if made, err := w.inspect(t.Context(), r); err != nil || len(made.runs) != 1 {
			t.Errorf("%s: %d runs told of, %v, want 1", w.name(), len(made.runs), err)
		}
	}
}

// checkout makes a repository whose programs only look like dessim's, with two commits:
// the first has a bench that cannot be built, and a scenario kv that is unknown.
func checkout(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org"}, args...)...)
		cmd.Dir = dir
		if _, err := output(cmd); err != nil {
			t.Fatal(err)
		}
	}
	const program = `package main

import (
	"os"
	"strings"
)

func main() {
	args := strings.Join(os.Args, " ")
	if strings.Contains(args, "-scenario UNKNOWN ") {
		println("no such scenario")
		os.Exit(2)
	}
	if _, file, found := strings.Cut(args, "-results "); found {
		os.WriteFile(file, []byte("{\"format\":\"results\"}\n{\"seed\":1,\"digest\":\"DIGEST\",\"events\":5}\n"), 0o666)
	}
}
`
	dessim := func(unknown, digest string) string {
		return strings.NewReplacer("UNKNOWN", unknown, "DIGEST", digest).Replace(program)
	}
	write("go.mod", "module dessim\n\ngo 1.24\n")
	write("cmd/dessim/main.go", dessim("kv", "aa"))
	write("cmd/bench/main.go", "package main\n\nfunc main() { undefined() }\n")
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	write("cmd/dessim/main.go", dessim("none", "bb"))
	write("cmd/bench/main.go", "package main\n\nfunc main() { println(`events=1`) }\n")
	git("add", ".")
	git("commit", "-q", "-m", "two")
	return dir
}

func TestRevisionsAreBuiltFromTheirOwnTrees(t *testing.T) {
	t.Chdir(checkout(t))
	t.Setenv("TMPDIR", t.TempDir())
	// With -trimpath, the standard library would be compiled a second time.
	defer func(flags []string) { buildFlags = flags }(buildFlags)
	buildFlags = []string{"-buildvcs=false"}
	file := filepath.Join(t.TempDir(), "bench.json")
	out, progress := bench(t, "-base", "HEAD~1", "-rounds", "2", "-only", "^phold/nodes=1000/|^runs/(concurrent|kv)$", "-json", file)
	for _, want := range []string{
		`(?m)^\| runs/concurrent +\| seeds 1-150, 5 events +\| differ .* another load +\|$`,
		`(?m)^runs/concurrent: the load is not the same: seed 1 has digest aa and 5 events in base, bb and 5 in new$`,
		`(?m)^left out: phold/nodes=1000/messages=1, phold/nodes=1000/messages=16: base: cmd/bench cannot be built: .*undefined.*$`,
		`(?m)^left out: runs/kv: base: dessim: exit status 2: no such scenario$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s does not match the output:\n%s\n%s", want, out, progress)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var saved struct {
		Base  struct{ Name string }
		Cases []struct {
			Case    string
			Samples []float64 `json:"paired_rounds"`
		}
		LeftOut []omission `json:"left_out"`
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	if len(saved.Cases) != 1 || saved.Cases[0].Case != "runs/concurrent" || len(saved.Cases[0].Samples) != 2 ||
		len(saved.LeftOut) != 2 || saved.Base.Name != "HEAD~1" {
		t.Errorf("saved is\n%s", text)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "dessim-bench-") }) {
		t.Errorf("in the folder for scratch remain %v, %v", left, err)
	}
}

func TestRevisionsThatCannotBeFoundAreRefusedInOneLine(t *testing.T) {
	repository := checkout(t)
	module := t.TempDir()
	if err := os.WriteFile(filepath.Join(module, "go.mod"), []byte("module dessim\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, base, want string }{
		{repository, "nowhere", "-base nowhere: no such revision"},
		{repository, "--help", "-base --help: no such revision"},
		{repository, "", "-base : no such revision"},
		{module, "HEAD", "-base HEAD: " + module + " is not a git checkout"},
		{t.TempDir(), "HEAD", "-base: the working directory is in no module"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Chdir(c.dir)
			err := run(t.Context(), []string{"-base", c.base}, io.Discard, io.Discard)
			if usage := usageError(""); !errors.As(err, &usage) || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}
