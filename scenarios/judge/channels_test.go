package judge

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

func TestAHeartbeatAcknowledgesTheFramesOfItsViewThatHaveComeAndNoOthers(t *testing.T) {
	frame := func(view, seq uint64) *abcast.Datagram {
		return &abcast.Datagram{Frame: true, View: view, Seq: seq, Body: []byte{byte(seq)}}
	}
	p := &channelPeer{early: make(map[uint64]bool)}
	for _, f := range []*abcast.Datagram{frame(7, 1), frame(9, 0), frame(9, 2), frame(9, 2), frame(9, 4), frame(9, 1)} {
		p.come(f)
	}
	for next, want := range []string{"acknowledges 0", "acknowledges 1", "acknowledges 2", "", "acknowledges 4"} {
		err := p.acknowledge(&abcast.Datagram{Heartbeat: true, View: 9, Next: uint64(next)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("0 to 2 have come: a heartbeat that wants %d is judged %v, want %q", next, err, want)
		}
	}
	if err := p.acknowledge(&abcast.Datagram{Heartbeat: true, View: 12, Next: 3}); err == nil {
		t.Error("frames of an earlier view are acknowledged, and nothing is wrong")
	}
}

func TestAFrameHasItsNumberAloneAndTheNextOneFollows(t *testing.T) {
	p := &channelPeer{}
	for i, c := range []struct {
		seq  uint64
		body string
		ok   bool
	}{{0, "a", true}, {1, "b", true}, {0, "a", true}, {0, "b", false}, {3, "c", false}} {
		if _, err := p.send(&abcast.Datagram{View: 3, Seq: c.seq, Body: []byte(c.body)}); (err == nil) != c.ok {
			t.Errorf("frame %d: number %d of %q is judged %v", i, c.seq, c.body, err)
		}
	}
	if _, err := p.send(&abcast.Datagram{View: 6, Seq: 2}); err == nil {
		t.Error("a view that begins with number 2 is judged right")
	}
}

func TestTheChannelsOfTraitorsAreNotJudged(t *testing.T) {
	for i, end := range NewChannels(3, 0, []protocol.NodeID{0, 1, 2}).ends {
		if end != nil {
			t.Errorf("those of node %d are", i)
		}
	}
}
