package kademlia

import (
	"math/bits"
	"slices"

	"dessim/protocol"
)

// contact is a Contact with what the table remembers of it: 36 bytes.
type contact struct {
	Contact
	fails    uint8  // failed RPCs since it last answered
	answered bool   // it answered us; always so in bucket.live
	seen     uint32 // when it last answered, in units of stampUnit; may wrap
	again    uint32 // if it is stale: when a lookup may ask it again, in the same units
}

// bucket holds the contacts that share a certain number of leading bits with
// the node itself. The one heard longest ago comes first.
type bucket struct {
	live  []contact
	cache []contact // replacements, at most k, the newest last
	probe bool      // one of live is being pinged: for a newcomer, at its old address, or for being silent

	looked protocol.Time // when a lookup went there last
}

// table is a routing table. buckets[i] is the bucket of i shared bits, present
// up to the deepest one that was ever needed.
type table struct {
	self    ID
	k       int
	stale   uint8
	own     protocol.Time // when the node's own id was looked up last, and so all of the deep buckets
	buckets []bucket
}

// news is what the table did with a contact that answered.
type news uint8

const (
	known news = iota // it was there; now it is the last of its bucket
	back              // it was there, and stale; now it is the last of its bucket
	added             // it is there now
	moved             // its id is there under another address; it is in the cache
	full              // it is in the cache
)

// bucketOf returns the bucket for id, which must not be the node's own.
func (t *table) bucketOf(id *ID) (*bucket, int) {
	n := t.self.shared(id)
	for len(t.buckets) <= n {
		t.buckets = append(t.buckets, bucket{looked: t.own})
	}
	return &t.buckets[n], n
}

func index(s []contact, id *ID) int {
	for i := range s {
		if s[i].ID == *id {
			return i
		}
	}
	return -1
}

// get returns the live contact of that id, or nil. It is valid until the next
// change of the table.
func (t *table) get(id *ID) *contact {
	if n := t.self.shared(id); n < len(t.buckets) {
		b := &t.buckets[n]
		if i := index(b.live, id); i >= 0 {
			return &b.live[i]
		}
	}
	return nil
}

// room reports whether bucket n takes one more. Beyond k it does while fewer
// than k contacts lie deeper: then the bucket is part of the smallest subtree
// around the node that holds k, of which the node keeps all (the paper's
// section 2.4; without it a lookup in a skewed tree can miss a node).
func (t *table) room(n int) bool {
	return len(t.buckets[n].live) < t.k || t.deeper(n) < t.k
}

// deeper counts the contacts below bucket n that are not stale; it stops at k.
func (t *table) deeper(n int) int {
	sum := 0
	for i := n + 1; i < len(t.buckets) && sum < t.k; i++ {
		sum += t.fresh(i)
	}
	return sum
}

// fresh counts the contacts of bucket n that are not stale.
func (t *table) fresh(n int) int {
	sum := 0
	for i := range t.buckets[n].live {
		if t.buckets[n].live[i].fails < t.stale {
			sum++
		}
	}
	return sum
}

// empty reports whether there is no contact, not even a stale one.
func (t *table) empty() bool {
	return !slices.ContainsFunc(t.buckets, func(b bucket) bool { return len(b.live) > 0 })
}

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

// isStale reports whether c is a stale contact.
func (t *table) isStale(c Contact) bool {
	o := t.get(&c.ID)
	return o != nil && o.Addr == c.Addr && o.fails >= t.stale
}

// heard takes in a contact that answered an RPC.
func (t *table) heard(c Contact, now uint32) news {
	b, n := t.bucketOf(&c.ID)
	e := contact{Contact: c, answered: true, seen: now}
	if i := index(b.live, &c.ID); i >= 0 {
		if b.live[i].Addr != c.Addr {
			b.remember(e, t.k)
			return moved
		}
		was := b.live[i].fails
		b.live = append(slices.Delete(b.live, i, i+1), e)
		if was >= t.stale {
			return back
		}
		return known
	}
	i := slices.IndexFunc(b.live, func(o contact) bool { return o.fails >= t.stale })
	switch {
	case i >= 0:
		b.live = slices.Delete(b.live, i, i+1)
	case !t.room(n):
		i := t.crowded(n, &c.ID)
		if i < 0 {
			b.remember(e, t.k)
			return full
		}
		o := b.live[i]
		b.live = slices.Delete(b.live, i, i+1)
		b.remember(o, t.k)
	}
	b.forget(c)
	b.live = append(b.live, e)
	return added
}

// crowded returns the place of the contact of the full bucket n that makes way for a
// newcomer id, or -1.
//
// A bucket covers a subtree, but what fills it are the nodes closest to some point: each
// other's neighbours, from which it is far to most of the subtree. So a newcomer from a
// cell of the subtree without a contact takes a place in the cell with the most, as in
// libtorrent. The one heard last makes way, into the cache. A cell keeps its last contact,
// so a flood of newcomers soon finds no place.
func (t *table) crowded(n int, id *ID) int {
	var held [maxCells]uint8
	b := &t.buckets[n]
	for i := range b.live {
		held[t.cell(n, &b.live[i].ID)]++
	}
	most := slices.Max(held[:])
	if most < 2 || held[t.cell(n, id)] > 0 {
		return -1
	}
	for i := len(b.live) - 1; i >= 0; i-- {
		if held[t.cell(n, &b.live[i].ID)] == most {
			return i
		}
	}
	return -1
}

// cell returns the cell of bucket n in which an id lies: the value of the bits after the
// one that differs from the node's own. They are so many that there are at most k cells.
func (t *table) cell(n int, id *ID) int {
	c := 0
	for i := range bits.Len(uint(t.k)) - 1 {
		c <<= 1
		if at := n + 1 + i; at < idBits {
			c |= int(id[at/8] >> (7 - at%8) & 1)
		}
	}
	return c
}

const maxCells = 64 // for the greatest k

// lost counts a failed RPC. A contact that is stale by then gives way to the newest in
// the cache that has answered us and is not silent, if there is one; old reports that
// it did. If the cache has only others, next is the one to try.
func (t *table) lost(c Contact, silent func(seen uint32) bool) (old bool, next Contact, ok bool) {
	b, _ := t.bucketOf(&c.ID)
	i := index(b.live, &c.ID)
	if i < 0 || b.live[i].Addr != c.Addr {
		b.forget(c)
		return false, Contact{}, false
	}
	o := &b.live[i]
	o.fails += min(1, 255-o.fails)
	if o.fails < t.stale || len(b.cache) == 0 {
		return false, Contact{}, false
	}
	j := b.successor(&c.ID, silent)
	if j < 0 {
		return false, b.cache[len(b.cache)-1].Contact, true
	}
	e := b.cache[j]
	b.cache = slices.Delete(b.cache, j, j+1)
	b.live = append(slices.Delete(b.live, i, i+1), e)
	return true, Contact{}, false
}

// successor returns the place in the cache of the contact that is to replace the contact
// id, of those that have answered us lately: itself at another address, else the
// newest. It is -1 if there is none.
func (b *bucket) successor(id *ID, silent func(seen uint32) bool) int {
	last := -1
	for i := range b.cache {
		if !b.cache[i].answered || silent(b.cache[i].seen) {
			continue
		}
		if b.cache[i].ID == *id {
			return i
		}
		if index(b.live, &b.cache[i].ID) < 0 { // else it waits for itself to give way
			last = i
		}
	}
	return last
}

// remember puts e at the end of the cache. A cache of k drops its oldest, but
// no contact that answered us for one that did not. One that is there already and has
// not answered now, but asked, moves to the end as it is.
func (b *bucket) remember(e contact, k int) {
	at := -1
	for i := range b.cache {
		if o := &b.cache[i]; o.Contact == e.Contact {
			if !e.answered {
				e = *o
			}
			at = i
			break
		}
	}
	if at < 0 && len(b.cache) >= k {
		at = slices.IndexFunc(b.cache, func(o contact) bool { return !o.answered })
		if at < 0 && !e.answered {
			return
		}
		at = max(at, 0)
	}
	if at >= 0 {
		b.cache = slices.Delete(b.cache, at, at+1)
	}
	b.cache = append(b.cache, e)
}

// forget drops c from the cache.
func (b *bucket) forget(c Contact) {
	for i := range b.cache {
		if b.cache[i].Contact == c {
			b.cache = slices.Delete(b.cache, i, i+1)
			return
		}
	}
}

// query is the argument of table.closest.
type query struct {
	target ID
	n      int
	except *Contact // left out, by id and by address; nil is none
	stale  bool     // stale contacts that may be asked again count too
	now    uint32   // if stale, in units of stampUnit
}

// closest appends the q.n contacts closest to the target to dst, nearest first.
func (t *table) closest(dst []Contact, q *query) []Contact {
	// First the target's own subtree, then all that lies deeper on the node's own
	// path, then the subtrees that leave it ever earlier: each is farther from
	// the target than the one before.
	s, base := t.self.shared(&q.target), len(dst)
	if s < len(t.buckets) {
		dst = t.merge(dst, base, q, s, s+1)
		if len(dst)-base < q.n {
			dst = t.merge(dst, base, q, s+1, len(t.buckets))
		}
	}
	for i := min(s, len(t.buckets)) - 1; i >= 0 && len(dst)-base < q.n; i-- {
		dst = t.merge(dst, base, q, i, i+1)
	}
	return dst
}

// merge inserts the contacts of buckets from to upTo-1 into dst[base:], which is
// sorted by distance and stays at most q.n long.
func (t *table) merge(dst []Contact, base int, q *query, from, upTo int) []Contact {
	for n := from; n < upTo; n++ {
		for i := range t.buckets[n].live {
			c := &t.buckets[n].live[i]
			if c.fails >= t.stale && (!q.stale || int32(c.again-q.now) > 0) {
				continue
			}
			if q.except != nil && (c.ID == q.except.ID || c.Addr == q.except.Addr) {
				continue
			}
			at := len(dst)
			for at > base && q.target.compare(&c.ID, &dst[at-1].ID) < 0 {
				at--
			}
			switch {
			case len(dst)-base < q.n:
				dst = append(dst, Contact{})
			case at == len(dst):
				continue
			}
			copy(dst[at+1:], dst[at:])
			dst[at] = c.Contact
		}
	}
	return dst
}
