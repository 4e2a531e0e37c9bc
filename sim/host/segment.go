package host

import (
	"encoding/binary"

	"dessim/protocol"
)

// segment is what a message of the network carries: a UDP datagram or a TCP segment. what says which
// fields it has.
type segment struct {
	what segmentKind
	loop uint8 // datagram, syn: which addresses are 127.0.0.1 and not the node's own

	fromPort, toPort uint16 // datagram, syn

	to connID // synAck, reset and all of a connection: the receiver's name for it
	of connID // syn, synAck, reset: the sender's name for it

	seq, ack uint64 // of a connection: offsets in the two streams
	window   uint32 // syn, synAck and of a connection: bytes after ack that may be sent

	data []byte // datagram, data
}

// connID names one end of a connection among all that a node ever has: the incarnation, and below it
// a count of the connections of that life. So a segment of another connection, or of an earlier life,
// cannot be mistaken for one of this connection. Real TCP draws initial sequence numbers and waits
// for old segments to die out (TIME-WAIT) to that end. 0 is none.
type connID uint64

func newConnID(incarnation, n uint32) connID { return connID(incarnation)<<32 | connID(n) }

// segmentKind is a message's first byte: the byte of its component, as in any message.
type segmentKind byte

const (
	segDatagram segmentKind = 0x11 + iota
	segSyn
	segSynAck
	segData
	segAck
	segFin
	segProbe // asks for an acknowledgement
	segReset
	segEnd
)

// Addresses of a segment that are 127.0.0.1.
const (
	fromLoopback = 1 << iota
	toLoopback
)

// Kinds of messages, by which faults pick them.
var (
	kindUDP     = protocol.KindOf("udp")
	kindTCPSyn  = protocol.KindOf("tcp.syn")
	kindTCPData = protocol.KindOf("tcp.data")
	kindTCPAck  = protocol.KindOf("tcp.ack")
	kindTCPFin  = protocol.KindOf("tcp.fin")
	kindTCPRst  = protocol.KindOf("tcp.rst")
)

// kind returns the kind under which the segment is sent. A probe has no data and so is an ack.
func (s *segment) kind() protocol.Kind {
	switch s.what {
	case segDatagram:
		return kindUDP
	case segSyn, segSynAck:
		return kindTCPSyn
	case segData:
		return kindTCPData
	case segFin:
		return kindTCPFin
	case segReset:
		return kindTCPRst
	}
	return kindTCPAck
}

// checksumSize is the length of the checksum that ends a segment. Damaged segments are dropped,
// as UDP and TCP do, whose checksums have 16 bits and miss more.
const checksumSize = 4

// append appends the bytes of a segment between two nodes to b, which must be empty: the kind, the
// numbers as varints, the data, and a checksum of it all.
func (s *segment) append(b []byte, from, to protocol.NodeID) []byte {
	b = append(b, byte(s.what))
	if s.what == segDatagram || s.what == segSyn {
		b = append(b, s.loop)
		b = binary.BigEndian.AppendUint16(b, s.fromPort)
		b = binary.BigEndian.AppendUint16(b, s.toPort)
	}
	if s.what != segDatagram && s.what != segSyn {
		b = s.to.append(b)
	}
	if s.what == segSyn || s.what == segSynAck || s.what == segReset {
		b = s.of.append(b)
	}
	if s.ofConnection() {
		b = binary.AppendUvarint(b, s.seq)
		b = binary.AppendUvarint(b, s.ack)
	}
	if s.what != segDatagram && s.what != segReset {
		b = binary.AppendUvarint(b, uint64(s.window))
	}
	return sealed(append(b, s.data...), from, to)
}

// sealed appends b's checksum.
func sealed(b []byte, from, to protocol.NodeID) []byte {
	return binary.BigEndian.AppendUint32(b, checksum(b, from, to))
}

// checksum also covers the two nodes, as the pseudo-header of UDP and TCP does, so that no node accepts
// a segment for another one.
func checksum(b []byte, from, to protocol.NodeID) uint32 {
	return uint32(protocol.Hash3(protocol.HashBytes(b), uint64(from), uint64(to)))
}

// ofConnection reports whether the segment goes from one end of a connection to the other, once
// both know each other.
func (s *segment) ofConnection() bool { return s.what >= segData && s.what <= segProbe }

func (id connID) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(id>>32)), uint64(uint32(id)))
}

// parseSegment reads a segment, whose data aliases b. ok is false unless b is exactly what append
// makes of a segment between the two nodes.
func parseSegment(b []byte, from, to protocol.NodeID) (s segment, ok bool) {
	n := len(b) - checksumSize
	if n < 1 || binary.BigEndian.Uint32(b[n:]) != checksum(b[:n], from, to) {
		return s, false
	}
	r := reader{b: b[1:n], ok: true}
	s.what = segmentKind(b[0])
	if s.what < segDatagram || s.what >= segEnd {
		return s, false
	}
	if s.what == segDatagram || s.what == segSyn {
		s.loop = uint8(r.fixed(1))
		s.fromPort, s.toPort = uint16(r.fixed(2)), uint16(r.fixed(2))
		r.ok = r.ok && s.loop <= fromLoopback|toLoopback && s.fromPort != 0 && s.toPort != 0
	}
	if s.what != segDatagram && s.what != segSyn {
		s.to = r.id()
	}
	if s.what == segSyn || s.what == segSynAck || s.what == segReset {
		s.of = r.id()
	}
	if s.ofConnection() {
		s.seq, s.ack = r.varint(maxOffset), r.varint(maxOffset)
	}
	if s.what != segDatagram && s.what != segReset {
		s.window = uint32(r.varint(maxWindow))
	}
	if s.what == segDatagram || s.what == segData {
		s.data, r.b = r.b, nil
	}
	return s, r.ok && len(r.b) == 0 && s.plausible()
}

// plausible reports whether a sender could have meant the segment.
func (s *segment) plausible() bool {
	switch s.what {
	case segDatagram:
		return len(s.data) <= maxDatagram
	case segSyn:
		return s.of != 0
	case segSynAck:
		return s.to != 0 && s.of != 0
	case segData:
		return s.to != 0 && len(s.data) > 0 && len(s.data) <= maxSegment
	case segReset:
		return (s.to == 0) != (s.of == 0)
	}
	return s.to != 0
}

// reader takes numbers off b. ok becomes false, and stays so, if one is missing or is not in
// its shortest form.
type reader struct {
	b  []byte
	ok bool
}

func (r *reader) fixed(size int) (n uint64) {
	if len(r.b) < size {
		r.ok = false
		return 0
	}
	for _, c := range r.b[:size] {
		n = n<<8 | uint64(c)
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) varint(most uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > most || size > 1 && r.b[size-1] == 0 {
		r.ok = false
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) id() connID {
	incarnation := r.varint(1<<32 - 1)
	return newConnID(uint32(incarnation), uint32(r.varint(1<<32-1)))
}
