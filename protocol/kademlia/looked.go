package kademlia

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

// KindLooked is the kind of a Node's output that a LookInput ends in: a Looked.
var KindLooked = protocol.KindOf("dht.looked")

// Looked is an output of KindLooked: the outcome of a LookInput.
type Looked struct {
	Number  uint64
	Target  ID
	Hops    int  // as in Result
	Closest []ID // nearest first
}

// LookInput is an input that has a node look up the nodes closest to target; its Looked
// carries number.
func LookInput(number uint64, target ID) []byte {
	return command{typ: typeLook, number: number, id: target}.append(nil)
}

func appendLooked(b []byte, number uint64, target ID, r Result) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, number)
	b = bencode.AppendBytes(b, target[:])
	b = bencode.AppendUint(b, uint64(r.Hops))
	b = append(b, 'l')
	for i := range r.Closest {
		b = bencode.AppendBytes(b, r.Closest[i].ID[:])
	}
	return append(b, 'e', 'e')
}

// DecodeLooked reads the body of a KindLooked.
func DecodeLooked(b []byte) (x Looked, ok bool) {
	r := bencode.ListOf(b)
	x.Number = r.Uint()
	copy(x.Target[:], r.Fixed(len(x.Target)))
	x.Hops = int(r.UintMax(maxAnswered))
	r.List()
	for r.More() {
		var id ID
		copy(id[:], r.Fixed(len(id)))
		x.Closest = append(x.Closest, id)
	}
	r.End()
	return x, r.Finish()
}

func textLooked(b []byte) string {
	x, ok := DecodeLooked(b)
	if !ok {
		return ""
	}
	return fmt.Sprintf("lookup %d of %.8s ended after %s: %s", x.Number, x.Target, words.Count(uint64(x.Hops), "hop"),
		words.List(len(x.Closest), func(i int) string { return words.Short(x.Closest[i][:]) }))
}
