package judge

import (
	"strings"
	"testing"

	"dessim/protocol/abcast"
)

func TestAFrameIsRepeatedAfterThreeTicksAndEverMoreRarelyToANodeOutOfReach(t *testing.T) {
	for _, c := range []struct {
		what      string
		connected bool
		again     []uint64 // ticks, up to 30
		want      string
	}{
		{"connected, in time", true, []uint64{3, 6, 9, 12, 15, 18, 21, 24, 27, 30}, ""},
		{"connected, late", true, []uint64{3, 6, 10}, "3 ticks after"},
		{"connected, too soon", true, []uint64{3, 5}, "2 ticks after"},
		{"out of reach, in time", false, []uint64{3, 10, 25}, ""},
		{"out of reach, too soon", false, []uint64{3, 8}, "5 ticks after"},
		{"out of reach, never", false, nil, "3 ticks after"},
		{"out of reach, late", false, []uint64{3, 9}, "15 ticks after"},
	} {
		var p framePace
		d := &abcast.Datagram{View: 7}
		err := p.sent(d, true, 0)
		for beat := uint64(1); beat <= 30 && err == nil; beat++ {
			err = p.fires(beat, 7, c.connected)
			if len(c.again) > 0 && c.again[0] == beat && err == nil {
				c.again = c.again[1:]
				err = p.sent(d, false, beat)
			}
		}
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: judged %v, want %q", c.what, err, c.want)
		}
	}
}

func TestAFrameThatIsAcknowledgedIsNotRepeated(t *testing.T) {
	var p framePace
	if err := p.sent(&abcast.Datagram{View: 7, Seq: 4}, true, 0); err != nil {
		t.Fatal(err)
	}
	p.acknowledged(5)
	if err := p.fires(9, 7, true); err != nil {
		t.Error(err)
	}
	if err := p.sent(&abcast.Datagram{View: 7, Seq: 4}, false, 9); err == nil {
		t.Error("it is repeated, and nothing is wrong")
	}
}
