package raft

import (
	"bytes"
	"errors"
	"fmt"

	"dessim/protocol"
	"dessim/protocol/abcast"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// settle does what follows from a step: it proposes what waits, and then does what
// the library has ready, in the order that it demands. Writing, proposing and
// applying may make more ready, so settle goes on until nothing is.
func (g *Group) settle(env *protocol.Env) {
	if g.settling {
		return // the loop below goes on with what Deliver broadcast
	}
	g.settling = true
	for {
		g.propose()
		if !g.node.HasReady() {
			break
		}
		rd := g.node.Ready()
		g.record(env, &rd)
		g.send(env, rd.Messages)
		g.install(env, rd.Snapshot)
		g.apply(env, rd.CommittedEntries)
		g.node.Advance(rd)
		g.compact()
	}
	g.settling = false
}

// step passes the library a message.
func (g *Group) step(m *pb.Message) {
	if err := g.node.Step(m); err != nil && !errors.Is(err, etcd.ErrProposalDropped) {
		must(err)
	}
}

// propose sends the leader, if one is known, what was not sent to it yet: the request
// to be in the view, before all else, and this node's broadcasts.
func (g *Group) propose() {
	s := g.node.BasicStatus()
	if s.Lead != g.lead || s.GetTerm() != g.term {
		g.lead, g.term = s.Lead, s.GetTerm()
		g.proposed, g.asked, g.waited = 0, false, 0 // another leader has none of it
		g.repeats, g.pause = 0, repeatAfter
		clear(g.heard)
	}
	join := !g.asked && !g.history.has(g.last.Origin())
	if !join && g.proposed == len(g.outbox) || s.Lead == etcd.None {
		return
	}
	var items []item
	if join {
		items = append(items, item{message: abcast.Message{ID: abcast.MsgID{Node: g.last.Node, Incarnation: g.last.Incarnation}}, in: true})
	}
	for _, o := range g.outbox[g.proposed:] {
		items = append(items, item{message: o})
	}
	g.proposed, g.asked, g.waited = len(g.outbox), true, 0
	g.offer(items...)
}

// offer proposes items as entries.
func (g *Group) offer(items ...item) {
	m := &pb.Message{Type: pb.MsgProp.Enum(), From: new(toRaft(g.last.Node))}
	for i := range items {
		m.Entries = append(m.Entries, &pb.Entry{Data: items[i].append(nil)}) // the library keeps it
	}
	g.step(m)
}

// record writes what a Ready wants on disk, as one record, and syncs if anything
// that is sent after it depends on it.
func (g *Group) record(env *protocol.Env, rd *etcd.Ready) {
	snap := !etcd.IsEmptySnap(rd.Snapshot)
	if etcd.IsEmptyHardState(rd.HardState) && len(rd.Entries) == 0 && !snap {
		return
	}
	if !etcd.IsEmptyHardState(rd.HardState) {
		g.hard = rd.HardState
	}
	r := readyRecord{hard: g.hard, entries: rd.Entries}
	if snap {
		r.snap = rd.Snapshot
	}
	g.out = appendRecord(g.out[:0], &r)
	env.Persist(g.out)
	if rd.MustSync || snap {
		env.Sync() // else only the commit index changed, which is a hint
	}
	g.write(&r)
}

// write puts a record into the storage that the library reads.
func (g *Group) write(r *readyRecord) {
	if r.snap != nil {
		must(g.disk.ApplySnapshot(r.snap))
	}
	if len(r.entries) > 0 {
		g.stats.Cut += g.lastIndex() - (r.entries[0].GetIndex() - 1)
		must(g.disk.Append(r.entries))
	}
	must(g.disk.SetHardState(r.hard))
}

func (g *Group) send(env *protocol.Env, messages []*pb.Message) {
	for _, m := range messages {
		g.out = appendMessage(g.out[:0], m)
		g.cfg.Datagram(env, fromRaft(m.GetTo()), kindOf(m.GetType()), g.out)
		switch m.GetType() {
		case pb.MsgSnap:
			// Without a report the library would wait forever. If the snapshot is
			// lost, the follower refuses the next append and is sent another.
			g.node.ReportSnapshot(m.GetTo(), etcd.SnapshotFinish)
		case pb.MsgVoteResp:
			if !m.GetReject() && g.node.BasicStatus().Lead == etcd.None {
				g.silent = 0 // the candidate gets its chance to lead
			}
		}
	}
}

// apply takes committed entries into the history.
func (g *Group) apply(env *protocol.Env, entries []*pb.Entry) {
	for _, e := range entries {
		if e.GetIndex() != g.applied+1 {
			panic(fmt.Sprintf("raft: node %v: entry %d is applied after %d", g.last.Node, e.GetIndex(), g.applied))
		}
		g.applied++
		if len(e.GetData()) == 0 {
			g.take(env, item{term: e.GetTerm()})
			continue
		}
		i, ok := decodeItem(e.GetData())
		if !ok {
			panic(fmt.Sprintf("raft: node %v: entry %d holds %q, which is no item", g.last.Node, e.GetIndex(), e.GetData()))
		}
		g.take(env, i)
	}
}

// install takes a snapshot into the history. What the history has of it already is
// at the same places.
func (g *Group) install(env *protocol.Env, snap *pb.Snapshot) {
	if etcd.IsEmptySnap(snap) {
		return
	}
	items, ok := decodeHistory(snap.GetData())
	if !ok || !bytes.HasPrefix(snap.GetData()[1:], g.history.items) {
		panic(fmt.Sprintf("raft: node %v: the snapshot of %d entries does not begin with the %d items of this node", g.last.Node, snap.GetMetadata().GetIndex(), g.history.count))
	}
	for i, item := range items {
		if i < g.history.count {
			continue
		}
		if item.message.ID.Seq != 0 {
			g.stats.Learned++
		}
		g.take(env, item)
	}
	g.applied = snap.GetMetadata().GetIndex()
	g.snapped = g.applied
}

// take takes the next item of the log into the history, and outputs what follows.
func (g *Group) take(env *protocol.Env, i item) {
	own := i.message.ID.Origin() == g.last.Origin()
	switch {
	case i.term != 0:
		g.history.enter(item{term: i.term})
		env.Output(KindTerm, appendTerm(nil, i.term, g.history.delivered))
	case !i.change():
		if own && !g.history.has(g.last.Origin()) && g.inOutbox(i.message.ID) {
			g.missed = true
		}
		g.deliver(env, g.history.add(i.message))
	case g.history.change(i):
		if own {
			g.asked = i.in // a member that was removed asks again
			if i.in && g.missed {
				g.proposed, g.missed = 0, false
			}
		}
		g.stats.Installed++
		v := g.view()
		env.Output(abcast.KindViewed, abcast.AppendView(nil, v))
		if g.cfg.Changed != nil {
			g.cfg.Changed(env, v)
		}
	}
}

// inOutbox reports whether a message of this incarnation is not delivered yet: they are delivered in
// the order of the outbox.
func (g *Group) inOutbox(id abcast.MsgID) bool {
	return len(g.outbox) > 0 && id.Seq >= g.outbox[0].ID.Seq
}

func (g *Group) deliver(env *protocol.Env, messages []abcast.Message) {
	for _, m := range messages {
		if len(g.outbox) > 0 && g.outbox[0].ID == m.ID {
			g.outbox = g.outbox[1:]
			g.proposed = max(g.proposed-1, 0)
			g.repeats, g.pause = 0, repeatAfter
		}
		index := g.history.delivered
		g.history.delivered++
		g.out = abcast.AppendDelivered(g.out[:0], index, m.ID)
		env.Output(abcast.KindDelivered, g.out)
		g.cfg.Deliver(env, index, m)
	}
}

// compact makes a snapshot when it saves as much as it costs: so all snapshots
// together cost at most twice the last.
func (g *Group) compact() {
	keep := g.cfg.Snapshot
	if keep == 0 || g.applied-g.snapped < 2*keep || g.applied-g.snapped < g.snapped {
		return
	}
	_, err := g.disk.CreateSnapshot(g.applied, nil, g.history.encode())
	must(err)
	g.snapped = g.applied
	must(g.disk.Compact(g.applied - keep))
}

// snapshot returns a snapshot of the log up to index.
func (g *Group) snapshot(index, term uint64, data []byte) *pb.Snapshot {
	return &pb.Snapshot{Data: data, Metadata: &pb.SnapshotMetadata{Index: new(index), Term: new(term), ConfState: g.voters()}}
}

func (g *Group) voters() *pb.ConfState {
	c := &pb.ConfState{AutoLeave: new(false)}
	for _, id := range g.cfg.Members {
		c.Voters = append(c.Voters, toRaft(id))
	}
	return c
}

func (g *Group) lastIndex() uint64 {
	last, err := g.disk.LastIndex()
	must(err)
	return last
}

func (g *Group) log(from uint64) []*pb.Entry {
	last := g.lastIndex()
	if from > last {
		return nil
	}
	entries, err := g.disk.Entries(from, last+1, 1<<62)
	must(err)
	return entries
}

// quiet is the library's logger. It drops all but what must not happen, which panics.
type quiet struct{}

func (quiet) Debug(...any)                   {}
func (quiet) Debugf(string, ...any)          {}
func (quiet) Info(...any)                    {}
func (quiet) Infof(string, ...any)           {}
func (quiet) Warning(...any)                 {}
func (quiet) Warningf(string, ...any)        {}
func (quiet) Error(...any)                   {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatal(v ...any)                 { panic("raft: " + fmt.Sprint(v...)) }
func (quiet) Fatalf(format string, v ...any) { panic("raft: " + fmt.Sprintf(format, v...)) }
func (quiet) Panic(v ...any)                 { panic("raft: " + fmt.Sprint(v...)) }
func (quiet) Panicf(format string, v ...any) { panic("raft: " + fmt.Sprintf(format, v...)) }
