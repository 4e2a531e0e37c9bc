package kademlia

import (
	"time"

	"dessim/protocol"
)

// upkeep is the state of the upkeep, which does what is due: it publishes values and
// puts them, and those held, again, refreshes buckets, offers newcomers values and
// forgets what has expired. There is one timer, for what is due first.
type upkeep struct {
	wake      protocol.Time // when the timer fires; 0: it is not set
	busy      int           // lookups, puts and offers of the upkeep under way
	within    bool          // keepUp is being executed
	published []publication // in the order of Publish
	newcomers []newcomer    // to be offered values, in the order of arrival
	absent    []absent      // to be asked now and then, those joined through first
	seeking   bool          // one of them is being asked
}

// maxBusy bounds what is published, put again, refreshed and offered at a time: in a
// burst, after a restart or for a newcomer, a node would lose its own messages.
const maxBusy = 4

// due returns when to do again what was done at and is done every period, spread over
// an eighth of the period by node and thing. The holders of a value got it at the same
// time; if they all put it again at the same time, none would see that another just
// did (the paper's 2.5). The Source is not asked, since answers that are all 0 would
// be the worst case.
func (d *DHT) due(at protocol.Time, period time.Duration, what *ID) protocol.Time {
	const parts = 1024
	apart := protocol.Time(protocol.Hash2(d.key, protocol.HashBytes(what[:])) % parts)
	return at + protocol.Time(period-period/4) + protocol.Time(period)/8/parts*apart // later than at, however short the period
}

// lookedAt records a lookup for target.
func (d *DHT) lookedAt(env *protocol.Env, target *ID) {
	n := d.tab.self.shared(target)
	switch {
	case n == idBits:
		d.tab.own = env.Now()
		for i := d.tab.edge() + 1; i < len(d.tab.buckets); i++ {
			d.tab.buckets[i].looked = env.Now()
		}
	case n < len(d.tab.buckets):
		d.tab.buckets[n].looked = env.Now()
	}
}

// upkeep reports whether anything is ever due.
func (c *Config) upkeep() bool {
	return c.Refresh > 0 || c.Republish > 0 || c.Publish > 0 || c.Expire > 0
}

// keepUp does what is due and sets the timer for what comes next.
func (d *DHT) keepUp(env *protocol.Env) {
	if d.up.within {
		return // something ended at once: the loop below goes on
	}
	d.up.within = true
	d.forget(env)
	for d.up.busy < maxBusy && d.renew(env) {
	}
	d.up.within = false
	d.rearm(env)
}

// renew begins one thing that is due and reports whether there was one.
func (d *DHT) renew(env *protocol.Env) bool {
	now := env.Now()
	for i := range d.up.published {
		if p := &d.up.published[i]; p.due <= now {
			d.publish(env, p)
			return true
		}
	}
	for i := range d.items {
		if it := &d.items[i]; d.renews(it) && d.due(it.at, d.cfg.Republish, &it.id) <= now {
			d.republish(env, it)
			return true
		}
	}
	if n, at := d.oldest(); n >= 0 && at+protocol.Time(d.cfg.Refresh) <= now {
		d.refresh(env, n)
		return true
	}
	if c, at := d.silent(env); c != nil && at+protocol.Time(d.cfg.Refresh) <= now && d.probe(env, d.tab.contact(c.who)) {
		return true
	}
	if a := d.nextAbsent(); a != nil && a.due <= now && d.seek(env, a) {
		return true
	}
	return d.offer(env) // last, since there may be ever more newcomers
}

// renews reports whether the node puts a value that it holds again.
func (d *DHT) renews(it *item) bool { return d.cfg.Republish > 0 && !it.cached }

// republish puts a value held here at the nodes that are the closest now.
func (d *DHT) republish(env *protocol.Env, it *item) {
	it.at = env.Now()
	d.up.busy++
	d.put(env, &store{value: it.value, expires: it.expires, done: func(env *protocol.Env, _ int) { d.ended(env) }})
}

// ended consumes the end of something that the upkeep began.
func (d *DHT) ended(env *protocol.Env) {
	d.up.busy--
	d.keepUp(env)
}

// oldest returns the bucket without a lookup for longest, and since when; one more than
// the last stands for the node's own id. It is -1 if none is to be refreshed.
func (d *DHT) oldest() (n int, at protocol.Time) {
	if d.cfg.Refresh == 0 || d.tab.empty() {
		return -1, 0
	}
	n, at = len(d.tab.buckets), d.tab.own
	for i := range d.tab.buckets {
		if looked := d.tab.buckets[i].looked; looked < at {
			n, at = i, looked
		}
	}
	return n, at
}

// silent returns the contact that has not answered for longest, and since when, of the
// buckets in which none is being pinged. It is nil if there is none. Lookups alone ask
// too few contacts to find all that have left, and a replacement from the cache may
// have left long ago.
func (d *DHT) silent(env *protocol.Env) (c *contact, at protocol.Time) {
	if d.cfg.Refresh == 0 {
		return nil, 0
	}
	now := stamp(env)
	for i := range d.tab.buckets {
		if d.tab.probing(i) {
			continue
		}
		live := d.tab.contacts(i)
		for j := range live {
			if o := &live[j]; o.fails < d.tab.stale && (c == nil || now-o.seen > now-c.seen) {
				c = o
			}
		}
	}
	if c == nil {
		return nil, 0
	}
	return c, protocol.Time(now)*stampUnit - protocol.Time(sinceStamp(env, c.seen))
}

// Unrefreshed returns since when the bucket that has gone longest without a lookup has
// done so, of those with contacts. ok is false if there are no contacts.
func (d *DHT) Unrefreshed() (at protocol.Time, ok bool) {
	for i := range d.tab.buckets {
		if b := &d.tab.buckets[i]; len(d.tab.contacts(i)) > 0 && (!ok || b.looked < at) {
			at, ok = b.looked, true
		}
	}
	return at, ok
}

// refresh looks up a random point of bucket n. For a bucket below the edge it looks up
// the node's own id instead, which finds all nodes there, since they are fewer than k.
func (d *DHT) refresh(env *protocol.Env, n int) {
	target := d.tab.self
	if n <= d.tab.edge() {
		p := d.point()
		target = target.sibling(n, &p)
	}
	d.stats.Refreshed++
	d.up.busy++
	d.Lookup(env, target, func(env *protocol.Env, _ Result) { d.ended(env) })
}

// rearm sets the timer for what is due next, unless it is set for an earlier time.
func (d *DHT) rearm(env *protocol.Env) {
	if !d.cfg.upkeep() {
		return
	}
	next := protocol.MaxTime + 1
	for i := range d.items {
		it := &d.items[i]
		if it.expires != 0 {
			next = min(next, it.expires)
		}
		if d.renews(it) {
			next = min(next, d.due(it.at, d.cfg.Republish, &it.id))
		}
	}
	for i := range d.up.published {
		p := &d.up.published[i]
		next = min(next, p.due)
		if p.until != 0 {
			next = min(next, p.until)
		}
	}
	if n, at := d.oldest(); n >= 0 {
		next = min(next, at+protocol.Time(d.cfg.Refresh))
	}
	if c, at := d.silent(env); c != nil {
		next = min(next, at+protocol.Time(d.cfg.Refresh))
	}
	if a := d.nextAbsent(); a != nil && !d.up.seeking {
		next = min(next, a.due)
	}
	now := env.Now()
	if next <= now { // it waits for what is under way
		next = now + protocol.Time(d.cfg.Pause)
	}
	if next > protocol.MaxTime || d.up.wake > now && d.up.wake <= next {
		return
	}
	d.up.wake = next
	env.SetTimer(next.Sub(now), protocol.Kademlia.Tag(upkeepTimer))
}
