package scenarios

import (
	"slices"
	"testing"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestEveryScenarioBoundsWhatItsNodesSend(t *testing.T) {
	for _, s := range All() {
		r := s.Build(&scenario.Setup{Params: s.Defaults, Seed: 1, Source: source.Seed(1)})
		if !slices.ContainsFunc(r.Checks.Results(0), func(r check.Result) bool { return r.Name == noFlood }) {
			t.Errorf("scenario %s does not have the check %q", s.Name, noFlood)
		}
	}
}
