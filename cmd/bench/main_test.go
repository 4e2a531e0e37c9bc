//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMain lets this test binary be the child that measures, as bench is its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "-measure=") {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func bench(t *testing.T, args ...string) (out, progress string) {
	t.Helper()
	var o, p strings.Builder
	if err := run(context.Background(), args, &o, &p); err != nil {
		t.Fatalf("bench %s: %v\n%s", strings.Join(args, " "), err, p.String())
	}
	return o.String(), p.String()
}

func TestTableHasALineForEachFigure(t *testing.T) {
	out, _ := bench(t, "-quick", "-only", "phold/nodes=100/")
	got := regexp.MustCompile(`[0-9.]+`).ReplaceAllString(out[strings.Index(out, "\n"):], "#")
	got = regexp.MustCompile(` +`).ReplaceAllString(regexp.MustCompile(`-+`).ReplaceAllString(got, "-"), " ")
	const want = `

+-+-+-+-+
| case | unit | dessim | spread |
+-+-+-+-+
| phold/nodes=#/messages=# | M events/s | # | #% |
| phold/nodes=#/messages=# | M events/s | # | #% |
+-+-+-+-+
`
	if got != want {
		t.Errorf("the table, figures as #, is\n%s\nwant\n%s\nthe whole output:\n%s", got, want, out)
	}
}

func TestALiveNetworkTakesALineOfItsGroup(t *testing.T) {
	out, _ := bench(t, "-live", "-quick", "-rounds", "1", "-only", "load/isis/clients=8|idle/raft")
	for _, want := range []string{
		`\| load +\| transfers/s \| p50 ms \| p90 ms \| p99 ms \| max ms \| CPU ms each \| steps each \| syncs each \|`,
		`\| isis/clients=8( +\| +[0-9.]+){8} \|`,
		`\| idle +\| CPU ms/s \| wakeups/s \| steps/s \| syncs/s \|`,
		`\| raft( +\| +[0-9.]+){4} \|`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line is %s:\n%s", want, out)
		}
	}
}

func TestAFramesDatagramIsOfItsNetwork(t *testing.T) {
	a, err := frameOf(1, []byte("message"))
	b, bad := frameOf(2, []byte("message"))
	if err = errors.Join(err, bad); err != nil || bytes.Equal(a, b) || !bytes.HasSuffix(a, []byte("message")) || !bytes.HasSuffix(b, []byte("message")) {
		t.Errorf("frames %q and %q, %v", a, b, err)
	}
}

// stub is a contender with figures of its own.
type stub struct {
	title string
	value float64
}

func (s stub) name() string            { return s.title }
func (s stub) enters(c *testCase) bool { return c.phold != nil }
func (s stub) measure(*testCase, options) (map[string]float64, error) {
	return map[string]float64{"events": s.value}, nil
}

func TestRatiosAreOursToTheirs(t *testing.T) {
	c := pholdCase(phold{nodes: 100, load: 1})
	ours, theirs := stub{title: "dessim"}, stub{title: "slow"}
	tab := newTable([]*testCase{c}, []contender{ours, theirs})
	for _, x := range []float64{3e6, 1e6, 2e6} { // median 2e6, spread 2e6
		tab.add(c, ours, map[string]float64{"events": x})
		tab.add(c, theirs, map[string]float64{"events": x / 4})
	}
	want := [][]string{
		{"case", "unit", "dessim", "spread", "slow", "x slow"},
		{"phold/nodes=100/messages=1", "M events/s", "2.00", "100%", "0.50", "4.00"},
	}
	if got := tab.main(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("table\n%q\nwant\n%q", got, want)
	}
}

func TestMedianOfEvenlyManyIsBetweenTheMiddleTwo(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{{[]float64{7}, 7}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 9, 1, 2}, 3}} {
		if got, ok := median(c.list); !ok || got != c.want {
			t.Errorf("median of %v is %v, want %v", c.list, got, c.want)
		}
	}
	if _, ok := median(nil); ok {
		t.Error("nothing has a median")
	}
}

func TestAPeerThatIsMissingTakesOneLine(t *testing.T) {
	out, progress := bench(t, "-quick", "-only", "phold/nodes=100/messages=1$", "-peers", t.TempDir())
	for _, p := range allPeers() {
		if n := strings.Count(progress, "without "+p.title+":"); n != 1 {
			t.Errorf("%d lines tell that %s is missing, want 1:\n%s", n, p.title, progress)
		}
		if strings.Contains(out, p.title) {
			t.Errorf("%s is in the table without having been measured:\n%s", p.title, out)
		}
	}
}

// The queue's cases name benchmarks of another package: a slip would show only
// after minutes of measuring.
func TestEveryQueueCaseIsABenchmarkOfPackageSim(t *testing.T) {
	list, err := exec.Command("go", "test", "dessim/sim", "-run=^$", "-bench=^BenchmarkQueue$/^.*$/^pending=1e2$", "-benchtime=1x").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	for _, dist := range queueDists {
		if !regexp.MustCompile(`BenchmarkQueue/` + dist + `/pending=1e2\S*\s.*[0-9] cpu-ns/op`).Match(list) {
			t.Errorf("package sim has no benchmark of the queue with delays %q that tells its CPU time:\n%s", dist, list)
		}
	}
}

func TestSignaturesAreCountedWithWhatTheyCall(t *testing.T) {
	const top = `File: bench
Duration: 1s, Total samples = 100ms
      flat  flat%   sum%        cum   cum%
         0     0%     0%       90ms 90.00%  dessim/scenarios.(*Scenario).Execute
         0     0%     0%       20ms 20.00%  dessim/protocol/ledger.Key.Sign
         0     0%     0%       10ms 10.50%  dessim/protocol/ledger.(*claim).valid
         0     0%     0%       10ms 10.00%  dessim/protocol/ledger.keyOf (inline)
`
	if share, err := cumulative(top, signing); err != nil || fmt.Sprintf("%.4f", share) != "0.4050" {
		t.Errorf("share %v, %v, want 0.405", share, err)
	}
	if _, err := cumulative("no samples\n", signing); err == nil {
		t.Error("a text without a table gives a share")
	}
}

func TestMistakesAreRefusedInOneLine(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-events", "10"}, {"phold"}, {"-only", "nothing"}, {"-only", "("}, {"-measure", "nothing"}, {"-unknown"},
		{"-base", "HEAD", "-rounds", "0"}, {"-base", "HEAD", "-only", "nothing"}, {"-base", "HEAD", "-peers", "x"},
		{"-base", "HEAD", "-quick"}, {"-json", "x"}, {"-live", "-only", "nothing"}, {"-live", "-base", "HEAD"}, {"-live", "-events", "1000"},
		{"-profile", "x"},
	} {
		var out, progress strings.Builder
		err := run(context.Background(), args, &out, &progress)
		if usage := usageError(""); !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("bench %s: error %v, want one line about usage", strings.Join(args, " "), err)
		}
		if out.Len()+progress.Len() > 0 {
			t.Errorf("bench %s prints more than its error:\n%s%s", strings.Join(args, " "), &out, &progress)
		}
	}
}
