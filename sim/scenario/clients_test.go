package scenario_test

import (
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Params.Nodes does not count clients, and their number is known to Build alone. So a replay file may
// name any node, and the plan is what refuses one that there is not.
func TestAReplayFileMayHaveFaultsOfClients(t *testing.T) {
	s := counting()
	build := s.Build
	s.Build = func(b *scenario.Setup) *scenario.Run {
		run := build(b)
		run.Plan.Nodes++ // a client
		return run
	}
	for _, x := range []struct {
		text  string
		wrong string
	}{{"crash 2 at 5ms", ""}, {"lose 0>2 100% at 5ms", ""}, {"crash 3 at 5ms", "hits node 3, want 0 to 2"}} {
		faults, err := fault.Parse(x.text)
		if err != nil {
			t.Fatal(err)
		}
		subject := scenario.Subject{Scenario: s, Seed: 1, Params: s.Defaults}
		r := scenario.Record(subject, &explore.Trial{Nodes: 2, Faults: faults}, check.Violation, sim.Digest{})
		text, err := r.AppendText(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		read, err := scenario.ParseRecording(text, func(string) (*scenario.Scenario, error) { return s, nil })
		if err != nil {
			t.Errorf("%s: the replay file is refused: %v", x.text, err)
			continue
		}
		_, err = s.Prepare(1, read.Params, source.Seed(1), &scenario.Cut{Faults: read.Faults})
		if x.wrong == "" && err != nil || x.wrong != "" && (err == nil || !strings.Contains(err.Error(), x.wrong)) {
			t.Errorf("%s: to build the run gives %v, want %q", x.text, err, x.wrong)
		}
	}
}
