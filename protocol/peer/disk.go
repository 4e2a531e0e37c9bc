package peer

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// stored is a record of a node with Config.Survive, beside those of two-phase commit
// and the order. None is forced: two-phase commit reports a commit again until its
// host's records are safe, and a body or key that is lost is fetched.
//
//	committed 0 client transfer attempt nodes body   a commit in which this node took part
//	body      1 body                                 a transaction of others, at its place in the order
//	key       2 public key                           found in the DHT
//
// nodes are the coordinator and the participants, the coordinator first.
type stored struct {
	typ   int
	id    twopc.ID
	nodes []protocol.NodeID
	body  []byte
	key   []byte // aliases the record, like body
}

const (
	storeCommit = iota
	storeBody
	storeKey
)

func (s stored) append(b []byte) []byte {
	b = append(b, byte(protocol.Peer), 'l')
	b = bencode.AppendUint(b, uint64(s.typ))
	switch s.typ {
	case storeCommit:
		b = bencode.AppendUint(b, uint64(s.id.Client))
		b = bencode.AppendUint(b, s.id.Transfer)
		b = bencode.AppendUint(b, uint64(s.id.Attempt))
		b = append(b, 'l')
		for _, id := range s.nodes {
			b = bencode.AppendUint(b, uint64(id))
		}
		b = append(b, 'e')
		b = bencode.AppendBytes(b, s.body)
	case storeBody:
		b = bencode.AppendBytes(b, s.body)
	case storeKey:
		b = bencode.AppendBytes(b, s.key)
	}
	return append(b, 'e')
}

func decodeStored(rec []byte) (s stored, ok bool) {
	r := bencode.ListOf(protocol.Peer.Cut(rec))
	s.typ = int(r.UintMax(storeKey))
	switch s.typ {
	case storeCommit:
		s.id.Client = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
		s.id.Transfer = r.UintMax(maxTransfer - 1)
		s.id.Attempt = uint32(r.UintMax(1<<32 - 1))
		r.List()
		for r.More() {
			s.nodes = append(s.nodes, protocol.NodeID(r.UintMax(uint64(protocol.Outside)-1)))
		}
		r.End()
		s.body = cutBody(&r)
	case storeBody:
		s.body = cutBody(&r)
	case storeKey:
		s.key = r.Fixed(ledger.PublicKeySize)
	}
	return s, r.Finish() && (s.typ != storeCommit || len(s.nodes) > 0)
}

// persist writes a record, with Config.Survive.
func (n *Node) persist(env *protocol.Env, s stored) {
	if n.cfg.Survive {
		n.scratch = s.append(n.scratch[:0])
		env.Persist(n.scratch)
	}
}

// restore consumes a record of an earlier incarnation. A damaged one counts as lost.
func (n *Node) restore(rec []byte) {
	s, ok := decodeStored(rec)
	if !ok {
		n.stats.Torn++
		return
	}
	switch s.typ {
	case storeKey:
		n.keys.known[ledger.OwnerOf(s.key)] = slices.Clone(s.key)
	case storeBody:
		n.own(s.body)
	case storeCommit:
		n.restoreCommit(s)
	}
}

func (n *Node) restoreCommit(s stored) {
	tx, v := ledger.Decode(s.body)
	id := n.own(s.body)
	if v != ledger.Accepted || n.out.commits[id] != nil {
		return
	}
	c := &commit{id: s.id, nodes: s.nodes, wtxid: id, body: n.bodies.own[id]}
	n.enter(c, tx)
	n.out.promise(tx)
	if tx.Sender == n.self {
		n.await(c, c.attempt())
	}
}

// keep persists a body that has its place in the order, unless it is on disk already.
func (n *Node) keep(env *protocol.Env, id ledger.ID) {
	if _, ok := n.bodies.own[id]; ok || !n.cfg.Survive {
		return
	}
	if body, ok := n.flood.Body(gossip.ID(id)); ok {
		n.write(env, id, body)
	}
}

// write keeps a body and persists it, unless it is on disk already.
func (n *Node) write(env *protocol.Env, id ledger.ID, body []byte) {
	if _, ok := n.bodies.own[id]; !ok {
		n.bodies.own[id] = body
		n.persist(env, stored{typ: storeBody, body: body})
	}
}

// own keeps a body that is on this node's disk.
func (n *Node) own(body []byte) ledger.ID {
	id := ledger.ID(gossip.Sum(body))
	if _, ok := n.bodies.own[id]; !ok {
		n.bodies.own[id] = slices.Clone(body)
	}
	return id
}
