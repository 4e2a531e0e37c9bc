package kademlia

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

func TestMessagesHaveAText(t *testing.T) {
	var got []string
	for _, s := range realMessages {
		got = append(got, Text([]byte(s)))
	}
	want := []string{
		"dht.ping rpc 6161",
		"dht.answer rpc 6161",
		"dht.find 6d6e6f70, rpc 6161",
		"dht.answer rpc 6161: 61626364",
		"dht.answer rpc 6161: 61626364,6d6e6f70",
		"dht.find 6d6e6f70, rpc 6161",
		`dht.error rpc 6161: 201 "A Generic Error Ocurred"`,
		`query "get_peers", rpc 6161`,
		"dht.get 6d6e6f70, rpc 6161",
		"dht.answer rpc 6161: none, token, value e5f96f6f",
		"dht.put e5f96f6f, rpc 6161",
		"dht.put 5f88e198, rpc 6161",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the texts differ (-want +got):\n%s", d)
	}
}

func TestTimersHaveAText(t *testing.T) {
	for tag, want := range map[uint64]string{
		protocol.Kademlia.Tag(3):          "kademlia query 3 unanswered",
		protocol.Kademlia.Tag(pauseTimer): "kademlia join goes on",
		protocol.Link.Tag(3):              "",
	} {
		if got := TextTimer(tag); got != want {
			t.Errorf("timer %#x has the text %q, want %q", tag, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range realMessages {
		f.Add([]byte(s))
	}
	f.Add([]byte("d1:eli201e6:\xff\n\x00ree1:t2:\n\n1:y1:ee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ok := new(message).decode(new(bencode.Reader), b)
		if s := Text(b); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", b, s)
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
