package raft

import (
	"bytes"
	"fmt"
	"math"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/bencode"

	pb "go.etcd.io/raft/v3/raftpb"
)

// Kinds of messages and outputs.
var (
	KindPropose = protocol.KindOf("raft.propose") // MsgProp: anyone to the leader
	KindAppend  = protocol.KindOf("raft.append")  // MsgApp: entries, and how far they are committed
	KindAck     = protocol.KindOf("raft.ack")     // MsgAppResp
	KindBeat    = protocol.KindOf("raft.beat")    // MsgHeartbeat
	KindEcho    = protocol.KindOf("raft.echo")    // MsgHeartbeatResp
	KindPoll    = protocol.KindOf("raft.poll")    // MsgPreVote: would you vote for me?
	KindPolled  = protocol.KindOf("raft.polled")  // MsgPreVoteResp
	KindVote    = protocol.KindOf("raft.vote")    // MsgVote
	KindVoted   = protocol.KindOf("raft.voted")   // MsgVoteResp
	KindSnap    = protocol.KindOf("raft.snap")    // MsgSnap
	KindTerm    = protocol.KindOf("raft.term")    // output: a term at its place in the order; see DecodeTerm
)

// kindOf returns the kind of a message that goes from node to node, 0 for others.
func kindOf(t pb.MessageType) protocol.Kind {
	switch t {
	case pb.MsgProp:
		return KindPropose
	case pb.MsgApp:
		return KindAppend
	case pb.MsgAppResp:
		return KindAck
	case pb.MsgHeartbeat:
		return KindBeat
	case pb.MsgHeartbeatResp:
		return KindEcho
	case pb.MsgPreVote:
		return KindPoll
	case pb.MsgPreVoteResp:
		return KindPolled
	case pb.MsgVote:
		return KindVote
	case pb.MsgVoteResp:
		return KindVoted
	case pb.MsgSnap:
		return KindSnap
	}
	return 0
}

// A message on the wire is the byte protocol.ABCAST and one bencoded list:
//
//	32+type term logTerm index commit reject rejectHint entries snapshot
//
// All fields are always there, in this order. The types are the library's; abcast's
// are below 32, so each order takes the other's messages for malformed. Sender and
// receiver are those of the datagram. Entries have consecutive indices, and the
// configuration is known, so neither travels. Entries, the snapshot, if there is
// one, and the items of its data are lists too:
//
//	entry     term data
//	snapshot  index term data
//	message   node incarnation seq payload
//	change    node incarnation 0 in
//
// The data of an entry are a message, or a change of the view: a member enters (1) or
// leaves (0); or nothing, as a leader begins its term. The data of a snapshot are a
// list of messages and changes and, as integers, of terms.
const typeBase = 32

// maxNumber bounds terms and indices, so that what counts on from them cannot wrap.
const maxNumber = 1 << 62

// appendMessage writes m. A field that the wire does not carry panics: a later
// version of the library may use more of them.
func appendMessage(b []byte, m *pb.Message) []byte {
	if kindOf(m.GetType()) == 0 || m.GetVote() != 0 || len(m.GetContext()) != 0 || len(m.GetResponses()) != 0 {
		panic(fmt.Sprintf("raft: message of type %d has what the wire does not carry", int32(m.GetType())))
	}
	b = append(b, byte(protocol.ABCAST), 'l')
	b = bencode.AppendUint(b, typeBase+uint64(m.GetType()))
	b = bencode.AppendUint(b, m.GetTerm())
	b = bencode.AppendUint(b, m.GetLogTerm())
	b = bencode.AppendUint(b, m.GetIndex())
	b = bencode.AppendUint(b, m.GetCommit())
	var reject uint64
	if m.GetReject() {
		reject = 1
	}
	b = bencode.AppendUint(b, reject)
	b = bencode.AppendUint(b, m.GetRejectHint())
	b = appendEntries(b, m.GetEntries())
	b = appendSnapshot(b, m.GetSnapshot())
	return append(b, 'e')
}

func appendEntries(b []byte, entries []*pb.Entry) []byte {
	b = append(b, 'l')
	for _, e := range entries {
		if e.GetType() != pb.EntryNormal {
			panic(fmt.Sprintf("raft: entry %d changes the configuration", e.GetIndex()))
		}
		b = append(b, 'l')
		b = bencode.AppendUint(b, e.GetTerm())
		b = bencode.AppendBytes(b, e.GetData())
		b = append(b, 'e')
	}
	return append(b, 'e')
}

func appendSnapshot(b []byte, s *pb.Snapshot) []byte {
	b = append(b, 'l')
	if s != nil {
		b = bencode.AppendUint(b, s.GetMetadata().GetIndex())
		b = bencode.AppendUint(b, s.GetMetadata().GetTerm())
		b = bencode.AppendBytes(b, s.GetData())
	}
	return append(b, 'e')
}

// decodeMessage reads a message that a member would send. The result shares no memory
// with msg and has neither sender, receiver nor configuration.
func decodeMessage(msg []byte) (*pb.Message, bool) {
	r := bencode.ListOf(protocol.ABCAST.Cut(msg))
	t := r.Uint() - typeBase // what wraps is no type
	if t > math.MaxInt32 || kindOf(pb.MessageType(t)) == 0 {
		return nil, false
	}
	m := &pb.Message{Type: pb.MessageType(t).Enum()}
	m.Term = new(r.UintMax(maxNumber))
	m.LogTerm = new(r.UintMax(maxNumber))
	m.Index = new(r.UintMax(maxNumber))
	m.Commit = new(r.UintMax(maxNumber))
	m.Reject = new(r.Bool())
	m.RejectHint = new(r.UintMax(maxNumber))
	m.Entries = readEntries(&r)
	m.Snapshot = readSnapshot(&r)
	if !r.Finish() || !sound(m) {
		return nil, false
	}
	number(m.Entries, m.GetIndex()+1)
	return m, true
}

// MessageTerm returns the term of a message, which must be one that a member would send; a
// proposal has 0.
func MessageTerm(msg []byte) uint64 {
	r := bencode.ListOf(protocol.ABCAST.Cut(msg))
	r.Uint()
	return r.UintMax(maxNumber)
}

// sound reports whether a message's fields fit together. A message that lies passes:
// Raft does not tolerate liars.
func sound(m *pb.Message) bool {
	t := m.GetType()
	isSnap, isProp := t == pb.MsgSnap, t == pb.MsgProp
	if (m.Snapshot != nil) != isSnap || (m.GetTerm() == 0) != isProp {
		return false
	}
	if isProp {
		for _, e := range m.Entries {
			if e.GetTerm() != 0 || len(e.GetData()) == 0 {
				return false
			}
		}
		return len(m.Entries) > 0 && m.GetIndex() == 0
	}
	if len(m.Entries) > 0 && t != pb.MsgApp {
		return false
	}
	return ascending(m.Entries, max(m.GetLogTerm(), 1), m.GetTerm())
}

// ascending reports whether the terms of entries ascend within least and most.
func ascending(entries []*pb.Entry, least, most uint64) bool {
	for _, e := range entries {
		if e.GetTerm() < least || e.GetTerm() > most {
			return false
		}
		least = e.GetTerm()
	}
	return true
}

// number sets the indices of entries of the log. Those of a proposal, which have no
// term, get theirs from the leader.
func number(entries []*pb.Entry, first uint64) {
	for i, e := range entries {
		if e.GetTerm() != 0 {
			e.Index = new(first + uint64(i))
		}
	}
}

func readEntries(r *bencode.Reader) (entries []*pb.Entry) {
	r.List()
	for r.More() {
		r.List()
		e := &pb.Entry{Term: new(r.UintMax(maxNumber)), Data: bytes.Clone(r.Bytes())}
		r.End()
		if len(e.Data) == 0 {
			e.Data = nil
		} else if _, ok := decodeItem(e.Data); !ok {
			r.Fail()
		}
		entries = append(entries, e)
	}
	r.End()
	return entries
}

func readSnapshot(r *bencode.Reader) *pb.Snapshot {
	r.List()
	if !r.More() {
		r.End()
		return nil
	}
	index, term := r.Positive(maxNumber), r.Positive(maxNumber)
	data := bytes.Clone(r.Bytes())
	r.End()
	if _, ok := decodeHistory(data); !ok {
		r.Fail()
	}
	return &pb.Snapshot{Data: data, Metadata: &pb.SnapshotMetadata{Index: new(index), Term: new(term)}}
}

// An item of a history is a term or, if that is 0, what an entry holds: a message
// or, if its seq is 0, a change of the view: its origin enters or leaves.
type item struct {
	term    uint64
	message abcast.Message
	in      bool // of a change: the origin enters
}

// change reports whether the item changes the view.
func (i *item) change() bool { return i.term == 0 && i.message.ID.Seq == 0 }

func (i *item) append(b []byte) []byte {
	if i.term != 0 {
		return bencode.AppendUint(b, i.term)
	}
	b = append(b, 'l')
	b = bencode.AppendUint(b, uint64(i.message.ID.Node))
	b = bencode.AppendUint(b, uint64(i.message.ID.Incarnation))
	b = bencode.AppendUint(b, i.message.ID.Seq)
	switch {
	case !i.change():
		b = bencode.AppendBytes(b, i.message.Payload)
	case i.in:
		b = bencode.AppendUint(b, 1)
	default:
		b = bencode.AppendUint(b, 0)
	}
	return append(b, 'e')
}

// readItem reads what an entry holds.
func readItem(r *bencode.Reader) (i item) {
	m := &i.message
	r.List()
	m.ID.Node = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
	m.ID.Incarnation = uint32(r.Positive(math.MaxUint32))
	m.ID.Seq = r.UintMax(maxNumber)
	if i.change() {
		i.in = r.Bool()
	} else {
		m.Payload = bytes.Clone(r.Bytes())
	}
	r.End()
	return i
}

// decodeItem reads what an entry holds. The payload is a copy.
func decodeItem(data []byte) (i item, ok bool) {
	var r bencode.Reader
	r.Reset(data)
	i = readItem(&r)
	return i, r.Done()
}

func decodeHistory(data []byte) (items []item, ok bool) {
	r := bencode.ListOf(data)
	for r.More() {
		if r.IsInt() {
			items = append(items, item{term: r.Positive(maxNumber)})
		} else {
			items = append(items, readItem(&r))
		}
	}
	return items, r.Finish()
}

func appendTerm(b []byte, term, place uint64) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, term)
	b = bencode.AppendUint(b, place)
	return append(b, 'e')
}

// DecodeTerm reads an output of kind KindTerm: the number of a term, and how many
// messages are delivered before it.
func DecodeTerm(rec []byte) (term, place uint64, ok bool) {
	r := bencode.ListOf(rec)
	term, place = r.Positive(maxNumber), r.UintMax(maxNumber)
	if !r.Finish() {
		return 0, 0, false
	}
	return term, place, true
}
