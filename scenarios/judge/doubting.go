package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// doubting judges cooperative termination: a node in doubt asks the other nodes of the
// transaction, from its second question on. So its doubt ends if it is connected with one that
// is not in doubt, wherever the coordinator is. Where the coordinator restarts meanwhile, the
// node begins anew with its questions, whenever it hears of that: such a doubt is not judged, but
// its node is in doubt, and ends no other's. A question to one that has restarted meanwhile may be
// refused, since it is to an earlier incarnation, and only the next one reaches it.
type doubting struct {
	c       *Commits
	lies    func(id protocol.NodeID) bool
	forgot  func(node protocol.NodeID, id twopc.ID) bool
	delay   time.Duration
	open    []openDoubt // of all nodes that are in doubt, but for those that have restarted and not said so yet
	decided map[doubt]protocol.Time
	started map[protocol.NodeID]protocol.Time // when the incarnation of today began
	due     uint64                            // doubts that ended while their coordinator was away
	wrong   error
}

// openDoubt is a doubt that lasts, in an incarnation.
type openDoubt struct {
	doubt
	coordinator protocol.NodeID
	from        protocol.Time
	judged      bool // or not to be
}

// The second question leaves at most 280 delays after the yes: 80, and 160 with a quarter more.
const (
	doubtDelays = 350 // from the yes to the end of the doubt
	reachDelays = 150 // from the yes until the two are connected, and one of them not in doubt
)

// Doubts makes the judge look at the doubts of these transactions too. lies reports whether a
// node may say anything, and forgot whether it has forgotten how a transaction ended: then it is
// no help, unless it coordinates that.
func (p *Progress) Doubts(c *Commits, delay time.Duration, lies func(id protocol.NodeID) bool, forgot func(node protocol.NodeID, id twopc.ID) bool) {
	p.doubting = &doubting{c: c, lies: lies, forgot: forgot, delay: delay, decided: make(map[doubt]protocol.Time), started: make(map[protocol.NodeID]protocol.Time)}
}

// observe follows which nodes are in doubt. One that restarts in doubt says so.
func (x *doubting) observe(p *Progress, e *sim.Event) {
	switch e.What {
	case sim.Started:
		x.started[e.Node] = e.At
		x.open = slices.DeleteFunc(x.open, func(d openDoubt) bool { return d.node == e.Node })
		for i := range x.open {
			d := &x.open[i]
			d.judged = d.judged || d.coordinator == e.Node
		}
	case sim.Output:
		r, ok := x.c.Record(e)
		if !ok || e.Kind == twopc.KindBegun {
			return
		}
		now := doubt{e.Node, r.ID}
		if i := slices.IndexFunc(x.open, func(d openDoubt) bool { return d.doubt == now }); i >= 0 {
			if from := &x.open[i]; e.Kind == twopc.KindDecided && p.core.Parted(e.Node, from.coordinator, e.At) {
				x.due++
			}
			x.open = slices.Delete(x.open, i, i+1)
		}
		switch {
		case e.Kind == twopc.KindDecided:
			x.decided[now] = e.At
		case r.Yes && r.Coordinator != e.Node:
			x.open = append(x.open, openDoubt{doubt: now, coordinator: r.Coordinator, from: e.At})
		}
	}
}

// look requires that no doubt is old whose node is connected with one that can end it.
func (x *doubting) look(p *Progress, now protocol.Time) {
	for i := range x.open {
		d := &x.open[i]
		if d.judged || now.Sub(d.from) < doubtDelays*x.delay {
			continue
		}
		d.judged = true
		if by, ok := x.helper(p, d, now); ok && x.wrong == nil {
			x.wrong = fmt.Errorf("node %v is in doubt about %v for %v, though it has been connected with node %v, which is not", d.node, d.id, now.Sub(d.from), by)
		}
	}
}

// helper returns a node that can end the doubt, and was to have done so.
func (x *doubting) helper(p *Progress, d *openDoubt, now protocol.Time) (by protocol.NodeID, ok bool) {
	t := x.c.txs[d.id]
	if t == nil || x.lies(d.node) {
		return 0, false
	}
	since := d.from.Add(reachDelays * x.delay)
	for _, id := range append([]protocol.NodeID{d.coordinator}, t.participants...) {
		doubts := slices.ContainsFunc(x.open, func(o openDoubt) bool { return o.doubt == doubt{id, d.id} })
		if id != d.node && !doubts && !x.lies(id) && (id == d.coordinator || !x.forgot(id, d.id)) && x.started[id] <= d.from && x.decided[doubt{id, d.id}] <= since && p.core.Reaches(d.node, 1<<id, now, now.Sub(since)) {
			return id, true
		}
	}
	return 0, false
}
