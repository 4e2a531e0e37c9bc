package abcast

import (
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of the messages, for traces, counts and anchors.
var (
	KindData    = protocol.KindOf("data")    // the origin to all: the message itself
	KindPropose = protocol.KindOf("propose") // all to the origin: a proposed stamp
	KindFinal   = protocol.KindOf("final")   // the origin to all: the agreed stamp
)

// A message on the wire is the byte protocol.ABCAST and the body of a rule, which
// is one bencoded list:
//
//	DATA    1 node incarnation seq payload
//	PROPOSE 2 node incarnation seq number
//	FINAL   3 node incarnation seq number proposer
//
// The proposer of a PROPOSE is who sends it. Another rule's bodies begin with
// other numbers, so that members with different orders in their configs do not
// take each other's messages for their own.
const (
	opData = iota + 1
	opPropose
	opFinal
)

// maxNumber bounds the number of a stamp, so that the clock that follows it
// cannot wrap.
const maxNumber = 1 << 62

// decoded is a body of any type; fields that op does not have are 0.
type decoded struct {
	op       uint64
	id       MsgID
	payload  []byte // aliases the body
	number   uint64 // 1 to maxNumber
	proposer protocol.NodeID
}

// cutComponent gives the body of a wire message.
func cutComponent(msg []byte) (body []byte, ok bool) {
	if len(msg) == 0 || msg[0] != byte(protocol.ABCAST) {
		return nil, false
	}
	return msg[1:], true
}

// DataID tells whether msg, whole as Config.Send was given it, carries a message
// to the members, and which. It is for checks that watch the network.
func DataID(msg []byte) (MsgID, bool) {
	body, ok := cutComponent(msg)
	if !ok {
		return MsgID{}, false
	}
	var r bencode.Reader
	d, ok := decode(&r, body)
	if !ok || d.op != opData {
		return MsgID{}, false
	}
	return d.id, true
}

func appendID(b []byte, op uint64, id MsgID) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, op)
	b = bencode.AppendUint(b, uint64(id.Node))
	b = bencode.AppendUint(b, uint64(id.Incarnation))
	return bencode.AppendUint(b, id.Seq)
}

func appendData(b []byte, m Message) []byte {
	b = appendID(b, opData, m.ID)
	b = bencode.AppendBytes(b, m.Payload)
	return append(b, 'e')
}

func appendPropose(b []byte, id MsgID, number uint64) []byte {
	b = appendID(b, opPropose, id)
	b = bencode.AppendUint(b, number)
	return append(b, 'e')
}

func appendFinal(b []byte, id MsgID, s stamp) []byte {
	b = appendID(b, opFinal, id)
	b = bencode.AppendUint(b, s.number)
	b = bencode.AppendUint(b, uint64(s.proposer))
	return append(b, 'e')
}

// decode reads a body with r and refuses what the append functions would not
// write. A Reader of its own would cost an allocation for each message.
func decode(r *bencode.Reader, body []byte) (d decoded, ok bool) {
	r.Reset(body)
	r.List()
	d.op = r.Uint()
	d.id.Node = readNode(r)
	d.id.Incarnation = uint32(readAtLeast1(r, math.MaxUint32))
	d.id.Seq = readAtLeast1(r, math.MaxUint64)
	switch d.op {
	case opData:
		d.payload = r.Bytes()
	case opPropose:
		d.number = readAtLeast1(r, maxNumber)
	case opFinal:
		d.number = readAtLeast1(r, maxNumber)
		d.proposer = readNode(r)
	default:
		r.Fail()
	}
	r.End()
	if !r.Done() {
		return decoded{}, false
	}
	return d, true
}

func readNode(r *bencode.Reader) protocol.NodeID {
	return protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
}

func readAtLeast1(r *bencode.Reader, limit uint64) uint64 {
	u := r.UintMax(limit)
	if u == 0 {
		r.Fail()
	}
	return u
}
