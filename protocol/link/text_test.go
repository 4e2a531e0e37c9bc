package link

import (
	"bytes"
	"testing"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

func TestFramesHaveAText(t *testing.T) {
	for want, f := range map[string]frame{
		"message 8":                                           {data: true, src: 1, low: 1, seq: 8, msg: []byte("m")},
		"message 9, incarnation 2 to any":                     {data: true, src: 2, low: 1, seq: 9},
		"link.ack up to 5":                                    {src: 1, dst: 1, ack: 5},
		"link.ack up to 5 and 7,9":                            {src: 1, dst: 1, ack: 5, sack: 5},
		"link.ack up to 0 and 2,3,4,5 and 60 more":            {src: 1, dst: 1, sack: 1<<64 - 1},
		"link.ack up to 0, incarnation 3 to 1":                {src: 3, dst: 1},
		"link.ack up to 2 and 4, incarnation 1 to 4294967295": {src: 1, dst: 1<<32 - 1, ack: 2, sack: 1},
	} {
		if got := Text(seal.Append(f.append(nil))); got != want {
			t.Errorf("%+v has the text %q, want %q", f, got, want)
		}
	}
}

func TestTimersHaveAText(t *testing.T) {
	if got := TextTimer(protocol.Link.Tag(2)); got != "link to 2" {
		t.Errorf("a link's timer has the text %q", got)
	}
	if got := TextTimer(protocol.Gossip.Tag(2)); got != "" {
		t.Errorf("another component's timer has the text %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add((&frame{data: true, src: 2, dst: 3, ack: 9, sack: 5, low: 4, seq: 7}).append(nil))
	f.Add((&frame{src: 1, dst: 1, ack: maxSeq, sack: 1<<64 - 1}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, ok := decode(new(bencode.Reader), b)
		if s := Text(seal.Append(bytes.Clone(b))); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", b, s)
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
