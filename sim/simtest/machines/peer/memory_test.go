package peer_test

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// counting is a Node that counts the records that each incarnation finds.
type counting struct {
	*peer.Node
	found *[]int
}

func (c counting) Start(env *protocol.Env) {
	n := 0
	for range env.Records() {
		n++
	}
	*c.found = append(*c.found, n)
	c.Node.Start(env)
}

// persists counts records.
type persists struct{ n [3]int }

func (p *persists) Watch() sim.What      { return sim.Persisted }
func (p *persists) Observe(e *sim.Event) { p.n[e.Node]++ }

// A node has at most twice as many records as matter, and 1024. Those that matter are
// one for each transaction of the ledger, one for each that it is to remember of two-phase
// commit, and a few.
func TestRecordsOfWhatIsOverAreDiscarded(t *testing.T) {
	const transfers, every = 800, 300 * time.Millisecond
	w := newWorld(3, transfers/3+1)
	w.survive = true
	for i := range transfers {
		w.input(begin+protocol.Time(i)*protocol.Time(every), w.client(), peer.TransferInput(protocol.NodeID(i%3), peer.Request{
			Transfer: uint64(i), Receiver: w.owner((i + 1) % 3), Witness: w.owner((i + 2) % 3), Amount: coin,
		}))
	}
	end := begin + protocol.Time(transfers+10)*protocol.Time(every)
	for id := range protocol.NodeID(3) { // one after the other
		w.faults = append(w.faults, fault.Fault{ID: uint64(id), Op: fault.Crash, Node: id, At: end + protocol.Time(id)*protocol.Time(10*time.Second), For: time.Second})
	}
	w.until = end + protocol.Time(time.Minute)
	var found []int
	w.wrap = func(_ protocol.NodeID, n *peer.Node) protocol.Node { return counting{n, &found} }
	written := new(persists)
	w.watch = written
	w.run(t, source.Seed(1))
	w.mustAgree(t, transfers)
	if len(found) != 6 {
		t.Fatalf("incarnations find %v records, want 6 incarnations", found)
	}
	for id, n := range found[3:] {
		if most := 2*(2*transfers+10) + 1024 + 20; n > most || n >= written.n[id] || n < transfers {
			t.Errorf("node %d finds %d records of %d that it wrote, want %d to %d", id, n, written.n[id], transfers, most)
		}
	}
}
