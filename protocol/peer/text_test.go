package peer

import (
	"bytes"
	"testing"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
)

func textSamples() map[string][]byte {
	r := Request{Transfer: 5, Attempt: 2, Receiver: ledger.Owner{0x8b, 0xe9}, Witness: ledger.Owner{0x72, 0xac}, Amount: 385}
	return map[string][]byte{
		"request transfer 5 attempt 2: 385 to 8be90000 before 72ac0000": message{typ: typeRequest, req: r}.append(nil),
		"reply transfer 5 attempt 2: committed":                         message{typ: typeReply, req: r, outcome: Committed}.append(nil),
		"hello from a neighbour":                                        message{typ: typeHello}.append(nil),
		"fetch 73900000":                                                message{typ: typeFetch, id: ledger.ID{0x73, 0x90}}.append(nil),
		"body ca978112 1 byte":                                          message{typ: typeBody, body: []byte("a")}.append(nil),
		"look up 8be90000":                                              message{typ: typeLook, owner: r.Receiver}.append(nil),
		"get the key of 8be90000":                                       message{typ: typeGet, owner: r.Receiver}.append(nil),
		"order transfer 5 of node 1: 385 to 8be90000 before 72ac0000":   message{typ: typeTransfer, req: r, sender: 1}.append(nil),
		"put the value \"hello\"":                                       PutInput([]byte("hello")),
		"find the value 8be90000":                                       ValueInput(kademlia.ID(r.Receiver)),
		"say ca978112 1 byte":                                           SayInput([]byte("a")),
		"spend by transfer 5, receiver node 1, witness node 2: ca978112 1 byte": lie{typ: lieSpend, transfer: 5, parties: [2]protocol.NodeID{1, 2}, body: []byte("a")}.append(nil),
	}
}

// Outputs as a Node and a Client write them.
var outputSamples = []struct {
	kind protocol.Kind
	rec  string
	want string
}{
	{KindJoined, "i1e", "with 1 neighbour"},
	{KindEntry, "li4e32:" + thirtyTwo + "i1e32:" + thirtyTwo + "32:" + thirtyTwo + "i16ee", "4: 61626364 accepted, log 61626364, list 61626364, total 16"},
	{KindRefused, "l32:" + thirtyTwo + "i19ee", "61626364 unknown-key"},
	{KindLooked, "l20:" + twenty + "i1el20:" + twenty + "ee", "61626364 in 1 hop: 61626364"},
	{KindFound, "l20:" + twenty + "33:" + thirtyTwo + "6i2ei1ee", "key of 61626364 in 2 hops"},
	{KindFound, "l20:" + twenty + "33:" + thirtyTwo + "6i0ei0ee", "key of 61626364 in its own store"},
	{KindHanded, thirtyTwo, "61626364"},
	{KindHanded, twenty, ""},
	{KindStored, "l20:" + twenty + "i3ee", "61626364 at 3 nodes"},
	{KindValue, "l20:" + twenty + "i1e7:5:helloi2ee", "61626364 \"hello\" in 2 hops"},
	{KindValue, "l20:" + twenty + "i0e0:i0ee", "61626364 not found"},
	{KindAnswered, "li5ei2ei3ee", "transfer 5 attempt 2: refused"},
	{KindAnswered, "li5ei2ei3eex", ""},
	{KindHello, "i1e", ""},
}

const (
	twenty    = "abcdefghijklmnopqrst"
	thirtyTwo = "abcdefghijklmnopqrstuvwxyz012345"
)

func TestMessagesHaveAText(t *testing.T) {
	for want, m := range textSamples() {
		if got := Text(m); got != want {
			t.Errorf("%q has the text %q, want %q", m, got, want)
		}
	}
}

func TestOutputsHaveAText(t *testing.T) {
	for _, o := range outputSamples {
		if got := TextOutput(o.kind, []byte(o.rec)); got != o.want {
			t.Errorf("output %v %q has the text %q, want %q", o.kind, o.rec, got, o.want)
		}
	}
}

func TestTimersHaveAText(t *testing.T) {
	for _, timer := range []uint64{timerSettle, timerFetch, timerKeys} {
		if TextTimer(protocol.Peer.Tag(timer)) == "" {
			t.Errorf("timer %d of a node has no text", timer)
		}
	}
	if got := TextClientTimer(protocol.Peer.Tag(0)); got != "peer retry transfer 0" {
		t.Errorf("the timer of a client's transfer 0 has the text %q", got)
	}
	if got := TextTimer(protocol.Link.Tag(0)) + TextClientTimer(protocol.Link.Tag(0)); got != "" {
		t.Errorf("another's timer has the text %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, m := range textSamples() {
		f.Add(m)
	}
	for _, o := range outputSamples {
		f.Add([]byte(o.rec))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(s string) {
			if bytes.IndexFunc([]byte(s), control) >= 0 {
				t.Fatalf("%q has the text %q", b, s)
			}
		}
		_, message := decode(b)
		_, lie := decodeLie(b)
		_, value := decodeValueInput(b)
		if (message || lie || value) != (Text(b) != "") || message && (lie || value) || lie && value {
			t.Fatalf("%q decodes as message %v, as lie %v, as value input %v and has the text %q", b, message, lie, value, Text(b))
		}
		check(Text(b))
		for _, o := range outputSamples {
			check(TextOutput(o.kind, b))
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
