package abcast_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/simtest/grouptest"
)

// quiet meters a group of size nodes from then on to the end of the fifth tick,
// without its heartbeats.
func quiet(o abcast.Order, size int, merge time.Duration, from protocol.Time, kind protocol.Kind, inputs ...sim.Input) *grouptest.Meter {
	m := &grouptest.Meter{From: from, Until: protocol.Time(5 * tick), Kind: kind}
	m.Quiet(underViews(o, merge), size, inputs...)
	delete(m.Sent, abcast.KindHeartbeat)
	return m
}

func TestQuietBroadcastUnderViewsHasItsExactCost(t *testing.T) {
	at := protocol.Time(4*tick + tick/2)
	for _, o := range abcast.Orders() {
		for _, n := range []int{1, 2, 3, 5, 8} {
			for origin := range n {
				m := quiet(o, n, 0, at, grouptest.HandedOver, sim.Input{At: at, Node: protocol.NodeID(origin), Body: []byte("b")})
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
				if !maps.Equal(m.Sent, want) || m.Syncs != n || len(m.Delays) != n || m.Delays[n-1] != last {
					t.Errorf("%v, node %d of %d: %v sent, want %v; %d syncs, want %d; delivered after %v delays, want %d at last",
						o, origin, n, m.Sent, want, m.Syncs, n, m.Delays, last)
				}
			}
		}
	}
}

func TestQuietBallotHasItsExactCost(t *testing.T) {
	for _, o := range abcast.Orders() {
		for _, n := range []int{2, 3, 5, 8} {
			// All heard all before the first tick, know that before the second, and that
			// there is a majority before the third. Then the lowest begins.
			m := quiet(o, n, 0, protocol.Time(3*tick), abcast.KindViewed)
			want := map[protocol.Kind]int{
				abcast.KindViewPrepare: n - 1, abcast.KindViewPromise: n - 1, abcast.KindNewView: n - 1, abcast.KindStable: n * (n - 1),
			}
			// Each syncs its promise and its log.
			if !maps.Equal(m.Sent, want) || m.Syncs != 2*n || len(m.Delays) != n || m.Delays[n-1] != 4 {
				t.Errorf("%v, %d nodes: %v sent, want %v; %d syncs, want %d; viewed after %v delays, want 4 at last", o, n, m.Sent, want, m.Syncs, 2*n, m.Delays)
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
		once := quiet(o, size, 10*grouptest.OneDelay, at, grouptest.HandedOver, burst...)
		if n := once.Sent[abcast.KindStable]; n != size*(size-1) || once.Syncs != size || len(once.Delays) != messages*size {
			t.Errorf("%v, merging: %d reports, want %d; %d syncs, want %d; %d deliveries, want %d",
				o, n, size*(size-1), once.Syncs, size, len(once.Delays), messages*size)
		}
		each := quiet(o, size, 0, at, grouptest.HandedOver, burst...)
		if n := each.Sent[abcast.KindStable]; n <= messages*size*(size-1)/2 || len(each.Delays) != messages*size {
			t.Errorf("%v, not merging: %d reports, want about %d; %d deliveries, want %d", o, n, messages*size*(size-1), len(each.Delays), messages*size)
		}
	}
}
