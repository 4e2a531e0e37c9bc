package judge

import (
	"testing"
	"time"

	"dessim/protocol/peer"
	"dessim/sim"
)

func TestPausesForAKeyGrowUntilThereIsNews(t *testing.T) {
	keys := func(ms int) sim.Event {
		return sim.Event{What: sim.TimerSet, Tag: peer.KeyTimer(), After: time.Duration(ms) * time.Millisecond}
	}
	found := sim.Event{What: sim.Output, Kind: peer.KindFound}
	for _, c := range []struct {
		what   string
		events []sim.Event
		want   bool
	}{
		{"pauses that double", []sim.Event{keys(10), keys(20), keys(50), keys(80)}, true},
		{"one that does not", []sim.Event{keys(10), keys(10)}, false},
		{"one that grows too fast", []sim.Event{keys(10), keys(40)}, false},
		{"a key", []sim.Event{keys(10), keys(20), found, keys(10)}, true},
		{"a key that changes nothing", []sim.Event{keys(10), keys(20), found, keys(40)}, false},
		{"a crash", []sim.Event{keys(10), keys(20), {What: sim.Crashed}, keys(10)}, true},
		{"another timer", []sim.Event{keys(10), {What: sim.TimerSet, Tag: 1, After: 1}, keys(20)}, true},
	} {
		p, ok := NewPauses(1, time.Millisecond), true
		for i := range c.events {
			if _, err := p.observe(&c.events[i]); err != nil {
				ok = false
			}
		}
		if ok != c.want {
			t.Errorf("%s: it is right: %v, want %v", c.what, ok, c.want)
		}
	}
}
