package cmdline

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// torn is a program whose runs are often inconclusive, for two reasons.
func torn() *Program {
	return &Program{Name: "torn", Scenarios: []*scenario.Scenario{{
		Name: "doubts", Shows: "runs that show nothing", Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute},
		Build: func(b *scenario.Setup) *scenario.Run {
			looked, wrong := b.Seed%3+2, error(nil)
			switch b.Seed % 3 {
			case 0:
				wrong = check.Undecided(fmt.Sprintf("%d orders were tried", 100+b.Seed))
			case 1:
				looked = 0
			}
			return &scenario.Run{
				Plan:   sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return idle{} }, Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until)},
				Checks: check.Suite{check.Finally("an order is found", func() (uint64, error) { return looked, wrong })},
			}
		},
	}}}
}

func TestASweepListsItsInconclusiveSeedsByReason(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(line string) (string, int) {
		var out, errs bytes.Buffer
		code := torn().run(t.Context(), words(line), streams{stdout: &out, stderr: &errs})
		return out.String() + errs.String(), code
	}
	const want = "inconclusive: sweep of doubts, seeds 1-20\n7 pass, 0 violations, 13 inconclusive\n" +
		"\ninconclusive: an order is found: never exercised: nothing happened that it could judge\n7 seeds, 1, 4, 7, 10, 13, ...: torn run -seed 1 -scenario doubts\n" +
		"\ninconclusive: an order is found: # orders were tried\n6 seeds, 3, 6, 9, 12, 15, ...: torn run -seed 3 -scenario doubts\n"
	for _, line := range []string{"sweep -scenario doubts -seeds 1-20 -results r", "merge r"} {
		if got, code := run(line); code != exitInconclusive || !strings.HasPrefix(got, want) {
			t.Errorf("torn %s exits with %d:\n%s\nwant\n%s", line, code, got, want)
		}
		got, _ := run(line + " -json")
		if !strings.Contains(got, `"doubts":[{"reason":"an order is found: never exercised: nothing happened that it could judge","count":7,"seeds":[1,4,7,10,13],"reproduce":"torn run -seed 1 -scenario doubts"},{`) {
			t.Errorf("torn %s -json: %s", line, got)
		}
	}
	got, _ := run("sweep -scenario doubts -seeds 1-20 -results r")
	for _, m := range regexp.MustCompile(`: torn (run .*)\n`).FindAllStringSubmatch(got, -1) {
		if text, code := run(m[1]); code != exitInconclusive {
			t.Errorf("torn %s exits with %d, want an inconclusive run\n%s", m[1], code, text)
		}
	}
}
