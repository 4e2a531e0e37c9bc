package raft

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"

	pb "go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"
)

func msgID(node, seq uint64) abcast.MsgID {
	return abcast.MsgID{Node: protocol.NodeID(node), Incarnation: 1, Seq: seq}
}

func entry(index, term uint64, data []byte) *pb.Entry {
	return &pb.Entry{Index: new(index), Term: new(term), Data: data}
}

// said, in and out are items: a message of node 1, which enters or leaves the view.
var (
	said   = item{message: abcast.Message{ID: msgID(1, 1), Payload: []byte("apples")}}
	in     = item{message: abcast.Message{ID: msgID(1, 0)}, in: true}
	out    = item{message: abcast.Message{ID: msgID(1, 0)}}
	apples = said.append(nil)
)

// samples are messages of every type, by their text.
func samples() map[string]*pb.Message {
	h := newHistory()
	h.enter(item{term: 2})
	h.change(in)
	h.add(said.message)
	snap := &pb.Snapshot{Data: h.encode(), Metadata: &pb.SnapshotMetadata{Index: new(uint64(9)), Term: new(uint64(3))}}
	u := func(v uint64) *uint64 { return &v }
	return map[string]*pb.Message{
		"raft.propose 1/1/1 6170706c": {Type: pb.MsgProp.Enum(), Entries: []*pb.Entry{{Data: apples}}},
		"raft.append in 3 after 7.2: term 3,1/1/1 6170706c, committed 6": {Type: pb.MsgApp.Enum(), Term: u(3), Index: u(7), LogTerm: u(2), Commit: u(6),
			Entries: []*pb.Entry{entry(8, 3, nil), entry(9, 3, apples)}},
		"raft.append in 3 after 7.2: 1/1 in,1/1 out, committed 6": {Type: pb.MsgApp.Enum(), Term: u(3), Index: u(7), LogTerm: u(2), Commit: u(6),
			Entries: []*pb.Entry{entry(8, 3, in.append(nil)), entry(9, 3, out.append(nil))}},
		"raft.append in 3 after 7.2: nothing, committed 7": {Type: pb.MsgApp.Enum(), Term: u(3), Index: u(7), LogTerm: u(2), Commit: u(7)},
		"raft.ack in 3 up to 8":                            {Type: pb.MsgAppResp.Enum(), Term: u(3), Index: u(8)},
		"raft.ack in 3 refuses 8, try 4.1":                 {Type: pb.MsgAppResp.Enum(), Term: u(3), Index: u(8), Reject: new(true), RejectHint: u(4), LogTerm: u(1)},
		"raft.beat in 3, committed 6":                      {Type: pb.MsgHeartbeat.Enum(), Term: u(3), Commit: u(6)},
		"raft.echo in 3":                                   {Type: pb.MsgHeartbeatResp.Enum(), Term: u(3)},
		"raft.poll for 4, log to 7.2":                      {Type: pb.MsgPreVote.Enum(), Term: u(4), Index: u(7), LogTerm: u(2)},
		"raft.polled in 4 yes":                             {Type: pb.MsgPreVoteResp.Enum(), Term: u(4)},
		"raft.vote for 4, log to 7.2":                      {Type: pb.MsgVote.Enum(), Term: u(4), Index: u(7), LogTerm: u(2)},
		"raft.voted in 4 no":                               {Type: pb.MsgVoteResp.Enum(), Term: u(4), Reject: new(true)},
		"raft.snap in 3 of 9.3: 3 items":                   {Type: pb.MsgSnap.Enum(), Term: u(3), Snapshot: snap},
	}
}

func records() map[string]*readyRecord {
	s := samples()
	hard := &pb.HardState{Term: new(uint64(3)), Vote: new(uint64(2)), Commit: new(uint64(9))}
	return map[string]*readyRecord{
		"in 3, voted 1, committed 9":                                    {hard: hard},
		"in 3, voted 1, committed 9; log from 8: term 3,1/1/1 6170706c": {hard: hard, entries: []*pb.Entry{entry(8, 3, nil), entry(9, 3, apples)}},
		"in 3, voted 1, committed 9; snapshot of 9.3: 3 items":          {hard: hard, snap: s["raft.snap in 3 of 9.3: 3 items"].Snapshot},
		"in 1, voted nobody, committed 0":                               {hard: &pb.HardState{Term: new(uint64(1))}},
	}
}

func TestMessagesAndRecordsHaveATextAndReadBack(t *testing.T) {
	for want, m := range samples() {
		b := appendMessage(nil, m)
		if got := Text(b); got != want {
			t.Errorf("%q has the text %q, want %q", b, got, want)
		}
		back, ok := decodeMessage(b)
		if !ok || !bytes.Equal(appendMessage(nil, back), b) {
			t.Errorf("%q is read back as %v: %v", b, back, ok)
		}
		for i, e := range back.GetEntries() {
			if e.GetIndex() != m.GetEntries()[i].GetIndex() {
				t.Errorf("%s: entry %d is read back with index %d, want %d", want, i, e.GetIndex(), m.GetEntries()[i].GetIndex())
			}
		}
	}
	for want, r := range records() {
		b := appendRecord(nil, r)
		if got := TextRecord(b); got != want {
			t.Errorf("%q has the text %q, want %q", b, got, want)
		}
		if back, ok := decodeRecord(b); !ok || !bytes.Equal(appendRecord(nil, &back), b) {
			t.Errorf("%q is read back: %v", b, ok)
		}
	}
}

// A new version of the library may add a field that the wire would lose.
func TestTheWireKnowsAllFieldsOfTheLibrary(t *testing.T) {
	for what, fields := range map[string][2]int{
		"Message":          {new(pb.Message).ProtoReflect().Descriptor().Fields().Len(), 14},
		"Entry":            {new(pb.Entry).ProtoReflect().Descriptor().Fields().Len(), 4},
		"Snapshot":         {new(pb.Snapshot).ProtoReflect().Descriptor().Fields().Len(), 2},
		"SnapshotMetadata": {new(pb.SnapshotMetadata).ProtoReflect().Descriptor().Fields().Len(), 3},
		"HardState":        {new(pb.HardState).ProtoReflect().Descriptor().Fields().Len(), 3},
		"ConfState":        {new(pb.ConfState).ProtoReflect().Descriptor().Fields().Len(), 5},
	} {
		if fields[0] != fields[1] {
			t.Errorf("%s has %d fields, want %d: see whether the wire must carry the others", what, fields[0], fields[1])
		}
	}
}

// lone returns member 2 of 1, 2 and 3, started.
func lone(records ...[]byte) (*Group, *protocol.Env, *[]string) {
	var got []string
	g := New(Config{
		Members:  []protocol.NodeID{1, 2, 3},
		Datagram: (*protocol.Env).Send,
		Tick:     time.Second,
		Deliver: func(_ *protocol.Env, index uint64, m abcast.Message) {
			if index != uint64(len(got)) {
				panic("index out of turn")
			}
			got = append(got, string(m.Payload))
		},
	})
	for _, rec := range records {
		g.Restore(rec)
	}
	env := &protocol.Env{}
	env.Enter(2, 7, 0, nil)
	g.Start(env)
	return g, env, &got
}

func TestWhatNoMemberWouldSendIsDroppedAndCounted(t *testing.T) {
	s := samples()
	beat := appendMessage(nil, s["raft.echo in 3"])
	with := func(change func(m *pb.Message)) []byte {
		m, _ := decodeMessage(appendMessage(nil, s["raft.append in 3 after 7.2: term 3,1/1/1 6170706c, committed 6"]))
		change(m)
		return appendMessage(nil, m)
	}
	for _, c := range []struct {
		name string
		from protocol.NodeID
		msg  []byte
		want abcast.Stats
	}{
		{"empty", 1, nil, abcast.Stats{Malformed: 1}},
		{"component only", 1, []byte{4}, abcast.Stats{Malformed: 1}},
		{"another component", 1, append([]byte{5}, beat[1:]...), abcast.Stats{Malformed: 1}},
		{"something after it", 1, append(slices.Clone(beat), 'e'), abcast.Stats{Malformed: 1}},
		{"ISIS's", 1, []byte("\x04li2ei1ei1ei1ei7ee"), abcast.Stats{Malformed: 1}},
		{"unknown type", 1, bytes.Replace(beat, []byte("i41e"), []byte("i99e"), 1), abcast.Stats{Malformed: 1}},
		{"local type", 1, bytes.Replace(beat, []byte("i41e"), []byte("i32e"), 1), abcast.Stats{Malformed: 1}},
		{"term 0", 1, with(func(m *pb.Message) { m.Term = nil }), abcast.Stats{Malformed: 1}},
		{"term too great", 1, with(func(m *pb.Message) { m.Term = new(uint64(maxNumber + 1)) }), abcast.Stats{Malformed: 1}},
		{"entry of a later term", 1, with(func(m *pb.Message) { m.Entries[1].Term = new(uint64(4)) }), abcast.Stats{Malformed: 1}},
		{"entry of an earlier term", 1, with(func(m *pb.Message) { m.Entries[1].Term = new(uint64(2)) }), abcast.Stats{Malformed: 1}},
		{"entry that is no message", 1, with(func(m *pb.Message) { m.Entries[1].Data = []byte("le") }), abcast.Stats{Malformed: 1}},
		{"beat with entries", 1, with(func(m *pb.Message) { m.Type = pb.MsgHeartbeat.Enum() }), abcast.Stats{Malformed: 1}},
		{"append with a snapshot", 1, with(func(m *pb.Message) { m.Snapshot = s["raft.snap in 3 of 9.3: 3 items"].Snapshot }), abcast.Stats{Malformed: 1}},
		{"snapshot without one", 1, with(func(m *pb.Message) { m.Type, m.Entries = pb.MsgSnap.Enum(), nil }), abcast.Stats{Malformed: 1}},
		{"snapshot of anything", 1, with(func(m *pb.Message) {
			m.Type, m.Entries = pb.MsgSnap.Enum(), nil
			m.Snapshot = &pb.Snapshot{Data: []byte("i1e"), Metadata: &pb.SnapshotMetadata{Index: new(uint64(1)), Term: new(uint64(1))}}
		}), abcast.Stats{Malformed: 1}},
		{"proposal of nothing", 1, with(func(m *pb.Message) { *m = pb.Message{Type: pb.MsgProp.Enum()} }), abcast.Stats{Malformed: 1}},
		{"proposal of a term", 1, with(func(m *pb.Message) { *m = pb.Message{Type: pb.MsgProp.Enum(), Entries: []*pb.Entry{{}}} }), abcast.Stats{Malformed: 1}},
		{"from no member", 7, beat, abcast.Stats{Foreign: 1}},
		{"from outside", protocol.Outside, beat, abcast.Stats{Foreign: 1}},
		{"from oneself", 2, beat, abcast.Stats{Foreign: 1}},
		{"heartbeat that commits what is not there", 1, appendMessage(nil, &pb.Message{Type: pb.MsgHeartbeat.Enum(), Term: new(uint64(3)), Commit: new(uint64(99))}), abcast.Stats{Stray: 1}},
		{"proposal to a follower", 1, appendMessage(nil, s["raft.propose 1/1/1 6170706c"]), abcast.Stats{Stray: 1}},
	} {
		g, env, got := lone()
		before := len(env.Effects())
		g.Receive(env, c.from, c.msg)
		if st := g.Stats(); st != c.want || len(*got) != 0 || len(env.Effects()) != before {
			t.Errorf("%s: stats %+v, want %+v; %v delivered, effects %v", c.name, st, c.want, *got, env.Effects()[before:])
		}
	}
}

// The library's Ready says that a snapshot alone needs no sync, though it brings the
// acknowledgement too.
func TestSnapshotIsSafeBeforeItIsAcknowledged(t *testing.T) {
	g, env, got := lone()
	g.Receive(env, 1, appendMessage(nil, &pb.Message{Type: pb.MsgHeartbeat.Enum(), Term: new(uint64(3))}))
	before := len(env.Effects())
	g.Receive(env, 1, appendMessage(nil, samples()["raft.snap in 3 of 9.3: 3 items"]))
	var ops []protocol.Op
	for _, e := range env.Effects()[before:] {
		ops = append(ops, e.Op)
	}
	if want := []protocol.Op{protocol.OpPersist, protocol.OpSync, protocol.OpSend, protocol.OpOutput, protocol.OpOutput, protocol.OpOutput}; !slices.Equal(ops, want) {
		t.Errorf("does %v, want %v", ops, want)
	}
	rec := env.Effects()[before].Body
	_, _, again := lone(bytes.Clone(rec))
	for _, d := range [][]string{*got, *again} {
		if !slices.Equal(d, []string{"apples"}) {
			t.Errorf("delivered %q, want apples: in this incarnation and the next", d)
		}
	}
}

// Heartbeats of a deposed leader must not keep followers from forgetting the one
// that they follow.
func TestOnlyTheLeaderIsHeard(t *testing.T) {
	g, env, _ := lone()
	beat := func(from protocol.NodeID, term uint64) {
		g.Receive(env, from, appendMessage(nil, &pb.Message{Type: pb.MsgHeartbeat.Enum(), Term: new(term)}))
	}
	for range 10 {
		beat(1, 3)
		g.Timeout(env, tagTick)
	}
	if n := g.Stats().Excluded; n != 0 {
		t.Errorf("forgot %d leaders that it heard", n)
	}
	for range 10 {
		beat(3, 2)
		g.Timeout(env, tagTick)
	}
	if n := g.Stats().Excluded; n != 1 {
		t.Errorf("forgot %d leaders, want that of term 3, which is silent", n)
	}
}

// Deliver and Changed may broadcast, also within Start, and are called one after
// the other.
func TestCallsOfTheHostNeverNest(t *testing.T) {
	var g *Group
	var got []string
	inside := false
	enter := func(env *protocol.Env, what string) {
		if inside {
			t.Errorf("%s within another", what)
		}
		inside = true
		got = append(got, what)
		if len(got) < 10 {
			g.Broadcast(env, []byte("more"))
		}
		inside = false
	}
	g = New(Config{
		Members:  []protocol.NodeID{2},
		Datagram: (*protocol.Env).Send,
		Tick:     time.Second,
		Deliver:  func(env *protocol.Env, _ uint64, m abcast.Message) { enter(env, string(m.Payload)) },
		Changed:  func(env *protocol.Env, v abcast.View) { enter(env, fmt.Sprint(v.Members)) },
	})
	snap := samples()["raft.snap in 3 of 9.3: 3 items"].Snapshot
	hard := &pb.HardState{Term: new(uint64(3)), Commit: new(uint64(10))}
	g.Restore(appendRecord(nil, &readyRecord{hard: hard, snap: snap, entries: []*pb.Entry{entry(10, 3, nil)}}))
	env := &protocol.Env{}
	env.Enter(2, 7, 0, nil)
	g.Start(env)
	g.Timeout(env, tagTick)
	want := []string{"[1/1]", "apples", "[1/1 2/7]", "more", "more", "more", "more", "more", "more", "more", "more", "more"}
	if !slices.Equal(got, want) {
		t.Errorf("host calls %q, want %q", got, want)
	}
	if n := g.Broadcast(env, []byte("last")).Seq; n != 10 || got[len(got)-1] != "last" || g.Pending() != 0 {
		t.Errorf("broadcast %d, host calls %q, %d pending", n, got[len(got)-1], g.Pending())
	}
}

// The library's random timer would send polls on its own.
func TestOnlyOurOwnTimerCampaigns(t *testing.T) {
	g, env, _ := lone()
	for range 1000 {
		g.Timeout(env, tagTick)
	}
	polls := uint64(0)
	for _, e := range env.Effects() {
		if e.Kind == KindPoll {
			polls++
		}
	}
	if b := g.Stats().Ballots; b < 100 || polls != 2*b {
		t.Errorf("%d polls of two others in %d campaigns", polls, b)
	}
}

func TestRestoreRefusesWhatHasAGap(t *testing.T) {
	hard := &pb.HardState{Term: new(uint64(3)), Commit: new(uint64(9))}
	whole := appendRecord(nil, &readyRecord{hard: hard, entries: []*pb.Entry{entry(1, 1, in.append(nil)), entry(2, 1, apples)}})
	g, _, got := lone(
		whole,
		appendRecord(nil, &readyRecord{hard: hard, entries: []*pb.Entry{entry(4, 3, nil)}}),
		whole[:len(whole)-1],
		[]byte("\x04li1ei1ee"), // abcast's
	)
	if s := g.Stats(); s.Gaps != 1 || s.Torn != 2 || s.Clamped != 1 || !slices.Equal(*got, []string{"apples"}) || g.lastIndex() != 2 {
		t.Errorf("stats %+v, delivered %q, log to %d; want 1 gap, 2 torn, 1 clamped, apples, log to 2", s, *got, g.lastIndex())
	}
}

// The twin keeps the whole log and evaluates all of it each time.
func TestHistoryIsWhatItsLogSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		var log []item
		var got []abcast.MsgID
		for range rapid.IntRange(0, 60).Draw(t, "entries") {
			i := item{message: abcast.Message{ID: abcast.MsgID{
				Node:        protocol.NodeID(rapid.IntRange(0, 1).Draw(t, "node")),
				Incarnation: rapid.Uint32Range(1, 2).Draw(t, "incarnation"),
				Seq:         uint64(max(0, rapid.IntRange(-2, 5).Draw(t, "seq"))),
			}}}
			i.in = i.change() && rapid.IntRange(0, 2).Draw(t, "in") > 0
			log = append(log, i)
			if i.change() {
				h.change(i)
			} else {
				for _, m := range h.add(i.message) {
					got = append(got, m.ID)
				}
			}
			want, members := outcome(log)
			if !slices.Equal(got, want) || !slices.Equal(h.members(), members) {
				t.Fatalf("log %v: delivered %v in view %v, want %v in %v", log, got, h.members(), want, members)
			}
		}
		items, ok := decodeHistory(h.encode())
		copied := newHistory()
		for _, i := range items {
			if i.change() {
				copied.change(i)
			} else {
				copied.add(i.message)
			}
		}
		if !ok || len(items) != h.count || !bytes.Equal(copied.encode(), h.encode()) || copied.number != h.number {
			t.Fatalf("log %v: a snapshot of %d items is read back as %d", log, h.count, len(items))
		}
	})
}

// outcome returns what a log amounts to: the members of the view at its end, and what was
// delivered, each message once it and those before it were in the log while their
// origin was in the view.
func outcome(log []item) (delivered []abcast.MsgID, members []abcast.Member) {
	heard := func(id abcast.MsgID) bool { return slices.Contains(delivered, id) }
	var counted []abcast.MsgID
	for n, i := range log {
		l := i.message.ID.Origin()
		member := slices.Contains(members, l)
		if !i.change() {
			if member {
				counted = append(counted, i.message.ID)
			}
		} else if !i.in && member && len(members) > 1 {
			members = slices.DeleteFunc(members, func(m abcast.Member) bool { return m == l })
		} else if i.in && !member {
			superseded := slices.ContainsFunc(log[:n], func(o item) bool {
				return o.change() && o.in && o.message.ID.Node == l.Node && o.message.ID.Incarnation > l.Incarnation
			})
			if !superseded {
				members = slices.DeleteFunc(members, func(m abcast.Member) bool { return m.Node == l.Node })
				members = append(members, l)
				slices.SortFunc(members, func(a, b abcast.Member) int { return int(a.Node) - int(b.Node) })
			}
		}
		for again := true; again; {
			again = false
			for _, id := range counted {
				before := id
				before.Seq--
				if !heard(id) && (before.Seq == 0 || heard(before)) {
					delivered, again = append(delivered, id), true
				}
			}
		}
	}
	return delivered, members
}

func FuzzMessage(f *testing.F) {
	for _, m := range samples() {
		f.Add(appendMessage(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := decodeMessage(b)
		if ok && !bytes.Equal(appendMessage(nil, m), b) {
			t.Fatalf("%q is written as %q", b, appendMessage(nil, m))
		}
		if s := Text(b); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", b, s)
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, r := range records() {
		f.Add(appendRecord(nil, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := decodeRecord(b)
		if ok && !bytes.Equal(appendRecord(nil, &r), b) {
			t.Fatalf("%q is written as %q", b, appendRecord(nil, &r))
		}
		if s := TextRecord(b); (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
			t.Fatalf("%q has the text %q", b, s)
		}
	})
}

func FuzzTerm(f *testing.F) {
	f.Add(appendTerm(nil, 3, 9))
	f.Fuzz(func(t *testing.T, b []byte) {
		if term, place, ok := DecodeTerm(b); ok && !bytes.Equal(appendTerm(nil, term, place), b) {
			t.Fatalf("%q is written as %q", b, appendTerm(nil, term, place))
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
