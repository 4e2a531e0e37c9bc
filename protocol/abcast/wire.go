package abcast

import (
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of the messages, for traces, counts and anchors.
var (
	KindData    = protocol.KindOf("data")       // the origin to all, in every order: the message itself
	KindPropose = protocol.KindOf("propose")    // ISIS: all to the origin: a proposed stamp
	KindFinal   = protocol.KindOf("final")      // ISIS: the origin to all: the agreed stamp
	KindAck     = protocol.KindOf("abcast.ack") // Lamport: all to all: nothing stamped lower will come
	KindOrder   = protocol.KindOf("order")      // Sequencer: the sequencer to all: a message's place
)

// A message on the wire is the byte protocol.ABCAST and the body of a rule, which
// is one bencoded list:
//
//	ISIS       DATA    1 node incarnation seq payload
//	           PROPOSE 2 node incarnation seq number
//	           FINAL   3 node incarnation seq number proposer
//	Lamport    DATA    4 node incarnation seq number payload
//	           ACK     5 number
//	Sequencer  DATA    6 node incarnation seq payload
//	           ORDER   7 node incarnation seq number
//
// The proposer of a PROPOSE is its sender; the number of an ORDER is the message's
// place, from 1. No two orders share a type, so that members whose configs differ
// in the order do not take each other's messages for their own.
const (
	opData = iota + 1
	opPropose
	opFinal
	opLamportData
	opLamportAck
	opSequencerData
	opSequencerOrder
)

// maxNumber bounds the number of a stamp, so that the clock that follows it
// cannot wrap.
const maxNumber = 1 << 62

// decoded is a body of any type, read or to be written; fields that its type lacks are 0.
type decoded struct {
	op       uint64
	id       MsgID
	payload  []byte // aliases the body
	number   uint64 // 1 to maxNumber
	proposer protocol.NodeID
}

// order returns the order that has bodies of this type.
func (d *decoded) order() Order {
	switch {
	case d.op <= opFinal:
		return ISIS
	case d.op <= opLamportAck:
		return Lamport
	}
	return Sequencer
}

// isData reports whether the body carries a message to the members.
func (d *decoded) isData() bool {
	return d.op == opData || d.op == opLamportData || d.op == opSequencerData
}

// DataID reports whether msg, whole as Config.Send or Views.Datagram takes it,
// carries a message to the members, and which. It is for checks that watch the
// network.
func DataID(msg []byte) (MsgID, bool) {
	var r bencode.Reader
	d, ok := decode(&r, protocol.ABCAST.Cut(msg))
	if !ok {
		var in datagramReader
		if f, framed := in.decode(msg); framed && f.op == opFrame {
			d, ok = decode(&r, f.body)
		}
	}
	if !ok || !d.isData() {
		return MsgID{}, false
	}
	return d.id, true
}

func (d decoded) append(b []byte) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, d.op)
	if d.op != opLamportAck {
		b = appendIDFields(b, d.id)
	}
	if d.op != opData && d.op != opSequencerData {
		b = bencode.AppendUint(b, d.number)
	}
	if d.op == opFinal {
		b = bencode.AppendUint(b, uint64(d.proposer))
	}
	if d.isData() {
		b = bencode.AppendBytes(b, d.payload)
	}
	return append(b, 'e')
}

// decode reads a body with r and refuses what append would not write. A Reader of its own would cost an allocation per message.
func decode(r *bencode.Reader, body []byte) (d decoded, ok bool) {
	r.Reset(body)
	r.List()
	d.op = r.Uint()
	if d.op != opLamportAck {
		d.id = readID(r)
	}
	switch d.op {
	case opData, opSequencerData:
		d.payload = r.Bytes()
	case opPropose, opLamportAck, opSequencerOrder:
		d.number = r.Positive(maxNumber)
	case opFinal:
		d.number = r.Positive(maxNumber)
		d.proposer = readNode(r)
	case opLamportData:
		d.number = r.Positive(maxNumber)
		d.payload = r.Bytes()
	default:
		r.Fail()
	}
	if !r.Finish() {
		return decoded{}, false
	}
	return d, true
}

func readID(r *bencode.Reader) (id MsgID) {
	id.Node = readNode(r)
	id.Incarnation = uint32(r.Positive(math.MaxUint32))
	id.Seq = r.Positive(math.MaxUint64)
	return id
}

func readNode(r *bencode.Reader) protocol.NodeID {
	return protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
}
