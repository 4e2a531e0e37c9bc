package raft

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/words"

	pb "go.etcd.io/raft/v3/raftpb"
)

// Text returns a message in words. An entry is named by index and term:
//
//	raft.propose 1/1/1 7390d1d6                with the beginning of the payload
//	raft.append in 3 after 7.2: 1/1/1 7390d1d6, committed 6
//	raft.append in 3 after 8.3: 2/4 in, committed 8        a member enters the view, or leaves it
//	raft.ack in 3 up to 8                      or: refuses 8, try 4.1
//	raft.beat in 3, committed 6
//	raft.echo in 3
//	raft.poll for 4, log to 7.2                and likewise raft.vote
//	raft.polled in 4 yes                       and likewise raft.voted
//	raft.snap in 3 of 9.3: 12 items
//
// The text of what is not canonical is empty.
func Text(msg []byte) string {
	m, ok := decodeMessage(msg)
	if !ok {
		return ""
	}
	kind := kindOf(m.GetType())
	switch m.GetType() {
	case pb.MsgProp:
		return fmt.Sprintf("%v %s", kind, textEntries(m.Entries))
	case pb.MsgApp:
		return fmt.Sprintf("%v in %d after %d.%d: %s, committed %d", kind, m.GetTerm(), m.GetIndex(), m.GetLogTerm(), textEntries(m.Entries), m.GetCommit())
	case pb.MsgAppResp:
		if m.GetReject() {
			return fmt.Sprintf("%v in %d refuses %d, try %d.%d", kind, m.GetTerm(), m.GetIndex(), m.GetRejectHint(), m.GetLogTerm())
		}
		return fmt.Sprintf("%v in %d up to %d", kind, m.GetTerm(), m.GetIndex())
	case pb.MsgHeartbeat:
		return fmt.Sprintf("%v in %d, committed %d", kind, m.GetTerm(), m.GetCommit())
	case pb.MsgPreVote, pb.MsgVote:
		return fmt.Sprintf("%v for %d, log to %d.%d", kind, m.GetTerm(), m.GetIndex(), m.GetLogTerm())
	case pb.MsgPreVoteResp, pb.MsgVoteResp:
		if m.GetReject() {
			return fmt.Sprintf("%v in %d no", kind, m.GetTerm())
		}
		return fmt.Sprintf("%v in %d yes", kind, m.GetTerm())
	case pb.MsgSnap:
		return fmt.Sprintf("%v in %d of %s", kind, m.GetTerm(), textSnapshot(m.Snapshot))
	}
	return fmt.Sprintf("%v in %d", kind, m.GetTerm())
}

func textEntries(entries []*pb.Entry) string {
	if len(entries) == 0 {
		return "nothing"
	}
	return words.List(len(entries), func(i int) string {
		e := entries[i]
		if len(e.GetData()) == 0 {
			return fmt.Sprintf("term %d", e.GetTerm())
		}
		what, _ := decodeItem(e.GetData())
		m := what.message
		switch {
		case what.change() && what.in:
			return fmt.Sprintf("%v in", m.ID.Origin())
		case what.change():
			return fmt.Sprintf("%v out", m.ID.Origin())
		case len(m.Payload) == 0:
			return fmt.Sprintf("%v empty", m.ID)
		}
		return fmt.Sprintf("%v %s", m.ID, words.Short(m.Payload))
	})
}

func textSnapshot(s *pb.Snapshot) string {
	items, _ := decodeHistory(s.GetData())
	return fmt.Sprintf("%d.%d: %d items", s.GetMetadata().GetIndex(), s.GetMetadata().GetTerm(), len(items))
}

// TextOutput returns an output of kind KindTerm in words, without its kind, as "4
// before message 8". The text of anything else is empty.
func TextOutput(kind protocol.Kind, rec []byte) string {
	term, place, ok := DecodeTerm(rec)
	if !ok || kind != KindTerm {
		return ""
	}
	return fmt.Sprintf("%d before message %d", term, place)
}

// TextRecord returns a record on disk in words:
//
//	in 3, voted 1, committed 6; log from 8: 1/1/1 7390d1d6
//	in 3, voted nobody, committed 9; snapshot of 9.3: 12 items
//
// The text of what is not canonical is empty.
func TextRecord(rec []byte) string {
	d, ok := decodeRecord(rec)
	if !ok {
		return ""
	}
	vote := "nobody"
	if v := d.hard.GetVote(); v != 0 {
		vote = fromRaft(v).String()
	}
	s := fmt.Sprintf("in %d, voted %s, committed %d", d.hard.GetTerm(), vote, d.hard.GetCommit())
	if d.snap != nil {
		s += "; snapshot of " + textSnapshot(d.snap)
	}
	if len(d.entries) > 0 {
		s += fmt.Sprintf("; log from %d: %s", d.entries[0].GetIndex(), textEntries(d.entries))
	}
	return s
}
