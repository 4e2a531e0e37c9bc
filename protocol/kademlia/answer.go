package kademlia

import (
	"dessim/protocol"
)

// answer consumes a query.
func (d *DHT) answer(env *protocol.Env, from protocol.NodeID, q *message) {
	asker := Contact{ID: q.id, Addr: d.cfg.Book.Endpoint(from)}
	m := message{y: 'r', txn: q.txn, id: d.tab.self}
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
	d.out = m.append(d.out[:0])
	env.Send(from, kind, d.out)
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

// nearest returns the k good contacts closest to target, without the asker, as a message
// carries them. The bytes are valid until the next call. Whoever asks is told of both
// families, since one table holds both: so BEP 32's "want" is skipped.
func (d *DHT) nearest(target ID, asker *Contact) named {
	d.near = d.tab.closest(d.near[:0], &query{target: target, n: d.cfg.K, except: asker})
	n := named{v4: d.nodes[:0]}
	for i := range d.near {
		n.add(d.cfg.Book, &d.near[i])
	}
	d.nodes = n.v4
	return n
}
