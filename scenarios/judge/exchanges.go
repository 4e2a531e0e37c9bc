package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/sim"
	"dessim/sim/check"
)

// Exchanges judges anti-entropy message by message, at some of the nodes. What it repairs
// nearly always comes by another way, too, so that its end tells little:
//
//   - A node that is due to repair sends a neighbour a digest of all that it keeps.
//   - Where a digest differs from what a node keeps, and nowhere else, it answers: with a
//     finer digest, an offer or, where it keeps few ids, a list.
//   - To a list it answers with an offer of what the list lacks, and a request for what the
//     node itself lacks; to an offer with a request; to a request with the bodies.
//   - Pauses grow while nothing comes, and begin anew when something does.
type Exchanges struct {
	net   *Network
	few   int           // ids that are listed
	nodes []*exchanging // by node; nil if it is not watched
	armed []bool        // by node: it has something due
	err   error
}

// mostExchanging is the most nodes that are watched, which bounds the cost.
const mostExchanging = 3

// exchanging is a watched node.
type exchanging struct {
	idle      int          // repairs since something came, up to those after which pauses grow no more
	delivered uint64       // messages, when it was last looked at
	due       *dueExchange // or nil; it is step
	step      dueExchange
}

// begin notes a step in which the node exchanges, in the memory of the last one.
func (n *exchanging) begin(g *gossip.Gossip) *dueExchange {
	d := &n.step
	if d.sent == nil {
		d.sent = make(map[protocol.Kind]gossip.Exchange)
	}
	clear(d.sent)
	*d = dueExchange{flood: g, kept: g.Kept(d.kept[:0]), sent: d.sent, parts: d.parts[:0], have: d.have[:0], want: d.want[:0], served: d.served[:0]}
	n.due = d
	return d
}

// dueExchange is what a node must send in a step.
type dueExchange struct {
	flood  *gossip.Gossip
	to     protocol.NodeID // or any, if it begins the exchange
	begins bool
	kept   []gossip.ID // before the step; in ascending order if sorted is set
	sorted bool
	parts  []gossip.Part // that differ, or begin the exchange
	pause  bool          // the timer of the next repair is not set yet
	have   []gossip.ID
	want   []gossip.ID
	bodies []gossip.ID
	sent   map[protocol.Kind]gossip.Exchange
	served []gossip.ID
}

// NewExchanges returns a judge of the anti-entropy of nodes, which list up to few ids and
// compare parts of more. The seed says which are watched; those that lie are not.
func NewExchanges(n *Network, few int, seed uint64, traitors []protocol.NodeID) *Exchanges {
	x := &Exchanges{net: n, few: few, nodes: make([]*exchanging, len(n.Nodes)), armed: make([]bool, len(n.Nodes))}
	for id := range sample(len(n.Nodes), mostExchanging, seed, slices.Concat(traitors, n.Liars)) {
		x.nodes[id] = &exchanging{}
	}
	return x
}

// Sound returns the check that judges it all.
func (x *Exchanges) Sound() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Fired | sim.TimerSet | sim.Sent | sim.Ended
	return check.Always("anti-entropy exchanges all that differs", watch, func(e *sim.Event) (relevant bool, wrong error) {
		x.err = nil
		if e.What == sim.Ended {
			for i := range x.nodes {
				relevant = x.settle(protocol.NodeID(i)) || relevant
			}
			return relevant, x.err
		}
		if uint64(e.Node) >= uint64(len(x.nodes)) || x.nodes[e.Node] == nil {
			return false, nil
		}
		n := x.nodes[e.Node]
		relevant = x.observe(n, e)
		x.armed[e.Node] = n.due != nil
		return relevant, x.err
	}).OfMessages(sim.Received|sim.Sent, ofGossip).OfTimers(sim.Fired|sim.TimerSet, protocol.Gossip).WhileArmed(sim.Received|sim.Fired, x.armed).OrNotApplicable("no watched node repairs anything")
}

func (x *Exchanges) observe(n *exchanging, e *sim.Event) (relevant bool) {
	switch e.What {
	case sim.Started, sim.Crashed: // a crash leaves a step half done
		*n = exchanging{}
	case sim.Received:
		relevant = x.settle(e.Node)
		if isGossip(e) {
			n.receive(e, x.net)
		}
	case sim.Fired:
		relevant = x.settle(e.Node)
		if gossip.Repairs(e.Tag) {
			n.repair(x.net.Nodes[e.Node].Flood(), x.net.Nodes[e.Node].Degree())
		}
	case sim.TimerSet:
		if n.due != nil && n.due.pause && gossip.Repairs(e.Tag) {
			x.pause(n, e)
		}
	case sim.Sent:
		if n.due != nil && e.Kind != gossip.KindData {
			x.sent(n.due, e)
		}
	}
	return relevant
}

func isGossip(e *sim.Event) bool {
	return len(e.Body) > 0 && protocol.Component(e.Body[0]) == protocol.Gossip
}

// repair notes what a node must do when the timer of its next repair fires.
func (n *exchanging) repair(g *gossip.Gossip, neighbours int) {
	if d := g.Stats().Delivered; d != n.delivered {
		n.delivered, n.idle = d, 0
	}
	d := n.begin(g)
	d.begins, d.pause = true, true
	if neighbours > 0 {
		d.parts = append(d.parts, gossip.Part{})
	}
}

// pause judges the pause to the next repair, which begins in this step.
func (x *Exchanges) pause(n *exchanging, e *sim.Event) {
	n.due.pause = false
	const longest = 2 // doublings
	want := n.due.flood.Interval() << n.idle
	n.idle = min(n.idle+1, longest)
	if most := want + want/4; e.After < want || e.After > most {
		x.wrong("node %v begins its next exchange after %v; as much as came since the last, want %v to %v", e.Node, e.After, want, most)
	}
}

// receive notes what a node must answer.
func (n *exchanging) receive(e *sim.Event, x *Network) {
	g := x.Nodes[e.Node].Flood()
	if _, ok := x.body(e.Body); ok {
		n.idle = 0
		return
	}
	m, ok := gossip.Read(e.Body)
	if !ok {
		return
	}
	if m.Kind != gossip.KindDigest {
		n.idle = 0
	}
	if e.Peer == protocol.Outside {
		return
	}
	d := n.begin(g)
	d.to = e.Peer
	unknown := func(ids []gossip.ID) {
		d.want = append(d.want, slices.DeleteFunc(slices.Clone(ids), g.Knows)...)
	}
	switch m.Kind {
	case gossip.KindDigest:
		for _, p := range m.Parts {
			if d.keeps(&p) {
				continue
			}
			n.idle = 0
			if p.Count == 0 {
				d.have = append(d.have, d.under(p.Prefix)...)
			} else {
				d.parts = append(d.parts, p)
			}
		}
	case gossip.KindList:
		for _, p := range m.Parts {
			unknown(p.IDs)
			d.have = append(d.have, slices.DeleteFunc(d.under(p.Prefix), func(id gossip.ID) bool { return slices.Contains(p.IDs, id) })...)
		}
	case gossip.KindHave:
		unknown(m.IDs)
	case gossip.KindWant:
		d.bodies = slices.DeleteFunc(slices.Clone(m.IDs), func(id gossip.ID) bool { return !slices.Contains(d.kept, id) })
	}
}

// under returns the ids that the node kept before the step and that begin with a prefix in
// hexadecimal digits, in ascending order.
func (d *dueExchange) under(prefix string) (some []gossip.ID) {
	if !d.sorted {
		slices.SortFunc(d.kept, func(a, b gossip.ID) int { return bytes.Compare(a[:], b[:]) })
		d.sorted = true
	}
	for i := range d.kept {
		if begins(&d.kept[i], prefix) {
			some = append(some, d.kept[i])
		}
	}
	return some
}

// count returns how many ids the node kept that begin with a prefix, and their sum.
func (d *dueExchange) count(prefix string) (n uint64, sum [2]uint64) {
	for i := range d.kept {
		if id := &d.kept[i]; begins(id, prefix) {
			n++
			sum[0] ^= binary.BigEndian.Uint64(id[:])
			sum[1] ^= binary.BigEndian.Uint64(id[8:])
		}
	}
	return n, sum
}

// keeps reports whether the node kept just the ids of a part of a digest.
func (d *dueExchange) keeps(p *gossip.Part) bool {
	n, sum := d.count(p.Prefix)
	return n == p.Count && sum == p.Sum
}

// begins reports whether an id in hexadecimal digits begins with a prefix.
func begins(id *gossip.ID, prefix string) bool {
	const digits = "0123456789abcdef"
	for i := range len(prefix) {
		digit := id[i/2] >> 4
		if i%2 == 1 {
			digit = id[i/2] & 15
		}
		if prefix[i] != digits[digit] {
			return false
		}
	}
	return true
}

// sent notes what a node sends in the step.
func (x *Exchanges) sent(d *dueExchange, e *sim.Event) {
	m, ok := gossip.Read(e.Body)
	_, twice := d.sent[e.Kind]
	switch {
	case !ok:
		x.wrong("node %v sends an exchange that nobody can read", e.Node)
	case !d.begins && e.Peer != d.to:
		x.wrong("node %v answers node %v, and node %v asked", e.Node, e.Peer, d.to)
	case e.Kind == gossip.KindBody:
		d.served = append(d.served, m.IDs...)
	case twice:
		x.wrong("node %v sends two messages of kind %v in an exchange, where one bounds it", e.Node, e.Kind)
	default:
		d.sent[e.Kind] = m
	}
}

// settle judges, before the next step of a node, what it sent in the last one.
func (x *Exchanges) settle(id protocol.NodeID) (relevant bool) {
	n := x.nodes[id]
	if n == nil || n.due == nil {
		return false
	}
	d := n.due
	n.due = nil
	if d.pause {
		x.wrong("node %v does not set the timer of its next exchange", id)
	}
	if err := d.compared(x.few); err != nil {
		x.wrong("node %v %w", id, err)
	}
	for _, s := range []struct {
		what      string
		want, got []gossip.ID
	}{
		{"offers", some(d.have), d.sent[gossip.KindHave].IDs},
		{"requests", some(d.want), d.sent[gossip.KindWant].IDs},
		{"serves", d.bodies, d.served},
	} {
		if !slices.Equal(s.want, s.got) {
			x.wrong("node %v %s %v in an exchange with node %v, want %v", id, s.what, s.got, d.to, s.want)
		}
	}
	return true
}

// some returns as many of the ids as a message holds, each once.
func some(ids []gossip.ID) []gossip.ID {
	if len(ids) == 0 {
		return nil
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b gossip.ID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	return ids[:min(len(ids), gossip.MostIDs)]
}

// compared requires that digests and lists say what the node keeps, of the parts that differ
// and no others.
func (d *dueExchange) compared(few int) error {
	finer, lists := d.sent[gossip.KindDigest].Parts, d.sent[gossip.KindList].Parts
	for _, p := range finer {
		if n, sum := d.count(p.Prefix); p.Count != n || p.Sum != sum {
			return fmt.Errorf("says that it keeps %d ids under %q, with sum %x; it keeps %d, with sum %x", p.Count, p.Prefix, p.Sum, n, sum)
		}
	}
	for _, p := range lists {
		if own := d.under(p.Prefix); !slices.Equal(p.IDs, own) {
			return fmt.Errorf("lists %v under %q, and keeps %v", p.IDs, p.Prefix, own)
		}
		if len(p.IDs) > few {
			return fmt.Errorf("lists %d ids under %q, want a finer digest of more than %d", len(p.IDs), p.Prefix, few)
		}
	}
	asked := func(p gossip.Part) bool {
		return slices.ContainsFunc(d.parts, func(o gossip.Part) bool {
			return p.Prefix == o.Prefix || !d.begins && len(p.Prefix) == len(o.Prefix)+1 && strings.HasPrefix(p.Prefix, o.Prefix)
		})
	}
	for _, p := range slices.Concat(finer, lists) {
		if !asked(p) {
			return fmt.Errorf("compares %q, which does not differ", p.Prefix)
		}
	}
	for _, p := range d.parts {
		n := 0
		for _, o := range finer {
			if strings.HasPrefix(o.Prefix, p.Prefix) {
				n++
			}
		}
		if own, _ := d.count(p.Prefix); n > 0 && !d.begins && own <= uint64(few) {
			return fmt.Errorf("answers with finer digests under %q, want a list of the %d ids that it keeps there", p.Prefix, own)
		}
		listed := slices.ContainsFunc(lists, func(o gossip.Part) bool { return o.Prefix == p.Prefix })
		if whole := n == 16 || d.begins && n == 1; !whole && !listed && len(finer) < gossip.MostParts && len(lists) < gossip.MostLists {
			return fmt.Errorf("does not answer what differs under %q: %d finer digests, in a list %v", p.Prefix, n, listed)
		}
	}
	return nil
}

// wrong records a violation.
func (x *Exchanges) wrong(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf(format, args...)
	}
}
