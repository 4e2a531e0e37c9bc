package judge

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol/link"
	"dessim/sim"
)

func TestOnlyAnAcknowledgementOfSomethingNewPutsAResendOff(t *testing.T) {
	l := &Links{pace: linkRule{retry: 10 * time.Millisecond, delay: 4 * time.Millisecond}, held: NewHindered(nil)}
	ack := func(ms int, ack, sack uint64) func(p *linkPeer) {
		return func(p *linkPeer) { p.acknowledge(at(ms), &link.Frame{Ack: ack, Sack: sack}) }
	}
	for _, c := range []struct {
		what string
		hear func(p *linkPeer)
		want string // at 22 ms, after messages 1 to 4 at 0 ms
	}{
		{"nothing", func(*linkPeer) {}, "message 1 again 22ms"},
		{"what acknowledges nothing", ack(9, 0, 0), "message 1 again 22ms"},
		{"an acknowledgement", ack(9, 2, 0), ""},
		{"one out of turn", ack(9, 0, 2), ""},
		{"one twice", func(p *linkPeer) { ack(2, 0, 2)(p); ack(9, 0, 2)(p) }, "message 1 again 20ms"},
		{"one of all", ack(1, 4, 0), ""},
	} {
		p := &linkPeer{}
		for seq := uint64(1); seq <= 4; seq++ {
			p.resent, p.top = false, seq
			if err := p.goes(&sim.Event{At: at(0)}, &link.Frame{Data: true, Seq: seq}, &l.pace); err != nil {
				t.Fatal(err)
			}
		}
		c.hear(p)
		err := p.late(0, 1, at(22), l)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("a node hears %s: it is judged %v, want %q", c.what, err, c.want)
		}
	}
}

func TestTheOldestMessageIsSentAgainFirstAndNoneThatIsAcknowledged(t *testing.T) {
	rule := &linkRule{retry: 10 * time.Millisecond}
	for _, c := range []struct {
		seq  uint64
		want string
	}{{1, "is acknowledged"}, {2, ""}, {3, "before 2"}, {4, "is acknowledged"}} {
		p := &linkPeer{acked: 1, top: 4, resent: true, linkPace: linkPace{sacked: []uint64{4}}}
		err := p.goes(&sim.Event{At: at(50), Step: 1}, &link.Frame{Data: true, Seq: c.seq}, rule)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("message %d of 4, of which 1 and 4 are acknowledged, is sent again: it is judged %v, want %q", c.seq, err, c.want)
		}
	}
}
