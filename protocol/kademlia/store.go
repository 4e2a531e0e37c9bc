package kademlia

import (
	"crypto/sha1"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// item is a value held for others.
type item struct {
	id      ID
	value   []byte
	at      protocol.Time // when it was last stored here or put again by this node
	expires protocol.Time // 0: never
	cached  bool          // left here on the path of a lookup; not put again
}

// Key returns the id under which value is stored: its SHA-1 (BEP 44, immutable
// items).
func Key(value []byte) ID { return sha1.Sum(value) }

func (d *DHT) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(d.items, id, func(it item, id ID) int {
		return slices.Compare(it.id[:], id[:])
	})
}

// item returns what is stored here under id, or nil. It is valid until the next
// change of the store. A value that has expired is not returned, even if its timer is
// still to come because the clock jumped.
func (d *DHT) item(env *protocol.Env, id ID) *item {
	if i, ok := d.find(id); ok && !d.items[i].over(env.Now()) {
		return &d.items[i]
	}
	return nil
}

// Holds reports whether the node itself stores the value under id.
func (d *DHT) Holds(id ID) bool { _, ok := d.find(id); return ok }

// Held is what a node knows of a value that it stores.
type Held struct {
	ID      ID
	At      protocol.Time // when it was last put here, or this node began to put it again
	Expires protocol.Time // 0: never
	Cached  bool          // left here on the path of a lookup
	Value   []byte        // the node's own: read only
}

// Stored returns what the node stores, in the order of the ids.
func (d *DHT) Stored() []Held {
	out := make([]Held, 0, len(d.items))
	for i := range d.items {
		out = append(out, d.items[i].held())
	}
	return out
}

// Held returns what the node stores under id.
func (d *DHT) Held(id ID) (h Held, ok bool) {
	i, ok := d.find(id)
	if !ok {
		return Held{}, false
	}
	return d.items[i].held(), true
}

func (it *item) held() Held { return Held{it.id, it.at, it.expires, it.cached, it.value} }

// keep stores a copy of s and reports whether there is room. It never shortens the
// life of a value that is held already: else anybody could end it.
func (d *DHT) keep(env *protocol.Env, id ID, s *store) bool {
	i, ok := d.find(id)
	if !ok {
		if len(d.items) >= d.cfg.Items {
			return false
		}
		d.items = slices.Insert(d.items, i, item{
			id: id, value: slices.Clone(s.value), at: env.Now(), expires: d.until(env, s.expires), cached: s.cached,
		})
		d.rearm(env)
		return true
	}
	it := &d.items[i]
	if s.cached && !it.cached {
		return true // it belongs here already
	}
	it.at, it.cached = env.Now(), s.cached
	if e := d.until(env, s.expires); e == 0 || it.expires != 0 && e > it.expires {
		it.expires = e
	}
	d.rearm(env)
	return true
}

// receivePut consumes a put. It returns code 0, or the error to answer with.
func (d *DHT) receivePut(env *protocol.Env, asker protocol.Endpoint, q *message) (code int64, text string) {
	if !d.allowed(env, asker, q.token) {
		return errProtocol, "bad token"
	}
	if q.signed {
		return errProtocol, "mutable items are not supported"
	}
	if len(q.value) > maxValue {
		return errTooBig, "value too big"
	}
	id := Key(q.value)
	if q.hasTarget && q.target != id { // BEP 44 asks for no target; one that is given must be right
		return errSig, "value does not hash to target"
	}
	if q.life == noLife {
		return 0, ""
	}
	if !d.keep(env, id, &store{value: q.value, expires: after(env, q.life), cached: q.cached}) {
		return errServer, "store is full"
	}
	return 0, ""
}

// Found is the outcome of Get. Value is valid until the callback returns.
type Found struct {
	OK    bool
	Value []byte
	From  Contact // the node that had it, perhaps this one
	Hops  int     // as in Result, to From; 0 for this node
	RPCs  int     // queries that were answered, failed or were abandoned
}

// Get looks for the value whose Key is target: FIND_VALUE in the paper. It ends
// with the first node that answers with it; a value that does not hash to target is
// ignored. If no node has it, it ends as Lookup does.
func (d *DHT) Get(env *protocol.Env, target ID, done func(env *protocol.Env, f Found)) {
	if it := d.item(env, target); it != nil {
		done(env, Found{OK: true, Value: it.value, From: Contact{d.tab.self, d.cfg.Book.Endpoint(env.ID())}})
		return
	}
	l := d.newLookup(target, get)
	l.first = true
	l.done = func(env *protocol.Env, l *lookup) {
		f := Found{RPCs: l.rpcs}
		if l.found != nil {
			f.OK, f.Value, f.From, f.Hops = true, l.found, l.foundAt.Contact, int(l.foundAt.hops)
			d.cache(env, l)
		}
		done(env, f)
	}
	d.begin(env, l)
}

// store is a value that is being stored at other nodes.
type store struct {
	value   []byte
	expires protocol.Time // 0: as late as each node likes
	cached  bool          // at a node on a lookup's path
	left    int           // calls under way
	stored  int
	done    func(env *protocol.Env, stored int)
}

// CheckValue returns nil if value can be put: if it is one canonical bencoded value
// of at most 1000 bytes.
func (d *DHT) CheckValue(value []byte) error {
	if len(value) > maxValue {
		return fmt.Errorf("kademlia: value has %d bytes, want at most %d", len(value), maxValue)
	}
	if !canonical(new(bencode.Reader), value) {
		return fmt.Errorf("kademlia: value %.40q is not canonical bencoding", value)
	}
	return nil
}

// Put stores value, of which it keeps a copy, at the k nodes closest to its Key,
// this one included if it is among them: STORE in the paper. done is called with the
// number of nodes that have it; fewer than k if the network has fewer or some failed.
// A value that CheckValue refuses panics.
func (d *DHT) Put(env *protocol.Env, value []byte, done func(env *protocol.Env, stored int)) {
	if err := d.CheckValue(value); err != nil {
		panic(fmt.Sprintf("kademlia: node %d puts: %v", env.ID(), err))
	}
	d.put(env, &store{value: slices.Clone(value), done: done})
}

// put looks for the closest nodes and has them store s.
func (d *DHT) put(env *protocol.Env, s *store) {
	l := d.newLookup(Key(s.value), get)
	l.done = func(env *protocol.Env, l *lookup) { d.scatter(env, s, l) }
	d.begin(env, l)
}

// scatter sends s to the closest nodes, which l found. A value that would expire on the
// way is stored nowhere, not even here.
func (d *DHT) scatter(env *protocol.Env, s *store, l *lookup) {
	if d.tooLate(env, s.expires) {
		s.done(env, 0)
		return
	}
	closest, own := l.answered(d.cfg.K), false
	if n := len(closest); n < d.cfg.K || l.target.Closer(d.tab.self, l.list[closest[n-1]].ID) {
		own = true
		closest = closest[:min(n, d.cfg.K-1)]
	}
	if own && d.keep(env, l.target, s) {
		s.stored++
	}
	s.left = 1 // this step itself
	for _, i := range closest {
		if d.storeAt(env, l, i, call{purpose: forPut, put: s}) {
			s.left++
		}
	}
	d.putStep(env, s)
}

// storeAt puts c.put at candidate i, whose token l has.
func (d *DHT) storeAt(env *protocol.Env, l *lookup, i int, c call) bool {
	at := &l.list[i]
	if at.tokenLen == 0 {
		return false // it sent no token, so it would refuse
	}
	c.method, c.to = put, at.Contact
	c.token = slices.Clone(l.tokens[at.token:][:at.tokenLen])
	return d.call(env, c)
}

func (d *DHT) putEnd(env *protocol.Env, s *store, ok bool) {
	if ok {
		s.stored++
	}
	d.putStep(env, s)
}

func (d *DHT) putStep(env *protocol.Env, s *store) {
	if s.left--; s.left == 0 {
		s.done(env, s.stored)
	}
}
