package cmdline

import (
	"testing"
	"time"

	"dessim/sim/scenario"
)

func TestARunThatDoesNotFitIsRefusedWithTheNumberThatDoes(t *testing.T) {
	x := &scenario.Scenario{Name: "large", MinNodes: 2, MaxNodes: 1000, Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Until: time.Second},
		Memory: func(p *scenario.Params) uint64 {
			if p.Nodes < 10 {
				return 0
			}
			return 50_000_000 + uint64(p.Nodes)*1_000_000
		}}
	for _, c := range []struct {
		nodes int
		free  uint64
		want  string
	}{
		{1000, 0, ""}, {1000, 1_050_000_000, ""}, {9, 1, ""},
		{1000, 1_049_999_999, "nodes 1000: want about 1.0 GB of memory; 1.0 GB are free by x, where at most 999 nodes fit"},
		{1000, 400_500_000, "nodes 1000: want about 1.0 GB of memory; 401 MB are free by x, where at most 350 nodes fit"},
		{10, 10, "nodes 10: want about 60 MB of memory; 1 MB are free by x, where at most 9 nodes fit"},
	} {
		s := subject{}
		s.Scenario, s.Params = x, x.Defaults
		s.Params.Nodes = c.nodes
		got := ""
		if err := s.fits(room{c.free, "x"}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%d nodes, %d bytes free: %q, want %q", c.nodes, c.free, got, c.want)
		}
	}
}

func TestTheLeastBoundOfMemoryCounts(t *testing.T) {
	for _, c := range [][3]uint64{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		if got := (room{bytes: c[0]}).less(room{bytes: c[1]}); got.bytes != c[2] {
			t.Errorf("of %d and %d it takes %d, want %d", c[0], c[1], got.bytes, c[2])
		}
	}
}
