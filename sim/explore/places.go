package explore

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// place is where a misfortune can come: after a lasting effect of a node or, if on is zero,
// before the node's step at that time. It is named by what the node does, such as "after its
// 2nd send of prepare", not by a time, so its name still holds when the run is shortened.
type place struct {
	node     protocol.NodeID
	at       protocol.Time
	on       fault.Anchor
	unsynced []int // bytes of the records that a crash could lose
	apart    bool  // the node flushes single records, so any of them may survive alone
	clean    bool  // no sync came since the flush before this one
	// last says that the node does nothing more at that time: a window that waits for the
	// effect opens after all of it. final says so of messages to peer.
	last, final bool

	peer protocol.NodeID // of a message
	name uint64          // likewise, or of a flush; 0 is neither
	gone bool            // no node receives the message

	same uint64 // what is done: equal in another run that does the same
}

// sends reports whether the effect is a message.
func (p *place) sends() bool { return p.on.Op == protocol.OpSend }

// class groups places at which the same sort of thing happens.
type class struct {
	op   protocol.Op // 0: before a step
	kind protocol.Kind
}

// begins reports whether the effect is a flush that takes time.
func (p *place) begins() bool { return p.on.Op == protocol.OpFlush && p.name != 0 }

func (p *place) class() class { return class{p.on.Op, p.on.Kind} }

// sign is the event that shows that a misfortune has begun: one of a fault, or the sending of a message
// or the beginning of a flush, by its name. The zero sign counts as seen.
type sign struct {
	what sim.What
	of   uint64
}

func (s sign) seen(e *sim.Event) bool {
	if s.what&(sim.Sent|sim.Flushing) != 0 {
		return e.What == s.what && e.Name == s.of
	}
	return e.What == s.what && e.Tag == s.of
}

// places is the Observer that collects the places of a run: those of the nodes below the length of
// nodes, and those where clients send messages to them.
type places struct {
	from, to protocol.Time
	wait     sign // nothing is collected before it, if it is not zero
	nodes    []doer
	clients  map[protocol.NodeID]*doer
	list     []place
	sent     map[passage]sending    // messages on their way
	delays   map[pair]time.Duration // the least that a message took
	all      map[uint64]bool        // place.same of all effects, if it is not nil
}

// pair is a link, and passage a message on its way, by its sender's count.
type (
	pair    struct{ from, to protocol.NodeID }
	passage struct {
		from protocol.NodeID
		seq  uint64
	}
)

// sending is when a message left, and the index of its place.
type sending struct {
	at    protocol.Time
	place int
}

// doer is what is known about a node.
type doer struct {
	did      []fault.Anchor // effects by sort, with their counts since places.from
	unsynced []int
	begun    []int    // unsynced when its step began
	records  []uint64 // their indices
	forget   uint64   // records below are discarded with the next flush
	upTo     []uint64 // the same, of the flushes under way
	apart    bool     // it flushes single records
	synced   bool     // since its last flush
	wrote    uint64   // folds the record written last
	step     protocol.Time
	fresh    bool // the step has had no place yet
	copying  bool // what is lost next is a copy
	last     int  // index in places.list of its latest place, and one more
}

func (p *places) Watch() sim.What {
	return sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Lost | sim.Copied | sim.Dropped |
		sim.Output | sim.Persisted | sim.Synced | sim.Crashed | sim.Injected | sim.Discarded | sim.Flushing | sim.Flushed
}

func (p *places) Observe(e *sim.Event) {
	if p.wait != (sign{}) && p.wait.seen(e) {
		p.wait = sign{}
		if e.What&(sim.Sent|sim.Flushing) != 0 { // the message or flush itself is no place, but counts
			defer p.forget(e.Node)
		}
	}
	if e.What == sim.Dropped || e.What == sim.Received {
		p.arrive(e)
	}
	n := p.doer(e.Node)
	if n == nil {
		return
	}
	switch before := n.unsynced; e.What {
	case sim.Started:
		n.fresh = false // the node is down before it starts
	case sim.Received, sim.Fired:
		n.begin(e)
	case sim.Flushed:
		n.begin(e)
		upTo := n.upTo[0]
		n.upTo = n.upTo[1:]
		if e.Text != sim.FlushFailed {
			n.flushed(e.Body, upTo)
		}
	case sim.Crashed:
		n.unsynced, n.records, n.forget, n.upTo = nil, nil, 0, nil
	case sim.Discarded:
		n.forget = e.Tag
	case sim.Flushing:
		p.flushing(e, n)
	case sim.Persisted:
		n.unsynced, n.records = append(before, len(e.Body)), append(n.records, e.Tag) // places share one array: it only grows
		n.wrote = protocol.HashBytes(e.Body)
		p.did(e, n, fault.Anchor{Op: protocol.OpPersist}, before)
	case sim.Synced:
		n.unsynced, n.records, n.synced = nil, nil, true
		if n.apart { // a crash before the next step leaves something else than one before this step
			n.step = e.At
		}
		p.did(e, n, fault.Anchor{Op: protocol.OpSync}, before)
	case sim.Sent:
		n.copying = false
		p.did(e, n, fault.Anchor{Op: protocol.OpSend, Kind: e.Kind}, before)
	case sim.Output:
		p.did(e, n, fault.Anchor{Op: protocol.OpOutput, Kind: e.Kind}, before)
	case sim.Copied:
		n.copying = true
	case sim.Lost:
		if n.last > 0 && !n.copying {
			p.list[n.last-1].gone = true
		}
	}
}

// begin notes that a step begins.
func (n *doer) begin(e *sim.Event) {
	n.fresh, n.step = n.step != e.At, e.At // a step at the same time follows the last effect of the one before
	n.begun = n.unsynced
}

// flushing notes that a flush begins. Without a tag, it ends at once.
func (p *places) flushing(e *sim.Event, n *doer) {
	n.apart = true
	if e.Tag == 0 {
		n.flushed(e.Body, n.forget)
	} else {
		n.upTo = append(n.upTo, n.forget)
	}
	p.did(e, n, fault.Anchor{Op: protocol.OpFlush}, n.unsynced)
	n.synced = false
}

// flushed removes the records that no crash loses any more. Places keep the array as it was.
func (n *doer) flushed(body []byte, upTo uint64) {
	safe := protocol.IndexList(body)
	var left []int
	var records []uint64
	for i, index := range n.records {
		if _, is := slices.BinarySearch(safe, index); !is && index >= upTo {
			left, records = append(left, n.unsynced[i]), append(records, index)
		}
	}
	n.unsynced, n.records = left, records
}

// forget drops the place that was just added.
func (p *places) forget(id protocol.NodeID) {
	p.list, p.doer(id).last = p.list[:0], 0
	clear(p.sent)
}

func (p *places) doer(id protocol.NodeID) *doer {
	switch {
	case uint64(id) < uint64(len(p.nodes)):
		return &p.nodes[id]
	case id == protocol.Outside:
		return nil
	}
	n := p.clients[id]
	if n == nil {
		if p.clients == nil {
			p.clients = make(map[protocol.NodeID]*doer)
		}
		n = new(doer)
		p.clients[id] = n
	}
	return n
}

// isClient reports whether only messages are of interest at a node.
func (p *places) isClient(id protocol.NodeID) bool { return uint64(id) >= uint64(len(p.nodes)) }

// did counts an effect and adds the place after it; if it is the first of its step, also the
// place before the step. before is what unsynced was there.
func (p *places) did(e *sim.Event, n *doer, on fault.Anchor, before []int) {
	if e.At < p.from {
		return
	}
	i := slices.IndexFunc(n.did, func(a fault.Anchor) bool { return a.Op == on.Op && a.Kind == on.Kind })
	if i < 0 {
		i = len(n.did)
		n.did = append(n.did, on)
	}
	n.did[i].N++
	same := n.identity(e)
	if p.all != nil {
		p.all[same] = true
	}
	if p.wait != (sign{}) || e.At > p.to || p.isClient(e.Node) && (e.What != sim.Sent || p.isClient(e.Peer)) {
		n.last = 0
		return
	}
	at := place{node: e.Node, at: e.At, on: n.did[i], unsynced: n.unsynced, apart: n.apart, clean: !n.synced, last: true, final: true, same: same}
	switch {
	case e.What == sim.Sent:
		at.peer, at.name = e.Peer, e.Name
	case e.What == sim.Flushing && e.Tag != 0:
		at.name = e.Name
	}
	if n.fresh && !p.isClient(e.Node) {
		if n.apart { // its step may have begun with the end of a flush
			before = n.begun
		}
		p.list = append(p.list, place{node: e.Node, at: e.At, unsynced: before, apart: n.apart, same: same})
	}
	n.fresh = false
	p.supersede(n, &at)
	p.list = append(p.list, at)
	n.last = len(p.list)
	if e.What == sim.Sent {
		p.sent[passage{e.Node, e.Seq}] = sending{e.At, n.last - 1}
	}
}

// supersede marks the places after which the node does more at the same time.
func (p *places) supersede(n *doer, by *place) {
	if n.last > 0 && p.list[n.last-1].at == by.at {
		p.list[n.last-1].last = false
	}
	for i := len(p.list) - 1; i >= 0 && p.list[i].at == by.at; i-- {
		if q := &p.list[i]; q.node == by.node && q.sends() && by.sends() && q.peer == by.peer {
			q.final = false
		}
	}
}

// identity folds what an effect does, without its time.
func (n *doer) identity(e *sim.Event) uint64 {
	switch e.What {
	case sim.Sent:
		return e.Name
	case sim.Synced:
		return protocol.Hash3(uint64(e.What), uint64(e.Node), n.wrote)
	}
	return protocol.Hash3(uint64(e.What)<<32|uint64(e.Kind), uint64(e.Node), protocol.HashBytes(e.Body))
}

// arrive notes how long a message took, or that it arrived at a node that was down.
func (p *places) arrive(e *sim.Event) {
	m := passage{e.Peer, e.Seq}
	x, known := p.sent[m]
	if !known {
		return // it is an input, or a copy
	}
	delete(p.sent, m)
	if e.What == sim.Dropped {
		p.list[x.place].gone = true
		return
	}
	link := pair{e.Peer, e.Node}
	if d, known := p.delays[link]; !known || e.At.Sub(x.at) < d {
		p.delays[link] = e.At.Sub(x.at)
	}
}

// period is the Observer that finds when the clients of a run ask first, and have their last
// answer.
type period struct {
	clients  protocol.NodeID // the first of them
	asked    bool
	from, to protocol.Time // to is 0 without an answer
}

func (w *period) Watch() sim.What { return sim.Received | sim.Output }

func (w *period) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Output && e.Node >= w.clients:
		w.to = e.At
	case e.What == sim.Received && e.Peer == protocol.Outside && !w.asked:
		w.asked, w.from = true, e.At
	}
}
