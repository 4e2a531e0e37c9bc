package cmdline

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The program of module once fills a cache of its package: the first run of a process is another one.
func TestWhatIsDoneOnceAProcessIsFoundAndIsGoneWithAProcessForEachRun(t *testing.T) {
	exe := hostedProgram(t, "once")
	t.Chdir(t.TempDir())
	once := func(code int, line string, words ...string) string {
		t.Helper()
		r := process(t, exe, nil, strings.Fields(line)...)
		if r.code != code {
			t.Fatalf("once %s exits with %d, want %d\n%s%s", line, r.code, code, r.stdout, r.stderr)
		}
		for _, w := range words {
			if !strings.Contains(r.stdout+r.stderr, w) {
				t.Errorf("once %s does not say %q:\n%s%s", line, w, r.stdout, r.stderr)
			}
		}
		return r.stdout
	}
	// The report so far is printed, and the place.
	once(exitInternal, "sweep -scenario once -process worker -seeds 1-257 -j 2", "256 pass", "seed 257 was not run",
		"not deterministic: seed 257 resulted in pass", "differ from step 2, 10.000000 ms on", "here: ", "there: ")
	seeds := 20
	if *inFull {
		seeds = 257
	}
	for _, j := range []string{"1", "2"} {
		once(exitPass, fmt.Sprintf("sweep -scenario once -seeds 1-%d -j %s", seeds, j), fmt.Sprint(seeds, " pass"))
	}
	// All commands agree on a failure that the first run of a process has alone, with its digest.
	once(exitViolation, "sweep -scenario once -blame first -seeds 7-9 -report sweep.html", "3 seeds, the first is 7: once replay dessim-once-7.replay")
	digest := regexp.MustCompile(`"digest":"[0-9a-f]{16}"`)
	file := digest.FindString(`"digest":"` + regexp.MustCompile(`(?m)^digest +([0-9a-f]{16})$`).FindStringSubmatch(read(t, "dessim-once-7.replay"))[1] + `"`)
	for _, line := range []string{"run -scenario once -blame first -seed 7 -json -verify", "replay dessim-once-7.replay -json -report run.html"} {
		if got := digest.FindString(once(exitViolation, line)); got != file {
			t.Errorf("once %s: %s, and the file %s", line, got, file)
		}
	}
	if os.Remove("dessim-once-7.replay") != nil {
		t.Error("no replay file")
	}
	once(exitViolation, "run -scenario once -blame first -seed 7")
	if !strings.Contains(read(t, "dessim-once-7.replay"), strings.Split(file, `"`)[3]) {
		t.Error("the file of run is of another run")
	}
	once(exitPass, "shrink dessim-once-7.replay", "removing any one of these makes the check pass: 1 input", "filled false")
	once(exitViolation, "replay dessim-once-7.min.replay", "filled false")
	once(exitViolation, "explain dessim-once-7.min.replay", "filled false")
	once(exitViolation, "explore -scenario once -blame first -runs 20", "filled false")
	once(exitPass, "diff dessim-once-7.replay dessim-once-7.replay", "the same: every event")
	// A failure that only later runs have is none.
	once(exitPass, "sweep -scenario once -blame later -seeds 1-20", "20 pass")
}
