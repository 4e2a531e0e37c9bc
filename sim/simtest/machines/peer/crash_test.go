package peer_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/peer"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// A stormy world: transfers while any node crashes after any effect and comes back.
// Once all are back the ledgers are the same, and each transfer is in them once.
func TestNodesThatCrashEndWithTheSameLedger(t *testing.T) {
	crashes, logged := uint64(0), uint64(0)
	for seed := range uint64(60) {
		order := abcast.Orders()[seed%3]
		t.Run(fmt.Sprintf("seed %d, %v", seed, order), func(t *testing.T) {
			w := newWorld(4, 6)
			w.survive = true
			w.config = func(_ protocol.NodeID, c *peer.Config) { c.Order = order }
			src := source.Seed(seed)
			const storm = 400 * delay
			for i := range uint64(6) {
				w.order(i, int(i%4), int((i+1)%4), int((i+2)%4), 100+i)
			}
			for i := range uint64(6) {
				pick := func(what, n uint64) uint64 {
					return src.Choose(protocol.Key{Kind: protocol.KindOf("test"), A: protocol.NodeID(what), N: i}, n)
				}
				w.faults = append(w.faults, fault.Fault{
					ID: 1 + i, Op: fault.Crash, Node: protocol.NodeID(pick(1, 4)), After: int(pick(2, 5)),
					At: begin + protocol.Time(pick(3, uint64(storm))), For: time.Duration(1 + pick(4, uint64(100*delay))),
				})
			}
			w.until = begin + protocol.Time(20_000*delay)
			w.done = func() bool {
				for _, n := range w.nodes {
					if n.Ledger().ListLen() != 6 || n.Ledger().LogHash() != w.nodes[0].Ledger().LogHash() {
						return false
					}
				}
				return len(w.answers(t)) == 6
			}
			r := w.run(t, src)
			logged += w.nodes[0].Ledger().LogLen()
			crashes += r.Crashes
			for i, n := range w.nodes {
				if n.Ledger().ListLen() != 6 || n.Ledger().LogHash() != w.nodes[0].Ledger().LogHash() {
					t.Errorf("node %d has listed %d of 6, log %v of %d; node 0 %v", i, n.Ledger().ListLen(), n.Ledger().LogHash(), n.Ledger().LogLen(), w.nodes[0].Ledger().LogHash())
				}
			}
			if t.Failed() {
				t.Logf("%v; %+v", w.faults, r)
			}
		})
	}
	t.Logf("%d crashes, %d places in the logs", crashes, logged)
	if crashes < 100 {
		t.Errorf("vacuous: %d crashes", crashes)
	}
}

// All crash while the network is divided, and come back: each side can only join itself.
// When it is whole again no contact leads across, and yet the sides find each other, and
// each other's keys.
func TestNodesThatJoinedOnTheirSideOfAPartitionFindTheOthers(t *testing.T) {
	const size = 12
	w := newWorld(size, 1)
	w.survive = true
	split := begin + protocol.Time(50*delay)
	var sides [2][]protocol.NodeID
	for id := range protocol.NodeID(size) {
		sides[id%2] = append(sides[id%2], id)
		w.faults = append(w.faults, fault.Fault{ID: 10 + uint64(id), Op: fault.Crash, Node: id, At: split + protocol.Time(delay), For: delay})
	}
	const divided = 200 * delay
	const refresh = 300 * delay // from one renewal of a routing table to the next
	w.faults = append(w.faults, fault.Fault{ID: 1, Op: fault.Partition, At: split, For: divided, Groups: sides[:]})
	w.until = split + protocol.Time(divided+4*refresh)
	asked := w.until - protocol.Time(100*delay)
	for id := range protocol.NodeID(size) {
		w.input(asked, id, peer.GetInput(w.owner(int(id+1)%size)))
	}
	w.run(t, source.Seed(1))
	for id, n := range w.nodes {
		if c := n.DHT().Contacts(); len(c) < size-1 {
			t.Errorf("node %d knows %d of %d others", id, len(c), size-1)
		}
	}
	found := w.seen.of(peer.KindFound)
	got := map[protocol.NodeID]bool{}
	for _, e := range found {
		if e.At >= asked {
			got[e.Node] = true
		}
	}
	if len(got) != size {
		t.Errorf("of %d nodes only %v found the key of one on the other side", size, protocol.SortedKeys(got))
	}
}
