package judge

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
)

// leading returns node 0 of three, in its fifth tick, where it hears the others, which follow it:
// so it asks them for view 3.
func leading(t *testing.T) *ballots {
	t.Helper()
	b := newBallots(0, 3, 1)
	b.begun, b.ticks, b.number = true, 4, 4
	for q := 1; q < 3; q++ {
		b.receive(q, abcast.KindHeartbeat, &abcast.Datagram{Incarnation: 1, Heartbeat: true, Beat: 4, Hears: 7, Follows: 0})
	}
	b.fires(func(int) uint64 { return 0 })
	b.consider()
	for q := range protocol.NodeID(2) {
		if err := sent(b, q+1, abcast.KindHeartbeat, &abcast.Datagram{Heartbeat: true, Beat: 5, Hears: 7, Able: true, Follows: 0}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func sent(b *ballots, to protocol.NodeID, kind protocol.Kind, d *abcast.Datagram) error {
	return b.sends(&sim.Event{Peer: to, Kind: kind}, d)
}

func TestWhoIsFollowedByAllAsksThemForAView(t *testing.T) {
	for want, to := range map[string][]protocol.NodeID{"": {1, 2}, "asks nodes [1]": {1}, "asks nodes []": nil} {
		b := leading(t)
		for _, q := range to {
			if err := sent(b, q, abcast.KindViewPrepare, &abcast.Datagram{Promised: 3}); err != nil {
				t.Error(err)
			}
		}
		if err := b.step(); err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("it asks %v: judged %v, want %q", to, err, want)
		}
	}
}

func TestAViewBeginsWithThoseThatPromisedOnceAllHave(t *testing.T) {
	b := leading(t)
	b.due, b.done = act{}, act{}
	b.receive(1, abcast.KindViewPromise, &abcast.Datagram{Incarnation: 1, Promised: 3})
	if err := b.step(); err != nil {
		t.Fatalf("one of two has promised: %v", err)
	}
	b.receive(2, abcast.KindViewPromise, &abcast.Datagram{Incarnation: 2, Promised: 3})
	members := []abcast.Member{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 1}, {Node: 2, Incarnation: 1}}
	if err := sent(b, 1, abcast.KindNewView, &abcast.Datagram{Promised: 3, Members: members, Length: 5}); err == nil {
		t.Error("the view has an incarnation that did not promise it, and nothing is wrong")
	}
	members[2].Incarnation = 2
	if err := sent(b, 1, abcast.KindNewView, &abcast.Datagram{Promised: 3, Members: members, Length: 5}); err != nil {
		t.Error(err)
	}
	if err := sent(b, 1, abcast.KindStable, &abcast.Datagram{Frame: true, View: 3, Promised: 3, Length: 5}); err != nil {
		t.Error(err)
	}
	if err := b.step(); err != nil {
		t.Error(err)
	}
}

func TestANodePromisesWhatIsHigherAndWorksInNothingLower(t *testing.T) {
	b := leading(t)
	for _, c := range []struct {
		from    int
		view    uint64
		answers bool
	}{{1, 4, true}, {1, 4, true}, {2, 4, false}, {2, 5, true}, {1, 4, false}, {2, 7, false}} {
		b.due, b.done = act{}, act{}
		b.receive(c.from, abcast.KindViewPrepare, &abcast.Datagram{Incarnation: 1, Promised: c.view})
		if err := b.step(); (err != nil) != c.answers {
			t.Errorf("node %d asks for view %d: silence is judged %v", c.from, c.view, err)
		}
	}
	b.receive(1, abcast.KindNewView, &abcast.Datagram{Incarnation: 1, Promised: 4, Members: []abcast.Member{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 1}}})
	if b.due.enters != 0 {
		t.Error("view 4 begins where view 5 is promised")
	}
	b.receive(2, abcast.KindNewView, &abcast.Datagram{Incarnation: 1, Promised: 5, Members: []abcast.Member{{Node: 0, Incarnation: 2}, {Node: 2, Incarnation: 1}}})
	if b.due.enters != 0 {
		t.Error("a view of another incarnation begins")
	}
}
