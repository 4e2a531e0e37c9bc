package kademlia

import (
	"crypto/sha1"
	"fmt"
	"slices"

	"dessim/protocol"
)

// item is a value held for others.
type item struct {
	id    ID
	value []byte
	at    protocol.Time // when it was last stored
}

// Key gives the id under which value is stored: its SHA-1 (BEP 44, immutable
// items).
func Key(value []byte) ID { return sha1.Sum(value) }

func (d *DHT) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(d.items, id, func(it item, id ID) int {
		return slices.Compare(it.id[:], id[:])
	})
}

// item gives the value stored here under id, or nil.
func (d *DHT) item(id ID) []byte {
	if i, ok := d.find(id); ok {
		return d.items[i].value
	}
	return nil
}

// Holds reports whether the node itself stores the value of that id.
func (d *DHT) Holds(id ID) bool { return d.item(id) != nil }

// keep stores a copy of value and reports whether there is room.
func (d *DHT) keep(env *protocol.Env, id ID, value []byte) bool {
	i, ok := d.find(id)
	switch {
	case ok:
		d.items[i].at = env.Now()
	case len(d.items) >= d.cfg.Items:
		return false
	default:
		d.items = slices.Insert(d.items, i, item{id: id, value: slices.Clone(value), at: env.Now()})
	}
	return true
}

// store consumes a put. It gives code 0, or the error to answer.
func (d *DHT) store(env *protocol.Env, asker protocol.Endpoint, q *message) (code int64, text string) {
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
	if q.hasTarget && q.target != id { // BEP 44 asks for no target; who names one must mean it
		return errSig, "value does not hash to target"
	}
	if !d.keep(env, id, q.value) {
		return errServer, "store is full"
	}
	return 0, ""
}

// Found is the outcome of Get. Value is valid until the callback returns.
type Found struct {
	OK    bool
	Value []byte
	From  Contact // who had it; the node itself if it did
	Hops  int     // as in Result, to From; 0 if the node itself had it
	RPCs  int     // queries that were answered or failed, or are abandoned
}

// Get looks for the value whose Key is target: FIND_VALUE in the paper. It ends
// with the first node that answers with it; what does not hash to target is
// ignored. If nobody has it, it ends as Lookup does.
func (d *DHT) Get(env *protocol.Env, target ID, done func(env *protocol.Env, f Found)) {
	if v := d.item(target); v != nil {
		done(env, Found{OK: true, Value: v, From: Contact{d.cfg.Self, d.cfg.Book.Endpoint(env.ID())}})
		return
	}
	l := d.newLookup(target, get)
	l.first = true
	l.done = func(env *protocol.Env, l *lookup) {
		f := Found{RPCs: l.rpcs}
		if l.found != nil {
			f.OK, f.Value, f.From, f.Hops = true, l.found, l.foundAt.Contact, int(l.foundAt.hops)
		}
		done(env, f)
	}
	d.begin(env, l)
}

// putting is a Put whose lookup is over.
type putting struct {
	value  []byte
	left   int // calls under way
	stored int
	done   func(env *protocol.Env, stored int)
}

// CheckValue tells why value cannot be put, or gives nil: it must be one
// canonical bencoded value of at most 1000 bytes.
func (d *DHT) CheckValue(value []byte) error {
	if len(value) > maxValue {
		return fmt.Errorf("kademlia: value has %d bytes, want at most %d", len(value), maxValue)
	}
	if !canonical(&d.r, value) {
		return fmt.Errorf("kademlia: value %.40q is not canonical bencoding", value)
	}
	return nil
}

// Put stores value, of which it keeps a copy, at the k nodes closest to its Key,
// this one included if it is among them: STORE in the paper. done is told how
// many have it; fewer than k if the network has fewer or some failed. A value
// that CheckValue refuses panics.
func (d *DHT) Put(env *protocol.Env, value []byte, done func(env *protocol.Env, stored int)) {
	if err := d.CheckValue(value); err != nil {
		panic(fmt.Sprintf("kademlia: node %d puts: %v", env.ID(), err))
	}
	p := &putting{value: slices.Clone(value), done: done}
	l := d.newLookup(Key(value), get)
	l.done = func(env *protocol.Env, l *lookup) { d.scatter(env, p, l) }
	d.begin(env, l)
}

// scatter sends p to the closest nodes, which l found.
func (d *DHT) scatter(env *protocol.Env, p *putting, l *lookup) {
	closest, own := l.answered(d.cfg.K), false
	if n := len(closest); n < d.cfg.K || l.target.Closer(d.cfg.Self, l.list[closest[n-1]].ID) {
		own = true
		closest = closest[:min(n, d.cfg.K-1)]
	}
	if own && d.keep(env, l.target, p.value) {
		p.stored++
	}
	p.left = 1 // this step itself
	for _, i := range closest {
		c := &l.list[i]
		if c.tokenLen == 0 {
			continue // it gave none, so it would refuse
		}
		token := slices.Clone(l.tokens[c.token:][:c.tokenLen])
		if d.call(env, call{purpose: forPut, method: put, to: c.Contact, put: p, token: token}) {
			p.left++
		}
	}
	d.putStep(env, p)
}

func (d *DHT) putEnd(env *protocol.Env, c *call, ok bool) {
	if ok {
		c.put.stored++
	}
	d.putStep(env, c.put)
}

func (d *DHT) putStep(env *protocol.Env, p *putting) {
	if p.left--; p.left == 0 {
		p.done(env, p.stored)
	}
}
