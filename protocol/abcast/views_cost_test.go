package abcast_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
)

// A meter counts what a quiet group does from its reset on. All links take the
// same time, so it is known after how many delays something happens.
type meter struct {
	from   protocol.Time
	sent   map[protocol.Kind]int
	syncs  int
	delays []int // of each output of kind
	kind   protocol.Kind
}

const oneDelay = time.Millisecond

func (m *meter) Watch() sim.What { return sim.Sent | sim.Synced | sim.Output }

func (m *meter) Observe(e *sim.Event) {
	switch {
	case e.At < m.from:
	case e.What == sim.Sent && e.Kind != abcast.KindHeartbeat:
		m.sent[e.Kind]++
	case e.What == sim.Synced:
		m.syncs++
	case e.What == sim.Output && e.Kind == m.kind:
		m.delays = append(m.delays, int(e.At.Sub(m.from)/oneDelay))
	}
}

// quiet runs size nodes to the end of the fifth tick. One broadcasts at times in
// the fourth, and the meter starts with the first of them, or at from if there
// is none.
func quiet(t *testing.T, o abcast.Order, size int, merge time.Duration, from protocol.Time, kind protocol.Kind, inputs ...sim.Input) *meter {
	w := &world{order: o, merge: merge, calm: protocol.MaxTime}
	for i := range size {
		w.hosts = append(w.hosts, &mortal{id: protocol.NodeID(i)})
	}
	m := &meter{from: from, sent: map[protocol.Kind]int{}, kind: kind}
	plan := sim.Plan{
		Nodes:  size,
		Node:   func(protocol.NodeID) protocol.Node { return newSimHost(w, nil) },
		Link:   sim.Link{Delay: oneDelay},
		Inputs: inputs,
		Until:  protocol.Time(5 * tick),
		Done:   func() bool { return false },
		Poison: true,
	}
	s, err := sim.New(plan, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	slices.Sort(m.delays)
	return m
}

func TestQuietBroadcastUnderViewsHasItsExactCost(t *testing.T) {
	at := protocol.Time(4*tick + tick/2)
	for _, o := range abcast.Orders() {
		for _, n := range []int{1, 2, 3, 5, 8} {
			for origin := range n {
				m := quiet(t, o, n, 0, at, kindHandedOver, sim.Input{At: at, Node: protocol.NodeID(origin), Body: []byte("b")})
				want := map[protocol.Kind]int{}
				last := 0
				if n > 1 {
					want[abcast.KindStable] = n * (n - 1)
					want[abcast.KindData] = n - 1
					switch o {
					case abcast.ISIS:
						want[abcast.KindPropose], want[abcast.KindFinal], last = n-1, n-1, 4
					case abcast.Lamport:
						want[abcast.KindAck], last = (n-1)*(n-1), 3
					case abcast.Sequencer:
						want[abcast.KindOrder], last = n-1, 2+min(origin, 1)
					}
				}
				if !maps.Equal(m.sent, want) || m.syncs != n || len(m.delays) != n || m.delays[n-1] != last {
					t.Errorf("%v, node %d of %d: %v sent, want %v; %d syncs, want %d; delivered after %v delays, want %d at last",
						o, origin, n, m.sent, want, m.syncs, n, m.delays, last)
				}
			}
		}
	}
}

func TestQuietBallotHasItsExactCost(t *testing.T) {
	for _, o := range abcast.Orders() {
		for _, n := range []int{2, 3, 5, 8} {
			// All heard all before the first tick, so the lowest begins at once.
			m := quiet(t, o, n, 0, protocol.Time(tick), abcast.KindViewed)
			want := map[protocol.Kind]int{
				abcast.KindViewPrepare: n - 1, abcast.KindViewPromise: n - 1, abcast.KindNewView: n - 1, abcast.KindStable: n * (n - 1),
			}
			// Each syncs its promise and its log.
			if !maps.Equal(m.sent, want) || m.syncs != 2*n || len(m.delays) != n || m.delays[n-1] != 4 {
				t.Errorf("%v, %d nodes: %v sent, want %v; %d syncs, want %d; viewed after %v delays, want 4 at last", o, n, m.sent, want, m.syncs, 2*n, m.delays)
			}
		}
	}
}

// Reports are cumulative, so all that is ordered in the time to merge costs one
// round of them, and one sync of each member.
func TestReportsOfABurstMerge(t *testing.T) {
	const size, messages = 5, 50
	at := protocol.Time(4*tick + tick/2)
	burst := make([]sim.Input, messages)
	for i := range burst {
		burst[i] = sim.Input{ID: uint64(i), At: at.Add(time.Duration(i)), Node: 1, Body: fmt.Append(nil, "b", i)}
	}
	for _, o := range abcast.Orders() {
		once := quiet(t, o, size, 10*oneDelay, at, kindHandedOver, burst...)
		if n := once.sent[abcast.KindStable]; n != size*(size-1) || once.syncs != size || len(once.delays) != messages*size {
			t.Errorf("%v, merging: %d reports, want %d; %d syncs, want %d; %d deliveries, want %d",
				o, n, size*(size-1), once.syncs, size, len(once.delays), messages*size)
		}
		each := quiet(t, o, size, 0, at, kindHandedOver, burst...)
		if n := each.sent[abcast.KindStable]; n <= messages*size*(size-1)/2 || len(each.delays) != messages*size {
			t.Errorf("%v, not merging: %d reports, want about %d; %d deliveries, want %d", o, n, messages*size*(size-1), len(each.delays), messages*size)
		}
	}
}
