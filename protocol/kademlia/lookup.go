package kademlia

import (
	"bytes"
	"slices"

	"dessim/protocol"
)

// state is the state of a candidate.
type state uint8

const (
	unasked state = iota
	asking
	answered
	failed
)

// candidate is a node that a lookup has heard of: 40 bytes.
type candidate struct {
	distance uint64 // the first bits of the distance to the target, which decide nearly every comparison
	Contact
	state    state
	hops     uint8  // queries from the node itself to this one, by the first referral
	token    uint16 // where its token begins in lookup.tokens
	tokenLen uint8
}

// lookup is the paper's node lookup (2.3) or value lookup.
type lookup struct {
	target   ID
	method   method
	first    bool        // ends with the first value
	list     []candidate // in the order of distance, then address; see note
	noCloser int         // queries ended in a row that returned no node closer than all before
	rpcs     int
	tokens   []byte
	found    []byte // the value, aliasing the message
	life     uint64 // of the value, as it came
	foundAt  candidate
	done     func(env *protocol.Env, l *lookup)

	result []Contact // scratch
	index  []int     // scratch
}

const (
	seenPerK  = 32 // candidates a lookup remembers, times k
	namedPerK = 4  // contacts it takes from one answer, times k
	maxTokens = 1 << 15
	idleSeen  = 128 // candidates whose memory an idle lookup of a node that joins keeps
)

// Result is the outcome of Lookup. Closest is valid until the callback returns.
type Result struct {
	Closest []Contact // at most k, nearest first, all of which answered; never the node itself

	// Hops is the length of the chain of referrals that led to the closest: 1 if
	// it was in the node's own table, 2 if a contact from there named it, and so on;
	// 0 if there is none. With Alpha 1 it is the number of greedy steps.
	Hops int
}

// Lookup finds the k nodes closest to target: the paper's node lookup.
func (d *DHT) Lookup(env *protocol.Env, target ID, done func(env *protocol.Env, r Result)) {
	l := d.newLookup(target, findNode)
	l.done = func(env *protocol.Env, l *lookup) {
		done(env, l.outcome(d.cfg.K))
	}
	d.begin(env, l)
}

func (d *DHT) newLookup(target ID, m method) *lookup {
	var l *lookup
	if n := len(d.idle); n > 0 {
		l, d.idle = d.idle[n-1], d.idle[:n-1]
	} else {
		k := d.cfg.K // few lookups hear of fewer
		l = &lookup{list: make([]candidate, 0, k), result: make([]Contact, 0, k), index: make([]int, 0, k)}
	}
	*l = lookup{target: target, method: m, list: l.list[:0], tokens: l.tokens[:0], result: l.result[:0], index: l.index[:0]}
	return l
}

// begin seeds the lookup from the node's own table and sends the first queries.
func (d *DHT) begin(env *protocol.Env, l *lookup) {
	q := query{target: l.target, n: d.cfg.K}
	l.result = d.tab.closest(l.result[:0], &q)
	if len(l.result) < d.cfg.K { // after an outage all may be stale and yet alive
		q.stale, q.now = true, stamp(env)
		l.result = d.tab.closest(l.result[:0], &q)
	}
	for _, c := range l.result {
		d.name(env, l, c, 1)
	}
	l.noCloser = 0
	d.lookedAt(env, &l.target)
	d.advance(env, l)
}

// name adds a candidate that was named. It reports whether it is the closest so far.
//
// One id may be named with several addresses, of which at most one is right. All are
// asked: a lie must not hide the truth.
func (d *DHT) name(env *protocol.Env, l *lookup, c Contact, hops uint8) bool {
	if node, ok := d.cfg.Book.Node(c.Addr); !ok || node == env.ID() || c.ID.is(&d.tab.self) {
		return false
	}
	i, there := l.find(&c)
	if there {
		return false
	}
	if len(l.list) >= seenPerK*d.cfg.K {
		last := len(l.list) - 1
		if i > last || l.list[last].state == asking {
			return false
		}
		l.list = l.list[:last]
	}
	closest := i == 0 && (len(l.list) == 0 || l.list[0].ID != c.ID)
	l.list = slices.Insert(l.list, i, candidate{distance: l.distance(&c.ID), Contact: c, hops: hops})
	return closest
}

// find returns the place of c in the list, and whether it is there.
func (l *lookup) find(c *Contact) (int, bool) {
	low, high, distance := 0, len(l.list), l.distance(&c.ID)
	for low < high {
		m := int(uint(low+high) >> 1)
		o := &l.list[m]
		cmp := order(o.distance, distance)
		if cmp == 0 {
			if cmp = l.target.compare(&o.ID, &c.ID); cmp == 0 {
				cmp = bytes.Compare(o.Addr[:], c.Addr[:])
			}
		}
		switch {
		case cmp == 0:
			return m, true
		case cmp < 0:
			low = m + 1
		default:
			high = m
		}
	}
	return low, false
}

// distance returns the first bits of the distance from an id to the target.
func (l *lookup) distance(id *ID) uint64 { return l.target.head() ^ id.head() }

// advance sends the queries that are due, or ends the lookup.
//
// Only the k closest that did not fail matter. alpha of them are queried at a time;
// all of them once alpha queries in a row returned no closer node. When all of them
// have answered, the lookup is over.
func (d *DHT) advance(env *protocol.Env, l *lookup) {
	for {
		next, flying, seen := -1, 0, 0
		for i := 0; i < len(l.list) && seen < d.cfg.K; i++ {
			switch l.list[i].state {
			case failed:
				continue
			case asking:
				flying++
			case unasked:
				if next < 0 {
					next = i
				}
			}
			seen++
		}
		limit := d.cfg.Alpha
		if l.noCloser >= d.cfg.Alpha {
			limit = d.cfg.K
		}
		switch {
		case next < 0 && flying == 0:
			d.finish(env, l)
			return
		case next < 0, flying >= limit:
			return
		}
		c := &l.list[next]
		if d.call(env, call{purpose: forLookup, method: l.method, to: c.Contact, target: l.target, lookup: l}) {
			c.state = asking
			l.rpcs++
		} else {
			c.state = failed
		}
	}
}

// lookupEnd consumes the end of one of the lookup's calls.
func (d *DHT) lookupEnd(env *protocol.Env, c *call, m *message) {
	l := c.lookup
	i, ok := l.find(&c.to)
	if !ok {
		panic("kademlia: lookup lost the node " + c.to.ID.String() + " that it asks")
	}
	l.noCloser++
	switch {
	case m == nil:
		l.list[i].state = failed
	case l.twice(i):
		l.list[i].state = failed
	default:
		l.list[i].state = answered
		l.note(i, m)
		at := l.list[i]
		if l.first && len(m.value) > 0 && Key(m.value) == l.target {
			l.found, l.life, l.foundAt = m.value, m.life, at
			d.finish(env, l)
			return
		}
		d.learn(env, l, m.nodes, at.hops)
	}
	d.advance(env, l)
}

// twice reports whether another address answered for the id of candidate i: a node
// counts once.
func (l *lookup) twice(i int) bool {
	id := l.list[i].ID
	for j := max(i-1, 0); j >= 0 && l.list[j].ID == id; j-- {
		if l.list[j].state == answered {
			return true
		}
	}
	for j := i + 1; j < len(l.list) && l.list[j].ID == id; j++ {
		if l.list[j].state == answered {
			return true
		}
	}
	return false
}

// note keeps candidate i's token.
func (l *lookup) note(i int, m *message) {
	if len(m.token) == 0 || len(l.tokens)+len(m.token) > maxTokens {
		return
	}
	l.list[i].token, l.list[i].tokenLen = uint16(len(l.tokens)), uint8(len(m.token))
	l.tokens = append(l.tokens, m.token...)
}

// learn adds the contacts in an answer from a node that is hops away.
func (d *DHT) learn(env *protocol.Env, l *lookup, nodes named, hops uint8) {
	for range namedPerK * d.cfg.K {
		c, ok := nodes.cut(d.cfg.Book)
		if !ok {
			return
		}
		if d.name(env, l, c, hops+min(1, 255-hops)) {
			l.noCloser = 0
		}
	}
}

// answered returns the places in the list of the n closest that answered.
func (l *lookup) answered(n int) []int {
	l.index = l.index[:0]
	for i := range l.list {
		if l.list[i].state == answered && len(l.index) < n {
			l.index = append(l.index, i)
		}
	}
	return l.index
}

func (l *lookup) outcome(k int) Result {
	var r Result
	l.result = l.result[:0]
	for _, i := range l.answered(k) {
		if r.Hops == 0 {
			r.Hops = int(l.list[i].hops)
		}
		l.result = append(l.result, l.list[i].Contact)
	}
	r.Closest = l.result
	return r
}

// finish ends a lookup. Calls still under way go on for the table's sake alone.
func (d *DHT) finish(env *protocol.Env, l *lookup) {
	for i := range d.calls {
		if d.calls[i].lookup == l {
			d.calls[i].lookup = nil
		}
	}
	env.Note(KindLookup, l.target, "took", l.rpcs, "queries")
	l.done(env, l)
	l.done, l.found = nil, nil
	if d.join != nil && cap(l.list) <= idleSeen && len(d.idle) < 2 {
		d.idle = append(d.idle, l)
	}
}
