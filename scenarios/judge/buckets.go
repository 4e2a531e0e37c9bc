package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// model is a routing table as the rules have it, the slow, obvious way: the contacts of each
// bucket, the one heard longest ago first, and those that wait for a place, the newest last.
type model struct {
	own   kademlia.ID
	k     int
	table []kademlia.Entry
	waits []kademlia.Entry
}

// read sets m to the table of a node.
func (m *model) read(d *kademlia.DHT) {
	m.table, m.waits = d.Table(m.table[:0]), d.Waiting(m.waits[:0])
}

// bucket returns the number of bits that an id shares with the node's own.
func (m *model) bucket(id kademlia.ID) (n int) {
	for bit(m.own, n) == bit(id, n) {
		n++
	}
	return n
}

// find returns the place of an id among the contacts, or -1.
func (m *model) find(id kademlia.ID) int {
	return slices.IndexFunc(m.table, func(e kademlia.Entry) bool { return e.ID == id })
}

// count returns how many contacts there are for which is holds.
func (m *model) count(is func(e *kademlia.Entry) bool) (n int) {
	for i := range m.table {
		if is(&m.table[i]) {
			n++
		}
	}
	return n
}

// last puts e at the end of its bucket.
func last(list []kademlia.Entry, e kademlia.Entry) []kademlia.Entry {
	at := slices.IndexFunc(list, func(o kademlia.Entry) bool { return o.Bucket > e.Bucket })
	if at < 0 {
		at = len(list)
	}
	return slices.Insert(list, at, e)
}

// heard takes in a contact that answered.
func (m *model) heard(c kademlia.Contact, now protocol.Time) {
	e := kademlia.Entry{Contact: c, Bucket: m.bucket(c.ID), Answered: true, Seen: now / seenUnit * seenUnit}
	if i := m.find(c.ID); i >= 0 {
		if m.table[i].Addr != c.Addr {
			m.wait(e)
			return
		}
		m.table = last(slices.Delete(m.table, i, i+1), e)
		return
	}
	switch i := m.place(&e); {
	case i >= 0 && m.table[i].Stale:
		m.table = slices.Delete(m.table, i, i+1)
	case i >= 0:
		o := m.table[i]
		m.table = slices.Delete(m.table, i, i+1)
		m.wait(o)
	case !m.room(e.Bucket):
		m.wait(e)
		return
	}
	m.waits = slices.DeleteFunc(m.waits, func(o kademlia.Entry) bool { return o.Contact == c })
	m.table = last(m.table, e)
}

// seenUnit is the unit of kademlia.Entry.Seen.
const seenUnit = 10_000_000

// room reports whether a bucket takes one more: up to k, and all of the smallest subtree
// around the node that holds k.
func (m *model) room(bucket int) bool {
	return m.count(func(e *kademlia.Entry) bool { return e.Bucket == bucket }) < m.k ||
		m.count(func(e *kademlia.Entry) bool { return e.Bucket > bucket && !e.Stale }) < m.k
}

// place returns the place of the contact that makes way for a newcomer, or -1: the first stale
// one, or if there is no room the one heard last of those in the part of the bucket's subtree
// with the most, if that has two and the newcomer's part none.
func (m *model) place(e *kademlia.Entry) int {
	stale := slices.IndexFunc(m.table, func(o kademlia.Entry) bool { return o.Bucket == e.Bucket && o.Stale })
	if stale >= 0 || m.room(e.Bucket) {
		return stale
	}
	beside := func(i int) int { // how many share its part
		return m.count(func(o *kademlia.Entry) bool { return o.Bucket == e.Bucket && m.alike(o, &m.table[i]) })
	}
	best, most := -1, 1
	for i := range m.table {
		switch o := &m.table[i]; {
		case o.Bucket != e.Bucket:
		case m.alike(o, e):
			return -1
		case beside(i) >= max(most, 2):
			best, most = i, beside(i)
		}
	}
	return best
}

// alike reports whether two ids of a bucket lie in the same part of its subtree. There are at
// most k parts, and half as many or more.
func (m *model) alike(a, b *kademlia.Entry) bool {
	for parts, n := 2, a.Bucket+1; parts <= m.k && n < 8*len(a.ID); parts, n = 2*parts, n+1 {
		if bit(a.ID, n) != bit(b.ID, n) {
			return false
		}
	}
	return true
}

// wait puts e at the end of those that wait: at most k in a bucket, of which the oldest that
// never answered makes way, or else, for one that did, the oldest.
func (m *model) wait(e kademlia.Entry) {
	e.Waits = true
	first, silent, n := -1, -1, 0
	for i := range m.waits {
		o := &m.waits[i]
		if o.Bucket != e.Bucket {
			continue
		}
		if o.Contact == e.Contact {
			if !e.Answered {
				e = *o
			}
			m.waits = last(slices.Delete(m.waits, i, i+1), e)
			return
		}
		if n++; first < 0 {
			first = i
		}
		if silent < 0 && !o.Answered {
			silent = i
		}
	}
	switch {
	case n < m.k:
	case silent >= 0:
		m.waits = slices.Delete(m.waits, silent, silent+1)
	case e.Answered:
		m.waits = slices.Delete(m.waits, first, first+1)
	default:
		return
	}
	m.waits = last(m.waits, e)
}

// asked takes in the sender of a query, which says nothing of whether it answers: if it is a
// contact it becomes the last of its bucket, and if it finds no place there it waits.
func (m *model) asked(c kademlia.Contact, ping bool) {
	if c.ID == m.own {
		return
	}
	e := kademlia.Entry{Contact: c, Bucket: m.bucket(c.ID)}
	i := m.find(c.ID)
	switch {
	case i >= 0 && m.table[i].Addr == c.Addr:
		o := m.table[i]
		m.table = last(slices.Delete(m.table, i, i+1), o)
	case ping || i >= 0 || m.room(e.Bucket) || m.place(&e) >= 0:
	default:
		m.wait(e)
	}
}

// lost counts a failed RPC. A contact that is stale by then gives way to one that waits and
// has answered lately: itself at another address, or else the newest. If there are only
// others, the newest of them is to be pinged.
func (m *model) lost(c kademlia.Contact, cfg *kademlia.Config, now protocol.Time) (next kademlia.Contact, ok bool) {
	i := m.find(c.ID)
	if i < 0 || m.table[i].Addr != c.Addr {
		m.waits = slices.DeleteFunc(m.waits, func(o kademlia.Entry) bool { return o.Contact == c })
		return next, false
	}
	o := &m.table[i]
	o.Fails += min(1, 255-o.Fails)
	o.Stale = int(o.Fails) >= cfg.Stale
	newest, best := -1, -1
	for j := range m.waits {
		w := &m.waits[j]
		if w.Bucket != o.Bucket {
			continue
		}
		newest = j
		late := cfg.Refresh > 0 && (now/seenUnit*seenUnit).Sub(w.Seen) >= cfg.Refresh
		switch {
		case !w.Answered, late:
		case best >= 0 && m.waits[best].ID == c.ID:
		case w.ID == c.ID, m.find(w.ID) < 0:
			best = j
		}
	}
	switch {
	case !o.Stale || newest < 0:
		return next, false
	case best < 0:
		return m.waits[newest].Contact, true
	}
	e := m.waits[best]
	e.Waits = false
	m.waits = slices.Delete(m.waits, best, best+1)
	m.table = last(slices.Delete(m.table, i, i+1), e)
	return next, false
}

// failed returns the contact whose RPC failed in the step that led from m to o. ok is false if
// nothing has changed.
func (m *model) failed(o *model) (c kademlia.Entry, ok bool) {
	for i := range m.table {
		if j := o.find(m.table[i].ID); j < 0 || o.table[j].Fails != m.table[i].Fails || o.table[j].Addr != m.table[i].Addr {
			return m.table[i], true
		}
	}
	for i := range m.waits {
		if !slices.Contains(o.waits, m.waits[i]) {
			return m.waits[i], true
		}
	}
	return c, false
}

// timeless forgets when contacts answered.
func (m *model) timeless() {
	for _, list := range [][]kademlia.Entry{m.table, m.waits} {
		for i := range list {
			list[i].Seen = 0
		}
	}
}

// equal reports whether two tables are the same.
func (m *model) equal(o *model) bool {
	return slices.Equal(m.table, o.table) && slices.Equal(m.waits, o.waits)
}

// differs says how two tables differ, or nil.
func (m *model) differs(o *model) error {
	if err := differ(m.table, o.table, "contact"); err != nil {
		return err
	}
	return differ(m.waits, o.waits, "waiting node")
}

func differ(have, want []kademlia.Entry, what string) error {
	for i := range max(len(have), len(want)) {
		switch {
		case i >= len(want), i < len(have) && have[i] != want[i] && !slices.Contains(want, have[i]):
			return fmt.Errorf("has the %s %.8s, with %d failures, in bucket %d, where it should not be", what, have[i].ID, have[i].Fails, have[i].Bucket)
		case i >= len(have), have[i] != want[i]:
			return fmt.Errorf("has not the %s %.8s, with %d failures, in its place of bucket %d", what, want[i].ID, want[i].Fails, want[i].Bucket)
		}
	}
	return nil
}
