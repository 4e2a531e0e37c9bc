package cmdline

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// A run can violate several checks. Every command means the same one, the earliest.
func TestTheViolationThatRunNamesIsKept(t *testing.T) {
	t.Chdir(t.TempDir())
	p := tally()
	s := p.Scenarios[0]
	build := s.Build
	s.Build = func(b *scenario.Setup) *scenario.Run {
		run := build(b)
		// First in the list, last in time, and without any input.
		run.Checks = append(check.Suite{check.Always("no clerk closes", sim.Fired, func(*sim.Event) (bool, error) { return true, errors.New("it closes") })}, run.Checks...)
		return run
	}
	const want = "no sum is above the limit"
	for _, c := range []struct{ args, before string }{
		{"run -scenario tally", "violation: scenario tally, seed 1\n"},
		{"sweep -scenario tally -seeds 1-1", "\n\n"},
		{"shrink dessim-tally-1.replay", "\nthe check that fails: "},
		{"replay dessim-tally-1.min.replay", "violation: scenario tally, seed 1\n"},
		{"explain dessim-tally-1.min.replay", "ms: "},
		{"diff dessim-tally-1.min.replay -seed 2", "\n   "},
	} {
		var out, errs bytes.Buffer
		p.run(t.Context(), strings.Fields(c.args), streams{stdout: &out, stderr: &errs})
		if !strings.Contains(out.String(), c.before+want) {
			t.Errorf("%s does not name %q:\n%s%s", c.args, want, &out, &errs)
		}
	}
}
