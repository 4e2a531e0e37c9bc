package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// Proposals judges when Raft's followers propose again what was not delivered, by a model that
// counts their ticks: not too soon, or the log has everything twice, and in time. A leader's own
// proposals are no messages, and not judged.
type Proposals struct {
	net   *Network
	nodes []proposer
}

// proposer is what a node's incarnation has proposed.
type proposer struct {
	leader protocol.NodeID
	term   uint64 // of that leader; 0: none yet
	sent   []abcast.MsgID
	waited int  // ticks since it proposed anything
	asked  bool // it did since the last pause was over
	least  int  // how often it repeated itself since a delivery or another leader, at least
	most   int  // and at most: a pause may be over unseen
	due    bool // a pause was over, and something undelivered
	joined bool // the step at hand brings it into the view
	wrong  error
	ownLog
}

// ownLog is what an incarnation has of its own in its log.
type ownLog struct {
	origin  abcast.Member
	entries []raft.SeenEntry
	unknown bool // some may be in a snapshot
}

// NewProposals returns a judge of the nodes of n.
func NewProposals(n *Network) *Proposals {
	return &Proposals{net: n, nodes: make([]proposer, len(n.Nodes))}
}

// pauses returns the ticks of a pause before so many repetitions: see raft.ProposeAgain.
func pauses(repeats int) (least, most int) {
	least = raft.RepeatAfter << min(repeats, int(raft.ProposeAgain.Doublings))
	if repeats == 0 {
		return least, least
	}
	return least, least * 5 / 4
}

// Repeated requires that followers do as the model does.
func (x *Proposals) Repeated() *check.Check {
	const watch = sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Output | sim.Persisted
	return check.Always("undelivered proposals are repeated in time, not sooner", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(x.nodes)) {
			return false, nil
		}
		p := &x.nodes[e.Node]
		switch e.What {
		case sim.Started:
			*p = proposer{ownLog: ownLog{origin: abcast.Member{Node: e.Node, Incarnation: e.Incarnation}}}
		case sim.Received:
			x.begin(e, p)
		case sim.Fired:
			x.begin(e, p)
			if e.Tag == tickTag {
				p.tick()
			}
		case sim.Sent:
			if e.Kind == raft.KindPropose {
				return true, x.propose(e, p)
			}
		case sim.Output:
			p.output(e)
		case sim.Persisted:
			p.record(e.Body)
		}
		wrong := p.wrong
		p.wrong = nil
		return wrong != nil, wrong
	}).OrNotApplicable("no follower proposes")
}

// begin looks at what became of the step before.
func (x *Proposals) begin(e *sim.Event, p *proposer) {
	n := x.net.Nodes[e.Node]
	lead, known := n.Leader()
	switch {
	case !known || lead == e.Node || lead != p.leader || n.Term() != p.term:
		*p = proposer{ownLog: p.ownLog, wrong: p.wrong}
		if known && lead != e.Node {
			p.leader, p.term = lead, n.Term()
		}
	case p.due && len(p.sent) > 0:
		p.wrong = fmt.Errorf("node %v has not proposed %v again to node %v, %d ticks after it proposed anything", e.Node, p.sent[0], p.leader, p.waited)
	}
	p.due, p.joined = false, false
}

func (p *proposer) tick() {
	p.waited++
	soonest, _ := pauses(p.least)
	_, latest := pauses(p.most)
	p.due = p.asked && p.waited >= latest && len(p.sent) > 0
	if p.waited >= soonest && p.asked {
		p.most = raft.ProposeAgain.Next(p.most)
	}
}

// propose requires that what is proposed again has waited.
func (x *Proposals) propose(e *sim.Event, p *proposer) error {
	msg, ok := seal.Open(e.Body)
	s, read := raft.Read(msg)
	if !ok || !read {
		return fmt.Errorf("node %v proposes what cannot be read", e.Node)
	}
	if term := x.net.Nodes[e.Node].Term(); e.Peer != p.leader || term != p.term {
		*p = proposer{ownLog: p.ownLog, leader: e.Peer, term: term, joined: p.joined}
	}
	least, _ := pauses(p.least)
	waited, again := p.waited, false
	p.waited, p.asked, p.due = 0, true, false
	for _, entry := range s.Entries {
		switch {
		case entry.ID.Seq == 0:
		case slices.Contains(p.sent, entry.ID):
			again = true
		default:
			p.sent = append(p.sent, entry.ID)
		}
	}
	if again && !p.joined {
		p.least = raft.ProposeAgain.Next(p.least)
	}
	if again && waited < least && !(p.joined && p.missed()) {
		return fmt.Errorf("node %v proposes %v to node %v again after %d ticks, want %d at least", e.Node, s.Entries[0].ID, e.Peer, waited, least)
	}
	return nil
}

// record notes what of its own a node has in its log.
func (o *ownLog) record(rec []byte) {
	if len(rec) == 0 || protocol.Component(rec[0]) != protocol.ABCAST {
		return
	}
	s, ok := raft.ReadRecord(rec)
	if !ok {
		return
	}
	o.unknown = o.unknown || s.Snapshot
	if s.First > 0 {
		o.entries = slices.DeleteFunc(o.entries, func(x raft.SeenEntry) bool { return x.Index >= s.First })
	}
	for _, x := range s.Entries {
		if x.ID.Origin() == o.origin {
			o.entries = append(o.entries, x)
		}
	}
}

// missed reports whether messages were in the log before the incarnation last entered the view:
// they do not count, so it proposes them again at once.
func (o *ownLog) missed() bool {
	in, some, missed := false, false, false
	for _, x := range o.entries {
		switch {
		case x.ID.Seq != 0:
			some = some || !in
		case !x.In:
			in = false
		case !in:
			in, missed, some = true, some, false
		}
	}
	return missed || o.unknown
}

// output notes what is delivered, and that this incarnation enters the view.
func (p *proposer) output(e *sim.Event) {
	switch e.Kind {
	case abcast.KindDelivered:
		if _, id, ok := abcast.DecodeDelivered(e.Body); ok && id.Origin() == p.origin {
			p.sent = slices.DeleteFunc(p.sent, func(o abcast.MsgID) bool { return o == id })
			p.least, p.most = 0, 0
		}
	case abcast.KindViewed:
		if v, ok := abcast.DecodeViewed(e.Body); ok && slices.Contains(v.Members, p.origin) {
			p.joined = true
		}
	}
}
