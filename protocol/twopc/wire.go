package twopc

import (
	"bytes"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// A message is the component's byte and a canonical list: type, client,
// transfer, attempt, and the fields of the type.
//
//	prepare   participants, payload
//	vote      1 and the endorsement, or 0
//	decision  1 and the endorsements, or 0
//	ack
//	ask       coordinator
//	answer    0 in doubt, 1 commit and the endorsements, 2 abort
//
// Participants and endorsements ascend strictly. A PREPARE does not name its
// coordinator: its sender is.
type message struct {
	kind         msgKind
	id           ID
	yes          bool
	outcome      uint64
	coordinator  protocol.NodeID
	participants []protocol.NodeID
	payload      []byte
	endorsement  []byte
	endorsements []Endorsement
}

type msgKind uint64

const (
	msgPrepare msgKind = iota
	msgVote
	msgDecision
	msgAck
	msgAsk
	msgAnswer
)

// name returns the message's kind.
func (k msgKind) name() protocol.Kind {
	return [...]protocol.Kind{KindPrepare, KindVote, KindDecision, KindAck, KindAsk, KindAnswer}[k]
}

// The outcomes in an answer.
const (
	saysDoubt uint64 = iota
	saysCommit
	saysAbort
)

func (v message) append(b []byte) []byte {
	b = append(b, byte(protocol.TwoPC), 'l')
	b = bencode.AppendUint(b, uint64(v.kind))
	b = appendID(b, v.id)
	switch v.kind {
	case msgPrepare:
		b = appendNodes(b, v.participants)
		b = bencode.AppendBytes(b, v.payload)
	case msgVote:
		b = bencode.AppendBool(b, v.yes)
		if v.yes {
			b = bencode.AppendBytes(b, v.endorsement)
		}
	case msgDecision:
		b = bencode.AppendBool(b, v.yes)
		if v.yes {
			b = appendEndorsements(b, v.endorsements)
		}
	case msgAsk:
		b = bencode.AppendUint(b, uint64(v.coordinator))
	case msgAnswer:
		b = bencode.AppendUint(b, v.outcome)
		if v.outcome == saysCommit {
			b = appendEndorsements(b, v.endorsements)
		}
	}
	return append(b, 'e')
}

// decodeMessage reads what append wrote and nothing else. The slices of bytes
// within v alias b.
func decodeMessage(b []byte) (v message, ok bool) {
	r := bencode.ListOf(protocol.TwoPC.Cut(b))
	v.kind = msgKind(r.UintMax(uint64(msgAnswer)))
	v.id = readID(&r)
	switch v.kind {
	case msgPrepare:
		v.participants = readNodes(&r)
		v.payload = r.Bytes()
	case msgVote:
		v.yes = r.Bool()
		if v.yes {
			v.endorsement = r.Bytes()
		}
	case msgDecision:
		v.yes = r.Bool()
		if v.yes {
			v.endorsements = readEndorsements(&r)
		}
	case msgAsk:
		v.coordinator = readNode(&r)
	case msgAnswer:
		v.outcome = r.UintMax(saysAbort)
		if v.outcome == saysCommit {
			v.endorsements = readEndorsements(&r)
		}
	}
	if !r.Finish() {
		return message{}, false
	}
	return v, true
}

// A record is the component's byte, a canonical list of type, client, transfer,
// attempt and the fields of the type, and a checksum of both, since a disk keeps torn
// records.
//
//	prepared  coordinator, participants, payload, keys, endorsement
//	commit    participants, payload, keys, endorsements: the coordinator's
//	decided   endorsements: a participant's commit
//	abort
//	end       of a commit: what the host persisted is safe, and all have acknowledged
//	ended     endorsements: a commit that ended, of which nothing else is kept
//	floor     transactions of the client up to this one may have been forgotten
//
// A record that is written again, since those before it are discarded, has a type of its
// own, 16 more: it proves the same, and costs no transaction a forced write. The last two
// are always so.
type record struct {
	kind         uint64
	again        bool
	id           ID
	coordinator  protocol.NodeID
	participants []protocol.NodeID
	payload      []byte
	keys         [][]byte
	endorsement  []byte
	endorsements []Endorsement
}

const (
	recPrepared uint64 = iota
	recCommit
	recDecided
	recAbort
	recEnd
	recEnded
	recFloor

	recAgain = 16 // added to the kind
)

// append appends the encoded record, without its checksum.
func (v record) append(b []byte) []byte {
	b = append(b, byte(protocol.TwoPC), 'l')
	if v.again {
		b = bencode.AppendUint(b, v.kind+recAgain)
	} else {
		b = bencode.AppendUint(b, v.kind)
	}
	b = appendID(b, v.id)
	switch v.kind {
	case recPrepared:
		b = bencode.AppendUint(b, uint64(v.coordinator))
		b = appendNodes(b, v.participants)
		b = bencode.AppendBytes(b, v.payload)
		b = appendKeys(b, v.keys)
		b = bencode.AppendBytes(b, v.endorsement)
	case recCommit:
		b = appendNodes(b, v.participants)
		b = bencode.AppendBytes(b, v.payload)
		b = appendKeys(b, v.keys)
		b = appendEndorsements(b, v.endorsements)
	case recDecided, recEnded:
		b = appendEndorsements(b, v.endorsements)
	}
	return append(b, 'e')
}

// decodeRecord reads what append wrote and nothing else, aliasing b.
func decodeRecord(b []byte) (v record, ok bool) {
	r := bencode.ListOf(protocol.TwoPC.Cut(b))
	v.kind = r.UintMax(recAgain + recFloor)
	if v.again = v.kind >= recAgain; v.again {
		v.kind -= recAgain
	}
	if v.again && (v.kind == recDecided || v.kind == recEnd) || !v.again && v.kind > recEnd {
		r.Fail()
	}
	v.id = readID(&r)
	switch v.kind {
	case recPrepared:
		v.coordinator = readNode(&r)
		v.participants = readNodes(&r)
		v.payload = r.Bytes()
		v.keys = readKeys(&r)
		v.endorsement = r.Bytes()
	case recCommit:
		v.participants = readNodes(&r)
		v.payload = r.Bytes()
		v.keys = readKeys(&r)
		v.endorsements = readEndorsements(&r)
	case recDecided, recEnded:
		v.endorsements = readEndorsements(&r)
	}
	if !r.Finish() {
		return record{}, false
	}
	return v, true
}

// Each field below has a function that appends it and one that reads it.

func appendID(b []byte, id ID) []byte {
	b = bencode.AppendUint(b, uint64(id.Client))
	b = bencode.AppendUint(b, id.Transfer)
	return bencode.AppendUint(b, uint64(id.Attempt))
}

func readID(r *bencode.Reader) ID {
	return ID{
		Client:   protocol.NodeID(r.UintMax(1<<32 - 1)),
		Transfer: r.Uint(),
		Attempt:  uint32(r.UintMax(1<<32 - 1)),
	}
}

// readNode reads a node, which cannot be Outside. (A client can.)
func readNode(r *bencode.Reader) protocol.NodeID {
	return protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
}

func appendNodes(b []byte, nodes []protocol.NodeID) []byte {
	b = append(b, 'l')
	for _, n := range nodes {
		b = bencode.AppendUint(b, uint64(n))
	}
	return append(b, 'e')
}

// readNodes reads at least one node, in ascending order.
func readNodes(r *bencode.Reader) (nodes []protocol.NodeID) {
	for r.List(); r.More(); {
		n := readNode(r)
		if len(nodes) > 0 && n <= nodes[len(nodes)-1] {
			r.Fail()
		}
		nodes = append(nodes, n)
	}
	r.End()
	if len(nodes) == 0 {
		r.Fail()
	}
	return nodes
}

func appendKeys(b []byte, keys [][]byte) []byte {
	b = append(b, 'l')
	for _, k := range keys {
		b = bencode.AppendBytes(b, k)
	}
	return append(b, 'e')
}

func readKeys(r *bencode.Reader) (keys [][]byte) {
	for r.List(); r.More(); {
		k := r.Bytes()
		if len(keys) > 0 && bytes.Compare(k, keys[len(keys)-1]) <= 0 {
			r.Fail()
		}
		keys = append(keys, k)
	}
	r.End()
	return keys
}

func appendEndorsements(b []byte, endorsements []Endorsement) []byte {
	b = append(b, 'l')
	for _, e := range endorsements {
		b = append(b, 'l')
		b = bencode.AppendUint(b, uint64(e.Node))
		b = bencode.AppendBytes(b, e.Bytes)
		b = append(b, 'e')
	}
	return append(b, 'e')
}

// readEndorsements reads at least one endorsement, by ascending node.
func readEndorsements(r *bencode.Reader) (endorsements []Endorsement) {
	for r.List(); r.More(); {
		r.List()
		e := Endorsement{Node: readNode(r), Bytes: r.Bytes()}
		r.End()
		if len(endorsements) > 0 && e.Node <= endorsements[len(endorsements)-1].Node {
			r.Fail()
		}
		endorsements = append(endorsements, e)
	}
	r.End()
	if len(endorsements) == 0 {
		r.Fail()
	}
	return endorsements
}
