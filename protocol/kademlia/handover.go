package kademlia

import (
	"slices"

	"dessim/protocol"
)

// newcomer is who is to be offered values.
type newcomer struct {
	to    Contact
	begun bool
	last  ID // if begun: the value that had its turn last; they go by their ids
}

// maxNewcomers bounds those who wait for values: anybody can come as many.
const maxNewcomers = 64

// handOver has c, who is new or back, offered each value of which c is among the k
// closest and this node, of all others, is the closest that it knows: so one node
// does it. The values may be many, so keepUp takes them one by one.
func (d *DHT) handOver(env *protocol.Env, c Contact) {
	if !d.cfg.HandOver {
		return
	}
	switch u := &d.up; {
	case len(d.items) == 0:
		return
	case slices.Contains(u.newcomers, newcomer{to: c}):
		return // his turn begins yet
	case len(u.newcomers) == maxNewcomers:
		d.stats.Unoffered++
		return
	}
	d.up.newcomers = append(d.up.newcomers, newcomer{to: c})
	d.keepUp(env)
}

// offer offers a newcomer the next value that it should hold, and reports whether there
// was one. Who has failed to answer, or is no contact any more, is passed over: else a
// silent one would hold up the others, value by value.
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

// nextOffer finds the next value that n is to be offered, which becomes n.last.
func (d *DHT) nextOffer(env *protocol.Env, n *newcomer) bool {
	if c := d.tab.get(&n.to.ID); c == nil || c.Contact != n.to || c.fails > 0 {
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

// mine reports whether it is for this node to give the value of that id to c.
func (d *DHT) mine(id, c *ID) bool {
	d.near = d.tab.closest(d.near[:0], &query{target: *id, n: d.cfg.K + 1}) // c and k others; never this node, which is not in its own table
	rank := -1
	for i := range d.near {
		switch {
		case d.near[i].ID == *c:
			rank = i
		case id.compare(&d.near[i].ID, &d.cfg.Self) < 0:
			return false
		}
	}
	if id.compare(&d.cfg.Self, c) < 0 {
		return rank >= 0 && rank+1 < d.cfg.K
	}
	return rank == 0 // all others are farther than this node
}

// offering reports whether c is being asked for the value of that id.
func (d *DHT) offering(c Contact, id ID) bool {
	return slices.ContainsFunc(d.calls, func(o call) bool { return o.purpose == forOffer && o.to == c && o.target == id })
}

// offerEnd gives the value to the newcomer, if it does not have it. What was offered is
// under way until the value is there, too.
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
