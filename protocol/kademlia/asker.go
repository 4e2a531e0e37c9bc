package kademlia

import (
	"dessim/protocol"
)

const maxWaiting = 32 // askers to be pinged after Config.Askers others

// asked records the sender of a query. It becomes a contact only when it answers a
// ping of ours, since anybody can ask under any address. A ping causes none, which verify
// says: else two nodes whose answers come too late would ping each other for ever.
func (d *DHT) asked(env *protocol.Env, c Contact, verify bool) {
	if c.ID.is(&d.tab.self) {
		return
	}
	n := d.tab.bucketOf(&c.ID)
	live := d.tab.contacts(n)
	i, same := d.tab.place(n, &c)
	switch {
	case same:
		o := live[i]
		copy(live[i:], live[i+1:])
		live[len(live)-1] = o
		if o.fails > 0 && verify {
			d.verify(env, c)
		}
	case !verify:
	case i >= 0, d.tab.room(n), d.tab.fresh(n) < len(live), d.tab.crowded(n, &c.ID) >= 0:
		d.verify(env, c)
	default:
		d.tab.remember(n, d.tab.entry(n, &c))
		d.probeFirst(env, n)
	}
}

// verify pings c, now or after others.
func (d *DHT) verify(env *protocol.Env, c Contact) {
	for i := range d.calls {
		if d.calls[i].purpose != 0 && d.calls[i].to == c {
			return // an answer to that call will do
		}
	}
	if d.verifying < d.cfg.Askers {
		if d.call(env, call{purpose: forAsker, method: ping, to: c}) {
			d.verifying++
		}
		return
	}
	// Keep the closest: few other nodes know them.
	far := -1
	for i := range d.waiting {
		if d.waiting[i] == c {
			return
		}
		if far < 0 || d.tab.self.Closer(d.waiting[far].ID, d.waiting[i].ID) {
			far = i
		}
	}
	switch {
	case len(d.waiting) < maxWaiting:
		d.waiting = append(d.waiting, c)
	case d.tab.self.Closer(c.ID, d.waiting[far].ID):
		d.waiting[far] = c
	}
}

func (d *DHT) nextAsker(env *protocol.Env) {
	for len(d.waiting) > 0 && d.verifying < d.cfg.Askers {
		near := 0
		for i := range d.waiting {
			if d.tab.self.Closer(d.waiting[i].ID, d.waiting[near].ID) {
				near = i
			}
		}
		c := d.waiting[near]
		d.waiting[near] = d.waiting[len(d.waiting)-1]
		d.waiting = d.waiting[:len(d.waiting)-1]
		if len(d.waiting) == 0 {
			d.waiting = nil
		}
		if o, same := d.tab.get(&c); !same || o.fails > 0 {
			d.verify(env, c)
		}
	}
}
