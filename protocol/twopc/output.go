package twopc

import (
	"dessim/protocol"
	"dessim/protocol/bencode"
)

// A Record is one output of a node, for checks that see nothing else. Its fields
// depend on the kind of the output:
//
//	KindBegun    ID, Coordinator, Participants: the coordinator began
//	KindVoted    ID, Coordinator, Yes, Keys: the node's vote is final
//	KindDecided  ID, Coordinator, Yes: the node decided, Yes being commit
//
// A participant's yes is final when its record is forced, a coordinator's own
// when it commits, a no when the abort is decided. So a transaction that commits never
// has a no, and no node votes no after a yes; but a node that voted no and then
// crashed may vote yes on a copied PREPARE of a transaction that has aborted. From a
// yes to the decision at the same node Keys are reserved: no other yes there may name
// one of them.
//
// A restart may repeat KindVoted and KindDecided, with the same Yes; an incarnation
// that begins in doubt repeats the yes. A participant that voted yes decides once
// failures are repaired. So does a coordinator that began, unless it crashes first:
// then it has aborted and does not know it.
type Record struct {
	ID           ID
	Coordinator  protocol.NodeID
	Participants []protocol.NodeID // ascending
	Yes          bool
	Keys         [][]byte // ascending; of a yes
}

func (v Record) append(b []byte, kind protocol.Kind) []byte {
	b = append(b, 'l')
	b = appendID(b, v.ID)
	b = bencode.AppendUint(b, uint64(v.Coordinator))
	switch kind {
	case KindBegun:
		b = appendNodes(b, v.Participants)
	case KindVoted:
		b = bencode.AppendBool(b, v.Yes)
		if v.Yes {
			b = appendKeys(b, v.Keys)
		}
	case KindDecided:
		b = bencode.AppendBool(b, v.Yes)
	}
	return append(b, 'e')
}

// DecodeOutput reads an output of that kind. ok is false if kind is not one of this
// package's or rec is not canonical. Keys alias rec.
func DecodeOutput(kind protocol.Kind, rec []byte) (v Record, ok bool) {
	if kind != KindBegun && kind != KindVoted && kind != KindDecided {
		return Record{}, false
	}
	r := bencode.ListOf(rec)
	v.ID = readID(&r)
	v.Coordinator = readNode(&r)
	switch kind {
	case KindBegun:
		v.Participants = readNodes(&r)
	case KindVoted:
		v.Yes = r.Bool()
		if v.Yes {
			v.Keys = readKeys(&r)
		}
	case KindDecided:
		v.Yes = r.Bool()
	}
	if !r.Finish() {
		return Record{}, false
	}
	return v, true
}
