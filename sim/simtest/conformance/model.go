package conformance

import (
	"encoding/json"
	"fmt"

	"dessim/protocol"
)

// judgement is what the model says of a history.
type judgement struct {
	bad        []string // each begins with the number of the obligation
	owed       []string // likewise
	travelling int      // messages to other nodes that may still arrive
	crossed    int      // messages to other nodes that arrived
}

// model goes through a history and keeps what each node may rely on.
type model struct {
	p     *Play
	out   judgement
	nodes []nodeModel
	sends []sent
	taken map[int]bool // inputs by identity
	took  []taking
}

// nodeModel is what the model knows of a node.
type nodeModel struct {
	id     protocol.NodeID
	up     bool
	lives  int
	inc    uint32
	now    protocol.Time
	names  map[uint64]bool
	timers map[uint64]protocol.Time // when they may fire, at the earliest
	sent   int                      // messages of this incarnation
	self   []toSelf
	disks  []disk // all that its disk may be
	step   *step  // the last one, until its effects are known to be done
}

// step is a step whose effects are under way.
type step struct {
	now     protocol.Time // of its effects, at the earliest
	acts    []Act         // effects
	seen    int           // effects up to the last output that was seen
	panics  bool
	carried int // effects that may have been carried out
}

// toSelf is a message that a node sent to itself.
type toSelf struct {
	body string
	life int // of the sender
}

// sent is a message to another node.
type sent struct {
	from, to protocol.NodeID
	body     string
	step     *step
	effect   int
	arrived  bool
}

// taking is a message from another node that was taken up, and how many were sent by then.
type taking struct {
	from, to protocol.NodeID
	body     string
	sends    int
}

// judge goes through a history, of which the script has begun the actions before number end.
func (p *Play) judge(log []event, end int) judgement {
	m := &model{p: p, nodes: make([]nodeModel, p.Nodes), taken: make(map[int]bool)}
	for i := range m.nodes {
		m.nodes[i] = nodeModel{id: protocol.NodeID(i), names: make(map[uint64]bool), disks: []disk{{}}}
	}
	for i := range log {
		e := &log[i]
		n := &m.nodes[e.node]
		switch e.what {
		case outputs:
			m.output(n, e)
		case down:
			m.down(n, e)
		default:
			m.begin(n, e)
		}
	}
	m.expect(end)
	m.arrivals()
	return m.out
}

func (m *model) bad(number int, n *nodeModel, format string, args ...any) {
	m.out.bad = append(m.out.bad, fmt.Sprintf("%d: node %v.%d ", number, n.id, n.inc)+fmt.Sprintf(format, args...))
}

func (m *model) owe(number int, n *nodeModel, format string, args ...any) {
	m.out.owed = append(m.out.owed, fmt.Sprintf("%d: node %v.%d ", number, n.id, n.inc)+fmt.Sprintf(format, args...))
}

// begin judges the beginning of a step.
func (m *model) begin(n *nodeModel, e *event) {
	if e.what == started {
		m.start(n, e)
	} else if !n.up {
		m.bad(24, n, "is down and has a step: %v", e)
		return
	}
	if n.step != nil {
		if text, more := n.step.next(); more {
			m.bad(3, n, "begins a step before output %q of the one before", text)
		}
		m.finish(n)
	}
	switch {
	case e.inc != n.inc:
		m.bad(1, n, "becomes incarnation %d without a start", e.inc)
	case e.now < n.now || e.now > protocol.MaxTime:
		m.bad(27, n, "has %v after %v", e.now, n.now)
	case e.jumped != 0:
		m.bad(27, n, "has %v, and %v on its steady clock, but no clock jumps", e.now, e.now-protocol.Time(e.jumped))
	case n.names[e.name] && m.p.named:
		m.bad(6, n, "has two steps of name %#x", e.name)
	}
	n.names[e.name], n.now = true, e.now
	switch e.what {
	case fired:
		m.fire(n, e)
	case received:
		m.receive(n, e)
	}
	n.step = &step{now: e.now, panics: panics(e.acts)}
	for _, a := range e.acts {
		if a.Do == send {
			n.sent++
			a.body = string(message{a.ID, n.inc, n.sent, a.Then}.bytes())
		}
		if a.effect() {
			n.step.acts = append(n.step.acts, a)
		}
	}
	m.give(n)
}

// start judges what a Start finds.
func (m *model) start(n *nodeModel, e *event) {
	if n.up {
		m.bad(2, n, "is up and is started")
	}
	switch {
	case n.lives == 0 && e.inc != 1:
		m.bad(1, n, "has %d as its first incarnation, want 1", e.inc)
	case e.inc <= n.inc:
		m.bad(1, n, "is followed by incarnation %d, want a greater one", e.inc)
	}
	n.up, n.inc, n.sent, n.step = true, e.inc, 0, nil
	n.lives++
	n.names, n.timers = make(map[uint64]bool), make(map[uint64]protocol.Time)
	var fit []disk
	for i := range n.disks {
		if d, ok := n.disks[i].survive(e.records); ok {
			fit = append(fit, d)
		}
	}
	if fit == nil {
		m.bad(25, n, "finds records %v, want those of one of %v", e.records, n.disks)
		fit = n.disks
	}
	n.disks = distinct(fit)
}

// fire judges that a timer fired.
func (m *model) fire(n *nodeModel, e *event) {
	due, set := n.timers[e.tag]
	switch {
	case !set:
		m.bad(12, n, "has timer %d fire at %v, which was cancelled, has fired, or is of a former life", e.tag, e.now)
	case e.now < due:
		m.bad(11, n, "has timer %d fire at %v, which is due at %v", e.tag, e.now, due)
	}
	delete(n.timers, e.tag)
}

// receive judges that a message was taken up.
func (m *model) receive(n *nodeModel, e *event) {
	var msg message
	if err := json.Unmarshal([]byte(e.body), &msg); err != nil {
		panic(err) // a node has read it
	}
	switch given, known := m.p.given[msg.ID]; {
	case known && given.forged:
		m.bad(18, n, "takes up %s from %v, which that never sent", e.body, e.from)
	case known != (e.from == protocol.Outside):
		m.bad(19, n, "takes up %s from %v, want inputs, and nothing else, from outside", e.body, e.from)
	case known && (given.node != n.id || m.taken[msg.ID]):
		m.bad(19, n, "takes up an input of node %v, or one twice: %s", given.node, e.body)
	case known && given.life != n.lives:
		m.bad(20, n, "takes up in its life %d an input given in life %d: %s", n.lives, given.life, e.body)
	case known:
		m.taken[msg.ID] = true
		if e.body != given.body {
			m.bad(17, n, "takes up input %s, want %s", e.body, given.body)
		}
	case e.from == n.id:
		m.receiveOwn(n, e)
	default:
		m.took = append(m.took, taking{e.from, n.id, e.body, len(m.sends)})
	}
}

// receiveOwn judges that a node took up a message of its own: the next one, but that those of
// a former life may be lost.
func (m *model) receiveOwn(n *nodeModel, e *event) {
	for i, s := range n.self {
		if s.body == e.body {
			n.self = n.self[i+1:]
			return
		}
		if s.life == n.lives {
			break
		}
	}
	m.bad(30, n, "takes up %s from itself, want the first of %v, or a later one if crashes lost those before", e.body, n.self)
}

// output judges that an output was handed on.
func (m *model) output(n *nodeModel, e *event) {
	switch {
	case !n.up:
		m.bad(24, n, "is down and makes output %q", e.body)
		return
	case n.step == nil:
		m.bad(16, n, "makes output %q in no step", e.body)
		return
	}
	switch text, more := n.step.next(); {
	case !more:
		m.bad(9, n, "makes output %q, want no more of this step", e.body)
	case text != e.body:
		m.bad(9, n, "makes output %q, want %q", e.body, text)
	case n.step.panics:
		m.bad(9, n, "makes output %q in a call that has not returned", e.body)
	default:
		n.step.seen = n.step.index() + 1
	}
}

// index returns the index of the first output that was not seen, or that behind all effects.
func (s *step) index() int {
	for i := s.seen; i < len(s.acts); i++ {
		if s.acts[i].Do == output {
			return i
		}
	}
	return len(s.acts)
}

// next returns the first output that was not seen.
func (s *step) next() (text string, more bool) {
	if i := s.index(); i < len(s.acts) {
		return s.acts[i].Text, true
	}
	return "", false
}

// give enters the messages that the step sends to other nodes, which may be under way before
// the step is known to be done.
func (m *model) give(n *nodeModel) {
	n.step.carried = len(n.step.acts)
	for i, a := range n.step.acts {
		if a.Do == send && a.To != n.id {
			m.sends = append(m.sends, sent{n.id, a.To, a.body, n.step, i, false})
		}
	}
}

// finish enters what the step has done, whole.
func (m *model) finish(n *nodeModel) {
	s := n.step
	n.step = nil
	for i := range s.acts {
		m.carry(n, s, &s.acts[i])
	}
	n.disks = distinct(n.disks)
}

// carry enters an effect.
func (m *model) carry(n *nodeModel, s *step, a *Act) {
	switch a.Do {
	case send:
		if a.To == n.id {
			n.self = append(n.self, toSelf{a.body, n.lives})
		}
	case set:
		n.timers[a.Tag] = s.now + protocol.Time(a.After)
	case syncing:
		s.now += protocol.Time(m.p.Sync)
	case cancel:
		delete(n.timers, a.Tag)
	}
	for i := range n.disks {
		n.disks[i].do(a)
	}
}

// down judges that an incarnation ended.
func (m *model) down(n *nodeModel, e *event) {
	if !n.up {
		m.bad(24, n, "is down and goes down")
		return
	}
	n.up = false
	endings := m.p.endings[n.id]
	switch {
	case len(endings) < n.lives:
		m.bad(24, n, "goes down, but nothing has crashed it %s", e.body)
		return
	case (endings[n.lives-1].Do == Input) != (e.body != ""):
		m.bad(29, n, "goes down by panic %q, want %v", e.body, &endings[n.lives-1])
	}
	if s := n.step; s != nil {
		n.step = nil
		m.cut(n, s, &endings[n.lives-1])
	}
	n.timers = nil
}

// cut enters what a step has done at whose effects the node went down.
func (m *model) cut(n *nodeModel, s *step, by *Action) {
	first, last := s.seen, s.index() // the crash came behind that many effects
	exact := -1
	switch by.Do {
	case Input: // it panicked
		exact = 0
	case CrashIn:
		exact = min(by.K, len(s.acts))
	case FailSync: // perhaps not the first: that was under way when the script had one fail
		for first < last && s.acts[first].Do != syncing {
			first++
		}
		for last = min(last, len(s.acts)-1); last > first && s.acts[last].Do != syncing; {
			last--
		}
		if first >= len(s.acts) || s.acts[first].Do != syncing {
			m.bad(14, n, "goes down by a sync that fails, but not at one of %v", s.acts)
			return
		}
	}
	if exact >= 0 {
		if exact < first || exact > last {
			m.bad(9, n, "goes down after %d effects, but its outputs tell of %d to %d of %v", exact, first, last, s.acts)
		}
		first, last = exact, exact
	}
	var forks []disk
	for i := range s.acts[:last] {
		if i >= first && s.acts[i].Do == syncing {
			forks = append(forks, n.disks...) // it may have come here
		}
		m.carry(n, s, &s.acts[i])
	}
	if s.carried = last; by.Do == FailSync { // nobody knows what the disk holds
		forks = append(forks, n.disks...)
		for i := range n.disks {
			n.disks[i].do(&Act{Do: syncing})
		}
	}
	n.disks = distinct(append(forks, n.disks...))
}

// arrivals judges the messages that were taken up. Each was sent before, by an effect that
// was carried out.
func (m *model) arrivals() {
	for _, a := range m.took {
		found := false
		for i := range m.sends[:a.sends] {
			s := &m.sends[i]
			if s.from == a.from && s.to == a.to && s.body == a.body && s.effect < s.step.carried {
				found, s.arrived = true, true
			}
		}
		if m.out.crossed++; !found {
			m.bad(9, &m.nodes[a.to], "takes up %s from %v, which has not sent it, not yet, or never carried it out", a.body, a.from)
		}
	}
	for i := range m.sends {
		s := &m.sends[i]
		if !s.arrived && s.effect < s.step.carried && uint64(s.to) < uint64(len(m.nodes)) && m.nodes[s.to].up {
			m.out.travelling++
		}
	}
}
