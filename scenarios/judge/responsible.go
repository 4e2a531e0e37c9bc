package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// placer is what a node may broadcast.
type placer struct {
	all  []kept // what it has committed, in any incarnation
	open []kept // of them, those that had no place in its order when its last step began
	view []protocol.NodeID
	may  map[*commit]bool // what this incarnation may broadcast
}

// Responsible requires that a commit is broadcast by the party that is responsible for its place
// in the order, and by no other: its coordinator or, if that is not in the view, the lowest of
// the other parties in it. A node is held to that when it learns of the commit, and when a view
// begins with it. Nodes that lie are exempt.
func (x *Coins) Responsible(lies func(id protocol.NodeID) bool) *check.Check {
	nodes, armed := make([]placer, len(x.nodes)), make([]bool, len(x.nodes))
	watch := sim.Started | sim.Output | sim.Received | sim.Fired
	return check.Always("only who is responsible broadcasts a commit", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(nodes)) {
			return false, nil // a client
		}
		p := &nodes[e.Node]
		defer func() { armed[e.Node] = len(p.open) > 0 }()
		switch e.What {
		case sim.Started:
			p.open, p.view, p.may = slices.Clone(p.all), nil, nil
		case sim.Output:
			p.output(x.c, e)
		case sim.Received, sim.Fired:
			n := x.l.net.Nodes[e.Node]
			if e.What == sim.Fired && n.Broadcasts() > uint64(len(p.may)) && !lies(e.Node) {
				return true, fmt.Errorf("node %v has broadcast %d commits, and was responsible for %d", e.Node, n.Broadcasts(), len(p.may))
			}
			open := p.open[:0]
			for _, t := range p.open {
				if t.tx == nil || lies(t.coordinator) || !n.HasPlace(t.id, t.txid) { // of a liar's another copy may have the place
					open = append(open, t)
				}
			}
			p.open = open
			return e.What == sim.Fired && len(p.may) > 0, nil
		}
		return false, nil
	}).WhileArmed(sim.Received, armed).OfOutputs(twopc.KindDecided, abcast.KindViewed).OrNotApplicable("nothing commits")
}

func (p *placer) output(c *Commits, e *sim.Event) {
	if t, now, ok := c.decidedNow(); ok {
		if !now.commit {
			return
		}
		if !slices.ContainsFunc(p.all, func(o kept) bool { return o.commit == t }) {
			x := kept{commit: t}
			if t.tx != nil {
				x.txid = t.tx.TxID()
			}
			p.all, p.open = append(p.all, x), append(p.open, x)
		}
		p.consider(e.Node, t)
		return
	}
	if e.Kind != abcast.KindViewed {
		return
	}
	v, ok := abcast.DecodeViewed(e.Body)
	if !ok {
		return
	}
	p.view = p.view[:0]
	for _, m := range v.Members {
		p.view = append(p.view, m.Node)
	}
	if slices.Contains(v.Members, abcast.Member{Node: e.Node, Incarnation: e.Incarnation}) {
		for _, t := range p.open {
			p.consider(e.Node, t.commit)
		}
	}
}

// consider notes a commit that the node may broadcast from now on.
func (p *placer) consider(node protocol.NodeID, t *commit) {
	if node != t.coordinator {
		if slices.Contains(p.view, t.coordinator) || !slices.Contains(p.view, node) {
			return
		}
		for _, id := range t.participants {
			if id < node && slices.Contains(p.view, id) {
				return
			}
		}
	}
	if p.may == nil {
		p.may = make(map[*commit]bool)
	}
	p.may[t] = true
}
