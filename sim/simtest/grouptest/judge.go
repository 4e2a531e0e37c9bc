package grouptest

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// A judge compares everything that any life delivers with one sequence of entries, in which
// the first life to reach a place writes it. It does not know how a Group works.
type judge struct {
	world *World
	canon []string // entries: messages, views and marks
	view  abcast.View
	mark  uint64 // the last mark in canon, like view
	last  map[abcast.Member]uint64
	sent  map[abcast.MsgID]sending
	order []abcast.MsgID // as broadcast
	lives []progress     // by node
	wrong string         // the first violation, or ""
}

type sending struct {
	payload string
	at      protocol.Time
}

// progress is what one life has delivered.
type progress struct {
	entries, messages int
	seqs              map[abcast.Member]uint64 // the last of each life
	told              []byte                   // the output of kind KindDelivered that must precede the next message, or nil
}

func newJudge(w *World) *judge {
	return &judge{world: w, last: map[abcast.Member]uint64{}, sent: map[abcast.MsgID]sending{}, lives: make([]progress, w.Size())}
}

func (j *judge) violated(format string, args ...any) {
	if j.wrong == "" {
		j.wrong = fmt.Sprintf("at %v: ", j.world.now()) + fmt.Sprintf(format, args...)
	}
}

func (j *judge) died(m *member) { j.lives[m.id] = progress{} }

func (j *judge) broadcast(id abcast.MsgID, payload string, at protocol.Time) {
	if _, again := j.sent[id]; again {
		j.violated("%v is broadcast twice", id)
	}
	j.sent[id] = sending{payload, at}
	j.order = append(j.order, id)
}

// output judges what life m.inc of a node delivers next.
func (j *judge) output(m *member, kind protocol.Kind, body []byte) {
	p := &j.lives[m.id]
	if kind == abcast.KindDelivered {
		p.told = bytes.Clone(body)
		return
	}
	who := fmt.Sprintf("node %v/%d delivers", m.id, m.inc)
	isNew := p.entries == len(j.canon)
	text := ""
	switch kind {
	case abcast.KindViewed:
		text = j.viewed(p, who, body, isNew)
	case j.world.protocol.Mark:
		text = j.marked(p, who, body, isNew)
	default:
		text = j.message(m, p, who, body, isNew)
	}
	if isNew {
		j.canon = append(j.canon, text)
	} else if j.canon[p.entries] != text {
		j.violated("%s %q as entry %d, another life %q", who, text, p.entries, j.canon[p.entries])
	}
	p.entries++
}

func (j *judge) viewed(p *progress, who string, body []byte, isNew bool) string {
	v, ok := abcast.DecodeViewed(body)
	text := fmt.Sprintf("view %d %v", v.Number, v.Members)
	if !ok || v.Place != uint64(p.messages) {
		j.violated("%s %s at place %d, after %d messages", who, text, v.Place, p.messages)
	}
	if !isNew {
		return text
	}
	j.world.counts.Changes++
	if v.Number <= j.view.Number {
		j.violated("%s view %d after view %d", who, v.Number, j.view.Number)
	}
	j.view = v
	if j.world.protocol.Refuse != nil {
		if why := j.world.protocol.Refuse(j.world, v); why != "" {
			j.violated("%s %s", who, why)
		}
	}
	return text
}

func (j *judge) marked(p *progress, who string, body []byte, isNew bool) string {
	n, place, ok := j.world.protocol.DecodeMark(body)
	text := fmt.Sprintf("mark %d", n)
	if !ok || place != uint64(p.messages) {
		j.violated("%s %s at place %d, after %d messages", who, text, place, p.messages)
	}
	if isNew {
		if n <= j.mark {
			j.violated("%s mark %d after mark %d", who, n, j.mark)
		}
		j.mark = n
	}
	return text
}

func (j *judge) message(m *member, p *progress, who string, body []byte, isNew bool) string {
	index, id, payload := readHandedOver(body)
	who = fmt.Sprintf("%s %v at %d", who, id, index)
	if at, told, ok := abcast.DecodeDelivered(p.told); !ok || at != index || told != id {
		j.violated("%s, told as %v at %d", who, told, at)
	}
	p.told = nil
	if index != uint64(p.messages) {
		j.violated("%s, after %d messages", who, p.messages)
	}
	p.messages++
	if p.seqs == nil {
		p.seqs = map[abcast.Member]uint64{}
	}
	p.seqs[id.Origin()] = id.Seq
	j.world.counts.Deliveries++
	s, known := j.sent[id]
	if !known || s.payload != payload {
		j.violated("%s: %q, broadcast %v %q", who, payload, known, s.payload)
	}
	if since, alone := j.world.isolated(m.id); alone && s.at > since {
		j.violated("%s, broadcast at %v, from within a minority since %v", who, s.at, since)
	}
	if isNew {
		l := abcast.Member{Node: id.Node, Incarnation: id.Incarnation}
		if id.Seq != j.last[l]+1 {
			j.violated("%s, after its life's %d", who, j.last[l])
		}
		j.last[l] = id.Seq
		if !slices.Contains(j.view.Members, l) {
			j.violated("%s, in view %d of %v", who, j.view.Number, j.view.Members)
		}
		j.world.counts.Ordered++
		if known && (j.world.Incarnation(id.Node) != id.Incarnation || j.world.members[id.Node].group == nil) {
			j.world.counts.Orphans++
		}
	}
	return fmt.Sprintf("%v %s", id, payload)
}

// unfinished returns what is still missing in the calm, or "": a last view of all living
// nodes, everything delivered everywhere, and no lost broadcast of a life that still lives.
func (w *World) unfinished() string {
	for _, m := range w.members {
		if m.group == nil {
			return fmt.Sprintf("node %v is down", m.id)
		}
		v, normal := m.group.View()
		if !normal || v.Number != w.judge.view.Number || len(v.Members) != w.Size() {
			return fmt.Sprintf("node %v: in view %d %v: %v, want view %d of all", m.id, v.Number, v.Members, normal, w.judge.view.Number)
		}
		for _, l := range v.Members {
			if l.Incarnation != w.Incarnation(l.Node) {
				return fmt.Sprintf("node %v: view %d has life %v, which is over", m.id, v.Number, l)
			}
		}
		if p := w.judge.lives[m.id]; p.entries != len(w.judge.canon) || m.group.Pending() != 0 || m.group.Delivered() != uint64(p.messages) {
			return fmt.Sprintf("node %v: %d of %d entries delivered, %d messages pending", m.id, p.entries, len(w.judge.canon), m.group.Pending())
		}
	}
	for _, id := range w.judge.order {
		if id.Incarnation == w.Incarnation(id.Node) && w.judge.last[abcast.Member{Node: id.Node, Incarnation: id.Incarnation}] < id.Seq {
			return fmt.Sprintf("%v is not delivered, though its origin lives", id)
		}
	}
	return ""
}

func (w *World) settled() bool { return w.judge.wrong != "" || w.unfinished() == "" }
