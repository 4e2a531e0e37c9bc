package kademlia

import (
	"encoding/binary"

	"dessim/protocol"
)

// purpose is what a call is for: who waits for its end.
type purpose uint8

const (
	forLookup purpose = iota + 1
	forPut
	forAsker  // an unknown asker is verified
	forProbe  // a contact is pinged: for a newcomer, at its old address, or for being silent
	forJoin   // the bootstrapper, whose id is not known yet
	forOffer  // a newcomer is asked for a value that it should hold
	forCache  // a value is left on the path of a lookup; nothing waits for the end
	forAbsent // an absent node is asked for the node's own id
)

type call struct {
	purpose purpose // 0: the slot is free
	method  method
	tries   uint8
	txn     uint64
	to      Contact
	node    protocol.NodeID
	target  ID      // of findNode and get
	lookup  *lookup // for forLookup; nil once the lookup has ended
	put     *store
	anyID   bool   // whichever node answers at that address will do: its id is not known
	token   []byte // for forPut and forCache
}

// The numbers of the timers of joins and the upkeep; calls have those below.
const (
	pauseTimer  = 1 << 40
	upkeepTimer = protocol.Periodic | 1<<41
)

// call begins an RPC. It reports false, and nothing follows, if no node has that
// address or it is the node's own.
func (d *DHT) call(env *protocol.Env, c call) bool {
	node, ok := d.cfg.Book.Node(c.to.Addr)
	if !ok || node == env.ID() || c.to.ID.is(&d.tab.self) && !c.anyID {
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
		if d.calls == nil && d.join != nil {
			d.calls = make([]call, 0, d.cfg.Alpha+1)
		}
		d.calls = append(d.calls, call{})
	}
	d.calls[slot] = c
	d.open++
	d.stats.Asked++
	d.try(env, slot)
	return true
}

// hangUp frees the slot of a call and returns the call.
func (d *DHT) hangUp(slot int) call {
	c := d.calls[slot]
	d.calls[slot] = call{}
	d.open--
	return c
}

// tidy keeps no slots if all are free: most nodes have no calls most of the time.
func (d *DHT) tidy() {
	if d.open == 0 {
		d.calls = nil
	}
}

// try sends the query of a call. All tries carry one transaction id, so that an
// answer that comes after the next try still counts.
func (d *DHT) try(env *protocol.Env, slot int) {
	c := &d.calls[slot]
	var txn [8]byte
	binary.BigEndian.PutUint64(txn[:], c.txn)
	m := message{y: 'q', txn: txn[:], id: d.tab.self, method: c.method}
	switch c.method {
	case findNode, get:
		m.hasTarget, m.target = true, c.target
	case put:
		m.token, m.value = c.token, c.put.value
		m.life, m.cached = d.left(env, c.put.expires), c.put.cached
	}
	var out [usualSize]byte
	env.Send(c.node, methodKinds[c.method], m.append(out[:0]))
	pause := d.cfg.Timeout
	if c.tries > 1 {
		pause = SendAgain.Pause(env, pause, int(c.tries)-2)
	}
	env.SetTimer(pause, protocol.Kademlia.Tag(uint64(slot)))
}

// late consumes the timer of a call.
func (d *DHT) late(env *protocol.Env, slot int) {
	c := &d.calls[slot]
	switch {
	case c.purpose == 0:
	case int(c.tries) < d.cfg.Tries && c.purpose != forAbsent && !d.tab.isStale(c.to):
		c.tries++
		d.try(env, slot)
	default:
		done := d.hangUp(slot)
		if !done.anyID {
			d.lost(env, done.to)
		}
		d.end(env, &done, nil)
		d.tidy()
	}
}

// settle consumes an answer or an error. It counts only if address, transaction and
// id are those of a call: then only someone who saw the query can have forged it.
func (d *DHT) settle(env *protocol.Env, from protocol.NodeID, m *message) {
	slot := d.pending(from, m)
	if slot < 0 {
		d.stats.Ignored++
		return
	}
	done := d.hangUp(slot)
	defer d.tidy()
	env.CancelTimer(protocol.Kademlia.Tag(uint64(slot)))
	if m.y == 'e' {
		d.end(env, &done, nil)
		return
	}
	if done.anyID {
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
		if c.node != from || m.y == 'r' && (m.id.is(&d.tab.self) || !m.id.is(&c.to.ID) && !c.anyID) {
			return -1
		}
		return i
	}
	return -1
}

// end hands on the outcome of a call by its purpose; m is nil if it failed.
func (d *DHT) end(env *protocol.Env, c *call, m *message) {
	switch c.purpose {
	case forLookup:
		if c.lookup != nil {
			d.lookupEnd(env, c, m)
		}
	case forPut:
		// If a put was tried again, which try arrived is unknown, and the last may have
		// carried an expired value: a node that kept nothing must not count.
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
	case forAbsent:
		d.absentEnd(env, c, m)
	}
}
