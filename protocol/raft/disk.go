package raft

import (
	"dessim/protocol"
	"dessim/protocol/bencode"

	pb "go.etcd.io/raft/v3/raftpb"
)

// A readyRecord is what one Ready wants on disk. It is the byte protocol.ABCAST and
// one bencoded list:
//
//	32 term vote commit snapshot first entries
//
// with the index of the first entry, or 0, and the rest as on the wire. It replaces
// the hard state, and the log from its first entry on.
//
// It is one record because a crash may keep any of the records after the last
// sync. If entries were records of their own, then of two that replace two others
// the second might survive alone: a log of the old first and the new second, which
// no leader ever had. As it is, the only records that can be missing before the last
// are those that change the commit index alone, which is a hint.
type readyRecord struct {
	hard    *pb.HardState
	snap    *pb.Snapshot // or nil
	entries []*pb.Entry
}

const recReady = 32

func appendRecord(b []byte, r *readyRecord) []byte {
	b = append(b, byte(protocol.ABCAST), 'l')
	b = bencode.AppendUint(b, recReady)
	b = bencode.AppendUint(b, r.hard.GetTerm())
	b = bencode.AppendUint(b, r.hard.GetVote())
	b = bencode.AppendUint(b, r.hard.GetCommit())
	b = appendSnapshot(b, r.snap)
	var first uint64
	if len(r.entries) > 0 {
		first = r.entries[0].GetIndex()
	}
	b = bencode.AppendUint(b, first)
	b = appendEntries(b, r.entries)
	return append(b, 'e')
}

func decodeRecord(rec []byte) (d readyRecord, ok bool) {
	r := bencode.ListOf(protocol.ABCAST.Cut(rec))
	if r.Uint() != recReady {
		r.Fail()
	}
	d.hard = &pb.HardState{
		Term:   new(r.Positive(maxNumber)),
		Vote:   new(r.UintMax(maxNumber)),
		Commit: new(r.UintMax(maxNumber)),
	}
	d.snap = readSnapshot(&r)
	first := r.UintMax(maxNumber)
	d.entries = readEntries(&r)
	r.End()
	if (first == 0) != (len(d.entries) == 0) || !ascending(d.entries, 1, d.hard.GetTerm()) {
		r.Fail()
	}
	if !r.Done() {
		return readyRecord{}, false
	}
	number(d.entries, first)
	return d, true
}

// restore folds the next record into the storage.
func (g *Group) restore(rec []byte) {
	d, ok := decodeRecord(rec)
	if !ok {
		g.stats.Torn++ // it was never synced, so no node counts on it
		return
	}
	if d.snap != nil {
		d.snap.Metadata.ConfState = g.voters()
	}
	first, err := g.disk.FirstIndex()
	must(err)
	last := g.lastIndex()
	if d.snap != nil {
		first, last = d.snap.GetMetadata().GetIndex()+1, d.snap.GetMetadata().GetIndex()
	}
	if n := len(d.entries); n > 0 {
		if i := d.entries[0].GetIndex(); i < first || i > last+1 {
			g.stats.Gaps++ // a synced record before it did not survive
			return
		}
		last = d.entries[n-1].GetIndex()
	}
	if d.hard.GetCommit() > last {
		g.stats.Clamped++
		d.hard.Commit = new(last)
	}
	cut := g.stats.Cut
	g.write(&d)
	g.stats.Cut = cut // counted in the incarnation that cut them
	g.hard = d.hard
}
