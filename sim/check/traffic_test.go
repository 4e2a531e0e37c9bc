package check_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

const ms = protocol.Time(time.Millisecond)

var (
	kindAsk  = protocol.KindOf("ask")
	kindTell = protocol.KindOf("tell")
)

// bursts feeds Sends with a bound of 10 messages in 100 ms, and 5 for each event from
// outside, and returns its result at the end.
func bursts(end protocol.Time, events ...sim.Event) check.Result {
	c := check.Sends("no flood", check.Traffic{Window: 100 * time.Millisecond, Most: 10, PerEvent: 5})
	for i := range events {
		e := events[i]
		e.Step = uint64(i) + 1
		if c.Watch()&e.What != 0 {
			c.Observe(&e)
		}
	}
	return c.Result(end)
}

// sends is n messages of node 1, a millisecond apart.
func sends(from protocol.Time, n int, kind protocol.Kind) (events []sim.Event) {
	for i := range n {
		events = append(events, sim.Event{What: sim.Sent, Node: 1, Peer: 2, Kind: kind, At: from + protocol.Time(i)*ms})
	}
	return events
}

func started(at protocol.Time) []sim.Event { return []sim.Event{{What: sim.Started, Node: 1, At: at}} }

func join(parts ...[]sim.Event) (all []sim.Event) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestANodeThatSendsTooMuchIsNamedWithItsKindItsRateAndTheTime(t *testing.T) {
	const allowed = "want at most 10"
	for _, c := range []struct {
		name   string
		events []sim.Event
		want   string // "" is a pass
	}{
		{"as much as it may", join(started(0), sends(300*ms, 10, kindAsk), sends(400*ms, 10, kindAsk)), ""},
		{"one more", join(started(0), sends(300*ms, 7, kindAsk), sends(310*ms, 4, kindTell), sends(405*ms, 1, kindAsk)),
			"node 1 sends 11 messages from 300ms to 400ms, 110 a second, 7 of them ask; " + allowed},
		{"one more in a window that the end of the run cuts off", join(started(0), sends(300*ms, 11, kindAsk)),
			"node 1 sends 11 messages from 300ms to 400ms, 110 a second, 11 of them ask; " + allowed},
		{"in two windows", join(started(0), sends(395*ms, 11, kindAsk)), ""},
		{"each event from outside allows more", join(started(0), sends(1*ms, 15, kindAsk), sends(100*ms, 15, kindAsk)), ""},
		{"but not for ever", join(started(0), sends(200*ms, 15, kindAsk)), "node 1 sends 15 messages from 200ms to 300ms, 150 a second, 15 of them ask; " + allowed},
		{"and so much more", join(started(0), sends(1*ms, 16, kindAsk)),
			"node 1 sends 16 messages from 0s to 100ms, 160 a second, 16 of them ask; want at most 15: 10, and 5 for each event from outside (1)"},
		{"an input", join(started(0), []sim.Event{{What: sim.Received, Peer: protocol.Outside, At: 250 * ms}}, sends(300*ms, 15, kindAsk)), ""},
		{"a fault", join(started(0), []sim.Event{{What: sim.Injected, At: 250 * ms}, {What: sim.Lifted, At: 260 * ms}}, sends(300*ms, 20, kindAsk)), ""},
		{"what other nodes say is no event from outside", join(started(0), []sim.Event{{What: sim.Received, Peer: 2, At: 299 * ms}}, sends(300*ms, 11, kindAsk)),
			"node 1 sends 11 messages from 300ms to 400ms, 110 a second, 11 of them ask; " + allowed},
	} {
		r := bursts(450*ms, c.events...)
		want := check.Pass
		if c.want != "" {
			want = check.Violation
		}
		if r.Verdict != want || r.Detail != c.want {
			t.Errorf("%s: %v %q\nwant %v %q", c.name, r.Verdict, r.Detail, want, c.want)
		}
	}
	if r := bursts(450*ms, join(started(0), sends(300*ms, 11, kindAsk), sends(405*ms, 1, kindAsk))...); r.At != 310*ms || r.Step != 12 {
		t.Errorf("the flood is reported at %v, step %d, want its last message", r.At, r.Step)
	}
	if r := bursts(1); r.Verdict != check.Inconclusive {
		t.Errorf("without a node: %v, want inconclusive", r.Verdict)
	}
}

// to1 is n messages of node 2 to node 1.
func to1(from protocol.Time, n int) (events []sim.Event) {
	for i := range n {
		events = append(events, sim.Event{What: sim.Sent, Node: 2, Peer: 1, Kind: kindTell, At: from + protocol.Time(i)*20*ms})
	}
	return events
}

// gets is n messages that node 1 receives at once.
func gets(at protocol.Time, n int) (events []sim.Event) {
	for range n {
		events = append(events, sim.Event{What: sim.Received, Node: 1, Peer: 2, Kind: kindTell, At: at})
	}
	return events
}

func TestANodeMayAnswerWhatAFaultHeldBackForIt(t *testing.T) {
	both := join(started(0), []sim.Event{{What: sim.Started, Node: 2}})
	lifted := func(at protocol.Time) []sim.Event { return []sim.Event{{What: sim.Lifted, At: at}} }
	held := join(both, to1(100*ms, 6), lifted(301*ms)) // held for up to 200 ms
	for _, c := range []struct {
		name   string
		events []sim.Event
		want   check.Verdict
	}{
		{"four times as much as was held", join(held, gets(302*ms, 6), sends(303*ms, 10+5+24, kindAsk)), check.Pass},
		{"one more", join(held, gets(302*ms, 6), sends(303*ms, 10+5+24+1, kindAsk)), check.Violation},
		{"in the next window too", join(held, gets(302*ms, 6), sends(400*ms, 10+5+24, kindAsk)), check.Pass},
		{"not later", join(held, gets(302*ms, 6), sends(500*ms, 10+5, kindAsk)), check.Violation},
		{"what another fault still holds counts when that ends", join(held, lifted(550*ms), gets(551*ms, 6), sends(552*ms, 10+5+24, kindAsk)), check.Pass},
		{"what arrived before is not held", join(both, to1(100*ms, 6), gets(300*ms, 6), lifted(301*ms), sends(303*ms, 10+5+1, kindAsk)), check.Violation},
		{"what was lost is not held", join(both, to1(100*ms, 1), []sim.Event{{What: sim.Lost, Node: 2, Peer: 1, At: 100 * ms}}, lifted(301*ms), sends(303*ms, 10+5+1, kindAsk)), check.Violation},
		{"a burst that no fault held back allows nothing", join(both, to1(100*ms, 6), gets(302*ms, 6), sends(303*ms, 10+1, kindAsk)), check.Violation},
		{"a long sync holds back", join(both, to1(100*ms, 6), []sim.Event{{What: sim.Synced, Node: 1, At: 301 * ms}}, gets(302*ms, 6), sends(303*ms, 10+24, kindAsk)), check.Pass},
		{"a short one does not", join(both, to1(100*ms, 6), sends(295*ms, 1, kindAsk), []sim.Event{{What: sim.Synced, Node: 1, At: 301 * ms}}, gets(302*ms, 6), sends(303*ms, 10+1, kindAsk)), check.Violation},
		{"nobody", join(held, []sim.Event{{What: sim.Sent, Node: 1, Peer: 1 << 30, At: 302 * ms}}), check.Pass},
	} {
		if r := bursts(600*ms, c.events...); r.Verdict != c.want {
			t.Errorf("%s: %v %q, want %v", c.name, r.Verdict, r.Detail, c.want)
		}
	}
}

// Found by search in a list, a kind would cost as much as there are kinds: hours.
func TestSendsTakesAMillionKindsInOneWindow(t *testing.T) {
	const kinds = 1_000_000
	c := check.Sends("no flood", check.Traffic{Window: time.Second, Most: kinds - 1})
	for k := range protocol.Kind(kinds) {
		c.Observe(&sim.Event{What: sim.Sent, Node: 1, Kind: k})
	}
	if r := c.Result(1); r.Verdict != check.Violation {
		t.Errorf("%d messages, one of each kind: %v", kinds, r.Verdict)
	}
}

// A check of one's own protocol: a node may send ten messages a second, on average over
// ten seconds, and twenty more for each thing that happens to it.
func ExampleSends() {
	c := check.Sends("no node floods the network", check.Traffic{Window: 10 * time.Second, Most: 100, PerEvent: 20})
	c.Observe(&sim.Event{What: sim.Started})
	for i := range protocol.Time(1000) {
		c.Observe(&sim.Event{What: sim.Sent, Kind: protocol.KindOf("retry"), At: i * 50 * ms})
	}
	fmt.Println(c.Result(50_000 * ms).Detail)
	// Output: node 0 sends 200 messages from 0s to 10s, 20 a second, 200 of them retry; want at most 120: 100, and 20 for each event from outside (1)
}
