package kademlia

import (
	"time"

	"dessim/protocol"
)

// stampUnit is the unit of contact.seen: ten milliseconds, of which 32 bits last
// longer than any run.
const stampUnit = 10_000_000

func stamp(env *protocol.Env) uint32 { return uint32(env.Now() / stampUnit) }

func sinceStamp(env *protocol.Env, seen uint32) time.Duration {
	return time.Duration(stamp(env)-seen) * stampUnit
}

// heard takes in a contact that answered.
func (d *DHT) heard(env *protocol.Env, c Contact) {
	d.isBack(c)
	switch d.tab.heard(c, stamp(env)) {
	case added, back:
		if d.join != nil {
			d.join.added++
		}
		if d.cfg.Refresh > 0 {
			d.rearm(env) // it may be the first of its bucket, which is to be refreshed from now on
		}
		d.handOver(env, c)
	case moved:
		if o, _ := d.tab.get(&c); o != nil {
			d.probe(env, d.tab.contact(o.who))
		}
	case full:
		d.probeFirst(env, d.tab.bucketOf(&c.ID))
	}
}

// lost counts a failed RPC against its contact.
func (d *DHT) lost(env *protocol.Env, c Contact) {
	d.lock(env, c)
	old, next, ok := d.tab.lost(c, func(seen uint32) bool { return d.cfg.Refresh > 0 && sinceStamp(env, seen) >= d.cfg.Refresh })
	if old {
		env.Note(KindEvict, c.ID, "at", c.Addr, "did not answer", d.cfg.Stale, "times")
		if d.cfg.Refresh > 0 {
			d.rearm(env) // the one that took its place may be silent too long
		}
	}
	if ok {
		d.verify(env, next)
	}
}

// lock sets when a contact that an RPC is about to make stale, or that is, may be asked
// again.
func (d *DHT) lock(env *protocol.Env, c Contact) {
	o, same := d.tab.get(&c)
	if !same || o.fails+1 < d.tab.stale {
		return
	}
	more := int(o.fails) + 1 - d.cfg.Stale
	d.tab.lock(o.who, stamp(env)+uint32(StaleAgain.Pause(env, d.cfg.Pause, more)/stampUnit)+1)
	if more == 0 {
		d.gaveUp(env, c)
	}
}

// probeFirst pings the contact of bucket n that was heard longest ago, as a
// newcomer waits for a place. If it answers it stays: the longer a node has been up,
// the longer it is likely to stay (the paper's figure 1), and no flood of newcomers
// can drive it out.
func (d *DHT) probeFirst(env *protocol.Env, n int) {
	live := d.tab.contacts(n)
	if len(live) == 0 || d.tab.probing(n) {
		return
	}
	first := live[0]
	if first.fails == 0 && sinceStamp(env, first.seen) < d.cfg.Fresh {
		return
	}
	d.probe(env, d.tab.contact(first.who))
}

// probe pings a contact, one at a time in a bucket, and reports whether it did.
func (d *DHT) probe(env *protocol.Env, c Contact) bool {
	n := d.tab.bucketOf(&c.ID)
	if d.tab.probing(n) {
		return false
	}
	begun := d.call(env, call{purpose: forProbe, method: ping, to: c})
	d.tab.setProbing(n, begun)
	return begun
}

// probeEnd pings a contact that did not answer again, until it answers or is replaced.
// The upkeep pings silent ones until they are stale.
func (d *DHT) probeEnd(env *protocol.Env, c *call) {
	n := d.tab.bucketOf(&c.to.ID)
	d.tab.setProbing(n, false)
	o, same := d.tab.get(&c.to)
	if same && o.fails > 0 && o.fails < d.tab.stale && len(d.tab.waiting(n)) > 0 {
		d.probe(env, c.to)
	}
	if d.cfg.upkeep() {
		d.keepUp(env)
	}
}
