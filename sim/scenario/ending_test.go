package scenario

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
)

// Found by search in a list, a kind would cost as much as there are kinds: hours.
func TestTrafficTakesAMillionKindsAndNamesTheMostFrequent(t *testing.T) {
	const kinds = 1_000_000
	c, often := new(traffic), protocol.KindOf("often")
	for k := range protocol.Kind(kinds) {
		c.Observe(&sim.Event{What: sim.Sent, Node: 1, Kind: 1<<20 + k})
		c.Observe(&sim.Event{What: sim.Sent, Node: 1, Kind: often})
	}
	c.Observe(&sim.Event{What: sim.Output, Node: 1, Kind: often})
	if got := c.of(1); got != 2*kinds {
		t.Errorf("node 1 sent %d messages, want %d", got, 2*kinds)
	}
	if most := c.most(&sim.Result{}); !strings.Contains(most, ": often 1000000 (49%), ") {
		t.Errorf("the most frequent: %s", most)
	}
}
