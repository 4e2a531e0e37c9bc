package peer

import (
	"testing"

	"dessim/protocol"
)

// However many transactions end, the disk holds what a slack allows and about twice what
// still matters, and what one step writes.
func TestADiskOfALongRunHoldsAboutTwiceWhatMatters(t *testing.T) {
	const ended, rounds = 16, 40
	w := newWorld(3, rounds)
	w.survive = true
	w.start(t)
	for _, n := range w.nodes {
		n.ended = ended
	}
	judge := w.Observe
	written := 0
	w.Observe = func(id protocol.NodeID, effects []protocol.Effect) {
		judge(id, effects)
		if id == w.client() {
			return
		}
		n, step := w.nodes[id], persisted(effects)
		written += step
		has := len(w.Nodes[id].Disk)
		if bound := ended + 2*(n.vote.Live()+len(n.bodies.own)+len(n.out.unplaced)+len(n.keys.known)) + step; has > bound {
			t.Errorf("at %v node %v has %d records, want at most %d", w.Now, id, has, bound)
		}
	}
	for i := range rounds {
		w.transfer(uint64(i), i%3, (i+1)%3, (i+2)%3, coin)
		w.goOn()
	}
	if len(w.answers) != rounds || written < 10*ended {
		t.Errorf("vacuous: %d answers, %d records written", len(w.answers), written)
	}
}
