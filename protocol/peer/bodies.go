package peer

import (
	"cmp"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
)

// bodies holds the transactions that the node has seen and not yet applied, so that
// each is decoded and verified once.
type bodies struct {
	parsed map[ledger.ID]*parsed // by wtxid
	own    map[ledger.ID][]byte  // bodies that this node endorsed or fetched: not in the flood's memory
}

// parsed is a decoded transaction and what is known of it without state.
type parsed struct {
	tx      *ledger.Tx
	verdict ledger.Verdict // of form, amounts and signatures; Unjudged until all keys are known
}

func (b *bodies) init() {
	b.parsed = make(map[ledger.ID]*parsed)
	b.own = make(map[ledger.ID][]byte)
}

// body returns the bytes of a transaction.
func (n *Node) body(id ledger.ID) ([]byte, bool) {
	if b, ok := n.bodies.own[id]; ok {
		return b, true
	}
	return n.flood.Body(gossip.ID(id))
}

// seen returns a transaction that has arrived, and Accepted if it could be decoded. It
// returns Unjudged if it has not arrived.
func (n *Node) seen(id ledger.ID) (*parsed, ledger.Verdict) {
	if p := n.bodies.parsed[id]; p != nil {
		return p, ledger.Accepted
	}
	if id == (ledger.ID{}) {
		return nil, ledger.Malformed
	}
	if body, ok := n.body(id); ok {
		return n.parse(id, body)
	}
	return nil, ledger.Unjudged
}

// forget drops what is not needed once a transaction is applied. The flood's memory
// still serves nodes that lack the body.
func (n *Node) forget(id ledger.ID) {
	delete(n.bodies.parsed, id)
	if !n.cfg.Survive && n.flood.Has(gossip.ID(id)) {
		delete(n.bodies.own, id)
	}
}

// flooded consumes a body that the flood delivers. If the body was fetched and applied
// meanwhile, its decoded form is no longer needed; nor is it worth keeping if the ledger
// would refuse the transaction now, since it may have been refused already, for good.
func (n *Node) flooded(env *protocol.Env, id gossip.ID, _ []byte) {
	env.Output(KindHanded, id[:])
	if p := n.bodies.parsed[ledger.ID(id)]; p != nil && n.state.Judge(p.tx) != ledger.Accepted {
		n.forget(ledger.ID(id))
	}
	n.advance(env)
}

func (n *Node) parse(id ledger.ID, body []byte) (*parsed, ledger.Verdict) {
	if p := n.bodies.parsed[id]; p != nil {
		return p, ledger.Accepted
	}
	tx, v := ledger.Decode(body)
	if v != ledger.Accepted {
		return nil, v
	}
	p := &parsed{tx: tx}
	if v := tx.Check(n.cfg.Genesis.Network()); v != ledger.Accepted {
		p.verdict = v
	}
	n.bodies.parsed[id] = p
	return p, ledger.Accepted
}

// verify judges form, amounts and signatures. The verdict is not Final while
// keys are missing.
func (n *Node) verify(p *parsed) ledger.Verdict {
	if p.verdict != ledger.Unjudged {
		return p.verdict
	}
	v := p.tx.CheckSignatures(n.keys.find, n.cfg.Verifier)
	if v.Final() {
		p.verdict = v
	}
	return v
}

// checkBody verifies a body before the flood passes it on. A body that would have to
// wait for keys when too much does is dropped: if it is ordered, it is fetched.
func (n *Node) checkBody(env *protocol.Env, id gossip.ID, body []byte) gossip.Verdict {
	p, v := n.parse(ledger.ID(id), body)
	if p != nil {
		v = n.verify(p)
	}
	if !v.Final() {
		if n.full() {
			n.stats.Overflowed++
			delete(n.bodies.parsed, ledger.ID(id))
			return gossip.Drop
		}
		v = n.verifyOrAsk(env, p)
	}
	switch {
	case v == ledger.Accepted:
		return gossip.Pass
	case v.Final():
		n.refuse(env, id, v)
		return gossip.Drop
	}
	n.keys.bodies = append(n.keys.bodies, id)
	return gossip.Wait
}

// full reports whether so much waits for keys that more of it is likely to come from
// strangers, which can sign anything in the names of owners that do not exist.
func (n *Node) full() bool {
	return len(n.keys.asked) >= maxAsked || len(n.keys.bodies) >= cmp.Or(n.cfg.Waiting, maxWaiting)
}

// verifyOrAsk verifies p and looks for the keys that this takes. The verdict is not
// Final if some are still to come.
func (n *Node) verifyOrAsk(env *protocol.Env, p *parsed) ledger.Verdict {
	v := n.verify(p)
	if !v.Final() {
		n.want(env, p.tx.Endorsers())
		v = n.verify(p)
	}
	return v
}

// refuse counts a body that is not passed on, and forgets it.
func (n *Node) refuse(env *protocol.Env, id gossip.ID, v ledger.Verdict) {
	n.stats.Forged++
	delete(n.bodies.parsed, ledger.ID(id))
	env.Note(KindRefused, id, v)
	n.outputRefused(env, id, v)
}
