package sim

import (
	"math"
	"math/bits"

	"dessim/protocol"
)

// told is what a part has to tell of a window: which events happened, and what observers are to
// be shown of them.
type told struct {
	log    []happened
	shown  []shown
	acts   []act
	bodies []byte

	before uint64 // events so far, as the part counts them, before the one that happens
	seen   int    // of log: those whose turn has been
	next   int    // of shown
	acted  int    // of acts
}

// happened is an event of the queue that happened.
type happened struct {
	at     protocol.Time
	dst    uint32
	counts int32 // for how many events: one, but that held ones count when they are consumed
}

// shown is what an observer is to be shown. Step counts from the event before.
type shown struct {
	Event
	entry int // of the log
}

// act is what an observer that reads a node has left to do when it is the event's turn.
type act struct {
	shown   int
	watcher *watcher
	then    func(e *Event)
}

// crashed is a panic of a part.
type crashed struct {
	Moment
	value  any
	stack  []byte
	exited bool // it is the end of its goroutine, and no panic
}

const (
	// mostEvents is the number of events from which windows get shorter, so that the messages
	// between parts stay in the cache; mostShown is that of a run with observers, for which
	// all that they are to be shown is kept, which takes some 500 bytes for an event.
	mostEvents = 1 << 16
	mostShown  = 1 << 14
	// fewEvents is the number of events up to which one goroutine works off a window: to wake
	// the others costs as much.
	fewEvents = 64
)

// advance runs at most n events, or to the end of a window beyond.
func (t *team) advance(n int) bool {
	defer t.threads.stop()
	for n > 0 && !t.whole.over {
		events, ok := t.window()
		if !ok {
			if !t.next() {
				return false
			}
			events = 1
		}
		n -= events
	}
	return !t.whole.over
}

// window runs the parts apart for as long as they can be. ok is false if they cannot.
func (t *team) window() (events int, ok bool) {
	s := t.whole
	if s.over {
		return 0, false
	}
	from := t.first()
	until := min(t.farthest, s.horizon+1)
	if until <= from {
		return 0, false
	}
	t.until, t.nodes = t.bound(from, min(until, from+t.span))
	for _, p := range t.parts {
		p.least, p.result.Events = math.MaxInt64, s.result.Events
	}
	t.turn ^= 1
	t.apart = true
	together := t.last > t.few
	if together {
		t.threads.run()
	} else {
		for _, p := range t.parts {
			p.run()
		}
	}
	t.apart, t.loose = false, true
	if events = t.meet(); together {
		t.shared += uint64(events)
	}
	t.adapt(events, t.until-from)
	return events, true
}

// first returns the time of the first event, or the greatest time.
func (t *team) first() protocol.Time {
	from := protocol.Time(math.MaxInt64)
	for _, p := range t.parts {
		if !t.loose { // events have happened in the global order
			p.next = p.first()
		}
		from = min(from, p.next, p.least)
	}
	return from
}

// bound returns where a window that begins at from should end, by until at the latest: before
// too many events come at once, of which the window before told nothing. Of what happens in
// the last nanosecond, it has only the events of nodes below that number.
func (t *team) bound(from, until protocol.Time) (end protocol.Time, nodes uint32) {
	for t.pending(until-1) > t.most {
		if until == from+1 {
			t.deliver()
			_, first := t.earliest()
			return until, first.dst + uint32(t.most)
		}
		until = from + (until-from)/2
	}
	return until, math.MaxUint32
}

// pending returns about how many events are pending up to that time, and not fewer.
func (t *team) pending(at protocol.Time) (n int) {
	for _, p := range t.parts {
		n += p.q.upTo(at)
		if t.loose {
			for i := range p.out[t.turn] {
				n += len(p.out[t.turn][i].messages)
			}
		}
	}
	return n
}

// adapt sets the length of the next window by that of the last.
func (t *team) adapt(events int, span protocol.Time) {
	t.last = events
	switch most := t.most; {
	case events > most:
		hi, lo := bits.Mul64(uint64(span), uint64(most))
		part, _ := bits.Div64(hi, lo, uint64(events))
		t.span = max(1, protocol.Time(part))
	case 2*events < most && span >= t.span:
		t.span = min(2*t.span, t.lookahead)
	}
}

// deliver hands over the messages between parts, for events in the global order.
func (t *team) deliver() {
	if t.loose {
		t.loose, t.turn = false, t.turn^1
		for _, p := range t.parts {
			p.accept()
			p.least = math.MaxInt64
		}
	}
}

// run has the part's events of the window happen.
func (p *part) run() {
	returned := false
	defer func() {
		if !returned {
			p.crash(recover())
		}
	}()
	p.accept()
	w := &p.told
	w.log, w.shown, w.acts, w.bodies = w.log[:0], w.shown[:0], w.acts[:0], w.bodies[:0]
	w.seen, w.next, w.acted = 0, 0, 0
	last := p.team.until - 1
	for {
		if p.team.nodes < math.MaxUint32 {
			if e, ok := p.q.peek(); ok && e.at == last && e.dst >= p.team.nodes {
				break
			}
		}
		e, ok := p.q.pop(last)
		if !ok {
			break
		}
		r := p.slab.at(e.slot)
		if r.op == opDead {
			p.dead--
			p.slab.release(e.slot, r)
			continue
		}
		w.log = append(w.log, happened{e.at, e.dst, 0})
		w.before = p.result.Events
		p.now = e.at
		p.result.Events++
		p.happen(e, r)
		w.log[len(w.log)-1].counts = int32(p.result.Events - w.before)
	}
	p.next = p.first()
	returned = true
}

// crash notes the panic that ended the part's window.
func (p *part) crash(value any) {
	at := stackOf(value)
	if at == nil {
		at = stack()
	}
	p.crashed = &crashed{Moment: p.Sim.Where(), value: value, stack: at, exited: value == nil}
	if w := &p.told; len(w.log) > 0 {
		w.log[len(w.log)-1].counts = int32(p.result.Events - w.before)
	}
}

// meet has the observers see what happened in a window, counts its events, and panics where a
// part did: at the first such place in the order of the run.
func (t *team) meet() int {
	s := t.whole
	began, all, watched := s.result.Events, 0, false
	var first *part
	for _, p := range t.parts {
		all += int(p.result.Events - began)
		watched = watched || len(p.told.shown) > 0
		t.farthest = max(t.farthest, p.farthest)
		if p.crashed != nil && (first == nil || p.told.last().before(first.told.last())) {
			first = p
		}
	}
	t.share()
	t.misses()
	if watched || first != nil {
		t.tell(first)
	}
	if first != nil {
		first.crashed.raise(s.result.Events + first.told.last().counted())
	}
	s.result.Events = began + uint64(all)
	for _, p := range t.parts {
		s.now = max(s.now, p.now)
		p.result.Events = s.result.Events
	}
	return all
}

// tell shows observers what happened in a window, in the order of the run; up to the panic of
// first, unless that is nil.
func (t *team) tell(first *part) {
	for {
		var p *part
		for _, q := range t.parts {
			if q.told.seen < len(q.told.log) && (p == nil || q.told.head().before(p.told.head())) {
				p = q
			}
		}
		if p == nil {
			return
		}
		w := &p.told
		for ; w.next < len(w.shown) && w.shown[w.next].entry == w.seen; w.next++ {
			t.show(w)
		}
		if w.seen++; p == first && w.seen == len(w.log) {
			return
		}
		t.whole.result.Events += w.log[w.seen-1].counted()
	}
}

// show shows the next event of a part.
func (t *team) show(w *told) {
	s, x := t.whole, &w.shown[w.next]
	s.shown, s.now = x.Event, x.At
	e := &s.shown
	e.Step += s.result.Events
	list := s.watchers.of(e)
	for i := range list {
		o := &list[i]
		switch {
		case !o.sees(e), o.of.local == nil && o.idle(e):
		case o.of.local == nil:
			o.Observe(e)
		case w.acted < len(w.acts) && w.acts[w.acted].shown == w.next && w.acts[w.acted].watcher == o.of:
			w.acted++
			w.acts[w.acted-1].then(e)
		}
	}
}

func (w *told) head() *happened { return &w.log[w.seen] }

// last returns what happened last, or before all if nothing did.
func (w *told) last() *happened {
	if len(w.log) == 0 {
		return &happened{at: -1}
	}
	return &w.log[len(w.log)-1]
}

// counted returns the number of events, which wraps around if it is negative.
func (h *happened) counted() uint64 { return uint64(int64(h.counts)) }

// before is the order of the run, for events of different nodes.
func (h *happened) before(o *happened) bool {
	return h.at < o.at || h.at == o.at && h.dst < o.dst
}

// show is Sim.show for a part: it keeps the event until its turn comes.
func (p *part) show(e *Event) {
	if !p.team.apart {
		s := p.team.whole
		s.now, s.result.Events = p.now, p.result.Events
		s.show(e)
		return
	}
	w, keep := &p.told, false
	e.At, e.Step = p.now, p.result.Events
	list := p.watchers.of(e)
	for i := range list {
		o := &list[i]
		if !o.sees(e) {
			continue
		}
		if o.of.local == nil { // its turn will show whether it is armed
			keep = true
		} else if o.idle(e) {
			continue
		} else if then := o.of.local.Look(e); then != nil {
			keep = true
			w.acts = append(w.acts, act{len(w.shown), o.of, then})
		}
	}
	if keep {
		w.shown = append(w.shown, shown{*e, len(w.log) - 1})
		x := &w.shown[len(w.shown)-1]
		x.Step -= w.before
		from := len(w.bodies)
		w.bodies = append(w.bodies, e.Body...)
		x.Body = w.bodies[from:len(w.bodies):len(w.bodies)]
	}
}

// misses counts the messages of a window to nodes that do not exist, and notes the first.
func (t *team) misses() {
	all := &t.whole.result.Misaddressed
	var first *part
	sent := uint64(0)
	for _, p := range t.parts {
		if m := &p.result.Misaddressed; m.Sent > 0 {
			sent += m.Sent
			if first == nil || m.place().before(first.result.Misaddressed.place()) {
				first = p
			}
		}
	}
	if sent == 0 {
		return
	}
	if all.Sent == 0 {
		*all = first.result.Misaddressed
		all.Sent = 0
		for _, p := range t.parts {
			for i := range p.told.log {
				if h := &p.told.log[i]; p != first && h.before(all.place()) {
					all.Step += h.counted()
				}
			}
		}
	}
	all.Sent += sent
	for _, p := range t.parts {
		p.result.Misaddressed = Misaddressed{}
	}
}

// missed counts the messages to nodes that do not exist of an event in the global order.
func (t *team) missed(p *part) {
	all, m := &t.whole.result.Misaddressed, &p.result.Misaddressed
	if all.Sent == 0 {
		*all = *m
	} else {
		all.Sent += m.Sent
	}
	*m = Misaddressed{}
}

// place returns where the first message was sent.
func (m *Misaddressed) place() *happened { return &happened{at: m.At, dst: uint32(m.From)} }

// raise panics with the panic of a part, which was at that step.
func (c *crashed) raise(step uint64) {
	if c.exited {
		exit()
	}
	c.Step = step
	panic(&Panic{Moment: c.Moment, Value: c.value, Stack: c.stack})
}

// where is Sim.Where.
//
//go:norace
func (t *team) where() Moment {
	s := t.whole
	m := Moment{Node: s.doing.node, At: s.now, Step: s.result.Events, doing: s.doing}
	for _, p := range t.parts {
		if t.apart {
			m.Step += p.result.Events - s.result.Events
		} else {
			m.Step = max(m.Step, p.result.Events)
		}
		if p.doing.node != protocol.Outside {
			m.Node, m.At, m.doing, m.Goroutine = p.doing.node, p.now, p.doing, t.threads.name(p.index)
		}
	}
	return m
}
