package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// placing judges whether a commit gets its place in the order while some of its parties are
// away: then another must broadcast it. All parties must be in a lasting majority or away, and
// those in it must know the commit: one that is in doubt may have to wait for the others, and
// a node that is neither may be in the view, and the one that is to broadcast. With Raft, each in
// that majority must know a leader at each tick: candidates of which none is elected wait longer
// each time.
type placing struct {
	outcomes *Outcomes
	patience time.Duration
	commits  []*placed
	unled    []protocol.Time // by node: the last tick at which it knew no leader; nil without one
	due      uint64          // commits that were due, at each look
	wrong    error
}

// placeDelays is how many longest delays that may take: a view without those that are away,
// and a broadcast in it.
const placeDelays = 200

// placed is a commit that may lack its place.
type placed struct {
	id    twopc.ID
	known []knows
	done  bool // it was seen to have its place
}

// knows is a party that knows a commit.
type knows struct {
	node        protocol.NodeID
	incarnation uint32
	since       protocol.Time
	safe        bool // it synced since then, so that later incarnations know, too
}

// Places makes the judge look at the commits of these transfers too.
func (p *Progress) Places(o *Outcomes, delay time.Duration) {
	p.placing = &placing{outcomes: o, patience: placeDelays * delay}
	if p.led {
		p.placing.unled = make([]protocol.Time, p.members)
	}
}

// observe records who knows a commit, and who no leader.
func (x *placing) observe(e *sim.Event) {
	if e.What == sim.Fired && e.Tag == tickTag && x.unled != nil {
		if _, known := x.outcomes.net.Nodes[e.Node].Leader(); !known {
			x.unled[e.Node] = e.At
		}
	}
	if e.What == sim.Synced {
		for _, c := range x.commits {
			for i := range c.known {
				if k := &c.known[i]; k.node == e.Node && k.incarnation == e.Incarnation {
					k.safe = true
				}
			}
		}
		return
	}
	if e.What != sim.Output || e.Kind != twopc.KindDecided {
		return
	}
	r, ok := x.outcomes.c.Record(e)
	if !ok || !r.Yes {
		return
	}
	i := slices.IndexFunc(x.commits, func(c *placed) bool { return c.id == r.ID })
	if i < 0 {
		i = len(x.commits)
		x.commits = append(x.commits, &placed{id: r.ID})
	}
	x.commits[i].known = append(x.commits[i].known, knows{e.Node, e.Incarnation, e.At, false})
}

// look requires that each commit has its place whose parties are where they must be.
func (x *placing) look(p *Progress, now protocol.Time) {
	core := p.core.Lasting(now, x.patience)
	if core == 0 || !x.led(core, now.Add(-x.patience)) {
		return
	}
	x.commits = slices.DeleteFunc(x.commits, func(c *placed) bool { return c.done })
	if p.core.Away(core, now, x.patience) == 0 {
		return // no commit has a party that is away
	}
	for _, c := range x.commits {
		node, away, ok := x.responsible(p, c, core, now, x.patience)
		if !ok {
			continue
		}
		x.due++
		c.done = x.has(node, c)
		if !c.done && x.wrong == nil {
			x.wrong = fmt.Errorf("%v has no place in the order at node %v, though nodes %v have been connected for %v and known it if they take part, and nodes %v have been away",
				c.id, node, places(core), x.patience, places(away))
		}
	}
}

// led reports whether each of these nodes has known a leader since that time, or needs none.
func (x *placing) led(nodes uint64, since protocol.Time) bool {
	for id, at := range x.unled {
		if nodes>>id&1 == 1 && at > since {
			return false
		}
	}
	return true
}

// responsible returns a party in the core if all parties have been there for that long and
// known the commit, but for some that have been away.
func (x *placing) responsible(p *Progress, c *placed, core uint64, now protocol.Time, d time.Duration) (node protocol.NodeID, away uint64, ok bool) {
	t := x.outcomes.c.txs[c.id]
	if t == nil || t.tx == nil || x.outcomes.lying(t.tx.Sender) {
		return 0, 0, false
	}
	away = p.core.Away(core, now, d)
	missing := uint64(0)
	for _, id := range t.participants {
		switch {
		case away>>id&1 == 1:
			missing |= 1 << id
		case core>>id&1 == 0 || x.outcomes.lies(id) || !x.knows(p, c, id, now.Add(-d)):
			return 0, 0, false
		default:
			node, ok = id, true
		}
	}
	return node, missing, ok && missing != 0
}

// knows reports whether a node has known a commit since that time.
func (x *placing) knows(p *Progress, c *placed, id protocol.NodeID, since protocol.Time) bool {
	return slices.ContainsFunc(c.known, func(k knows) bool {
		return k.node == id && k.since <= since && (k.safe || k.incarnation == p.nodes[id].incarnation)
	})
}

// has reports whether the commit has its place, as a node knows.
func (x *placing) has(node protocol.NodeID, c *placed) bool {
	return x.outcomes.net.Nodes[node].HasPlace(c.id, x.outcomes.c.txs[c.id].tx.TxID())
}

// pending reports whether a commit whose parties are where they must be has yet to get its
// place.
func (x *placing) pending(p *Progress) bool {
	core := p.core.Lasting(p.at, 0)
	return core != 0 && slices.ContainsFunc(x.commits, func(c *placed) bool {
		node, _, ok := x.responsible(p, c, core, p.at, 0)
		return ok && !x.has(node, c)
	})
}
