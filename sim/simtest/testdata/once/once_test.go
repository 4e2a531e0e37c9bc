package once

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"dessim/sim/simtest"
)

// wanted has TestReported make the runs of such a failure.
const wanted = "ONCE_BLAME"

func TestReported(t *testing.T) {
	blame := os.Getenv(wanted)
	if blame == "" {
		t.Skip("TestAFailureIsToldAsItIsInAFreshProcess runs it")
	}
	t.Chdir(t.TempDir()) // for the replay file
	simtest.Run(t, Scenario(), simtest.Options{Flags: "-blame " + blame, Seeds: 3, ShrinkRuns: 100})
}

// The first seed fails in any process, which made no other run. The second one fails here alone.
func TestAFailureIsToldAsItIsInAFreshProcess(t *testing.T) {
	for blame, words := range map[string][]string{
		"first": {`seed 1: violates "no answer is to blame"`, "shrunk in ", "removing any one of these makes the check pass: 1 input"},
		"later": {"seed 2: in this process, which had made other runs, it was ", ", violates", "in a process that had made no other run it is ", "something is done once a process", "DESSIM_SEED=2"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestReported$")
		cmd.Env = append(os.Environ(), wanted+"="+blame)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%s passes", blame)
		}
		for _, w := range words {
			if !strings.Contains(string(out), w) {
				t.Errorf("the report of %s has no %q:\n%s", blame, w, out)
			}
		}
	}
}
