package kademlia

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol/bencode"
)

// sameAsSlow fails unless what is read quickly is read slowly, with the same result.
func sameAsSlow(t interface{ Fatalf(string, ...any) }, b []byte) (quick bool) {
	var fast, slow message
	if quick = fast.quick(b); !quick {
		return false
	}
	if ok := slow.slow(new(bencode.Reader), b); !ok || !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%q is read as %+v, want %v, %+v", b, fast, ok, slow)
	}
	return true
}

func TestUsualMessagesAreReadQuicklyAsOthersAreSlowly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		txn := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "txn")
		m := message{y: 'q', txn: txn, id: drawID(t, "id"), method: ping}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			m.method, m.hasTarget, m.target = findNode, true, drawID(t, "target")
		case 1:
			m.y, m.method = 'r', unknownMethod
			if n := rapid.IntRange(-1, 20).Draw(t, "contacts"); n >= 0 {
				m.nodes.v4 = make([]byte, n*compact4)
			}
		}
		b := m.append(nil)
		if !sameAsSlow(t, b) {
			t.Fatalf("%q is not read quickly", b)
		}
		switch at := rapid.IntRange(0, len(b)-1).Draw(t, "at"); rapid.IntRange(0, 3).Draw(t, "damage") {
		case 0:
			b[at] = rapid.SampledFrom([]byte("0123456789:deilqr\x00\xff")).Draw(t, "byte")
		case 1:
			b = b[:at]
		case 2:
			b = append(b[:at:at], b[at+1:]...)
		case 3:
			b = append(b[:at:at], append([]byte{rapid.SampledFrom([]byte("0123456789:dei")).Draw(t, "byte")}, b[at:]...)...)
		}
		sameAsSlow(t, b)
	})
}
