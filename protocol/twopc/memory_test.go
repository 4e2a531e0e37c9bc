package twopc

import (
	"fmt"
	"testing"

	"dessim/protocol"
)

// What is on disk, and in memory, follows what is open and what is to be remembered,
// however many transactions there were; a restart does not change that.
func TestRecordsOfWhatHasEndedAreDiscarded(t *testing.T) {
	const txs, clients = 3000, 3
	w := newWorld(3)
	w.limit, w.rest = 20, 50
	w.refuse[2] = true // of the participants 0, 1, 2; those of 0, 1 commit
	w.StartAll()
	for i := range txs {
		participants := nodes(0, 1)
		if i%4 == 3 {
			participants = nodes(0, 2)
		}
		for _, h := range w.hosts {
			clear(h.spent)
		}
		id := ID{Client: protocol.NodeID(100 + i%clients), Transfer: uint64(i / clients), Attempt: 1}
		if err := w.begin(i%3, id, fmt.Sprint(i%10), participants...); err != nil {
			t.Fatal(err)
		}
		w.Settle(4)
		if i%1000 == 999 {
			w.Restart(protocol.NodeID(i / 1000 % 3))
		}
		for j := range w.Nodes {
			ours := 0
			for _, r := range w.Nodes[j].Disk {
				if r.Body[0] == byte(protocol.TwoPC) {
					ours++
				}
			}
			live := clients*(w.limit+1) + w.hosts[j].Open()
			if most := 2*live + w.rest + 6; ours > most {
				t.Fatalf("after %d transactions, node %d has %d records on disk, want at most %d: twice what matters, and %d", i+1, j, ours, most, w.rest)
			}
			if n := w.hosts[j].past.len(); n > clients*(w.limit+1) {
				t.Fatalf("after %d transactions, node %d remembers %d", i+1, j, n)
			}
		}
	}
	if w.judge.commits < txs/2 || w.judge.aborts == 0 || w.discards == 0 {
		t.Errorf("vacuous: %d commits, %d aborts, records discarded %d times", w.judge.commits, w.judge.aborts, w.discards)
	}
}
