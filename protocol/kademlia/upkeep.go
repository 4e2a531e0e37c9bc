package kademlia

import (
	"time"

	"dessim/protocol"
)

// The upkeep does what is due: values are published and, like those held, put again,
// buckets refreshed, newcomers offered values, and what is over is forgotten. There is
// one timer, for the earliest.

// upkeep is where it stands.
type upkeep struct {
	wake      protocol.Time // for when the timer is set; 0: it is not
	busy      int           // lookups, puts and offers that it has under way
	within    bool          // keepUp is being executed
	published []publication // in the order of Publish
	newcomers []newcomer    // to be offered values, in the order of their coming
}

// maxBusy bounds what is published, put again, refreshed and offered at a time: with a
// burst of it, after a restart or for a newcomer, a node would lose its own messages.
const maxBusy = 4

// due gives when something is to be done again that was done at and is to be done
// every period: an eighth of it apart for different nodes and things. All who hold a
// value were given it at the same time; if they all put it again at the same time
// none would see that another one just did (the paper's 2.5). This is no question
// to the Source, since then all answers being 0 would be the worst case.
func (d *DHT) due(at protocol.Time, period time.Duration, what *ID) protocol.Time {
	const parts = 1024
	apart := protocol.Time(protocol.Hash2(d.key, protocol.HashBytes(what[:])) % parts)
	return at + protocol.Time(period-period/4) + protocol.Time(period)/8/parts*apart // later than at, however short the period
}

// lookedAt takes note of a lookup for that target.
func (d *DHT) lookedAt(env *protocol.Env, target *ID) {
	n := d.cfg.Self.shared(target)
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

// keepUp does what is due, and sets the timer for what comes next.
func (d *DHT) keepUp(env *protocol.Env) {
	if d.up.within {
		return // what ended within its own step: the loop below goes on
	}
	d.up.within = true
	d.forget(env)
	for d.up.busy < maxBusy && d.renew(env) {
	}
	d.up.within = false
	d.rearm(env)
}

// renew begins one thing that is due, and reports whether there was one.
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
	if c, at := d.silent(env); c != nil && at+protocol.Time(d.cfg.Refresh) <= now && d.probe(env, c.Contact) {
		return true
	}
	return d.offer(env) // last, since newcomers may be without end
}

// renews reports whether it is for the node to put a value again that it holds.
func (d *DHT) renews(it *item) bool { return d.cfg.Republish > 0 && !it.cached }

// republish puts a value that is held at the nodes that are the closest now.
func (d *DHT) republish(env *protocol.Env, it *item) {
	it.at = env.Now()
	d.stats.Renewed++
	d.up.busy++
	d.put(env, &store{value: it.value, expires: it.expires, done: func(env *protocol.Env, _ int) { d.ended(env) }})
}

// ended consumes the end of what the upkeep had begun.
func (d *DHT) ended(env *protocol.Env) {
	d.up.busy--
	d.keepUp(env)
}

// oldest gives the bucket that has been without a lookup for longest, and since when;
// it is one more than the last if the own id has. It is -1 if none is to be refreshed.
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

// silent gives the contact that has not answered for longest, of those that may be pinged
// for it, and since when: where none of its bucket is pinged already. It is nil if there
// is none. Lookups alone ask too few to find out all who left, and who was kept to take
// somebody's place may have left long ago.
func (d *DHT) silent(env *protocol.Env) (c *contact, at protocol.Time) {
	if d.cfg.Refresh == 0 {
		return nil, 0
	}
	now := stamp(env)
	for i := range d.tab.buckets {
		b := &d.tab.buckets[i]
		if b.probe {
			continue
		}
		for j := range b.live {
			if o := &b.live[j]; o.fails < d.tab.stale && (c == nil || now-o.seen > now-c.seen) {
				c = o
			}
		}
	}
	if c == nil {
		return nil, 0
	}
	return c, protocol.Time(now)*stampUnit - protocol.Time(sinceStamp(env, c.seen))
}

// Unrefreshed gives since when some bucket with contacts has been without a lookup: the
// one that has been so for longest. It is false if there are no contacts.
func (d *DHT) Unrefreshed() (at protocol.Time, ok bool) {
	for i := range d.tab.buckets {
		if b := &d.tab.buckets[i]; len(b.live) > 0 && (!ok || b.looked < at) {
			at, ok = b.looked, true
		}
	}
	return at, ok
}

// refresh looks up a random point of bucket n. Of those below the edge it looks up the
// own id, which finds all of their nodes, since they are fewer than k.
func (d *DHT) refresh(env *protocol.Env, n int) {
	target := d.cfg.Self
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
