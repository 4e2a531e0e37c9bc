package browser

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dessim/scenarios"
	"dessim/sim/history"
	"dessim/sim/report"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// root of the module that is tested.
const root = "../../.."

// The shrunk failures are those of planted bugs: an order that differs, a transfer that never
// ends, and a store that is not linearizable.
var (
	ledgers  = shrunk("isis-lowest-proposal")
	waiting  = shrunk("committed-taken-for-the-end")
	stale    = shrunk("answer-to-another-request")
	chaos5   = ran("chaos", "-nodes 5 -txs 6 -until 30s", 1, 0)
	chaos32  = ran("chaos", "-nodes 32", 1, 100_000)
	churn200 = ran("churn", "-nodes 200", 1, 20_000)
)

// shrunk returns a function that builds dessim with a bug of the bank, finds the failure that
// the bank knows, shrinks it, and returns the file of the page. It works once.
func shrunk(bug string) func(t testing.TB) string {
	return once(func() (string, error) {
		binary := filepath.Join(folder, bug)
		build := exec.Command("go", "run", "./cmd/mutants", "-only", "^"+bug+"$", "-build", binary)
		build.Dir = root
		said, err := build.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%v: %s", err, said)
		}
		_, found, _ := strings.Cut(string(said), binary+" run ")
		shrink := exec.Command(binary, append([]string{"shrink", "-report", bug + ".html"}, strings.Fields(found)...)...)
		shrink.Dir = folder
		if said, err := shrink.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %v: %s", shrink, err, said)
		}
		return filepath.Join(folder, bug+".html"), nil
	})
}

// ran returns a function that runs a scenario, ends it after some events unless they are 0, and
// returns the file of the page. It works once.
func ran(name, flags string, seed, events uint64) func(t testing.TB) string {
	return once(func() (string, error) {
		s := scenarios.Find(name)
		p, err := s.ParseParams(flags)
		if err != nil {
			return "", err
		}
		p.Events = events
		return write(fmt.Sprintf("%s-%d", name, p.Nodes), name, record(s, p, seed))
	})
}

// record makes a run and returns its data.
func record(s *scenario.Scenario, p scenario.Params, seed uint64) *report.Run {
	run := func(h *history.History) scenario.Report {
		var o scenario.Options
		r, _ := s.Execute(seed, p, h.Attach(&o, source.Seed(seed)), o)
		return r
	}
	h := history.New(s, &p, history.Usual)
	r := run(h)
	h, r = report.Closer(h, &r, &p, run)
	return report.Of(h, &r, report.About{Command: fmt.Sprintf("dessim run -scenario %s -seed %d", s.Name, seed)})
}

// write writes a page and returns its file.
func write(name, title string, runs ...*report.Run) (string, error) {
	var b bytes.Buffer
	if err := report.Write(&b, title, runs...); err != nil {
		return "", err
	}
	file := filepath.Join(folder, name+".html")
	return file, os.WriteFile(file, b.Bytes(), 0o644)
}

// once returns a function that calls make at its first call.
func once(make func() (string, error)) func(t testing.TB) string {
	get := sync.OnceValues(make)
	return func(t testing.TB) string {
		t.Helper()
		file, err := get()
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
}
