package kademlia

import (
	"bytes"
	"testing"
	"time"

	"dessim/protocol"
)

func TestOutputsOfANodeHaveAText(t *testing.T) {
	for _, c := range []struct {
		kind protocol.Kind
		body []byte
		want string
	}{
		{KindJoined, nil, "the network"},
		{KindPublished, Published{ID{0xab, 1}, 3}.append(nil), "ab010000 at 3 nodes"},
		{KindEnded, Ended{Number: 4, ID: ID{0xab}, OK: true, Value: []byte("i1e"), Hops: 2, RPCs: 5}.append(nil), "lookup 4 of ab000000 found it after 2 hops, 5 queries"},
		{KindEnded, Ended{Number: 4, ID: ID{0xab}, RPCs: 5}.append(nil), "lookup 4 of ab000000 found nothing, 5 queries"},
		{KindEnded, nil, ""}, {KindPublished, nil, ""}, {KindJoined, []byte("x"), ""}, {KindPing, nil, ""},
	} {
		if got := TextOutput(c.kind, c.body); got != c.want {
			t.Errorf("%v %q has the text %q, want %q", c.kind, c.body, got, c.want)
		}
	}
	for want, b := range map[string][]byte{
		"get ab000000, lookup 9": GetInput(9, ID{0xab}),
		"publish 1c9d0d26":       PublishInput([]byte("i1e"), time.Second),
		"":                       nil,
	} {
		if got := TextInput(b); got != want {
			t.Errorf("%q has the text %q, want %q", b, got, want)
		}
	}
}

// What the decoders of inputs, records and outputs accept is what the encoders write.
func FuzzNodeWire(f *testing.F) {
	f.Add(PublishInput([]byte("i1e"), time.Second))
	f.Add(GetInput(9, ID{0xab}))
	f.Add(Published{ID{0xab, 1}, 3}.append(nil))
	f.Add(Ended{Number: 4, OK: true, Value: []byte("i1e"), Hops: 2, RPCs: 5}.append(nil))
	f.Add(Ended{Number: 4, RPCs: 5}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := decodeCommand(b); ok && !bytes.Equal(c.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, c, c.append(nil))
		}
		if p, ok := DecodePublished(b); ok && !bytes.Equal(p.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, p, p.append(nil))
		}
		if x, ok := DecodeEnded(b); ok && !bytes.Equal(x.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, x, x.append(nil))
		}
	})
}
