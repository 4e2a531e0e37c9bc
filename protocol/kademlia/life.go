package kademlia

import (
	"slices"
	"time"

	"dessim/protocol"
)

// A value has the life that its publisher gives it, whoever holds it and however
// often holders put it again: each message that carries it tells what is left.

// after gives when what has so many milliseconds left is over, 0 for as late as
// each node likes.
func after(env *protocol.Env, life uint64) protocol.Time {
	if life == 0 {
		return 0
	}
	return env.Now() + protocol.Time(life)*protocol.Time(time.Millisecond)
}

// until gives when a value is to expire here that was put to last until then.
func (d *DHT) until(env *protocol.Env, expires protocol.Time) protocol.Time {
	if d.cfg.Expire == 0 {
		return 0
	}
	most := env.Now() + protocol.Time(d.cfg.Expire)
	if expires == 0 {
		return most
	}
	return min(most, expires)
}

// left gives the milliseconds to tell of a value that expires then. The way of the
// message is taken off, so that a value which goes from node to node is over in
// time. What has no more than the way is told as noLife, since 0 would be a new one.
func (d *DHT) left(env *protocol.Env, expires protocol.Time) uint64 {
	if expires == 0 {
		return 0
	}
	left := expires.Sub(env.Now()) - d.cfg.Timeout
	return uint64(min(max(left/time.Millisecond, noLife), maxLife))
}

// noLife is told of a value that is over when it arrives: it is not kept.
const noLife = 1

// leave leaves the value that l found at the closest node that answered without
// it. Who looks for a key comes from anywhere, but the ways meet close to it: so a
// key that many look for is found ever earlier on them. The farther a node is from
// the key, the fewer come by, and the shorter the value stays: half as long for
// each node that lies between it and the k closest, as far as l knows them.
func (d *DHT) leave(env *protocol.Env, l *lookup) {
	if !d.cfg.Cache {
		return
	}
	between, i := 0, 0
	for ; i < len(l.list); i++ {
		c := &l.list[i]
		if c.state == answered && c.Contact != l.foundAt.Contact {
			break
		}
		if c.state != failed {
			between++
		}
	}
	if i == len(l.list) {
		return
	}
	expires := d.until(env, after(env, l.life))
	p := putting{expires: expires}
	if beyond := between + 1 - d.cfg.K; beyond > 0 {
		p.spare = true
		p.expires = env.Now() + (expires-env.Now())>>min(beyond, 60)
	}
	if p.expires.Sub(env.Now()) <= d.cfg.Timeout {
		return // it would be over before it is there
	}
	p.value = slices.Clone(l.found)
	if d.give(env, l, i, call{purpose: forGift, put: &p}) {
		d.stats.Cached++
	}
}

// handOver offers to c, who is new or back, each value of which c is among the k
// closest and this node, of all others, is the closest that it knows: so one node
// does it.
func (d *DHT) handOver(env *protocol.Env, c Contact) {
	if !d.cfg.HandOver {
		return
	}
	for i := range d.items {
		if it := &d.items[i]; !it.spare && !it.over(env.Now()) && d.mine(&it.id, &c.ID) && !d.offering(c, it.id) {
			d.call(env, call{purpose: forOffer, method: get, to: c, target: it.id})
		}
	}
}

// mine reports whether it is for this node to give the value of that id to c.
func (d *DHT) mine(id, c *ID) bool {
	d.near = d.tab.closest(d.near[:0], &query{target: *id, n: d.cfg.K + 1}) // c and k others, this node among them
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

// offerEnd gives the value to the newcomer, if it does not have it.
func (d *DHT) offerEnd(env *protocol.Env, c *call, m *message) {
	it := d.item(env, c.target)
	if m == nil || m.value != nil || len(m.token) == 0 || it == nil {
		return
	}
	p := &putting{value: slices.Clone(it.value), expires: it.expires}
	if d.call(env, call{purpose: forGift, method: put, to: c.to, put: p, token: slices.Clone(m.token)}) {
		d.stats.Handed++
	}
}
