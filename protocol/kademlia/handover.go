package kademlia

import (
	"slices"

	"dessim/protocol"
)

// newcomer is a node that is to be offered values.
type newcomer struct {
	to    Contact
	begun bool
	last  ID // if begun: the last value offered; values go by their ids
}

// maxNewcomers bounds the nodes that wait for values: anybody can pose as many.
const maxNewcomers = 64

// handOver queues c, which is new or has rejoined, to be offered each value of which c
// is among the k closest nodes and this node is the closest of the others that it
// knows: so one node does it. There may be many values, so keepUp takes them one by one.
func (d *DHT) handOver(env *protocol.Env, c Contact) {
	if !d.cfg.HandOver {
		return
	}
	switch u := &d.up; {
	case len(d.items) == 0:
		return
	case slices.Contains(u.newcomers, newcomer{to: c}):
		return // its turn has not begun
	case len(u.newcomers) == maxNewcomers:
		d.stats.Unoffered++
		return
	}
	d.up.newcomers = append(d.up.newcomers, newcomer{to: c})
	d.keepUp(env)
}

// offer offers a newcomer the next value that it should hold, and reports whether there
// was one. A newcomer that has failed to answer, or is no longer a contact, is passed
// over: else a silent one would hold up the others, value by value.
func (d *DHT) offer(env *protocol.Env) bool {
	for len(d.up.newcomers) > 0 {
		n := &d.up.newcomers[0]
		if d.nextOffer(env, n) && d.call(env, call{purpose: forOffer, method: get, to: n.to, target: n.last}) {
			d.up.busy++
			return true
		}
		d.up.newcomers = slices.Delete(d.up.newcomers, 0, 1)
	}
	return false
}

// nextOffer finds the next value to offer to n, which becomes n.last.
func (d *DHT) nextOffer(env *protocol.Env, n *newcomer) bool {
	if c, same := d.tab.get(&n.to); !same || c.fails > 0 {
		return false
	}
	i := 0
	if n.begun {
		at, there := d.find(n.last)
		if i = at; there {
			i++
		}
	}
	for ; i < len(d.items); i++ {
		if it := &d.items[i]; !it.cached && !d.tooLate(env, it.expires) && d.mine(&it.id, &n.to.ID) && !d.offering(n.to, it.id) {
			n.begun, n.last = true, it.id
			return true
		}
	}
	return false
}

// mine reports whether it falls to this node to hand the value under id to c.
func (d *DHT) mine(id, c *ID) bool {
	near := d.tab.closest(nil, &query{target: *id, n: d.cfg.K + 1}) // c and k others; a node is not in its own table
	rank := -1
	for i := range near {
		switch {
		case near[i].ID == *c:
			rank = i
		case id.compare(&near[i].ID, &d.tab.self) < 0:
			return false
		}
	}
	if id.compare(&d.tab.self, c) < 0 {
		return rank >= 0 && rank+1 < d.cfg.K
	}
	return rank == 0 // all others are farther than this node
}

// offering reports whether c is being asked for the value under id.
func (d *DHT) offering(c Contact, id ID) bool {
	return slices.ContainsFunc(d.calls, func(o call) bool { return o.purpose == forOffer && o.to == c && o.target == id })
}

// offerEnd stores the value at the newcomer if it lacks it. The offer is under way until
// the value is there, too.
func (d *DHT) offerEnd(env *protocol.Env, c *call, m *message) {
	it := d.item(env, c.target)
	if m == nil || m.value != nil || len(m.token) == 0 || it == nil || d.tooLate(env, it.expires) {
		d.ended(env)
		return
	}
	s := &store{value: slices.Clone(it.value), expires: it.expires, left: 1, done: func(env *protocol.Env, _ int) { d.ended(env) }}
	if !d.call(env, call{purpose: forPut, method: put, to: c.to, put: s, token: slices.Clone(m.token)}) {
		d.ended(env)
		return
	}
	d.stats.Handed++
}
