package kademlia

import (
	"dessim/protocol"
)

// answer consumes a query.
func (d *DHT) answer(env *protocol.Env, from protocol.NodeID, q *message) {
	asker := Contact{ID: q.id, Addr: d.cfg.Book.Endpoint(from)}
	m := message{y: 'r', txn: q.txn, id: d.tab.self}
	var nodes [maxNear * compact4]byte
	switch q.method {
	case ping:
	case findNode:
		m.nodes = d.nearest(nodes[:0], q.target, &asker)
	case get:
		m.nodes = d.nearest(nodes[:0], q.target, &asker)
		token := d.token(env, asker.Addr, 0)
		m.token = token[:]
		if it := d.item(env, q.target); it != nil {
			m.value, m.life = it.value, d.left(env, it.expires)
		}
	case put:
		if code, text := d.receivePut(env, asker.Addr, q); code != 0 {
			m = message{y: 'e', txn: q.txn, code: code, text: []byte(text)}
		}
	default:
		m = message{y: 'e', txn: q.txn, code: errMethod, text: []byte("method unknown")}
	}
	kind := KindAnswer
	if m.y == 'e' {
		kind = KindError
	}
	var out [usualSize]byte
	env.Send(from, kind, m.append(out[:0]))
	if q.readOnly {
		return
	}
	d.asked(env, asker, q.method != ping)
	if q.method == findNode && q.target == q.id { // a node that looks up itself is new, or has restarted without values
		if o, same := d.tab.get(&asker); same && o.fails == 0 {
			d.handOver(env, asker)
		}
	}
}

// usualSize is the length that few messages exceed, those with long values.
const usualSize = 512

// nearest appends the k good contacts closest to target, without the asker, to space as a message
// carries them. Whoever asks is told of both
// families, since one table holds both: so BEP 32's "want" is skipped.
func (d *DHT) nearest(space []byte, target ID, asker *Contact) named {
	var list [maxNear]near
	n := named{v4: space} // not nil: an answer has the key nodes, even if there are none
	for _, x := range d.tab.search(&query{target: target, n: d.cfg.K, except: asker}, list[:0]) {
		c := d.tab.contact(x.who)
		n = n.with(d.cfg.Book, &c)
	}
	return n
}
