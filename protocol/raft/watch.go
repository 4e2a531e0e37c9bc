package raft

import (
	"dessim/protocol"
	"dessim/protocol/abcast"

	pb "go.etcd.io/raft/v3/raftpb"
)

// Seen is what a message or a record says, for checks that watch the network and the disk.
type Seen struct {
	Kind     protocol.Kind // 0 for a record
	Reject   bool
	Snapshot bool   // there is one
	Commit   uint64 // of a record: how far the log is committed
	First    uint64 // index of the first entry, if there are any
	Entries  []SeenEntry
}

// SeenEntry is an entry that holds a message, or a change of the view, which has seq 0: its origin
// enters, or leaves.
type SeenEntry struct {
	Index uint64 // 0 in a proposal
	ID    abcast.MsgID
	In    bool
}

// Read returns what a message says. ok is false if a node would drop it.
func Read(msg []byte) (s Seen, ok bool) {
	m, ok := decodeMessage(msg)
	if !ok {
		return Seen{}, false
	}
	return Seen{Kind: kindOf(m.GetType()), Reject: m.GetReject(), Snapshot: m.Snapshot != nil, Entries: seen(m.Entries)}, true
}

// ReadRecord returns what a record says.
func ReadRecord(rec []byte) (s Seen, ok bool) {
	d, ok := decodeRecord(rec)
	s = Seen{Snapshot: d.snap != nil, Commit: d.hard.GetCommit(), Entries: seen(d.entries)}
	if len(d.entries) > 0 {
		s.First = d.entries[0].GetIndex()
	}
	return s, ok
}

func seen(entries []*pb.Entry) (out []SeenEntry) {
	for _, e := range entries {
		if i, ok := decodeItem(e.GetData()); ok {
			out = append(out, SeenEntry{Index: e.GetIndex(), ID: i.message.ID, In: i.in})
		}
	}
	return out
}

// What is done after so many ticks, for checks that count them.
const (
	RepeatAfter = repeatAfter // from a proposal to the same again
	RemoveAfter = removeAfter // of silence, until a leader takes a member out of the view
)
