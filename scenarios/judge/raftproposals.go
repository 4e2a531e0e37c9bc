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

// proposer is what a node's incarnation has proposed to the leader that it knows.
type proposer struct {
	leader  protocol.NodeID
	term    uint64         // of that leader; 0: none yet
	sent    []abcast.MsgID // not delivered
	asks    bool           // it asked to be in the view, and is not
	waited  int            // ticks since it proposed anything, while anything is undelivered
	repeats int            // since a delivery or another leader
	ticking bool           // the step at hand is a tick
	entered bool           // it brings it into the view, which messages in the log have missed
	due     bool           // it must propose again
	wrong   error
	ownLog
}

// ownLog is what an incarnation has of its own in its log, but for what is delivered and what is
// applied before it last entered the view or left it.
type ownLog struct {
	origin    abcast.Member
	entries   []raft.SeenEntry
	committed uint64
	delivered uint64 // seq of its last message
	in        bool   // it is in the view
	missed    bool   // messages that are not delivered were applied where it was not
}

// NewProposals returns a judge of the nodes of n.
func NewProposals(n *Network) *Proposals {
	return &Proposals{net: n, nodes: make([]proposer, len(n.Nodes))}
}

// pauses returns the ticks of a pause after so many repetitions: see raft.ProposeAgain.
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
	case p.due && p.asks:
		p.wrong = fmt.Errorf("node %v has not asked node %v again to be in the view, %d ticks after it proposed anything", e.Node, p.leader, p.waited)
	}
	p.due, p.ticking, p.entered = false, false, false
}

// tick counts a tick if anything is undelivered. If not, there is nothing to repeat, and the next
// pause stays as it is.
func (p *proposer) tick() {
	p.ticking = true
	if len(p.sent) == 0 && !p.asks {
		return
	}
	p.waited++
	_, most := pauses(p.repeats)
	p.due = p.waited >= most
}

// propose requires that what is proposed again has waited, or does not count in the log.
func (x *Proposals) propose(e *sim.Event, p *proposer) error {
	msg, ok := seal.Open(e.Body)
	s, read := raft.Read(msg)
	if !ok || !read {
		return fmt.Errorf("node %v proposes what cannot be read", e.Node)
	}
	if term := x.net.Nodes[e.Node].Term(); e.Peer != p.leader || term != p.term {
		*p = proposer{ownLog: p.ownLog, leader: e.Peer, term: term}
	}
	least, _ := pauses(p.repeats)
	waited, again := p.waited, p.add(s.Entries)
	p.waited, p.due = 0, false
	switch {
	case !again:
	case p.ticking && waited >= least:
		p.repeats = raft.ProposeAgain.Next(p.repeats)
	case !p.entered:
		return fmt.Errorf("node %v proposes %v to node %v again after %d ticks, want %d at least", e.Node, s.Entries[0].ID, e.Peer, waited, least)
	}
	return nil
}

// add notes what is proposed, and reports whether some of it is undelivered since an earlier time.
func (p *proposer) add(entries []raft.SeenEntry) (again bool) {
	for _, entry := range entries {
		switch {
		case entry.ID.Seq == 0:
			again = again || p.asks
			p.asks = true
		case slices.Contains(p.sent, entry.ID):
			again = true
		default:
			p.sent = append(p.sent, entry.ID)
		}
	}
	return again
}

// output notes what is delivered, and that this incarnation enters the view or leaves it.
func (p *proposer) output(e *sim.Event) {
	switch e.Kind {
	case abcast.KindDelivered:
		if _, id, ok := abcast.DecodeDelivered(e.Body); ok && id.Origin() == p.origin {
			p.sent = slices.DeleteFunc(p.sent, func(o abcast.MsgID) bool { return o == id })
			p.repeats = 0
			p.deliver(id.Seq)
		}
	case abcast.KindViewed:
		v, ok := abcast.DecodeViewed(e.Body)
		if in := slices.Contains(v.Members, p.origin); ok && in != p.in {
			p.asks = p.asks && !in
			if p.turn(in) {
				p.entered, p.due = true, true
			}
		}
	}
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
	if s.Snapshot { // it replaces the log, and has only what counts
		applied := slices.IndexFunc(o.entries, func(x raft.SeenEntry) bool { return x.Index > o.committed })
		if applied < 0 {
			applied = len(o.entries)
		}
		o.pass(applied)
		o.entries = o.entries[:0]
	}
	o.committed = s.Commit
	if s.First > 0 {
		o.entries = slices.DeleteFunc(o.entries, func(x raft.SeenEntry) bool { return x.Index >= s.First })
	}
	for _, x := range s.Entries {
		if x.ID.Origin() == o.origin {
			o.entries = append(o.entries, x)
		}
	}
}

// pass forgets the first n entries, which are applied.
func (o *ownLog) pass(n int) {
	for _, x := range o.entries[:n] {
		o.missed = o.missed || !o.in && x.ID.Seq > o.delivered
	}
	o.entries = slices.Delete(o.entries, 0, n)
}

// turn notes that the incarnation enters the view or leaves it. It reports whether it enters, and
// undelivered messages are in the log where it was not in the view: they do not count, so it
// proposes all again at once. Those that are delivered, and are there again, do not matter.
func (o *ownLog) turn(in bool) (again bool) {
	o.pass(1 + slices.IndexFunc(o.entries, func(x raft.SeenEntry) bool { return x.ID.Seq == 0 && x.In == in }))
	again = in && o.missed
	o.in, o.missed = in, false
	return again
}

// deliver forgets the messages that are delivered.
func (o *ownLog) deliver(seq uint64) {
	o.delivered = seq
	o.entries = slices.DeleteFunc(o.entries, func(x raft.SeenEntry) bool { return x.ID.Seq != 0 && x.ID.Seq <= seq })
}
