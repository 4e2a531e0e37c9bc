package cmdline

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMutantIsSweptWithTheSeedsThatReachIt(t *testing.T) {
	var twelve, all []uint64
	for seed := range uint64(20) {
		all = append(all, seed+1)
		if seed >= 8 {
			twelve = append(twelve, seed+1)
		}
	}
	reach := func(seeds ...uint64) map[uint64]bool {
		m := make(map[uint64]bool)
		for _, seed := range seeds {
			m[seed] = true
		}
		return m
	}
	s := &mutantSweep{
		job:     mutantJob{Seeds: all, Events: 7},
		checks:  map[string][]uint64{"late": twelve, "always": all, "rare": all[:3]},
		reached: map[int]map[uint64]bool{1: reach(2, 5, 77), 2: reach(0), 3: reach(twelve...)},
	}
	for number, want := range map[int]mutantJob{
		1: {Seeds: []uint64{2, 5}, Events: 7},                         // 77 fails without a mutant, too
		2: {Seeds: all, Events: 7, Needs: []string{"always", "late"}}, // reached before the first run
		3: {Seeds: twelve, Events: 7, Needs: []string{"late"}},        // "always" passes elsewhere
		4: {Seeds: []uint64{}, Events: 7},                             // not reached
	} {
		if d := cmp.Diff(want, s.of(number)); d != "" {
			t.Errorf("mutant %d: -want +got\n%s", number, d)
		}
	}
}
