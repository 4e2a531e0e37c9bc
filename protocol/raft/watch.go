package raft

import (
	"dessim/protocol"
	"dessim/protocol/abcast"

	pb "go.etcd.io/raft/v3/raftpb"
)

// Seen is what a message or a record says, for checks that watch the network and the disk.
type Seen struct {
	Kind   protocol.Kind // 0 for a record
	Reject bool
	IDs    []abcast.MsgID  // of the messages that its entries hold
	In     bool            // an entry has its origin enter the view
	Out    []abcast.Member // who leave it, by its entries
}

// Read returns what a message says. ok is false if a node would drop it.
func Read(msg []byte) (s Seen, ok bool) {
	m, ok := decodeMessage(msg)
	if !ok {
		return Seen{}, false
	}
	s.Kind, s.Reject = kindOf(m.GetType()), m.GetReject()
	s.entries(m.Entries)
	return s, true
}

// ReadRecord returns what a record says.
func ReadRecord(rec []byte) (s Seen, ok bool) {
	d, ok := decodeRecord(rec)
	s.entries(d.entries)
	return s, ok
}

func (s *Seen) entries(entries []*pb.Entry) {
	for _, e := range entries {
		i, ok := decodeItem(e.GetData())
		switch {
		case !ok:
		case !i.change():
			s.IDs = append(s.IDs, i.message.ID)
		case i.in:
			s.In = true
		default:
			s.Out = append(s.Out, i.message.ID.Origin())
		}
	}
}

// What is done after so many ticks, for checks that count them.
const (
	RepeatAfter = repeatAfter // from a proposal to the same again
	RemoveAfter = removeAfter // of silence, until a leader takes a member out of the view
)
