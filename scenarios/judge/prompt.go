package judge

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/check"
)

// Prompt judges an order while nothing fails: what is correct, and comes in the end, may come
// late all the same, by what repairs it, or after elections that nobody needs. It is an
// observer, and sees each event before its checks do.
type Prompt struct {
	bound      time.Duration
	from       protocol.Time // earlier broadcasts may wait for the first leader
	broadcasts func(id protocol.NodeID) uint64
	sent       [][]protocol.Time // by node: when each of its broadcasts was noticed
	delivered  uint64
	term       uint64 // the greatest so far
	late       error
	deposed    error
	checks     []promptCheck
}

// promptCheck is a check that is exercised by deliveries.
type promptCheck struct {
	*check.Check
	wrong *error
}

// NewPrompt returns a judge of nodes that broadcast from that time on. A delivery takes bound at
// most, and broadcasts returns how many messages a node has broadcast.
func NewPrompt(nodes int, from protocol.Time, bound time.Duration, broadcasts func(id protocol.NodeID) uint64) *Prompt {
	return &Prompt{bound: bound, from: from, broadcasts: broadcasts, sent: make([][]protocol.Time, nodes)}
}

// Watch returns the events that Observe needs.
func (p *Prompt) Watch() sim.What { return sim.Fired | sim.Output }

// Observe notes broadcasts, deliveries and terms.
func (p *Prompt) Observe(e *sim.Event) {
	before := p.delivered
	p.observe(e)
	for _, c := range p.checks {
		if p.delivered > before || *c.wrong != nil {
			c.Tell(e, p.delivered > before, *c.wrong)
		}
	}
}

func (p *Prompt) observe(e *sim.Event) {
	if uint64(e.Node) >= uint64(len(p.sent)) {
		return
	}
	for want := p.broadcasts(e.Node); uint64(len(p.sent[e.Node])) < want; {
		p.sent[e.Node] = append(p.sent[e.Node], e.At)
	}
	switch {
	case e.What != sim.Output:
	case e.Kind == abcast.KindDelivered:
		p.deliver(e)
	case e.Kind == raft.KindTerm:
		term, _, _ := raft.DecodeTerm(e.Body)
		if term > p.term && p.delivered > 0 && p.deposed == nil {
			p.deposed = fmt.Errorf("node %v puts out term %d, where messages were delivered in term %d", e.Node, term, p.term)
		}
		p.term = max(p.term, term)
	}
}

func (p *Prompt) deliver(e *sim.Event) {
	_, id, ok := abcast.DecodeDelivered(e.Body)
	if !ok || uint64(id.Node) >= uint64(len(p.sent)) || id.Seq == 0 || id.Seq > uint64(len(p.sent[id.Node])) {
		return // others report that
	}
	p.delivered++
	at := p.sent[id.Node][id.Seq-1]
	if took := e.At.Sub(at); at >= p.from && took > p.bound && p.late == nil {
		p.late = fmt.Errorf("node %v delivers %v %v after its broadcast, want at most %v", e.Node, id, took, p.bound)
	}
}

// Checks returns all checks. led says that the order is Raft.
func (p *Prompt) Checks(led bool) check.Suite {
	s := check.Suite{p.check("without failures broadcasts are delivered promptly", &p.late)}
	if led {
		s = append(s, p.check("without failures no leader is replaced", &p.deposed))
	}
	return s
}

func (p *Prompt) check(name string, wrong *error) *check.Check {
	c := check.Told(name).OrNotApplicable("nothing is broadcast")
	p.checks = append(p.checks, promptCheck{c, wrong})
	return c
}
