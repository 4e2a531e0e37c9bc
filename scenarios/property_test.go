package scenarios_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/simtest"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// drawSubject draws a run of concurrent that lasts until everything that must
// come is overdue. It shrinks towards few nodes, one transfer, ISIS and calm links.
func drawSubject(t *rapid.T) subject {
	s := subject{scenario.Subject{Scenario: scenarios.Find("concurrent"), Seed: 1}}
	share := func(name string) protocol.Ratio {
		return protocol.Percent(rapid.OneOf(rapid.Just[uint32](0), rapid.Uint32Range(1, 20)).Draw(t, name+" in percent"))
	}
	span := func(name string, least, most int) time.Duration {
		return time.Duration(rapid.IntRange(least, most).Draw(t, name+" in ms")) * time.Millisecond
	}
	p := &s.Params
	*p = s.Scenario.Defaults
	p.Nodes = rapid.IntRange(3, 6).Draw(t, "nodes")
	set(t, s.Scenario, p, "txs", fmt.Sprint(rapid.IntRange(1, 8).Draw(t, "txs")), "order", rapid.SampledFrom(ordersOf(s.Scenario)).Draw(t, "order"))
	p.Delay, p.Jitter = span("delay", 1, 5), span("jitter", 0, 20)
	p.Loss, p.Copy = share("loss"), share("copy")
	set(t, s.Scenario, p, "abort", fault.FormatRatio(share("abort")))
	p.Until = 2700 * (p.Delay + p.Jitter)
	return s
}

// wrong tells what is wrong with a run under drawn answers, or "". What must come
// in the end, which checks judge without an event, may stay away if messages can
// be lost or votes be no: drawn answers do that to every one of them, at any
// probability but 0.
func (s subject) wrong(r *scenario.Report) string {
	if r.Verdict == scenario.Failed {
		return r.Failure
	}
	calm := s.Params.Loss.Never() && never(s.Params)
	var b []byte
	for _, c := range r.Checks {
		switch {
		case c.Verdict == check.Violation && (calm || c.Step > 0):
			b = fmt.Appendf(b, "violation: %q at %v: %s\n", c.Name, c.At, c.Detail)
		case c.Verdict == check.Inconclusive && (calm || c.Detail == ""):
			b = fmt.Appendf(b, "inconclusive: %q: %q\n", c.Name, c.Detail)
		}
	}
	return string(b)
}

// A property over drawn plans and drawn answers. Made to fail, it ends in the
// smallest case that rapid finds, and one line that replays it: the replay file
// names each answer that is not benign.
func TestAllNodesHaveOneOrderWhateverTheAnswers(t *testing.T) {
	var smallest *source.File // of the last failure: rapid repeats the smallest in the end
	t.Cleanup(func() {
		if t.Failed() && smallest != nil {
			leave(t, smallest)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s, now := drawSubject(t), new(clock)
		recorder := &source.Recorder{Source: simtest.Sparse(t), Clock: now.now}
		r := s.run(recorder, now)
		if what := s.wrong(&r); what != "" {
			smallest = s.file(&r, recorder.Answers())
			t.Fatalf("%v\n%s", s, what)
		}
	})
}

// leave writes a replay file that outlives the test, named by its content's
// digest, and tells how to run it.
func leave(t *testing.T, f *source.File) {
	text, err := f.AppendText(nil)
	path := filepath.Join(os.TempDir(), fmt.Sprintf("dessim-%016x.replay", protocol.HashBytes(text)))
	if err := errors.Join(err, os.WriteFile(path, text, 0o666)); err != nil {
		t.Error(err)
		return
	}
	t.Logf("the smallest case has %d answers that are not benign\nreproduce: go run ./cmd/dessim replay %s", len(f.Answers), path)
}

var (
	smallCase = regexp.MustCompile(`(?m)-seed 1 -scenario concurrent -nodes (\d+)(?: -txs (\d+))?`)
	oneLine   = regexp.MustCompile(`(?m)^ *reproduce: go run ./cmd/dessim replay (\S+)$`)
)

// The property fails when a bug is planted, with a small case and a line that
// indeed reproduces it: with the bug, the file is replayed to a violation; without it, to a run
// that holds.
func TestAFailedPropertyEndsInOneLineThatReproducesIt(t *testing.T) {
	if *plantedOf == 0 {
		t.Skip("builds a program with a planted edit: make planted")
	}
	e := findEdit(t, "isis-no-tie-break")
	binary := buildEdited(t, e)
	c := exec.Command(binary, "-test.run=^TestAllNodesHaveOneOrderWhateverTheAnswers$", "-test.v",
		"-rapid.seed=1", "-rapid.shrinktime=30s", "-rapid.nofailfile")
	c.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	text, err := c.CombinedOutput()
	out := string(text)
	if err == nil || strings.Contains(out, "flaky") {
		t.Fatalf("the property held, or not always: %v\n%s", err, out)
	}
	small, line := smallCase.FindStringSubmatch(out), oneLine.FindStringSubmatch(out)
	if small == nil || line == nil {
		t.Fatalf("want a case and a line that reproduces it\n%s", out)
	}
	nodes, _ := strconv.Atoi(small[1])
	txs, _ := strconv.Atoi(small[2])
	if nodes > 4 || txs > 3 || txs == 0 {
		t.Errorf("the smallest case has %d nodes and %d transfers, want at most 4 and 3\n%s", nodes, txs, out)
	}
	t.Logf("%s\n%s", small[0], line[0])

	unedited, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for verdict, binary := range map[string]string{"violation": binary, "pass": unedited} {
		c := exec.Command(binary, "-test.run=^TestAReplayFileIsMadeAgain$", "-test.v")
		c.Env = append(os.Environ(), replayVariable+"="+line[1])
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "replayed: "+verdict+"\n") {
			t.Errorf("%s replays the file as %v, %s, want %s", binary, err, out, verdict)
		}
	}
}

// replayVariable names a file for TestAReplayFileIsMadeAgain.
const replayVariable = "DESSIM_TEST_REPLAY"

// TestAReplayFileIsMadeAgain makes the run of a file, as dessim replay does, for the test above.
func TestAReplayFileIsMadeAgain(t *testing.T) {
	path := os.Getenv(replayVariable)
	if path == "" {
		t.Skip("no file")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x, err := scenario.ParseRecording(text, func(name string) (*scenario.Scenario, error) { return scenarios.Find(name), nil })
	if err != nil {
		t.Fatal(err)
	}
	r, _ := x.Scenario.Try(x.Seed, x.Params, x.Trial(), source.NewReplay(x.Answers), scenario.Options{})
	fmt.Fprintf(t.Output(), "replayed: %s\n", r.Verdict)
}

// watchFolder opens a folder, so that go test forgets a kept result when a file
// in it changes: of what the toolchain reads it knows nothing.
func watchFolder(t *testing.T, path string) {
	t.Helper()
	if _, err := os.ReadDir(path); err != nil {
		t.Fatal(err)
	}
}

// never reports whether no vote is no at random.
func never(p scenario.Params) bool {
	return scenarios.Find("concurrent").Param("abort").Get(&p) == "0%"
}
