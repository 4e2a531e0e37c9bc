//go:build unix

package main

import (
	"math"
	"testing"
)

// Another Monte Carlo, in sim/simtest/machines/kademlia, has these means.
func TestTheModelTakesAsManyHopsAsTablesFilledAtRandom(t *testing.T) {
	for _, c := range []struct {
		nodes, k int
		want     float64
	}{{1024, 8, 2.37}, {1024, 20, 1.93}, {9, 8, 1}} {
		if got := hops(c.nodes, c.k); math.Abs(got-c.want) > 0.05 {
			t.Errorf("%d nodes with k %d: %.2f hops, want %.2f", c.nodes, c.k, got, c.want)
		}
	}
}

func TestOnlySizesAreAccepted(t *testing.T) {
	for _, sizes := range []string{"", "x", "1", "1000,", "-5"} {
		if code, err := grow(sizes, 1); code != 2 || err == nil {
			t.Errorf("-nodes %q: exit code %d, %v; want 2 and why", sizes, code, err)
		}
	}
	if code, err := grow("1000", 0); code != 2 || err == nil {
		t.Errorf("-threads 0: exit code %d, %v; want 2 and why", code, err)
	}
}
