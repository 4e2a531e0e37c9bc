package kademlia

import (
	"dessim/protocol"
)

const (
	maxVerifying = 16 // pings of unknown askers in flight, which anybody can cause
	maxWaiting   = 32 // more of them, to be pinged then
)

// asked takes note of who sent a query. It is not a contact before it answers a
// ping of ours, since anybody can ask under any address.
func (d *DHT) asked(env *protocol.Env, c Contact) {
	if c.ID == d.cfg.Self {
		return
	}
	b, n := d.tab.bucketOf(&c.ID)
	i := index(b.live, &c.ID)
	switch {
	case i >= 0 && b.live[i].Addr == c.Addr:
		o := b.live[i]
		copy(b.live[i:], b.live[i+1:])
		b.live[len(b.live)-1] = o
		if o.fails > 0 {
			d.verify(env, c)
		}
	case i >= 0, d.tab.room(n), d.tab.fresh(n) < len(b.live):
		d.verify(env, c)
	default:
		b.remember(contact{Contact: c}, d.cfg.K)
		d.probeFirst(env, &c.ID)
	}
}

// verify pings c, now or when others have been.
func (d *DHT) verify(env *protocol.Env, c Contact) {
	for i := range d.calls {
		if d.calls[i].purpose != 0 && d.calls[i].to == c {
			return // whatever it is asked, an answer will do
		}
	}
	if d.verifying < maxVerifying {
		if d.call(env, call{purpose: forAsker, method: ping, to: c}) {
			d.verifying++
		}
		return
	}
	// Keep the closest: they are the ones whom few others know.
	far := -1
	for i := range d.waiting {
		if d.waiting[i] == c {
			return
		}
		if far < 0 || d.cfg.Self.Closer(d.waiting[far].ID, d.waiting[i].ID) {
			far = i
		}
	}
	switch {
	case len(d.waiting) < maxWaiting:
		d.waiting = append(d.waiting, c)
		return
	case d.cfg.Self.Closer(c.ID, d.waiting[far].ID):
		d.waiting[far] = c
	}
	d.stats.Unchecked++
}

// nextAsker pings the closest of those who wait for it.
func (d *DHT) nextAsker(env *protocol.Env) {
	for len(d.waiting) > 0 && d.verifying < maxVerifying {
		near := 0
		for i := range d.waiting {
			if d.cfg.Self.Closer(d.waiting[i].ID, d.waiting[near].ID) {
				near = i
			}
		}
		c := d.waiting[near]
		d.waiting[near] = d.waiting[len(d.waiting)-1]
		d.waiting = d.waiting[:len(d.waiting)-1]
		if o := d.tab.get(&c.ID); o == nil || o.Contact != c || o.fails > 0 {
			d.verify(env, c)
		}
	}
}
