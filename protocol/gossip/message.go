package gossip

import (
	"bytes"
	"encoding/binary"
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

// A message is the component byte, one bencoded list, and a checksum of both:
//
//	data    0 body
//	digest  1 (prefix count sum)...
//	list    2 (prefix (id...))...
//	have    3 id...
//	want    4 id...
//
// A prefix is the beginning of ids in hexadecimal digits and stands for all ids
// that begin so. Prefixes and ids ascend.
type message struct {
	typ    int
	body   []byte // aliases what was decoded
	ranges []span
	ids    []ID
}

// A span is what a node reports of the ids that begin with prefix.
type span struct {
	prefix []byte // aliases what was decoded
	count  uint64 // digest
	sum    sum    // digest
	ids    []ID   // list
}

const (
	typeData = iota
	typeDigest
	typeList
	typeHave
	typeWant
)

// Bounds of what one message holds, and so of what the step that consumes it does.
const (
	leaf     = 32  // most ids of a prefix that are listed and not split
	fan      = 16  // parts of a split
	maxSplit = 4   // splits in a digest
	maxLists = fan // spans in a list
	maxIDs   = 256 // ids in have and want
)

const digits = "0123456789abcdef"

// digit returns hexadecimal digit i of id.
func digit(id *ID, i int) byte {
	b := id[i/2]
	if i%2 == 0 {
		b >>= 4
	}
	return digits[b&15]
}

// comparePrefix compares the beginning of id with prefix.
func comparePrefix(id ID, prefix []byte) int {
	for i, p := range prefix {
		if d := digit(&id, i); d != p {
			return int(d) - int(p)
		}
	}
	return 0
}

// append appends the encoded message, without its checksum.
func (m message) append(b []byte) []byte {
	b = append(b, byte(protocol.Gossip), 'l')
	b = bencode.AppendInt(b, int64(m.typ))
	if m.typ == typeData {
		b = bencode.AppendBytes(b, m.body)
	}
	for _, s := range m.ranges {
		b = append(b, 'l')
		b = bencode.AppendBytes(b, s.prefix)
		if m.typ == typeDigest {
			b = bencode.AppendUint(b, s.count)
			var h [16]byte
			binary.BigEndian.PutUint64(h[:], s.sum[0])
			binary.BigEndian.PutUint64(h[8:], s.sum[1])
			b = bencode.AppendBytes(b, h[:])
		} else {
			b = append(b, 'l')
			b = appendIDs(b, s.ids)
			b = append(b, 'e')
		}
		b = append(b, 'e')
	}
	b = appendIDs(b, m.ids)
	return append(b, 'e')
}

func appendIDs(b []byte, ids []ID) []byte {
	for i := range ids {
		b = bencode.AppendBytes(b, ids[i][:])
	}
	return b
}

// A decoder reads messages. It keeps what would cost an allocation per message: the
// ranges of a message are valid until the next one.
type decoder struct {
	r     bencode.Reader
	spans []span
}

// decode reads a message without its checksum.
func (d *decoder) decode(b []byte) (m message, ok bool) {
	r := &d.r
	r.Reset(protocol.Gossip.Cut(b))
	r.List()
	m.typ = int(r.UintMax(typeWant))
	switch m.typ {
	case typeData:
		m.body = r.Bytes()
		if len(m.body) > MaxBody {
			r.Fail()
		}
	case typeDigest:
		m.ranges = d.cutSpans(fan*maxSplit, false)
	case typeList:
		m.ranges = d.cutSpans(maxLists, true)
	default:
		if m.ids = cutIDs(r, maxIDs); len(m.ids) == 0 {
			r.Fail()
		}
	}
	if !r.Finish() {
		return message{}, false
	}
	return m, true
}

// cutSpans reads 1 to limit spans, which list ids or sum them up.
func (d *decoder) cutSpans(limit int, list bool) []span {
	r, spans := &d.r, d.spans[:0]
	for r.More() {
		r.List()
		s := span{prefix: r.Bytes()}
		for _, c := range s.prefix {
			if bytes.IndexByte([]byte(digits), c) < 0 {
				r.Fail()
			}
		}
		n := len(spans)
		if n == limit || len(s.prefix) > 2*len(ID{}) || n > 0 && bytes.Compare(spans[n-1].prefix, s.prefix) >= 0 {
			r.Fail()
		}
		switch {
		case r.Broken():
		case list:
			cutList(r, &s)
		default:
			cutSum(r, &s)
		}
		r.End()
		spans = append(spans, s)
	}
	if len(spans) == 0 {
		r.Fail()
	}
	d.spans = spans
	return spans
}

func cutSum(r *bencode.Reader, s *span) {
	s.count = r.UintMax(math.MaxUint32)
	if h := r.Fixed(16); h != nil {
		s.sum = sum{binary.BigEndian.Uint64(h), binary.BigEndian.Uint64(h[8:])}
	}
}

func cutList(r *bencode.Reader, s *span) {
	r.List()
	s.ids = cutIDs(r, leaf)
	for _, id := range s.ids {
		if comparePrefix(id, s.prefix) != 0 {
			r.Fail()
		}
	}
	r.End()
}

// cutIDs reads ids up to the end of the list, at most limit.
func cutIDs(r *bencode.Reader, limit int) (ids []ID) {
	for r.More() {
		b := r.Fixed(len(ID{}))
		n := len(ids)
		if b == nil || n == limit || n > 0 && bytes.Compare(ids[n-1][:], b) >= 0 {
			r.Fail()
			return nil
		}
		ids = append(ids, ID(b))
	}
	return ids
}

// Data returns the message that carries body in a flood, for injecting one.
func Data(body []byte) []byte {
	return seal.Append(message{typ: typeData, body: body}.append(nil))
}

// open reads a message on the wire without a Gossip.
func open(b []byte) (m message, ok bool) {
	if b, ok = seal.Open(b); !ok {
		return message{}, false
	}
	var d decoder
	return d.decode(b)
}

// Payload returns the body in a message of the flood, for checks that watch the
// network. It aliases msg. ok is false for anything else.
func Payload(msg []byte) (body []byte, ok bool) {
	m, ok := open(msg)
	if !ok || m.typ != typeData {
		return nil, false
	}
	return m.body, true
}
