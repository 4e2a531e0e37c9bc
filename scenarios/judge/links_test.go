package judge

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
)

// Node 1 sends frames to incarnation 2 of node 0, some of them late copies that it sent before it
// knew any.
func TestWhatCameEarlyIsRememberedUntilAllBeforeItIsSettled(t *testing.T) {
	data := func(low, seq uint64) link.Frame { return link.Frame{Data: true, From: 1, Low: low, Seq: seq} }
	for _, c := range []struct {
		frames []link.Frame
		want   int
	}{
		{[]link.Frame{data(1, 1), data(1, 2)}, 0},
		{[]link.Frame{data(1, 2), data(1, 3), data(1, 3)}, 2}, // the first went to incarnation 1
		{[]link.Frame{data(1, 2), data(1, 3), data(1, 1)}, 0},
		{[]link.Frame{data(1, 2), data(1, 4), data(4, 6)}, 1},
		{[]link.Frame{data(1, 2), {Data: true, From: 2, Low: 1, Seq: 1}}, 0}, // node 1 restarts
	} {
		l := NewLinks(LinksOf{Nodes: 2})
		for i := range c.frames {
			l.ends[0].peer(1).receives(at(i), 2, &c.frames[i], false)
		}
		if got, ok := l.Early(0); got != c.want || !ok {
			t.Errorf("after %+v: node 0 remembers %d numbers, %v, want %d", c.frames, got, ok, c.want)
		}
	}
	if _, ok := NewLinks(LinksOf{Nodes: 3, Traitors: []protocol.NodeID{2}}).Early(0); ok {
		t.Error("it is known what a traitor makes others remember")
	}
}

func TestNoReceiverIsLeftToWaitForWhatIsAcknowledgedOrGivenUp(t *testing.T) {
	for _, c := range []struct {
		renewed  bool
		low, seq uint64
		want     string
	}{
		{false, 3, 5, ""},
		{false, 2, 5, "lets 2 come, where all up to 2"},
		{false, 4, 5, "gives up all below 4, where 2"},
		{true, 5, 5, ""},
		{true, 6, 7, ""}, // 5 waited for the window
		{true, 3, 5, "lets 3 come, where all up to 4"},
	} {
		p := &linkPeer{top: 4, low: 1, acked: 2, said: make(map[uint64]uint64), renewed: c.renewed}
		if c.renewed {
			p.floor = p.top
		}
		err := p.sends(&sim.Event{}, &link.Frame{Data: true, Low: c.low, Seq: c.seq})
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("renewed %v: message %d with low %d is judged %v, want %q", c.renewed, c.seq, c.low, err, c.want)
		}
	}
}
