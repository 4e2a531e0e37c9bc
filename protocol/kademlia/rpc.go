package kademlia

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"dessim/protocol"
)

// purpose says who waits for the end of a call.
type purpose uint8

const (
	forLookup purpose = iota + 1
	forPut
	forAsker // an unknown asker is verified
	forProbe // a contact is pinged: for a newcomer, at its old address, or for being silent
	forJoin  // the bootstrapper, whose id is not known yet
	forOffer // a newcomer is asked for a value that it should hold
	forGift  // a value is left on the way of a lookup, and nobody waits for the end of it
)

// call is an RPC under way, in all its tries.
type call struct {
	purpose purpose // 0: the slot is free
	method  method
	tries   uint8
	txn     uint64
	to      Contact
	node    protocol.NodeID
	target  ID      // of findNode and get
	lookup  *lookup // for forLookup; nil once the lookup has ended
	put     *putting
	token   []byte // for forPut and forGift
}

// The numbers of the timers of join and upkeep; calls have those below.
const (
	pauseTimer  = 1 << 40
	upkeepTimer = protocol.Periodic | 1<<41
)

const (
	maxVerifying = 16 // pings of unknown askers in flight, which anybody can cause
	maxWaiting   = 32 // more of them, to be pinged then
)

// stampUnit divides local time for contact.seen: ten milliseconds in 32 bits
// last longer than any run.
const stampUnit = 10_000_000

func stamp(env *protocol.Env) uint32 { return uint32(env.Now() / stampUnit) }

// sinceStamp gives how long ago a stamp was made.
func sinceStamp(env *protocol.Env, seen uint32) time.Duration {
	return time.Duration(stamp(env)-seen) * stampUnit
}

// What a secret is for.
const (
	secretTxn   = "transaction"
	secretToken = "token"
	secretPoint = "point"
)

// secret derives 32 bytes that nobody can guess who does not know Config.Secret,
// however many others he saw; so it is not protocol.Hash2, which resists accident
// alone. They come from no Source: an identity must not collide when all answers
// are 0.
func (d *DHT) secret(what string, n uint64, more []byte) [sha256.Size]byte {
	var buf [64]byte
	b := binary.BigEndian.AppendUint64(buf[:0], d.cfg.Secret)
	b = binary.BigEndian.AppendUint64(b, d.key)
	b = binary.BigEndian.AppendUint64(b, n)
	b = append(b, what...)
	b = append(b, more...)
	return sha256.Sum256(b)
}

// point gives a new random point of the id space.
func (d *DHT) point() (p ID) {
	d.count++
	s := d.secret(secretPoint, d.count, nil)
	copy(p[:], s[:])
	return p
}

// call begins an RPC. It reports false, and nothing will follow, if nobody has
// that address or it is the node's own.
func (d *DHT) call(env *protocol.Env, c call) bool {
	node, ok := d.cfg.Book.Node(c.to.Addr)
	if !ok || node == env.ID() || c.to.ID == d.cfg.Self && c.purpose != forJoin {
		return false
	}
	d.count++
	s := d.secret(secretTxn, d.count, nil)
	c.node, c.tries, c.txn = node, 1, binary.BigEndian.Uint64(s[:])
	slot := 0
	for slot < len(d.calls) && d.calls[slot].purpose != 0 {
		slot++
	}
	if slot == len(d.calls) {
		d.calls = append(d.calls, call{})
	}
	d.calls[slot] = c
	d.stats.Asked++
	d.try(env, slot)
	return true
}

// try sends the query of a call. All tries bear one transaction id, so that an
// answer that comes after the next try still counts.
func (d *DHT) try(env *protocol.Env, slot int) {
	c := &d.calls[slot]
	var txn [8]byte
	binary.BigEndian.PutUint64(txn[:], c.txn)
	m := message{y: 'q', txn: txn[:], id: d.cfg.Self, method: c.method}
	switch c.method {
	case findNode, get:
		m.hasTarget, m.target = true, c.target
	case put:
		m.token, m.value = c.token, c.put.value
		m.life, m.spare = d.left(env, c.put.expires), c.put.spare
	}
	d.out = m.append(d.out[:0])
	env.Send(c.node, methodKinds[c.method], d.out)
	env.SetTimer(d.cfg.Timeout, protocol.Kademlia.Tag(uint64(slot)))
}

// late consumes the timer of a call.
func (d *DHT) late(env *protocol.Env, slot int) {
	c := &d.calls[slot]
	switch {
	case c.purpose == 0:
	case int(c.tries) < d.cfg.Tries:
		c.tries++
		d.stats.Resent++
		d.try(env, slot)
	default:
		done := *c
		*c = call{}
		d.stats.Failed++
		if done.purpose != forJoin {
			d.lost(env, done.to)
		}
		d.end(env, &done, nil)
	}
}

// settle consumes an answer or an error. It counts only if the address, the
// transaction and the id are those of a call: then it was not forged, unless by
// someone who saw the query.
func (d *DHT) settle(env *protocol.Env, from protocol.NodeID, m *message) {
	slot := d.pending(from, m)
	if slot < 0 {
		d.stats.Ignored++
		return
	}
	done := d.calls[slot]
	d.calls[slot] = call{}
	env.CancelTimer(protocol.Kademlia.Tag(uint64(slot)))
	if m.y == 'e' {
		d.end(env, &done, nil)
		return
	}
	if done.purpose == forJoin {
		done.to.ID = m.id
	}
	d.heard(env, done.to)
	d.end(env, &done, m)
}

// pending finds the call that m ends, or -1.
func (d *DHT) pending(from protocol.NodeID, m *message) int {
	if len(m.txn) != 8 {
		return -1
	}
	txn := binary.BigEndian.Uint64(m.txn)
	for i := range d.calls {
		c := &d.calls[i]
		if c.purpose == 0 || c.txn != txn {
			continue
		}
		if c.node != from || m.y == 'r' && (m.id == d.cfg.Self || m.id != c.to.ID && c.purpose != forJoin) {
			return -1
		}
		return i
	}
	return -1
}

// end hands the outcome of a call to who waits for it; m is nil if it failed.
func (d *DHT) end(env *protocol.Env, c *call, m *message) {
	switch c.purpose {
	case forLookup:
		if c.lookup != nil {
			d.lookupEnd(env, c, m)
		}
	case forPut:
		// Of a put that was tried again nobody knows which try came first, or came at all,
		// and by now it may tell that the value is over: who kept nothing must not count.
		kept := c.tries == 1 || !d.tooLate(env, c.put.expires)
		d.putEnd(env, c.put, m != nil && kept)
	case forAsker:
		d.verifying--
		d.nextAsker(env)
	case forProbe:
		d.probeEnd(env, c)
	case forJoin:
		d.bootEnd(env, m != nil)
	case forOffer:
		d.offerEnd(env, c, m)
	}
}

// heard takes in a contact that answered.
func (d *DHT) heard(env *protocol.Env, c Contact) {
	switch d.tab.heard(c, stamp(env)) {
	case added:
		if d.join != nil {
			d.join.added++
		}
		if d.cfg.Refresh > 0 {
			d.rearm(env) // it may be the first one of its bucket, which from now on is to be refreshed
		}
		d.handOver(env, c)
	case moved:
		if o := d.tab.get(&c.ID); o != nil {
			d.probe(env, o.Contact)
		}
	case full:
		d.probeFirst(env, &c.ID)
	}
}

// lost counts a failed RPC against its contact.
func (d *DHT) lost(env *protocol.Env, c Contact) {
	old, spare, ok := d.tab.lost(c, func(seen uint32) bool { return d.cfg.Refresh > 0 && sinceStamp(env, seen) >= d.cfg.Refresh })
	if old {
		d.stats.Evicted++
		env.Note(KindEvict, c.ID, "at", c.Addr, "did not answer", d.cfg.Stale, "times")
		if d.cfg.Refresh > 0 {
			d.rearm(env) // whoever took its place may be silent too long
		}
	}
	if ok {
		d.verify(env, spare)
	}
}

// probeFirst pings the contact of id's bucket that was heard longest ago, as a
// newcomer waits for a place. Whoever answers stays: the longer a node has been
// up, the longer it is likely to stay (the paper's figure 1), and no flood of
// newcomers can drive it out.
func (d *DHT) probeFirst(env *protocol.Env, id *ID) {
	b, _ := d.tab.bucketOf(id)
	if len(b.live) == 0 || b.probe {
		return
	}
	first := b.live[0]
	if first.fails == 0 && sinceStamp(env, first.seen) < d.cfg.Fresh {
		return
	}
	d.probe(env, first.Contact)
}

// probe pings a contact, once at a time in a bucket, and reports whether it did.
func (d *DHT) probe(env *protocol.Env, c Contact) bool {
	b, _ := d.tab.bucketOf(&c.ID)
	if b.probe {
		return false
	}
	b.probe = d.call(env, call{purpose: forProbe, method: ping, to: c})
	return b.probe
}

// probeEnd pings again who did not answer, until he answers or is replaced. The upkeep
// pings the silent until they are stale.
func (d *DHT) probeEnd(env *protocol.Env, c *call) {
	b, _ := d.tab.bucketOf(&c.to.ID)
	b.probe = false
	o := d.tab.get(&c.to.ID)
	if o != nil && o.Addr == c.to.Addr && o.fails > 0 && o.fails < d.tab.stale && len(b.cache) > 0 {
		d.probe(env, c.to)
	}
	if d.cfg.upkeep() {
		d.keepUp(env)
	}
}

// asked takes note of who sent a query. It is not a contact before it answers a
// ping of ours, since anybody can ask under any address.
func (d *DHT) asked(env *protocol.Env, c Contact) {
	if c.ID == d.cfg.Self {
		return
	}
	b, n := d.tab.bucketOf(&c.ID)
	i := index(b.live, &c.ID)
	switch {
	case i >= 0 && b.live[i].Addr == c.Addr:
		o := b.live[i]
		copy(b.live[i:], b.live[i+1:])
		b.live[len(b.live)-1] = o
		if o.fails > 0 {
			d.verify(env, c)
		}
	case i >= 0, d.tab.room(n), d.tab.fresh(n) < len(b.live):
		d.verify(env, c)
	default:
		b.remember(contact{Contact: c}, d.cfg.K)
		d.probeFirst(env, &c.ID)
	}
}

// verify pings c, now or when others have been.
func (d *DHT) verify(env *protocol.Env, c Contact) {
	for i := range d.calls {
		if d.calls[i].purpose != 0 && d.calls[i].to == c {
			return // whatever it is asked, an answer will do
		}
	}
	if d.verifying < maxVerifying {
		if d.call(env, call{purpose: forAsker, method: ping, to: c}) {
			d.verifying++
		}
		return
	}
	// Keep the closest: they are the ones whom few others know.
	far := -1
	for i := range d.waiting {
		if d.waiting[i] == c {
			return
		}
		if far < 0 || d.cfg.Self.Closer(d.waiting[far].ID, d.waiting[i].ID) {
			far = i
		}
	}
	switch {
	case len(d.waiting) < maxWaiting:
		d.waiting = append(d.waiting, c)
		return
	case d.cfg.Self.Closer(c.ID, d.waiting[far].ID):
		d.waiting[far] = c
	}
	d.stats.Unchecked++
}

// nextAsker pings the closest of those who wait for it.
func (d *DHT) nextAsker(env *protocol.Env) {
	for len(d.waiting) > 0 && d.verifying < maxVerifying {
		near := 0
		for i := range d.waiting {
			if d.cfg.Self.Closer(d.waiting[i].ID, d.waiting[near].ID) {
				near = i
			}
		}
		c := d.waiting[near]
		d.waiting[near] = d.waiting[len(d.waiting)-1]
		d.waiting = d.waiting[:len(d.waiting)-1]
		if o := d.tab.get(&c.ID); o == nil || o.Contact != c || o.fails > 0 {
			d.verify(env, c)
		}
	}
}

// answer consumes a query.
func (d *DHT) answer(env *protocol.Env, from protocol.NodeID, q *message) {
	asker := Contact{ID: q.id, Addr: d.cfg.Book.Endpoint(from)}
	m := message{y: 'r', txn: q.txn, id: d.cfg.Self}
	switch q.method {
	case ping:
	case findNode:
		m.nodes = d.nearest(q.target, &asker)
	case get:
		m.nodes = d.nearest(q.target, &asker)
		token := d.token(env, asker.Addr, 0)
		m.token = token[:]
		if it := d.item(env, q.target); it != nil {
			m.value, m.life = it.value, d.left(env, it.expires)
		}
	case put:
		if code, text := d.store(env, asker.Addr, q); code != 0 {
			m = message{y: 'e', txn: q.txn, code: code, text: []byte(text)}
		}
	default:
		m = message{y: 'e', txn: q.txn, code: errMethod, text: []byte("method unknown")}
	}
	kind := KindAnswer
	if m.y == 'e' {
		d.stats.Refused++
		kind = KindError
	}
	d.out = m.append(d.out[:0])
	env.Send(from, kind, d.out)
	if q.readOnly {
		return
	}
	d.asked(env, asker)
	if q.method == findNode && q.target == q.id { // who looks up himself is new, or back and without values
		if o := d.tab.get(&q.id); o != nil && o.Contact == asker && o.fails == 0 {
			d.handOver(env, asker)
		}
	}
}

// nearest gives the k good contacts closest to target but the asker, compact and
// sorted. It is valid until the next call.
func (d *DHT) nearest(target ID, asker *Contact) []byte {
	d.near = d.tab.closest(d.near[:0], &query{target: target, n: d.cfg.K, except: asker})
	d.nodes = d.nodes[:0]
	for i := range d.near {
		d.nodes = appendCompact(d.nodes, &d.near[i])
	}
	return d.nodes
}

// token gives what asker must show to store something here: it proves that he
// receives at that address (BEP 5). It changes with every period of tokenLife of
// the node's clock; back counts the periods since.
func (d *DHT) token(env *protocol.Env, asker protocol.Endpoint, back int64) (t [8]byte) {
	s := d.secret(secretToken, uint64(int64(env.Now())/tokenLife-back), asker[:])
	copy(t[:], s[:])
	return t
}

const tokenLife = 5 * 60 * 1_000_000_000 // ns

// allowed reports whether token was given to asker in this period or the last.
func (d *DHT) allowed(env *protocol.Env, asker protocol.Endpoint, token []byte) bool {
	for back := range int64(2) {
		if t := d.token(env, asker, back); bytes.Equal(t[:], token) {
			return true
		}
	}
	return false
}
