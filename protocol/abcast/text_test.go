package abcast

import (
	"bytes"
	"testing"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

func TestMessagesHaveAText(t *testing.T) {
	id := MsgID{Node: 1, Incarnation: 2, Seq: 3}
	for want, body := range map[string][]byte{
		"data 1/2/3 7061796c":      appendData(nil, Message{ID: id, Payload: []byte("payload")}),
		"data 1/2/3 empty":         appendData(nil, Message{ID: id}),
		"propose 1/2/3 = 7":        appendPropose(nil, id, 7),
		"final 1/2/3 = 7.2":        appendFinal(nil, id, stamp{7, 2}),
		"data 1/2/3 at 9 7061796c": appendLamportData(nil, Message{ID: id, Payload: []byte("payload")}, 9),
		"data 1/2/3 at 9 empty":    appendLamportData(nil, Message{ID: id}, 9),
		"abcast.ack at 10":         appendLamportAck(nil, 10),
		"order 1/2/3 = 4":          appendSequencerOrder(nil, id, 4),
		"":                         []byte("li1ee"),
	} {
		if got := Text(wire(body)); got != want {
			t.Errorf("%q has the text %q, want %q", body, got, want)
		}
	}
	if got, want := Text(wire(appendSequencerData(nil, Message{ID: id}))), "data 1/2/3 empty"; got != want {
		t.Errorf("the sequencer's data has the text %q, want %q", got, want)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range append(seeds(), datagramSeeds()...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		ok := false
		if body := protocol.ABCAST.Cut(msg); body != nil {
			_, ok = decode(new(bencode.Reader), body)
			if !ok {
				_, ok = new(datagramReader).decode(msg)
			}
		}
		if s := Text(msg); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", msg, s)
		}
	})
}

func TestOutputsHaveWords(t *testing.T) {
	view := AppendView(nil, View{9, []Member{{0, 1}, {2, 2}}, 8})
	delivered := AppendDelivered(nil, 7, MsgID{2, 1, 3})
	for _, c := range []struct {
		kind protocol.Kind
		rec  []byte
		want string
	}{
		{KindViewed, view, "9 of [0/1 2/2] before message 8"},
		{KindDelivered, delivered, "2/1/3 as message 7"},
		{KindViewed, delivered, ""},
		{KindDelivered, view, ""},
		{KindData, delivered, ""},
	} {
		if got := TextOutput(c.kind, c.rec); got != c.want {
			t.Errorf("%v %q has the text %q, want %q", c.kind, c.rec, got, c.want)
		}
	}
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
