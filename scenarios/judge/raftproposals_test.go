package judge

import (
	"slices"
	"testing"

	"dessim/protocol/abcast"
	"dessim/protocol/raft"
)

// said, enters and leaves are entries of one incarnation.
func said(seq uint64) raft.SeenEntry { return raft.SeenEntry{ID: abcast.MsgID{Seq: seq}} }

var enters, leaves = raft.SeenEntry{In: true}, raft.SeenEntry{}

func TestAMessageMissesTheViewIfItIsAppliedOutsideAndNotDelivered(t *testing.T) {
	for name, c := range map[string]struct {
		log       []raft.SeenEntry
		delivered uint64
		turns     []bool // into the view, or out of it
		again     []bool
	}{
		"before the view":              {log: []raft.SeenEntry{said(1), enters}, turns: []bool{true}, again: []bool{true}},
		"after it entered":             {log: []raft.SeenEntry{enters, said(1)}, turns: []bool{true}, again: []bool{false}},
		"after it left":                {log: []raft.SeenEntry{enters, leaves, said(1), enters}, turns: []bool{true, false, true}, again: []bool{false, false, true}},
		"in the view, held":            {log: []raft.SeenEntry{enters, said(2), leaves, enters}, turns: []bool{true, false, true}, again: []bool{false, false, false}},
		"delivered, and there again":   {log: []raft.SeenEntry{said(1), enters}, delivered: 1, turns: []bool{true}, again: []bool{false}},
		"before two changes":           {log: []raft.SeenEntry{said(1), enters, leaves, enters}, turns: []bool{true, false, true}, again: []bool{true, false, false}},
		"behind one that is repeated":  {log: []raft.SeenEntry{enters, enters, leaves, leaves, said(1), enters}, turns: []bool{true, false, true}, again: []bool{false, false, true}},
		"not applied, but in the log":  {log: []raft.SeenEntry{enters, leaves, enters, said(1), leaves}, turns: []bool{true, false}, again: []bool{false, false}},
		"in a snapshot, so not in log": {log: nil, turns: []bool{true, false, true}, again: []bool{false, false, false}},
	} {
		o := ownLog{entries: slices.Clone(c.log)}
		if c.delivered > 0 {
			o.deliver(c.delivered)
		}
		var again []bool
		for _, into := range c.turns {
			again = append(again, o.turn(into))
		}
		if !slices.Equal(again, c.again) {
			t.Errorf("%s: entries %+v, and the view turns %v: it proposes again %v, want %v", name, c.log, c.turns, again, c.again)
		}
	}
}

func TestAProposalIsDueAtTheLastTickOfAPauseInWhichItIsUndelivered(t *testing.T) {
	for repeats, want := range []int{raft.RepeatAfter, 2 * raft.RepeatAfter * 5 / 4, 4 * raft.RepeatAfter * 5 / 4} {
		p := proposer{repeats: repeats}
		for range 100 {
			if p.tick(); p.due {
				t.Fatalf("after %d repetitions and %d ticks something is due, though nothing is proposed", repeats, p.waited)
			}
		}
		p.add([]raft.SeenEntry{said(1)})
		ticks := 0
		for ; !p.due && ticks < 100; ticks++ {
			p.tick()
		}
		if ticks != want {
			t.Errorf("after %d repetitions a proposal is due after %d ticks, want %d", repeats, ticks, want)
		}
	}
}
