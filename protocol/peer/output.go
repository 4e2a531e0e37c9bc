package peer

import (
	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
)

// The kinds of outputs and notes.
var (
	KindJoined   = protocol.KindOf("joined")   // the key is being published: number of neighbours
	KindEntry    = protocol.KindOf("entry")    // an Entry of the ledger
	KindHanded   = protocol.KindOf("handed")   // the flood delivered a body that it passed on: its wtxid
	KindRefused  = protocol.KindOf("refused")  // a body was not passed on: its wtxid and verdict
	KindLooked   = protocol.KindOf("looked")   // a Looked: an input's lookup ended
	KindFound    = protocol.KindOf("found")    // a FoundKey: a public key came from the DHT
	KindAnswered = protocol.KindOf("answered") // an Answer: a client's transfer ended
	KindTransfer = protocol.KindOf("transfer") // note
)

// Entry is an output of KindEntry: what was ordered at Index, its verdict, and the
// ledger after it.
type Entry struct {
	Index    uint64
	WTxID    ledger.ID
	Verdict  ledger.Verdict
	LogHash  ledger.ID
	ListHash ledger.ID
	Total    uint64 // sum of all unspent outputs
}

func (n *Node) outputEntry(env *protocol.Env, id ledger.ID, v ledger.Verdict) {
	log, list := n.state.LogHash(), n.state.ListHash()
	b := append(n.scratch[:0], 'l')
	b = bencode.AppendUint(b, n.state.LogLen()-1)
	b = bencode.AppendBytes(b, id[:])
	b = bencode.AppendUint(b, uint64(v))
	b = bencode.AppendBytes(b, log[:])
	b = bencode.AppendBytes(b, list[:])
	b = bencode.AppendUint(b, n.state.Total())
	n.scratch = append(b, 'e')
	env.Output(KindEntry, n.scratch)
}

// DecodeEntry reads an output of KindEntry.
func DecodeEntry(rec []byte) (e Entry, ok bool) {
	r := bencode.ListOf(rec)
	e.Index = r.Uint()
	copy(e.WTxID[:], r.Fixed(len(e.WTxID)))
	e.Verdict = ledger.Verdict(r.UintMax(255))
	copy(e.LogHash[:], r.Fixed(len(e.LogHash)))
	copy(e.ListHash[:], r.Fixed(len(e.ListHash)))
	e.Total = r.Uint()
	return e, r.Finish()
}

func (n *Node) outputRefused(env *protocol.Env, id gossip.ID, v ledger.Verdict) {
	b := append(n.scratch[:0], 'l')
	b = bencode.AppendBytes(b, id[:])
	b = bencode.AppendUint(b, uint64(v))
	n.scratch = append(b, 'e')
	env.Output(KindRefused, n.scratch)
}

// Reply is what a sender tells a client of an attempt.
type Reply struct {
	Transfer uint64
	Attempt  uint32
	Outcome  Outcome
}

// DecodeReply reads a message of KindReply, for checks that watch the network.
func DecodeReply(msg []byte) (r Reply, ok bool) {
	m, ok := decode(msg)
	return Reply{m.req.Transfer, m.req.Attempt, m.outcome}, ok && m.typ == typeReply
}

// DecodeRefused reads an output of KindRefused.
func DecodeRefused(rec []byte) (id ledger.ID, v ledger.Verdict, ok bool) {
	r := bencode.ListOf(rec)
	copy(id[:], r.Fixed(len(id)))
	v = ledger.Verdict(r.UintMax(255))
	return id, v, r.Finish()
}

// Looked is an output of KindLooked: the outcome of a LookInput.
type Looked struct {
	Target  kademlia.ID
	Hops    int
	Closest []kademlia.ID // nearest first
}

// input consumes a message from Outside: one of this component, or a body in a
// message of the flood.
func (n *Node) input(env *protocol.Env, msg []byte) {
	if _, ok := gossip.Payload(msg); ok {
		n.flood.Receive(env, protocol.Outside, msg)
		return
	}
	m, ok := decode(msg)
	switch {
	case ok && m.typ == typeLook:
		target := kademlia.ID(m.owner)
		n.dht.Lookup(env, target, func(env *protocol.Env, r kademlia.Result) {
			n.outputLooked(env, target, r)
		})
	case ok && m.typ == typeGet:
		if _, known := n.keys.known[m.owner]; known {
			n.outputFound(env, m.owner, 0, false)
			return
		}
		n.want(env, []ledger.Owner{m.owner})
	case n.values(env, msg):
	default:
		n.stats.Malformed++
	}
}

func (n *Node) outputLooked(env *protocol.Env, target kademlia.ID, res kademlia.Result) {
	b := append(n.scratch[:0], 'l')
	b = bencode.AppendBytes(b, target[:])
	b = bencode.AppendUint(b, uint64(res.Hops))
	b = append(b, 'l')
	for i := range res.Closest {
		b = bencode.AppendBytes(b, res.Closest[i].ID[:])
	}
	n.scratch = append(b, 'e', 'e')
	env.Output(KindLooked, n.scratch)
}

// DecodeLooked reads an output of KindLooked.
func DecodeLooked(rec []byte) (l Looked, ok bool) {
	r := bencode.ListOf(rec)
	copy(l.Target[:], r.Fixed(len(l.Target)))
	l.Hops = int(r.UintMax(1 << 16))
	r.List()
	for r.More() {
		var id kademlia.ID
		copy(id[:], r.Fixed(len(id))) // not by conversion, which panics if it is shorter
		l.Closest = append(l.Closest, id)
	}
	r.End()
	return l, r.Finish()
}

// FoundKey is an output of KindFound.
type FoundKey struct {
	Owner  ledger.Owner
	Key    [ledger.PublicKeySize]byte // as ledger.OwnerOf takes it
	Hops   int
	Remote bool // another node had it
}

func (n *Node) outputFound(env *protocol.Env, o ledger.Owner, hops int, remote bool) {
	b := append(n.scratch[:0], 'l')
	b = bencode.AppendBytes(b, o[:])
	b = bencode.AppendBytes(b, n.keys.known[o])
	b = bencode.AppendUint(b, uint64(hops))
	b = bencode.AppendBool(b, remote)
	n.scratch = append(b, 'e')
	env.Output(KindFound, n.scratch)
}

// DecodeFound reads an output of KindFound.
func DecodeFound(rec []byte) (f FoundKey, ok bool) {
	r := bencode.ListOf(rec)
	copy(f.Owner[:], r.Fixed(len(f.Owner)))
	copy(f.Key[:], r.Fixed(len(f.Key)))
	f.Hops = int(r.UintMax(1 << 16))
	f.Remote = r.Bool()
	return f, r.Finish()
}
