package peer

import (
	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/kademlia"
)

// The kinds of the outputs about values of the operator's own in the DHT.
var (
	KindStored = protocol.KindOf("stored") // a Stored: a PutInput ended
	KindValue  = protocol.KindOf("value")  // a Value: a ValueInput ended
)

// valueInput is an input about a value in the DHT:
//
//	put   10 value    store it
//	value 11 key      find it
type valueInput struct {
	typ   int
	value []byte // aliases what was decoded
	key   kademlia.ID
}

const (
	valuePut = lieSpend + 1 + iota
	valueFind
)

// MaxValue bounds a value: what a bencoded one of that length takes is what the DHT takes.
const MaxValue = 900

func (v valueInput) append(b []byte) []byte {
	b = append(b, byte(protocol.Peer), 'l')
	b = bencode.AppendUint(b, uint64(v.typ))
	if v.typ == valuePut {
		return append(bencode.AppendBytes(b, v.value), 'e')
	}
	return append(bencode.AppendBytes(b, v.key[:]), 'e')
}

func decodeValueInput(b []byte) (v valueInput, ok bool) {
	r := bencode.ListOf(protocol.Peer.Cut(b))
	v.typ = int(r.UintMax(valueFind))
	if v.typ == valuePut {
		v.value = r.Bytes()
	} else {
		copy(v.key[:], r.Fixed(len(v.key)))
	}
	return v, r.Finish() && v.typ >= valuePut && len(v.value) <= MaxValue
}

// PutInput is an input that has a Node store value, of at most MaxValue bytes, in the DHT:
// it ends in an output of KindStored.
func PutInput(value []byte) []byte { return valueInput{typ: valuePut, value: value}.append(nil) }

// ValueInput is an input that has a Node look for a value in the DHT, by its key: it ends in
// an output of KindValue.
func ValueInput(key kademlia.ID) []byte { return valueInput{typ: valueFind, key: key}.append(nil) }

// ValueKey returns the key under which PutInput stores a value.
func ValueKey(value []byte) kademlia.ID { return kademlia.Key(bencode.AppendBytes(nil, value)) }

// Stored is an output of KindStored.
type Stored struct {
	Key   kademlia.ID
	Nodes int // that have the value
}

// Value is an output of KindValue. What others stored may be any bencoding; Value is that of
// a string.
type Value struct {
	Key   kademlia.ID
	Found bool
	Value []byte
	Hops  int
}

// values consumes an input about a value. It reports whether msg is one.
func (n *Node) values(env *protocol.Env, msg []byte) bool {
	v, ok := decodeValueInput(msg)
	switch {
	case !ok:
	case v.typ == valuePut:
		key := ValueKey(v.value)
		n.dht.Put(env, bencode.AppendBytes(nil, v.value), func(env *protocol.Env, stored int) {
			b := bencode.AppendBytes([]byte{'l'}, key[:])
			env.Output(KindStored, append(bencode.AppendUint(b, uint64(stored)), 'e'))
		})
	default:
		key := v.key
		n.dht.Get(env, key, func(env *protocol.Env, f kademlia.Found) {
			b := bencode.AppendBytes([]byte{'l'}, key[:])
			b = bencode.AppendBool(b, f.OK)
			b = bencode.AppendBytes(b, f.Value)
			env.Output(KindValue, append(bencode.AppendUint(b, uint64(f.Hops)), 'e'))
		})
	}
	return ok
}

// DecodeStored reads an output of KindStored.
func DecodeStored(rec []byte) (s Stored, ok bool) {
	r := bencode.ListOf(rec)
	copy(s.Key[:], r.Fixed(len(s.Key)))
	s.Nodes = int(r.UintMax(1 << 16))
	return s, r.Finish()
}

// DecodeValue reads an output of KindValue.
func DecodeValue(rec []byte) (v Value, ok bool) {
	r := bencode.ListOf(rec)
	copy(v.Key[:], r.Fixed(len(v.Key)))
	v.Found = r.Bool()
	v.Value = r.Bytes()
	v.Hops = int(r.UintMax(1 << 16))
	if !r.Finish() {
		return v, false
	}
	if r.Reset(v.Value); r.IsBytes() {
		if s := r.Bytes(); r.Done() {
			v.Value = s
		}
	}
	return v, true
}
