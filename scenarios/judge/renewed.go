package judge

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
)

// renewals knows, from messages alone, which values each node was given, and when it must
// have put them again.
type renewals struct {
	nodes   []map[kademlia.ID]given // by node: what its incarnation holds for others
	due     []promised              // in the order of time
	watcher kademlia.Watcher
	got     map[protocol.NodeID]offered // by node: the put that it received in its last step
}

// given is a value that a node has acknowledged.
type given struct {
	at      protocol.Time // when it was put here last, or this node last began to put it
	expires protocol.Time
}

// promised says that a node has a value that was given at that time.
type promised struct {
	at   protocol.Time
	node protocol.NodeID
	id   kademlia.ID
}

// offered is a put that a node received.
type offered struct {
	step uint64
	from protocol.NodeID
	id   kademlia.ID
	life time.Duration
}

// renewGrace is for work that must wait for other work.
const renewGrace = 5 * time.Minute

// renewed requires that a node which was given a value puts it again in time, unless somebody
// else does so: whatever it knew of the value before. What is left on the path of a lookup is
// not given.
func (j *Churn) renewed() *check.Check {
	const name = "nodes put again what they were given"
	if j.c.Failures.Untimely {
		return check.Skip(name, untimely)
	}
	r := &renewals{nodes: make([]map[kademlia.ID]given, len(j.c.IDs)), got: make(map[protocol.NodeID]offered)}
	cfg := kademlia.Lasting(kademlia.ID{}, protocol.SimBook{}, 0)
	return check.Always(name, sim.Started|sim.Crashed|sim.Received|sim.Sent, func(e *sim.Event) (relevant bool, wrong error) {
		switch e.What {
		case sim.Started, sim.Crashed:
			r.nodes[e.Node] = nil
		case sim.Received:
			r.received(e)
		case sim.Sent:
			r.sent(e, &cfg)
		}
		return r.overdue(e.At, cfg.Republish+renewGrace)
	}).OrNotApplicable("no value is held that long")
}

func (r *renewals) received(e *sim.Event) {
	if e.Kind != kademlia.KindPut || e.Peer == protocol.Outside {
		return
	}
	if g, ok := r.watcher.Read(e.Body); ok && g.Kind == kademlia.KindPut && !g.Spent && !g.Cached {
		r.got[e.Node] = offered{e.Step, e.Peer, g.Target, g.Life}
	}
}

// sent notes a value that is acknowledged, or that the node begins to put again: it looks for
// the nodes to put it at, or if it knows none does nothing.
func (r *renewals) sent(e *sim.Event, cfg *kademlia.Config) {
	switch o := r.got[e.Node]; {
	case e.Kind == kademlia.KindAnswer && o.step == e.Step && o.from == e.Peer:
		delete(r.got, e.Node)
		life := cfg.Expire
		if o.life > 0 {
			life = min(life, o.life)
		}
		r.give(e, &o, e.At+protocol.Time(life))
	case e.Kind == kademlia.KindGet && r.nodes[e.Node] != nil:
		g, ok := r.watcher.Read(e.Body)
		if h, there := r.nodes[e.Node][g.Target]; ok && there && h.at != e.At {
			h.at = e.At
			r.nodes[e.Node][g.Target] = h
			r.due = append(r.due, promised{e.At, e.Node, g.Target})
		}
	}
}

// give notes a value that a node has acknowledged.
func (r *renewals) give(e *sim.Event, o *offered, expires protocol.Time) {
	if r.nodes[e.Node] == nil {
		r.nodes[e.Node] = make(map[kademlia.ID]given)
	}
	h := r.nodes[e.Node][o.id]
	r.nodes[e.Node][o.id] = given{at: e.At, expires: max(h.expires, expires)}
	r.due = append(r.due, promised{e.At, e.Node, o.id})
}

// overdue looks for a value that was not put again for that time.
func (r *renewals) overdue(now protocol.Time, most time.Duration) (relevant bool, wrong error) {
	for len(r.due) > 0 && r.due[0].at+protocol.Time(most) < now {
		p := r.due[0]
		r.due = r.due[1:]
		h, there := r.nodes[p.node][p.id]
		if !there || h.at != p.at {
			relevant = relevant || there
			continue
		}
		delete(r.nodes[p.node], p.id)
		const early = time.Minute // by which a value may expire before its time
		if h.expires < now+protocol.Time(early) {
			continue
		}
		return true, fmt.Errorf("node %v acknowledged %.8s at %v or put it then, and neither put it nor was given it for %v since", p.node, p.id, p.at, most)
	}
	return relevant, nil
}
