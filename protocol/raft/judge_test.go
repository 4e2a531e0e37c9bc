package raft_test

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
)

// A judge holds all that any life delivers against one sequence of entries, which
// the first life to get anywhere writes. It knows nothing of how a Group works.
type judge struct {
	world *world
	canon []string // entries: messages and terms
	last  map[abcast.Life]uint64
	term  uint64
	sent  map[abcast.MsgID]sending
	order []abcast.MsgID // as broadcast
	lives map[protocol.NodeID]*progress
	wrong string // the first violation, or ""
}

type sending struct {
	payload string
	at      protocol.Time
}

// progress is what one life has delivered.
type progress struct{ entries, messages int }

func newJudge(w *world) *judge {
	j := &judge{world: w, last: map[abcast.Life]uint64{}, sent: map[abcast.MsgID]sending{}, lives: map[protocol.NodeID]*progress{}}
	for _, h := range w.hosts {
		j.lives[h.id] = &progress{}
	}
	return j
}

func (j *judge) violated(format string, args ...any) {
	if j.wrong == "" {
		j.wrong = fmt.Sprintf("at %v: ", j.world.now()) + fmt.Sprintf(format, args...)
	}
}

func (j *judge) died(m *mortal) { *j.lives[m.id] = progress{} }

func (j *judge) broadcast(id abcast.MsgID, payload string, at protocol.Time) {
	if _, again := j.sent[id]; again {
		j.violated("%v is broadcast twice", id)
	}
	j.sent[id] = sending{payload, at}
	j.order = append(j.order, id)
}

// output judges what life m.inc of a node delivers next.
func (j *judge) output(m *mortal, kind protocol.Kind, body []byte) {
	p := j.lives[m.id]
	who := fmt.Sprintf("node %v/%d delivers", m.id, m.inc)
	text := ""
	isNew := p.entries == len(j.canon)
	if kind == raft.KindTerm {
		term, place, ok := raft.DecodeTerm(body)
		text = fmt.Sprintf("term %d", term)
		if !ok || place != uint64(p.messages) {
			j.violated("%s %s at place %d, after %d messages", who, text, place, p.messages)
		}
		if isNew {
			j.newTerm(who, term)
		}
	} else {
		text = j.message(m, p, who, body, isNew)
	}
	if isNew {
		j.canon = append(j.canon, text)
	} else if j.canon[p.entries] != text {
		j.violated("%s %q as entry %d, another life %q", who, text, p.entries, j.canon[p.entries])
	}
	p.entries++
}

func (j *judge) newTerm(who string, term uint64) {
	j.world.counts.terms++
	if term <= j.term {
		j.violated("%s term %d after term %d", who, term, j.term)
	}
	j.term = term
}

func (j *judge) message(m *mortal, p *progress, who string, body []byte, isNew bool) string {
	var index int
	var id abcast.MsgID
	head, payload, _ := cutFields(string(body), 4)
	fmt.Sscan(head, &index, &id.Node, &id.Incarnation, &id.Seq)
	who = fmt.Sprintf("%s %v at %d", who, id, index)
	if index != p.messages {
		j.violated("%s, after %d messages", who, p.messages)
	}
	p.messages++
	j.world.counts.deliveries++
	s, known := j.sent[id]
	if !known || s.payload != payload {
		j.violated("%s: %q, broadcast %v %q", who, payload, known, s.payload)
	}
	if since, alone := j.world.isolated(m.id); alone && s.at > since {
		j.violated("%s, broadcast at %v, from within a minority since %v", who, s.at, since)
	}
	if isNew {
		l := abcast.Life{Node: id.Node, Incarnation: id.Incarnation}
		if id.Seq != j.last[l]+1 {
			j.violated("%s, after its life's %d", who, j.last[l])
		}
		j.last[l] = id.Seq
		j.world.counts.canon++
		if j.world.hosts[id.Node].inc != id.Incarnation || j.world.hosts[id.Node].host == nil {
			j.world.counts.orphan++
		}
	}
	return fmt.Sprintf("%v %s", id, payload)
}

// cutFields cuts s after n fields.
func cutFields(s string, n int) (head, rest string, ok bool) {
	at := 0
	for range n {
		i := strings.IndexByte(s[at:], ' ')
		if i < 0 {
			return s, "", false
		}
		at += i + 1
	}
	return s[:at], s[at:], true
}

// unfinished tells what is still to come when all is calm, or "": one term and
// its leader known to all, everything delivered everywhere, and nothing lost of a
// life that lives on.
func (w *world) unfinished() string {
	for _, h := range w.hosts {
		if h.host == nil {
			return fmt.Sprintf("node %v is down", h.id)
		}
		g := h.host.group
		v, normal := g.View()
		if !normal || v.Number != w.judge.term || len(v.Members) != len(w.hosts) {
			return fmt.Sprintf("node %v: in term %d of %v: %v, want term %d of all", h.id, v.Number, v.Members, normal, w.judge.term)
		}
		if p := w.judge.lives[h.id]; p.entries != len(w.judge.canon) || g.Pending() != 0 || g.Delivered() != uint64(p.messages) {
			return fmt.Sprintf("node %v: %d of %d entries delivered, %d messages pending", h.id, p.entries, len(w.judge.canon), g.Pending())
		}
	}
	for _, id := range w.judge.order {
		if id.Incarnation == w.hosts[id.Node].inc && w.judge.last[abcast.Life{Node: id.Node, Incarnation: id.Incarnation}] < id.Seq {
			return fmt.Sprintf("%v is not delivered, though its origin lives", id)
		}
	}
	return ""
}

func (w *world) settled() bool { return w.judge.wrong != "" || w.unfinished() == "" }

// run runs the world and gives the first violation, or "".
func (w *world) run() (wrong string) {
	defer func() {
		if v := recover(); v != nil {
			wrong = fmt.Sprint(v)
		}
	}()
	w.end = w.sim.Run()
	if w.judge.wrong == "" {
		if s := w.unfinished(); s != "" {
			w.judge.violated("not done %v after the calm began: %s", w.end.End.Sub(w.calm), s)
		}
	}
	w.counts.healed = float64(w.end.End.Sub(w.calm)) / float64(tick)
	w.counts.broadcasts = len(w.judge.order)
	for i := range w.windows {
		if w.windows[i].split {
			w.counts.minorities++
		}
	}
	for _, h := range w.hosts {
		add(&w.counts.stats, h.stats)
		if h.host != nil {
			add(&w.counts.stats, h.host.group.Stats())
		}
	}
	return w.judge.wrong
}
