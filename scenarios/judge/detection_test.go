package judge

import (
	"strings"
	"testing"

	"dessim/protocol/abcast"
)

// hearing returns node 0 of five at its tenth tick, where nodes 1 to 4 say that they hear these.
func hearing(hears [5]uint64) *detection {
	n := newDetection(0, 5)
	n.ticks = 9
	for q := 1; q < 5; q++ {
		n.hear(q, &abcast.Datagram{Incarnation: 1, Heartbeat: true, Beat: 9, Hears: hears[q], Able: q == 1, Follows: 1})
	}
	n.tick(&abcast.Datagram{Beat: 10})
	return n
}

func TestTheMembersOfAViewAreAllConnected(t *testing.T) {
	const all = 0b11111
	for _, c := range []struct {
		what  string
		hears [5]uint64
		fit   uint64
	}{
		{"all hear all", [5]uint64{all, all, all, all, all}, all},
		{"1 does not hear 2", [5]uint64{all, 0b11011, all, all, all}, 0b11011},
		{"2 and 3 do not hear 4", [5]uint64{all, all, 0b01111, 0b01111, all}, 0b01111},
		{"1 to 4 do not hear 0", [5]uint64{all, 0b11110, 0b11110, 0b11110, 0b11110}, 0},
		{"2 and 4 hear neither 1 nor 3", [5]uint64{all, all, 0b10101, all, 0b10101}, 0b01011},
	} {
		if n := hearing(c.hears); n.fit != c.fit {
			t.Errorf("%s: node 0 would lead %v, want %v", c.what, places(n.fit), places(c.fit))
		}
	}
}

func TestANodeThatDropsOutIsNotFollowedForAPauseThatDoubles(t *testing.T) {
	n := newDetection(2, 3)
	n.members = []uint32{1, 1, 1}
	silent := func(q int, from, to uint64) { // from that tick to the other
		for beat := n.ticks + 1; beat <= to; beat++ {
			for p := range 2 {
				if p != q || beat < from {
					n.hear(p, &abcast.Datagram{Incarnation: 1, Heartbeat: true, Beat: beat, Hears: 0b111, Able: true, Follows: 0})
				}
			}
			n.tick(&abcast.Datagram{Beat: beat, View: 3})
		}
	}
	silent(0, 10, 20)
	if n.follows != 1 || n.peers[0].pause != 1 {
		t.Fatalf("node 0 is silent: node 2 follows %d, and keeps it out for %d ticks", n.follows, n.peers[0].pause)
	}
	silent(0, 30, 40)
	if n.peers[0].pause != 2 {
		t.Errorf("node 0 is silent again: it is kept out for %d ticks, want 2", n.peers[0].pause)
	}
	silent(0, 200, 200)
	if n.follows != 0 || n.peers[0].pause != 0 {
		t.Errorf("node 0 is back for long: node 2 follows %d, and would keep it out for %d ticks more", n.follows, n.peers[0].pause)
	}
}

func TestAHeartbeatSaysWhatFollowsFromTheOthers(t *testing.T) {
	n := hearing([5]uint64{31, 31, 31, 31, 31})
	for _, c := range []struct {
		d    abcast.Datagram
		want string
	}{
		{abcast.Datagram{Hears: 31, Able: true, Follows: 0}, ""},
		{abcast.Datagram{Hears: 15, Able: true, Follows: 0}, "says it hears"},
		{abcast.Datagram{Hears: 31, Follows: 0}, "could lead"},
		{abcast.Datagram{Hears: 31, Able: true, Follows: 1}, "follows node 1"},
	} {
		err := n.says(&c.d)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v is judged %v, want %q", c.d, err, c.want)
		}
	}
}
