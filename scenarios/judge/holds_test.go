package judge

import (
	"testing"

	"dessim/protocol/twopc"
)

func TestAnOutputThatANodeIsInDoubtAboutTwiceStaysWithTheLaterYes(t *testing.T) {
	key := []byte("key")
	yes := func(attempt uint32) twopc.Record {
		return twopc.Record{ID: twopc.ID{Transfer: 4, Attempt: attempt}, Yes: true, Keys: [][]byte{key}}
	}
	for _, c := range []struct{ first, second uint32 }{{1, 2}, {2, 1}} { // a restart says it in the order of ids
		h := newHolder()
		for _, a := range []uint32{c.first, c.second} {
			h.vote(yes(a), false)
			h.release(yes(a).ID)
		}
		for a := uint32(1); a <= 2; a++ {
			h.vote(yes(a), true)
		}
		if by := h.keys[string(key)]; by != yes(c.second).ID {
			t.Errorf("attempt %d voted yes before %d, and the node is in doubt about both: %v has the output", c.first, c.second, by)
		}
	}
}
