package cluster_test

import (
	"testing"

	"dessim/sim/cluster"
	"dessim/sim/fault"
)

// A fault that a cluster takes on and cannot do would count as one that did nothing.
func TestAClusterTakesOnlyFaultsThatItHasPowerOver(t *testing.T) {
	for text, want := range map[string]bool{
		"crash 1 at 1s for 1s":               true,
		"crash 1 after output #2 for 1s":     true,
		"pause 1 at 1s for 1s":               true,
		"slowsync 1 by 1s at 1s for 1s":      true,
		"failsync 1 at 1s for 1s":            true,
		"partition 0|1 at 1s for 1s":         true,
		"lose 0>1 5% at 1s for 1s":           true,
		"copy 0>1 5% at 1s for 1s":           true,
		"slow 0>1 by 1s at 1s for 1s":        true,
		"heal at 1s":                         true,
		"pause 1 after output #2 for 1s":     false,
		"lose 0>1 5% only vote at 1s for 1s": false,
		"order 1 at 1s for 1s":               false,
		"yield 1 5% at 1s for 1s":            false,
		"stall 1 5% by 1s at 1s for 1s":      false,
		"latetimer 1 5% by 1s at 1s for 1s":  false,
		"full 1 at 1s for 1s":                false,
		"rot 1 at 1s":                        false,
		"jump 1 by 1s at 1s":                 false,
		"drift 1 by 100ppm at 1s for 1s":     false,
		"corrupt 0>1 5% at 1s for 1s":        false,
		"late 0>1 5% by 1s at 1s for 1s":     false,
		"echo 0>1 5% at 1s for 1s":           false,
		"byzantine 1 forges 5% at 1s for 1s": false,
	} {
		fs, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := cluster.Able(&fs[0]); got != want {
			t.Errorf("%q: able %v, want %v", text, got, want)
		}
	}
}
