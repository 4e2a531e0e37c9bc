package kademlia

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer. A contact is
// named by its id and node: "8be9d698@3".
func (n *Node) Describe(b []byte) []byte {
	b = words.Line(b, "joined", words.YesNo(n.joined))
	if len(n.waiting) > 0 {
		b = words.Part(b, "waiting until it has joined", func(b []byte) []byte {
			for i, c := range n.waiting {
				b = words.Line(b, strconv.Itoa(i), TextInput(c.append(nil)))
			}
			return b
		})
	}
	return words.Part(b, "dht", n.dht.Describe)
}

// Describe appends the state to b by the convention of protocol.Describer.
func (d *DHT) Describe(b []byte) []byte {
	b = words.Line(b, "id", d.tab.self.String())
	b = words.Part(b, "buckets", d.describeBuckets)
	b = words.Line(b, "own id looked up", words.Time(d.tab.own))
	b = words.Part(b, "items", func(b []byte) []byte {
		for i := range d.items {
			b = d.items[i].describe(b)
		}
		return b
	})
	b = words.Part(b, "queries", func(b []byte) []byte {
		for slot := range d.calls {
			if c := &d.calls[slot]; c.purpose != 0 {
				b = words.Line(b, strconv.Itoa(slot), d.queryText(c))
			}
		}
		return b
	})
	b = words.Part(b, "lookups", d.describeLookups)
	if d.join != nil {
		b = words.Part(b, "join", func(b []byte) []byte { return d.join.describe(b, d) })
	}
	if d.cfg.upkeep() {
		b = words.Part(b, "upkeep", d.describeUpkeep)
	}
	if len(d.waiting) > 0 {
		b = words.Part(b, "to be pinged", func(b []byte) []byte {
			for i := range d.waiting {
				b = words.Line(b, d.name8(&d.waiting[i]), "when fewer pings are under way")
			}
			return b
		})
	}
	b = words.Line(b, "joined through", d.addr(d.boot))
	return words.Uint(b, "identities", d.count)
}

// name8 names a contact by the first 8 digits of its id and its node.
func (d *DHT) name8(c *Contact) string {
	return string(d.appendName8(make([]byte, 0, 24), c))
}

func (d *DHT) appendName8(b []byte, c *Contact) words.Row {
	return words.Row(b).Short(c.ID[:]).Str("@").Str(d.addr(c.Addr))
}

// addr names the node at an address.
func (d *DHT) addr(at protocol.Endpoint) string {
	if at == (protocol.Endpoint{}) {
		return "nobody"
	}
	if id, ok := d.cfg.Book.Node(at); ok {
		return id.String()
	}
	return at.String()
}

// describeBuckets appends the buckets by the number of bits that their contacts share with
// the node, and within them the contacts that were heard longest ago first.
func (d *DHT) describeBuckets(b []byte) []byte {
	for i := range d.tab.buckets {
		live, waiting := d.tab.contacts(i), d.tab.waiting(i)
		b = words.Part(b, strconv.Itoa(i), func(b []byte) []byte {
			b = words.Line(b, "looked up", words.Time(d.tab.buckets[i].looked))
			b = words.Part(b, "contacts", func(b []byte) []byte { return d.describeContacts(b, live) })
			if len(waiting) > 0 {
				b = words.Part(b, "replacements", func(b []byte) []byte { return d.describeContacts(b, waiting) })
			}
			if d.tab.probing(i) {
				b = words.Line(b, "pings", "one of its contacts")
			}
			return b
		})
	}
	return b
}

func (d *DHT) describeContacts(b []byte, all []contact) []byte {
	for i := range all {
		c, at := &all[i], d.tab.contact(all[i].who)
		b = d.appendName8(b, &at).Str(": ")
		if c.answered {
			b = append(append(b, "seen "...), stampText(c.seen)...)
		} else {
			b = append(b, "never answered"...)
		}
		if c.fails > 0 {
			b = words.Row(b).Str(", silent ").Count(uint64(c.fails), "time")
		}
		if c.fails >= d.tab.stale {
			b = append(append(b, ", stale, again from "...), stampText(d.tab.locked(c.who))...)
		}
		b = append(b, '\n')
	}
	return b
}

func stampText(s uint32) string { return words.Time(protocol.Time(s) * stampUnit) }

func (it *item) describe(b []byte) []byte {
	b = words.Row(b).Short(it.id[:]).Str(": ").Count(uint64(len(it.value)), "byte").Str(", put ").Str(words.Time(it.at)).Str(", ").Str(expiry(it.expires))
	if it.cached {
		b = append(b, ", to spare"...)
	}
	return append(b, '\n')
}

func expiry(at protocol.Time) string {
	if at == 0 {
		return "never expires"
	}
	return "expires " + words.Time(at)
}

var purposes = [...]string{forLookup: "a lookup", forPut: "a put", forAsker: "an unknown asker", forProbe: "its bucket",
	forJoin: "the join", forOffer: "a newcomer", forCache: "the path of a lookup", forAbsent: "an absent node"}

// queryText returns the words of a query under way.
func (d *DHT) queryText(c *call) string {
	s := methodKinds[c.method].String()
	switch c.method {
	case findNode, get:
		s += " " + words.Short(c.target[:])
	case put:
		s += " " + valueName(c.put.value)
	}
	why := purposes[c.purpose]
	switch {
	case c.purpose == forLookup && c.lookup == nil:
		why = "a lookup that is over"
	case c.purpose == forPut:
		why = fmt.Sprintf("a put with %d to come and %d stored", c.put.left, c.put.stored)
	}
	if c.put != nil {
		why += ", " + c.put.terms()
	}
	to := "node " + d.addr(c.to.Addr)
	if !c.anyID {
		to = d.name8(&c.to)
	}
	return s + " to " + to + ", try " + strconv.Itoa(int(c.tries)) + fmt.Sprintf(", rpc %08x, for ", c.txn>>32) + why
}

// terms returns how a value is to be stored.
func (s *store) terms() string {
	if s.cached {
		return expiry(s.expires) + ", to spare"
	}
	return expiry(s.expires)
}

// describeLookups appends the lookups that have queries under way. Each is named by its
// target, and by its first query too, as there may be several for one target.
func (d *DHT) describeLookups(b []byte) []byte {
	shown := map[*lookup]bool{}
	for slot := range d.calls {
		l := d.calls[slot].lookup
		if l == nil || shown[l] {
			continue
		}
		shown[l] = true
		b = words.Part(b, fmt.Sprintf("%s of query %d", words.Short(l.target[:]), slot), func(b []byte) []byte {
			b = words.Line(b, "target", l.target.String())
			b = words.Line(b, "method", methodKinds[l.method].String())
			b = words.Line(b, "ends with the first value", words.YesNo(l.first))
			b = words.Uint(b, "queries", uint64(l.rpcs))
			b = words.Uint(b, "in a row without a closer node", uint64(l.noCloser))
			return words.Part(b, "nearest first", func(b []byte) []byte { return d.describeCandidates(b, l) })
		})
	}
	return b
}

func (d *DHT) describeCandidates(b []byte, l *lookup) []byte {
	states := [...]string{unasked: "not asked", asking: "asked", answered: "answered", failed: "failed"}
	for i := range l.list {
		c := &l.list[i]
		b = d.appendName8(b, &c.Contact).Str(": ").Str(states[c.state]).Str(", ").Count(uint64(c.hops), "hop")
		if c.tokenLen > 0 {
			b = append(b, ", token"...)
		}
		b = append(b, '\n')
	}
	return b
}

func (j *join) describe(b []byte, d *DHT) []byte {
	b = words.Uint(b, "round", uint64(j.round))
	b = words.Line(b, "is a refresh", words.YesNo(j.renews))
	b = words.Line(b, "through", d.addr(j.boot))
	b = words.Uint(b, "times silent", uint64(j.silent))
	b = words.Part(b, "instead of it", func(b []byte) []byte {
		for i, at := range j.others {
			b = words.Line(b, strconv.Itoa(i), d.addr(at))
		}
		return b
	})
	b = words.Uint(b, "contacts gained", uint64(j.added))
	b = words.Uint(b, "regions looked up", uint64(j.looked))
	b = words.Part(b, "regions to come", func(b []byte) []byte {
		for i, g := range j.regions {
			b = fmt.Appendf(b, "%d: %s of %d bits\n", i, words.Short(g.path[:]), g.n)
		}
		return b
	})
	return fmt.Appendf(b, "next far bucket: %d\n", j.far)
}

func (d *DHT) describeUpkeep(b []byte) []byte {
	u := &d.up
	wake := "not set"
	if u.wake != 0 {
		wake = "at " + words.Time(u.wake)
	}
	b = words.Line(b, "timer", wake)
	b = words.Uint(b, "under way", uint64(u.busy))
	b = words.Part(b, "published", func(b []byte) []byte {
		for i := range u.published {
			p := &u.published[i]
			b = words.Row(b).Short(p.id[:]).Str(": due ").Str(words.Time(p.due)).Str(", ").Str(expiry(p.until)).Str(", ").
				Count(uint64(p.tries), "put").Str(" in vain").End()
		}
		return b
	})
	b = words.Part(b, "newcomers", func(b []byte) []byte {
		for i := range u.newcomers {
			n := &u.newcomers[i]
			offered := "nothing offered"
			if n.begun {
				offered = "offered up to " + words.Short(n.last[:])
			}
			b = words.Line(b, strconv.Itoa(i), d.name8(&n.to)+", "+offered) // the same one may wait twice
		}
		return b
	})
	b = words.Part(b, "absent", func(b []byte) []byte {
		for i := range u.absent {
			a := &u.absent[i]
			why := "given up"
			if a.seed {
				why = "joined through"
			}
			b = fmt.Appendf(b, "%s: %s, silent %s, due %s\n", d.name8(&a.Contact), why, words.Count(uint64(a.tries), "time"), words.Time(a.due))
		}
		return b
	})
	return words.Line(b, "seeks one of them", words.YesNo(u.seeking))
}
