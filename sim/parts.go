package sim

import (
	"fmt"
	"math"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// Runs in parts. With Plan.Threads, the nodes of a run are parted among goroutines. What
// happens to a node follows from what happened to it before and from the messages that reach
// it, and a message travels for the lookahead at least, which is the least delay of any link.
// So the parts may run apart for a window of that length: no message sent in a window arrives
// in it. At the end of a window the parts meet, hand over the messages between them, and the
// observers are shown what happened, in the order of the run. (Null messages between parts,
// as by Chandy, Misra and Bryant, would pay with links of very different delays; optimism, as
// in Time Warp, would need to copy the state of nodes.)
//
// The run ends where it ends without threads. It may end as soon as nothing is pending that
// it must wait for, which only the global order tells. So a window ends before the farthest
// arrival of a message that it must wait for, since nobody can cancel that. What no window may
// cover happens in the global order, a step at a time.

// team is the parts of a run.
type team struct {
	whole     *Sim // has the run's clock, its count of events and its observers
	parts     []*part
	shift     uint          // of a node's number, to that of its block
	lookahead protocol.Time // the least delay of any link
	farthest  protocol.Time // an event that the run must wait for is pending then, and before
	span      protocol.Time // the longest window, so that its events stay in the cache
	until     protocol.Time // the window under way ends before then
	nodes     uint32        // and in its last nanosecond has the events of nodes below that number
	apart     bool          // a window is under way
	loose     bool          // messages between parts are yet to be handed over
	turn      int           // which outboxes the window fills
	last      int           // events in the window before
	shared    uint64        // events of windows that several goroutines worked off
	few       int           // so many are worked off by one goroutine
	most      int           // there should be no more
	threads   threads
}

// part is a Sim of some of the nodes: it has a queue, records, counters and an Env of its
// own, and shares what belongs to nodes, one by one, with the others.
type part struct {
	Sim
	team     *team
	index    int
	farthest protocol.Time // as that of the team, as far as the part has sent
	next     protocol.Time // of the first event of the queue
	out      [2][]outbox   // by the part that messages go to; of this window, and of the one before
	least    protocol.Time // arrival of those of this window
	gained   int           // records that came from other parts, less those that went there
	told     told
	crashed  *crashed // nil unless the part's window ended in a panic
}

// blockBits is the number of nodes side by side that are in one part, as a power of two: so
// many that no two parts write to one line of the cache.
const blockBits = 4

// fewNodes is the number of nodes up to which they are parted one by one.
const fewNodes = 1024

// of returns the part of a node. Blocks are dealt out by a hash: the nodes that have most to
// do are often neighbours by number.
func (t *team) of(id protocol.NodeID) int {
	const golden = 0x9e3779b1
	return int(uint64(uint32(id>>t.shift)*golden) * uint64(len(t.parts)) >> 32)
}

// serially returns why the run of the plan cannot be in parts, or "".
func (s *Sim) serially() string {
	p := &s.plan
	for i := range p.Faults {
		switch f := &p.Faults[i]; {
		case f.On.N > 0:
			return fmt.Sprintf("a fault waits for an effect, which others see at once: %v", f)
		case f.Op == fault.Byzantine, f.Op == fault.Echo:
			return fmt.Sprintf("a fault remembers the messages of several nodes: %v", f)
		}
	}
	switch {
	case p.Nodes < 2:
		return "there is a single node"
	case p.Random != nil:
		return "randomness of the process is answered a step at a time"
	case p.Events > 0:
		return "it ends after a number of events"
	case !concurrent(s.src):
		return fmt.Sprintf("its answers come from a %T, which is asked in order", s.src)
	}
	for i := range s.watchers.all {
		w := &s.watchers.all[i]
		if w.reads == ReadsAll {
			return fmt.Sprintf("%s may look at any node while it watches", named(w.Observer))
		}
	}
	return ""
}

// concurrent reports whether several goroutines may ask src at once. A type that embeds one
// which says so, and adds a state, does not return itself.
func concurrent(src protocol.Source) bool {
	c, ok := src.(interface{ Concurrent() protocol.Source })
	return ok && c.Concurrent() == src
}

func named(o Observer) string {
	if n, ok := o.(fmt.Stringer); ok {
		return n.String()
	}
	return fmt.Sprintf("a %T", o)
}

// split parts the nodes, unless the plan asks for no threads or the run must be serial. What
// is pending is still that of the plan alone.
func (s *Sim) split() {
	if s.plan.Threads < 2 {
		return
	}
	if s.serial = s.serially(); s.serial != "" {
		return
	}
	n := min(s.plan.Threads, s.plan.Nodes)
	if n < s.plan.Threads {
		s.serial = fmt.Sprintf("there are %d nodes", n)
	}
	t := &team{whole: s, lookahead: s.plan.lookahead(), farthest: -1, few: fewEvents}
	t.span = t.lookahead
	if s.cold == nil { // the parts share it
		s.cold = make([]*coldState, len(s.nodes))
	}
	if t.most = mostEvents; s.want != 0 {
		t.most = mostShown
	}
	if s.plan.Nodes > fewNodes {
		t.shift = blockBits
	}
	for i := range n {
		t.parts = append(t.parts, newPart(t, i, n))
	}
	s.q.each(func(e entry) {
		p, old := t.parts[t.of(protocol.NodeID(e.dst))], s.slab.at(e.slot)
		if old.flag&background == 0 {
			t.farthest = max(t.farthest, e.at)
		}
		slot, r := p.slab.alloc(old.op, 0)
		*r = *old
		if old.flag&long != 0 {
			r.flag &^= long
			p.slab.store(r, s.slab.view(old))
		}
		p.push(entry{e.at, e.dst, slot}, r)
	})
	s.live, s.q, s.slab = [2]int{}, queue{}, slab{}
	t.share()
	t.threads.init(t)
	s.team = t
}

func newPart(t *team, index, parts int) *part {
	p := &part{Sim: *t.whole, team: t, index: index, farthest: -1, out: [2][]outbox{make([]outbox, parts), make([]outbox, parts)}, least: math.MaxInt64}
	s := &p.Sim
	s.member = p
	s.q, s.slab, s.env, s.result = queue{}, slab{free: noSlot, page: uint32(index), stride: uint32(parts)}, protocol.Env{}, Result{}
	s.live, s.kinds = [2]int{}, nil
	s.q.init(&s.slab, s.nodes)
	s.env.Observe(s.want&Noted != 0)
	s.net = network{}
	s.net.init(&s.plan)
	s.linked = make([]impact, len(s.windows))
	s.net.watch(s.windows, s.linked)
	s.shadows = s.shadows.apart()
	return p
}

// lookahead returns the least delay of any link.
func (p *Plan) lookahead() protocol.Time {
	least := p.Link.Delay
	for i := range p.Links {
		least = min(least, p.Links[i].Link.Delay)
	}
	return protocol.Time(least)
}

// first returns the time of the first event of the queue, or the greatest time.
func (p *part) first() protocol.Time {
	if e, ok := p.q.peek(); ok {
		return e.at
	}
	return math.MaxInt64
}

// Threads returns the number of goroutines among which the nodes are parted, 1 if they are
// not, and, if the plan asks for more, why there are not as many.
//
// Once the run is over, it says if most of it went on one of them: where few events come within
// the least delay of a link, the others would cost more than they do.
func (s *Sim) Threads() (n int, why string) {
	if s.team == nil {
		return 1, s.serial
	}
	if t := s.team; s.over && s.serial == "" && 2*t.shared < s.result.Events {
		return len(t.parts), fmt.Sprintf("most events of it happened on one, since few come within %v", time.Duration(t.lookahead))
	}
	return len(s.team.parts), s.serial
}

// next runs the next event of the run, wherever it is, as Sim.next does.
func (t *team) next() bool {
	s := t.whole
	t.deliver()
	for !s.over {
		var live [2]int
		for _, p := range t.parts {
			live[0], live[background] = live[0]+p.live[0], live[background]+p.live[background]
		}
		if live[0] == 0 && s.finished(live[background]) {
			return false
		}
		p, _ := t.earliest()
		if p == nil {
			if s.extends() {
				continue
			}
			return false
		}
		e, _ := p.q.pop(s.horizon)
		r := p.slab.at(e.slot)
		if r.op == opDead {
			p.dead--
			p.slab.release(e.slot, r)
			continue
		}
		s.now = e.at
		p.now, p.result.Events = e.at, s.result.Events+1
		p.happen(e, r)
		s.result.Events = p.result.Events
		t.farthest = max(t.farthest, p.farthest)
		if p.result.Misaddressed.Sent > 0 {
			t.missed(p)
		}
		return true
	}
	return false
}

// earliest returns the first event of all and the part that has it, or nil if there is none up
// to the horizon. Events of different parts happen to different nodes.
func (t *team) earliest() (first *part, least entry) {
	for _, p := range t.parts {
		e, ok := p.q.peek()
		if ok && e.at <= t.whole.horizon && (first == nil || e.at < least.at || e.at == least.at && e.dst < least.dst) {
			first, least = p, e
		}
	}
	return first, least
}

// sum adds up what the parts count.
func (t *team) sum(r *Result) {
	for _, p := range t.parts {
		r.add(&p.result)
	}
}

// impact adds what the i-th fault did to messages in the parts.
func (t *team) impact(i int, d *impact) {
	for _, p := range t.parts {
		d.n, d.met = d.n+p.linked[i].n, d.met+p.linked[i].met
	}
}
