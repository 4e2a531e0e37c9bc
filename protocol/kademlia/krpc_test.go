package kademlia

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol/bencode"
)

// The examples of BEP 5 and BEP 44, and what real clients add.
var realMessages = []string{
	"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
	"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
	"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
	"d1:rd2:id20:0123456789abcdefghij5:nodes26:abcdefghij0123456789axje.ue1:t2:aa1:y1:re",
	"d1:rd2:id20:0123456789abcdefghij5:nodes26:abcdefghij0123456789axje.u6:nodes638:mnopqrstuvwxyz123456\x20\x01\r\xb8abcdefghijkl\x1a\xe1e1:t2:aa1:y1:re", // BEP 32
	"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node1:t2:aa1:y1:qe",                                         // BEP 32
	"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
	"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
	"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q3:get2:roi1e1:t2:aa1:v4:LT\x01\x021:y1:qe",
	"d2:ip6:abcdef1:rd2:id20:abcdefghij01234567895:nodes0:5:token4:toke1:v12:Hello World!e1:t2:aa1:v4:UT\x01\x021:y1:re",
	"d1:ad2:id20:abcdefghij01234567895:token8:aoeusnth1:v12:Hello World!e1:q3:put1:t2:aa1:y1:qe",
	"d1:ad2:id20:abcdefghij01234567891:k32:mnopqrstuvwxyz123456mnopqrstuvwx3:seqi1e3:sig1:x5:token1:x1:vi7ee1:q3:put1:t2:aa1:y1:qe",
}

func TestDecoderReadsRealMessages(t *testing.T) {
	for _, s := range realMessages {
		var m message
		if !m.decode(new(bencode.Reader), []byte(s)) {
			t.Errorf("refused %q", s)
		}
	}
}

func TestMessagesAreThoseOfTheStandards(t *testing.T) {
	id := ID([]byte("abcdefghij0123456789"))
	target := ID([]byte("mnopqrstuvwxyz123456"))
	txn := []byte("aa")
	for i, m := range map[int]message{
		0: {y: 'q', method: ping, txn: txn, id: id},
		1: {y: 'r', txn: txn, id: target},
		2: {y: 'q', method: findNode, txn: txn, id: id, hasTarget: true, target: target},
		4: {y: 'r', txn: txn, id: ID([]byte("0123456789abcdefghij")), nodes: named{
			v4: []byte("abcdefghij0123456789axje.u"), v6: []byte("mnopqrstuvwxyz123456\x20\x01\r\xb8abcdefghijkl\x1a\xe1"),
		}},
		6:  {y: 'e', txn: txn, code: 201, text: []byte("A Generic Error Ocurred")},
		10: {y: 'q', method: put, txn: txn, id: id, token: []byte("aoeusnth"), value: []byte("12:Hello World!")},
	} {
		if got := string(m.append(nil)); got != realMessages[i] {
			t.Errorf("encoded\n%q, want\n%q", got, realMessages[i])
		}
	}
}

func TestDecoderRefusesWhatIsNotCanonicalOrIncomplete(t *testing.T) {
	for _, s := range []string{
		"", "d", "de", "i1e", "d1:y1:qe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q",                                                                                                // cut
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qex",                                                                                              // more
		"d1:q4:ping1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe",                                                                                               // order
		"d1:ad2:id20:abcdefghij0123456789e1:q04:ping1:t2:aa1:y1:qe",                                                                                              // length
		"d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",                                                                                                // short id
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe",                                                                                                      // no t
		"d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe",                                                                                          // no target
		"d1:ad2:id20:abcdefghij01234567891:vi1ee1:q3:put1:t2:aa1:y1:qe",                                                                                          // no token
		"d1:rd2:id20:abcdefghij01234567895:nodes25:abcdefghij0123456789axje.e1:t2:aa1:y1:re",                                                                     // half a contact
		"d1:rd2:id20:abcdefghij01234567896:nodes637:mnopqrstuvwxyz123456abcdefghijklmnopqe1:t2:aa1:y1:re",                                                        // half a contact
		"d1:rd2:id20:abcdefghij01234567896:nodes638:mnopqrstuvwxyz123456\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01\x1a\xe1e1:t2:aa1:y1:re", // an IPv4 address
		"d1:rd5:nodes0:e1:t2:aa1:y1:re",                                                                                                                          // no id
		"d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe",                                                                                                        // no a
		"d1:eli201ee1:t2:aa1:y1:ee",                                                                                                                              // no text
		"d1:ad2:id20:abcdefghij01234567895:token1:x1:vi01ee1:q3:put1:t2:aa1:y1:qe",                                                                               // value not canonical
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t33:0123456789012345678901234567890121:y1:qe",
	} {
		var m message
		if m.decode(new(bencode.Reader), []byte(s)) {
			t.Errorf("accepted %q as %+v", s, m)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, s := range realMessages {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sameAsSlow(t, b)
		var m, again message
		var r bencode.Reader
		if !m.decode(&r, b) {
			return
		}
		e := m.append(nil)
		if !again.decode(&r, e) {
			t.Fatalf("%q decodes, but not its encoding %q", b, e)
		}
		again.signed = m.signed // not encoded
		if d := cmp.Diff(m, again, cmp.AllowUnexported(message{}, named{})); d != "" {
			t.Fatalf("%q changes when encoded again: %s", b, d)
		}
		if f := again.append(nil); !bytes.Equal(e, f) {
			t.Fatalf("%q encodes as %q, then as %q", b, e, f)
		}
	})
}
