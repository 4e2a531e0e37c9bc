package gossip

import (
	"bytes"
	"testing"

	"dessim/protocol"
	"dessim/protocol/seal"
)

func TestMessagesHaveAText(t *testing.T) {
	a, b := Sum([]byte("a")), Sum([]byte("b")) // ca97..., 3e23...
	for want, m := range map[string]message{
		"gossip.data ca978112 1 byte":                   {typ: typeData, body: []byte("a")},
		"gossip.sum all 3 ids 00000001":                 {typ: typeDigest, ranges: []span{{count: 3, sum: sum{1 << 32, 2}}}},
		"gossip.sum 0* 1 id 00000000,c* 0 ids 000000ff": {typ: typeDigest, ranges: []span{{prefix: []byte("0"), count: 1}, {prefix: []byte("c"), sum: sum{0xff << 32}}}},
		"gossip.list 3e*: 3e23e816":                     {typ: typeList, ranges: []span{{prefix: []byte("3e"), ids: []ID{b}}}},
		"gossip.list 3e* 1 id,c* 0 ids":                 {typ: typeList, ranges: []span{{prefix: []byte("3e"), ids: []ID{b}}, {prefix: []byte("c")}}},
		"gossip.have 3e23e816,ca978112":                 {typ: typeHave, ids: []ID{b, a}},
		"gossip.want ca978112":                          {typ: typeWant, ids: []ID{a}},
	} {
		if got := Text(seal.Append(m.append(nil))); got != want {
			t.Errorf("%+v has the text %q, want %q", m, got, want)
		}
	}
}

func TestTimersHaveAText(t *testing.T) {
	if got := TextTimer(tagRepair); got != "gossip repair" {
		t.Errorf("the timer of the repair has the text %q", got)
	}
	if got := TextTimer(protocol.Link.Tag(1)); got != "" {
		t.Errorf("another component's timer has the text %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add(message{typ: typeData, body: []byte("body")}.append(nil))
	f.Add(message{typ: typeDigest, ranges: []span{{prefix: bytes.Repeat([]byte("0"), 64)}, {prefix: []byte("c")}}}.append(nil))
	f.Add(message{typ: typeList, ranges: []span{{prefix: []byte("3e")}}}.append(nil))
	f.Add(message{typ: typeWant, ids: []ID{Sum(nil)}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, ok := new(decoder).decode(b)
		if s := Text(seal.Append(bytes.Clone(b))); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", b, s)
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
