package peer

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/seal"
)

// views reports whether the order has views.
func (c *Config) views() bool { return c.Survive || c.Group != nil }

func (n *Node) newOrder() abcast.Orderer {
	c := abcast.Config{Members: n.cfg.Members, Order: n.cfg.Order, Send: n.link.Send, Deliver: n.ordered}
	if n.cfg.views() {
		c.Views = &abcast.Views{Datagram: n.datagram, Tick: tickDelays * n.cfg.Delay, Merge: n.cfg.Delay, Changed: n.viewChanged}
	}
	if n.cfg.Group != nil {
		return n.cfg.Group(c)
	}
	return abcast.New(c)
}

// datagram sends a message of the order's membership, which needs no link.
func (n *Node) datagram(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte) {
	n.scratch = seal.Append(append(n.scratch[:0], msg...))
	env.Send(to, kind, n.scratch)
}

// receiveDatagram consumes such a message.
func (n *Node) receiveDatagram(env *protocol.Env, from protocol.NodeID, msg []byte) {
	msg, ok := seal.Open(msg)
	switch {
	case !ok:
		n.stats.Corrupt++
		return
	case !n.cfg.views():
		n.stats.Malformed++
		return
	}
	n.order.Receive(env, from, msg)
}

// queue holds the transactions that are ordered and not yet applied.
type queue struct {
	items []ordered
	tries int // fetches of the head's body so far
	timer bool
}

// ordered is a transaction at its place in the total order.
type ordered struct {
	id     ledger.ID
	origin protocol.NodeID
}

// ordered consumes the next transaction of the total order. A payload that is not an
// id comes from a member that lies: it has its place in the log as malformed.
func (n *Node) ordered(env *protocol.Env, _ uint64, m abcast.Message) {
	var o ordered
	o.origin = m.ID.Node
	copy(o.id[:], m.Payload)
	if len(m.Payload) != len(o.id) {
		o.id = ledger.ID{}
	}
	n.placed(o.id)
	n.queue.items = append(n.queue.items, o)
	n.advance(env)
}

// advance applies what it can from the head of the order.
func (n *Node) advance(env *protocol.Env) {
	for len(n.queue.items) > 0 {
		head := n.queue.items[0]
		p, v := n.seen(head.id)
		if v == ledger.Unjudged {
			n.awaitBody(env)
			return
		}
		if p != nil {
			if v = n.verifyOrAsk(env, p); !v.Final() {
				return
			}
			if v == ledger.Accepted {
				v = n.state.Judge(p.tx)
			}
		}
		n.queue.items = n.queue.items[1:]
		n.stopFetching(env)
		n.apply(env, head, p, v)
	}
	n.stopFetching(env)
}

// stopFetching ends the pause of a body that is no longer sought. The next one has pauses of
// its own.
func (n *Node) stopFetching(env *protocol.Env) {
	n.queue.tries = 0
	if n.queue.timer {
		n.queue.timer = false
		env.CancelTimer(protocol.Peer.Tag(timerFetch))
	}
}

// apply enters a transaction, judged v, into the ledger.
func (n *Node) apply(env *protocol.Env, head ordered, p *parsed, v ledger.Verdict) {
	if p == nil {
		n.state.Refuse(head.id, v)
	} else {
		n.state.Apply(p.tx, v)
		n.out.release(p.tx)
		n.keep(env, head.id)
	}
	n.forget(head.id)
	env.Note(KindEntry, n.state.LogLen()-1, head.id, v)
	n.outputEntry(env, head.id, v)
	n.applied(env, head.id, v == ledger.Accepted || p != nil && n.state.Listed(p.tx.TxID()))
	n.retry(env)
}

// awaitBody waits for the flood before it fetches the body.
func (n *Node) awaitBody(env *protocol.Env) {
	if !n.queue.timer {
		n.queue.timer = true
		round := n.queue.tries / (len(n.cfg.Members) + 1)
		env.SetTimer(FetchAgain.Pause(env, fetchDelays*n.cfg.Delay, round), protocol.Peer.Tag(timerFetch))
	}
}

// fetch asks for the body of the head: first its origin, then each member in turn.
func (n *Node) fetch(env *protocol.Env) {
	n.queue.timer = false
	if len(n.queue.items) == 0 {
		return
	}
	head := n.queue.items[0]
	if _, v := n.seen(head.id); v != ledger.Unjudged {
		return // it waits for keys
	}
	to := head.origin
	if n.queue.tries > 0 {
		to = n.cfg.Members[(n.queue.tries-1)%len(n.cfg.Members)]
	}
	n.queue.tries++
	if to != env.ID() {
		n.send(env, to, KindFetch, message{typ: typeFetch, id: head.id})
	}
	n.awaitBody(env)
}

// fetched consumes a body that was asked for. Its hash is its id, so nobody can
// substitute another.
func (n *Node) fetched(env *protocol.Env, id ledger.ID, body []byte) {
	if len(n.queue.items) == 0 || n.queue.items[0].id != id {
		return
	}
	if _, v := n.seen(id); v != ledger.Unjudged {
		return
	}
	n.stats.Fetched++
	n.write(env, id, slices.Clone(body))
	n.advance(env)
}
