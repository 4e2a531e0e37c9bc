package link

import (
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

// A frame is the component byte, one bencoded list, and a checksum of both:
//
//	data  0 src dst ack sack low seq msg
//	ack   1 src dst ack sack
//
// src and dst are the incarnations of its sender and its receiver. Numbers up to
// ack are settled: received, or never to come. Bit k of sack means that ack+2+k was
// received too. Numbers below low will not come any more.
type frame struct {
	data     bool
	src, dst uint32
	ack      uint64
	sack     uint64
	low, seq uint64
	msg      []byte // aliases what was decoded
}

const (
	typeData = 0
	typeAck  = 1
)

// maxSeq leaves room for sums.
const maxSeq = math.MaxInt64

// append appends the encoded frame, without its checksum.
func (f *frame) append(b []byte) []byte {
	typ := uint64(typeAck)
	if f.data {
		typ = typeData
	}
	b = append(b, byte(protocol.Link), 'l')
	b = bencode.AppendUint(b, typ)
	b = bencode.AppendUint(b, uint64(f.src))
	b = bencode.AppendUint(b, uint64(f.dst))
	b = bencode.AppendUint(b, f.ack)
	b = bencode.AppendUint(b, f.sack)
	if f.data {
		b = bencode.AppendUint(b, f.low)
		b = bencode.AppendUint(b, f.seq)
		b = bencode.AppendBytes(b, f.msg)
	}
	return append(b, 'e')
}

// decode reads a frame without its checksum. r is a parameter because a Reader of its
// own would cost an allocation per frame.
func decode(r *bencode.Reader, b []byte) (f frame, ok bool) {
	r.Reset(protocol.Link.Cut(b))
	r.List()
	f.data = r.UintMax(typeAck) == typeData
	f.src = uint32(r.UintMax(math.MaxUint32))
	f.dst = uint32(r.UintMax(math.MaxUint32))
	f.ack = r.UintMax(maxSeq)
	f.sack = r.Uint()
	if f.data {
		f.low = r.UintMax(maxSeq)
		f.seq = r.UintMax(maxSeq)
		f.msg = r.Bytes()
	}
	if !r.Finish() || !f.sound() {
		return frame{}, false
	}
	return f, true
}

// sound reports whether an honest sender can have made f.
func (f *frame) sound() bool {
	if f.src == 0 {
		return false
	}
	if f.dst == 0 && (!f.data || f.ack != 0 || f.sack != 0) {
		return false // it acknowledges to an unknown incarnation
	}
	if f.data && (f.low == 0 || f.low > f.seq || f.seq-f.low >= MaxWindow) {
		return false
	}
	return true
}

// open reads a frame on the wire without a Link.
func open(b []byte) (f frame, ok bool) {
	if b, ok = seal.Open(b); !ok {
		return frame{}, false
	}
	return decode(new(bencode.Reader), b)
}

// Payload returns the message in a data frame, for checks that watch the network. It
// aliases b. ok is false for anything else.
func Payload(b []byte) (msg []byte, ok bool) {
	f, ok := open(b)
	if !ok || !f.data {
		return nil, false
	}
	return f.msg, true
}
