package raft

import (
	"cmp"
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/words"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Describe appends the state to b by the convention of protocol.Describer. Two things are
// missing that decide what is next, since the library shows neither: the votes that a
// candidate has, and how long ago a leader last counted its majority.
func (g *Group) Describe(b []byte) []byte {
	if g.node == nil {
		return words.Line(b, "state", "not started")
	}
	s := g.node.BasicStatus()
	b = words.Line(b, "state", role(&s))
	b = words.Uint(b, "life", uint64(g.last.Incarnation))
	b = words.Uint(b, "term", s.GetTerm())
	b = words.Line(b, "voted for", name(s.GetVote()))
	b = fmt.Appendf(b, "view: %d of %v from message %d\n", g.history.number, g.history.members(), g.history.place)
	b = words.Line(b, "last lives in it", g.history.lives())
	b = words.Uint(b, "committed", s.GetCommit())
	b = words.Uint(b, "applied", g.applied)
	b = words.Uint(b, "delivered", g.history.delivered)
	b = words.Line(b, "last broadcast", g.last.String())
	b = words.Part(b, "log", g.describeLog)
	b = words.Part(b, "outbox", g.describeOutbox)
	b = words.Part(b, "detector", g.describeDetector)
	if s.RaftState == etcd.StateLeader {
		b = words.Part(b, "others", g.describeOthers)
	}
	b = fmt.Appendf(b, "history: %s %s\n", words.Count(uint64(g.history.count), "item"), words.Hash(g.history.items))
	return words.Part(b, "origins", g.history.describe)
}

// lives returns the highest incarnation of each node that was ever in the view.
func (h *history) lives() string {
	var all []abcast.Member
	for _, id := range protocol.SortedKeys(h.latest) {
		all = append(all, abcast.Member{Node: id, Incarnation: h.latest[id]})
	}
	return fmt.Sprint(all)
}

func role(s *etcd.BasicStatus) string {
	switch s.RaftState {
	case etcd.StateLeader:
		return "leads"
	case etcd.StateCandidate:
		return "asks for votes"
	case etcd.StatePreCandidate:
		return "asks whether it would get votes"
	}
	if s.Lead != etcd.None {
		return "follows " + name(s.Lead)
	}
	return "looks for a leader"
}

func name(id uint64) string {
	if id == etcd.None {
		return "nobody"
	}
	return fromRaft(id).String()
}

// describeLog appends the entries since the last snapshot, by their indexes, each with
// its term.
func (g *Group) describeLog(b []byte) []byte {
	first, err := g.disk.FirstIndex()
	must(err)
	b = words.Uint(b, "snapshot", g.snapped)
	b = words.Uint(b, "last", g.lastIndex())
	return words.Part(b, "entries", func(b []byte) []byte {
		for _, e := range g.log(first) {
			b = words.Row(b).Uint(e.GetIndex()).Str(": in ").Uint(e.GetTerm()).Str(", ")
			switch what, _ := decodeItem(e.GetData()); {
			case len(e.GetData()) == 0:
				b = append(b, "the term begins"...)
			case what.change() && what.in:
				b = fmt.Appendf(b, "%v in", what.message.ID.Origin())
			case what.change():
				b = fmt.Appendf(b, "%v out", what.message.ID.Origin())
			default:
				b = words.Row(b).Str(what.message.ID.String()).Str(" ").Content(what.message.Payload)
			}
			b = append(b, '\n')
		}
		return b
	})
}

func (g *Group) describeOutbox(b []byte) []byte {
	for i, m := range g.outbox {
		sent := "not proposed in this term"
		if i < g.proposed {
			sent = "proposed"
		}
		b = words.Row(b).Str(m.ID.String()).Str(": ").Str(sent).Str(", ").Content(m.Payload).End()
	}
	return b
}

func (g *Group) describeDetector(b []byte) []byte {
	b = fmt.Appendf(b, "silence: %d ticks\n", g.silent)
	b = fmt.Appendf(b, "campaigns: without a leader after %d ticks, %s so far\n", g.patience, words.Count(uint64(g.lost), "campaign"))
	b = words.Line(b, "asked to be in the view", words.YesNo(g.asked))
	b = words.Line(b, "proposes again", fmt.Sprintf("after %d of %d ticks, %s so far", g.waited, g.pause, words.Count(uint64(g.repeats), "time")))
	b = words.Line(b, "proposed to", fmt.Sprintf("%s in %d", name(g.lead), g.term))
	return words.Line(b, "some missed the view", words.YesNo(g.missed))
}

// describeOthers appends what a leader knows of the others.
func (g *Group) describeOthers(b []byte) []byte {
	g.node.WithProgress(func(id uint64, _ etcd.ProgressType, p tracker.Progress) {
		node := fromRaft(id)
		if node == g.last.Node {
			return
		}
		state := [...]string{tracker.StateProbe: "probed", tracker.StateReplicate: "replicated to", tracker.StateSnapshot: "sent a snapshot"}[p.State]
		b = words.Part(b, node.String(), func(b []byte) []byte {
			b = words.Line(b, "is", state)
			b = words.Uint(b, "has", p.Match)
			b = words.Uint(b, "next", p.Next)
			b = words.Line(b, "answered lately", words.YesNo(p.RecentActive))
			b = words.Line(b, "must answer first", words.YesNo(p.IsPaused()))
			return b
		})
	})
	return words.Part(b, "silent", func(b []byte) []byte {
		for place, id := range g.cfg.Members {
			if place != g.self {
				s := g.heard[place]
				b = fmt.Appendf(b, "%v: %d ticks, out at %d, proposed %s\n", id, s.ticks, cmp.Or(s.next, removeAfter), words.Count(uint64(s.removed), "time"))
			}
		}
		return b
	})
}

// describe appends for each origin how far its messages came, and those that came early.
func (h *history) describe(b []byte) []byte {
	for _, l := range protocol.SortedKeysFunc(h.streams, compareMembers) {
		s := h.streams[l]
		b = words.Part(b, l.String(), func(b []byte) []byte {
			b = words.Uint(b, "delivered up to", s.last)
			if len(s.held) > 0 {
				b = words.Part(b, "held", func(b []byte) []byte {
					for _, m := range s.held {
						b = words.Line(b, strconv.FormatUint(m.ID.Seq, 10), words.Content(m.Payload))
					}
					return b
				})
			}
			return b
		})
	}
	return b
}

func compareMembers(a, b abcast.Member) int {
	return abcast.MsgID{Node: a.Node, Incarnation: a.Incarnation}.Compare(abcast.MsgID{Node: b.Node, Incarnation: b.Incarnation})
}
