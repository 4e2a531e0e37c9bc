package judge

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
)

// Progress judges whether a majority of nodes that stay connected goes on, whatever the
// others do and whether or not the run ever heals. It is an observer, and sees each event
// before its checks do.
type Progress struct {
	core       *check.Core // nil if there are too many members
	members    int
	led        bool
	patience   time.Duration
	broadcasts func(id protocol.NodeID) uint64

	nodes []broadcaster
	at    protocol.Time // of the last event
	next  protocol.Time // of a look
	due   uint64        // broadcasts that were due, at each look
	wrong error

	store *Store // or nil
	asked time.Duration
	calls uint64 // operations that were due, at each look
	stuck error

	placing  *placing  // or nil
	doubting *doubting // or nil

	checks []progressCheck
}

// progressCheck is a check that is exercised whenever a count grows.
type progressCheck struct {
	*check.Check
	count *uint64
	seen  uint64
	wrong *error
}

// broadcaster is what a node's incarnation has broadcast and delivered.
type broadcaster struct {
	incarnation uint32
	sent        []protocol.Time // when each of its broadcasts was first noticed
	delivered   map[abcast.Member]uint64
}

// patienceDelays is how many longest delays a majority may take to deliver. A tick of the
// order is ten, and a node that drops out of a view now and then may be kept out for 40.
const patienceDelays = 800

// NewProgress returns a judge of the first members nodes of a plan, whose longest usual
// delay is given. broadcasts returns how many messages a node's incarnation has broadcast.
// led says that the order is Raft: see check.NewCore. It does not judge more than
// check.MaxCore members.
func NewProgress(plan *sim.Plan, members int, led bool, delay time.Duration, broadcasts func(id protocol.NodeID) uint64) *Progress {
	p := &Progress{members: members, led: led, patience: patienceDelays * delay, broadcasts: broadcasts, nodes: make([]broadcaster, members)}
	if members <= check.MaxCore {
		p.core = check.NewCore(plan, members, led)
	}
	return p
}

// Clients makes the judge look at the operations of a store's clients too.
func (p *Progress) Clients(store *Store, delay time.Duration) {
	p.store, p.asked = store, time.Duration(2*p.members*kv.PatienceDelays)*delay
}

// Watch returns the events that Observe needs.
func (p *Progress) Watch() sim.What {
	if p.core == nil {
		return 0
	}
	return p.core.Watch() | sim.Fired | sim.Output | sim.Ended | sim.Synced
}

// Observe looks at what is due, before a change of what is connected and now and then.
func (p *Progress) Observe(e *sim.Event) {
	p.observe(e)
	for i := range p.checks {
		if c := &p.checks[i]; *c.count > c.seen || *c.wrong != nil {
			c.Tell(e, *c.count > c.seen, *c.wrong)
			c.seen = *c.count
		}
	}
}

func (p *Progress) observe(e *sim.Event) {
	p.at = e.At
	changes := e.What&p.core.Watch() != 0
	if changes || e.At >= p.next || e.What == sim.Ended {
		p.look(e.At)
		if p.placing != nil {
			p.placing.look(p, e.At)
		}
		if p.doubting != nil {
			p.doubting.look(p, e.At)
		}
		p.next = e.At.Add(p.patience / 16)
	}
	if changes {
		p.core.Observe(e)
	}
	if e.What == sim.Ended || uint64(e.Node) >= uint64(p.members) {
		return
	}
	if p.placing != nil {
		p.placing.observe(e)
	}
	if p.doubting != nil {
		p.doubting.observe(p, e)
	}
	n := &p.nodes[e.Node]
	switch e.What {
	case sim.Started:
		*n = broadcaster{incarnation: e.Incarnation, delivered: make(map[abcast.Member]uint64)}
	case sim.Fired, sim.Output:
		for want := p.broadcasts(e.Node); uint64(len(n.sent)) < want; {
			n.sent = append(n.sent, e.At)
		}
		if e.Kind == abcast.KindDelivered && e.What == sim.Output {
			if _, id, ok := abcast.DecodeDelivered(e.Body); ok {
				n.delivered[id.Origin()] = id.Seq
			}
		}
	}
}

// look requires of each node that has long been in the core that it has delivered what such
// nodes broadcast long ago.
func (p *Progress) look(now protocol.Time) {
	core := p.core.Lasting(now, p.patience)
	if core == 0 {
		return
	}
	for id := range p.nodes {
		from := &p.nodes[id]
		if core>>id&1 == 0 {
			continue
		}
		origin := abcast.Member{Node: protocol.NodeID(id), Incarnation: from.incarnation}
		due, _ := slices.BinarySearch(from.sent, now.Add(-p.patience))
		for at := range p.nodes {
			got := p.nodes[at].delivered[origin]
			if core>>at&1 == 1 && got < uint64(due) && p.wrong == nil {
				p.wrong = fmt.Errorf("node %d has not delivered %v/%d, broadcast %v ago, though nodes %v have been connected since",
					at, origin, got+1, now.Sub(from.sent[got]).Round(time.Millisecond), places(core))
			}
		}
		p.due += uint64(due)
	}
	p.lookAtCalls(now)
}

// lookAtCalls requires that no operation of a client that reaches the core is open for
// long.
func (p *Progress) lookAtCalls(now protocol.Time) {
	if p.store == nil {
		return
	}
	bound := p.patience + p.asked
	core := p.core.Lasting(now, bound)
	if core == 0 {
		return
	}
	for _, c := range p.store.calls {
		if !p.core.Reaches(c.Client, core, now, bound) || now.Sub(c.Call) < bound {
			continue
		}
		p.calls++
		if c.Output == nil && p.stuck == nil {
			p.stuck = fmt.Errorf("%v has not completed, though its client and nodes %v have been connected since", describe(c), places(core))
		}
	}
}

// pending reports whether a node of the core has yet to deliver what one of it broadcast.
func (p *Progress) pending() bool {
	core := p.core.Lasting(p.at, 0)
	for id := range p.nodes {
		from := &p.nodes[id]
		origin := abcast.Member{Node: protocol.NodeID(id), Incarnation: from.incarnation}
		for at := range p.nodes {
			if core>>id&1 == 1 && core>>at&1 == 1 && p.nodes[at].delivered[origin] < uint64(len(from.sent)) {
				return true
			}
		}
	}
	return false
}

func places(set uint64) (ids []int) {
	for set != 0 {
		ids = append(ids, bits.TrailingZeros64(set))
		set &= set - 1
	}
	return ids
}

// Checks returns all checks.
func (p *Progress) Checks() check.Suite {
	lasts := func(d time.Duration) string {
		return fmt.Sprintf("no majority stays connected for %v with something to do", d)
	}
	s := check.Suite{p.check("a majority that stays connected delivers its broadcasts", &p.due, &p.wrong, p.pending).OrNotApplicable(lasts(p.patience))}
	if p.placing != nil {
		s = append(s, p.check("a commit gets its place though parties are away", &p.placing.due, &p.placing.wrong, func() bool { return p.placing.pending(p) }).
			OrNotApplicable("no commit has its parties in a lasting majority, but for some that are away as long"))
	}
	if d := p.doubting; d != nil {
		s = append(s, p.check("a doubt ends though its coordinator is away", &d.due, &d.wrong, func() bool { return false }).
			OrNotApplicable("no doubt ends while its coordinator is away"))
	}
	if p.store != nil {
		s = append(s, p.check("operations of clients that reach a lasting majority complete", &p.calls, &p.stuck, p.store.unfinished).OrNotApplicable(lasts(p.patience+p.asked)))
	}
	return s
}

// check returns a check that is exercised whenever count grows.
func (p *Progress) check(name string, count *uint64, wrong *error, waits func() bool) *check.Check {
	if p.core == nil {
		return check.Skip(name, fmt.Sprintf("there are more than %d nodes", check.MaxCore))
	}
	c := check.Told(name).WhileWaiting(waits)
	p.checks = append(p.checks, progressCheck{Check: c, count: count, wrong: wrong})
	return c
}
