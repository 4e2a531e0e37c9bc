package kademlia

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
	var space [maxNear]near
	s := t.search(q, space[:0])
	for i := range s {
		dst = append(dst, t.contact(s[i].who))
	}
	return dst
}

// near is a contact that is close to a target. Its distance is right in the bits that tell apart
// contacts of different buckets, and in the next 16, which tell apart nearly all of one bucket: so
// the ids themselves, which no cache holds, are hardly ever compared.
type near struct {
	distance uint64
	who      uint32
}

// maxNear is as many as are usually looked for.
const maxNear = 16

// search appends the q.n contacts closest to the target to list, which is empty, nearest first.
func (t *table) search(q *query, list []near) []near {
	s := search{table: t, query: q, node: nobody}
	if q.except != nil {
		who, ok := t.who(q.except)
		switch s.id = !ok || who >= foreign || !t.alone(); {
		case ok && who < foreign:
			s.node = who
		case t.known != nil:
			if n, ok := t.known.book.Node(q.except.Addr); ok {
				s.node = uint32(n)
			}
		}
	}
	// First the target's own subtree, then all that lies deeper on the node's own
	// path, then the subtrees that leave it ever earlier: each is farther from
	// the target than the one before.
	n := t.self.shared(&q.target)
	if n < len(t.buckets) {
		list = s.merge(list, n)
		if len(list) < q.n {
			for i := n + 1; i < len(t.buckets); i++ {
				list = s.merge(list, i)
			}
		}
	}
	for i := min(n, len(t.buckets)) - 1; i >= 0 && len(list) < q.n; i-- {
		list = s.merge(list, i)
	}
	return list
}

// nobody is no contact's number.
const nobody = 1<<32 - 1

// search is one under way.
type search struct {
	*table
	*query
	node uint32 // the node at the address of query.except, or nobody
	id   bool   // another contact may have its id, or a stranger its address
}

// merge inserts the contacts of bucket n into list, which is sorted by distance and stays at most
// query.n long.
func (s *search) merge(list []near, n int) []near {
	live, shared := s.contacts(n), s.self.beyond(n)^s.target.head()
	for i := range live {
		c := &live[i]
		if c.fails >= s.table.stale && (!s.query.stale || int32(s.locked(c.who)-s.now) > 0) {
			continue
		}
		if c.who == s.node || s.id && s.excepts(c.who) {
			continue
		}
		x := near{shared ^ uint64(c.next)<<48>>(n+1), c.who}
		at := len(list)
		for at > 0 && s.closer(x, list[at-1]) {
			at--
		}
		switch {
		case len(list) < s.n:
			list = append(list, near{})
		case at == len(list):
			continue
		}
		copy(list[at+1:], list[at:])
		list[at] = x
	}
	return list
}

// closer reports whether a is nearer to the target than b is.
func (s *search) closer(a, b near) bool {
	if a.distance != b.distance {
		return a.distance < b.distance
	}
	return s.target.compare(s.table.id(a.who), s.table.id(b.who)) < 0
}

// excepts reports whether a contact is left out for its id, or a stranger for its address.
func (s *search) excepts(who uint32) bool {
	if who < foreign {
		return *s.table.id(who) == s.except.ID
	}
	c := &s.strangers[who-foreign].Contact
	return c.ID == s.except.ID || c.Addr == s.except.Addr
}

// locked returns when a stale contact may be asked again, in units of stampUnit.
func (t *table) locked(who uint32) uint32 {
	for i := range t.locks {
		if t.locks[i].who == who {
			return t.locks[i].again
		}
	}
	return 0
}

// lock sets when a stale contact may be asked again.
func (t *table) lock(who, again uint32) {
	for i := range t.locks {
		if t.locks[i].who == who {
			t.locks[i].again = again
			return
		}
	}
	t.locks = append(t.locks, lock{who, again})
}

// probing reports whether a contact of bucket n is being pinged.
func (t *table) probing(n int) bool { return t.probes[n/64]>>(n%64)&1 == 1 }

func (t *table) setProbing(n int, on bool) {
	t.probes[n/64] &^= 1 << (n % 64)
	if on {
		t.probes[n/64] |= 1 << (n % 64)
	}
}
