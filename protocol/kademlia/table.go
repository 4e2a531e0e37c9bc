package kademlia

import (
	"slices"

	"dessim/protocol"
)

// contact is what the table keeps of a contact: 12 bytes, beside its id and address, which are
// found by its number.
type contact struct {
	who      uint32 // see Known
	seen     uint32 // when it last answered, in units of stampUnit; may wrap
	next     uint16 // the bits of its id that tell it from others of its bucket: see ID.after
	fails    uint8  // failed RPCs since it last answered
	answered bool   // it answered us; always so of live ones
}

// bucket is what the contacts share that share a certain number of leading bits with the node
// itself. Those themselves stand in two rows of the table.
type bucket struct {
	looked protocol.Time // when a lookup went there last
	ends   [rows]uint32  // where its contacts end in each row, which begin where those of the bucket before do
}

// row is a list of contacts of all buckets in one piece, since a list for each of a dozen buckets
// would take most of what a table takes.
type row uint8

const (
	liveRow  row = iota // those in the buckets, of which the one heard longest ago comes first
	cacheRow            // the replacements, at most k of a bucket, of which the newest is the last
	rows
)

// of returns the contacts of bucket n in a row. The slice is the table's, and valid until it
// changes.
func (t *table) of(r row, n int) []contact {
	from := uint32(0)
	if n > 0 {
		from = t.buckets[n-1].ends[r]
	}
	all := t.rows[r]
	return all[from:t.buckets[n].ends[r]:len(all)]
}

// add makes c the last contact of bucket n in a row. The row grows by an eighth, not by half.
func (t *table) add(r row, n int, c contact) {
	all := t.rows[r]
	if len(all) == cap(all) {
		const least = 8
		all = append(make([]contact, 0, len(all)+len(all)/8+least), all...)
	}
	t.rows[r] = slices.Insert(all, int(t.buckets[n].ends[r]), c)
	for i := n; i < len(t.buckets); i++ {
		t.buckets[i].ends[r]++
	}
}

// cut takes the i-th contact of bucket n from a row and returns it.
func (t *table) cut(r row, n, i int) contact {
	at := int(t.buckets[n].ends[r]) - len(t.of(r, n)) + i
	c := t.rows[r][at]
	t.rows[r] = slices.Delete(t.rows[r], at, at+1)
	for i := n; i < len(t.buckets); i++ {
		t.buckets[i].ends[r]--
	}
	return c
}

// table is a routing table. buckets[i] is the bucket of i shared bits, present
// up to the deepest one that was ever needed.
type table struct {
	self      ID
	k         int
	stale     uint8
	own       protocol.Time // when the node's own id was looked up last, and so all of the deep buckets
	known     *Known        // or nil
	strangers []stranger    // contacts in the table that are not as known has them
	buckets   []bucket
	rows      [rows][]contact
	failed    int       // stale ones that are live
	locks     []lock    // of stale ones
	probes    [3]uint64 // bit n: one of the contacts of bucket n is being pinged, for a newcomer, at its old address, or for being silent
}

// lock says when a lookup may ask a stale contact again, in units of stampUnit.
type lock struct{ who, again uint32 }

// news is what the table did with a contact that answered.
type news uint8

const (
	known news = iota // it was there; now it is the last of its bucket
	back              // it was there, and stale; now it is the last of its bucket
	added             // it is there now
	moved             // its id is there under another address; it is in the cache
	full              // it is in the cache
)

// bucketOf returns the number of the bucket for id, which must not be the node's own.
func (t *table) bucketOf(id *ID) int {
	n := t.self.shared(id)
	for len(t.buckets) <= n {
		t.buckets = append(t.buckets, bucket{looked: t.own, ends: [rows]uint32{uint32(len(t.rows[liveRow])), uint32(len(t.rows[cacheRow]))}})
	}
	return n
}

// contacts returns those of bucket n, and waiting its replacements. The slice is the table's, and
// valid until it changes.
func (t *table) contacts(n int) []contact { return t.of(liveRow, n) }
func (t *table) waiting(n int) []contact  { return t.of(cacheRow, n) }

// remove takes the i-th contact from bucket n and returns it.
func (t *table) remove(n, i int) contact {
	c := t.cut(liveRow, n, i)
	t.answers(&c)
	return c
}

// answers notes that c is not stale any more, if it was.
func (t *table) answers(c *contact) {
	if c.fails >= t.stale {
		t.failed--
		t.locks = slices.DeleteFunc(t.locks, func(l lock) bool { return l.who == c.who })
	}
}

// place returns the place in bucket n of the contact with c's id, or -1, and whether it has c's
// address, too.
func (t *table) place(n int, c *Contact) (i int, same bool) {
	live := t.contacts(n)
	who, ok := t.who(c)
	if ok {
		for i := range live {
			if live[i].who == who {
				return i, true
			}
		}
		if who < foreign && t.alone() {
			return -1, false
		}
	}
	for i := range live {
		if *t.id(live[i].who) == c.ID {
			return i, false
		}
	}
	return -1, false
}

// get returns the contact with c's id, or nil, and whether it has c's address, too. It is valid
// until the next change of the table.
func (t *table) get(c *Contact) (o *contact, same bool) {
	if n := t.self.shared(&c.ID); n < len(t.buckets) {
		if i, same := t.place(n, c); i >= 0 {
			return &t.contacts(n)[i], same
		}
	}
	return nil, false
}

// room reports whether bucket n takes one more. Beyond k it does while fewer
// than k contacts lie deeper: then the bucket is part of the smallest subtree
// around the node that holds k, of which the node keeps all (the paper's
// section 2.4; without it a lookup in a skewed tree can miss a node).
func (t *table) room(n int) bool {
	return len(t.contacts(n)) < t.k || t.deeper(n) < t.k
}

// deeper counts the contacts below bucket n that are not stale; it stops at k.
func (t *table) deeper(n int) int {
	if t.failed == 0 {
		return min(t.k, len(t.rows[liveRow])-int(t.buckets[n].ends[liveRow]))
	}
	sum := 0
	for i := n + 1; i < len(t.buckets) && sum < t.k; i++ {
		sum += t.fresh(i)
	}
	return sum
}

// fresh counts the contacts of bucket n that are not stale.
func (t *table) fresh(n int) int {
	live := t.contacts(n)
	if t.failed == 0 {
		return len(live)
	}
	sum := 0
	for i := range live {
		if live[i].fails < t.stale {
			sum++
		}
	}
	return sum
}

// empty reports whether there is no contact, not even a stale one.
func (t *table) empty() bool { return len(t.rows[liveRow]) == 0 }

// edge returns the bucket at the top of the smallest subtree around the node that
// holds k contacts, or 0 if the whole table holds fewer.
func (t *table) edge() int {
	sum := 0
	for i := len(t.buckets) - 1; i >= 0; i-- {
		if sum += t.fresh(i); sum >= t.k {
			return i
		}
	}
	return 0
}

// fewer reports whether the table holds fewer than k contacts.
func (t *table) fewer() bool {
	sum := 0
	for i := range t.buckets {
		sum += t.fresh(i)
	}
	return sum < t.k
}

// isStale reports whether c is a stale contact.
func (t *table) isStale(c Contact) bool {
	o, same := t.get(&c)
	return o != nil && same && o.fails >= t.stale
}

// heard takes in a contact that answered an RPC.
func (t *table) heard(c Contact, now uint32) news {
	n := t.bucketOf(&c.ID)
	if i, same := t.place(n, &c); i >= 0 {
		if !same {
			t.remember(n, t.entry(n, &c).heard(now))
			return moved
		}
		live := t.contacts(n)
		was := live[i]
		t.answers(&was)
		copy(live[i:], live[i+1:])
		live[len(live)-1] = was.heard(now)
		if was.fails >= t.stale {
			return back
		}
		return known
	}
	i := -1
	if t.failed > 0 {
		i = slices.IndexFunc(t.contacts(n), func(o contact) bool { return o.fails >= t.stale })
	}
	switch {
	case i >= 0:
		t.drop(t.remove(n, i).who)
	case !t.room(n):
		i := t.crowded(n, &c.ID)
		if i < 0 {
			t.remember(n, t.entry(n, &c).heard(now))
			return full
		}
		t.remember(n, t.remove(n, i))
	}
	e := t.entry(n, &c).heard(now)
	t.forget(n, &c)
	t.add(liveRow, n, e)
	return added
}

// entry returns what bucket n keeps of a contact that has not answered yet, which gets a place in
// the table.
func (t *table) entry(n int, c *Contact) contact {
	return contact{who: t.take(c), next: c.ID.after(n)}
}

// heard returns c as of a node that answers now.
func (c contact) heard(now uint32) contact {
	c.seen, c.fails, c.answered = now, 0, true
	return c
}

// lost counts a failed RPC. A contact that is stale by then gives way to the newest in
// the cache that has answered us and is not silent, if there is one; old reports that
// it did. If the cache has only others, next is the one to try.
func (t *table) lost(c Contact, silent func(seen uint32) bool) (old bool, next Contact, ok bool) {
	n := t.bucketOf(&c.ID)
	i, same := t.place(n, &c)
	if i < 0 || !same {
		t.forget(n, &c)
		return false, Contact{}, false
	}
	o, cache := &t.contacts(n)[i], t.waiting(n)
	o.fails += min(1, 255-o.fails)
	if o.fails == t.stale {
		t.failed++
	}
	if o.fails < t.stale || len(cache) == 0 {
		return false, Contact{}, false
	}
	j := t.successor(n, &c.ID, silent)
	if j < 0 {
		return false, t.contact(cache[len(cache)-1].who), true
	}
	e := t.cut(cacheRow, n, j)
	t.drop(t.remove(n, i).who)
	t.add(liveRow, n, e)
	return true, Contact{}, false
}

// successor returns the place in the cache of the contact that is to replace the contact
// id, of those that have answered us lately: itself at another address, else the
// newest. It is -1 if there is none.
func (t *table) successor(n int, id *ID, silent func(seen uint32) bool) int {
	last, cache := -1, t.waiting(n)
	for i := range cache {
		if !cache[i].answered || silent(cache[i].seen) {
			continue
		}
		c := t.contact(cache[i].who)
		if c.ID == *id {
			return i
		}
		if at, _ := t.place(n, &c); at < 0 { // else it waits for itself to give way
			last = i
		}
	}
	return last
}

// remember puts e, which has a place by take, at the end of the cache of bucket n. A cache of k
// drops its oldest, but no contact that answered us for one that did not. One that is there already
// and has not answered now, but asked, moves to the end as it is.
func (t *table) remember(n int, e contact) {
	cache := t.waiting(n)
	at := slices.IndexFunc(cache, func(o contact) bool { return o.who == e.who })
	switch {
	case at >= 0 && !e.answered:
		e = cache[at]
	case at < 0 && len(cache) >= t.k:
		at = slices.IndexFunc(cache, func(o contact) bool { return !o.answered })
		if at < 0 && !e.answered {
			t.drop(e.who)
			return
		}
		at = max(at, 0)
	}
	if at < 0 {
		t.add(cacheRow, n, e)
		return
	}
	t.drop(cache[at].who)
	copy(cache[at:], cache[at+1:])
	cache[len(cache)-1] = e
}

// forget drops c from the cache of bucket n.
func (t *table) forget(n int, c *Contact) {
	if who, ok := t.who(c); ok {
		if i := slices.IndexFunc(t.waiting(n), func(o contact) bool { return o.who == who }); i >= 0 {
			t.drop(t.cut(cacheRow, n, i).who)
		}
	}
}
