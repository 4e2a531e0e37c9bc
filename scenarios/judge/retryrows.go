package judge

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/kv"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// growing returns the pauses that begin with first, double with each try of a round of all, and
// last a quarter more at most.
func growing(first time.Duration, doublings, round int) (least, most func(tries int) time.Duration) {
	least = func(tries int) time.Duration { return first << min(max(0, tries-1)/round, doublings) }
	return least, func(tries int) time.Duration { return least(tries) * 5 / 4 }
}

// AskRetries returns the questions of a node in doubt, which begin askAfter its yes and end
// with the decision. When the coordinator returns they begin anew.
func AskRetries(in *Frames, askAfter time.Duration) Retry {
	_, most := growing(askAfter, 4, 1)
	return Retry{
		Name: "a question about a decision", Of: []byte{ofLink}, Most: func(tries int) time.Duration { return most(tries + 1) },
		Begins: twopc.KindVoted, Tries: []protocol.Kind{twopc.KindAsk}, Ends: twopc.KindDecided, Anew: true,
		Key: func(e *sim.Event) (uint64, bool) {
			if e.What == sim.Sent {
				return transaction(in, e, 0)
			}
			r, ok := in.Record(e)
			return keyOf(r.ID, 0), ok && (e.Kind == twopc.KindDecided || r.Yes && r.Coordinator != e.Node)
		},
	}
}

// CommitRetries returns a coordinator's commits, to each participant until that acknowledges.
func CommitRetries(in *Frames, askAfter time.Duration) Retry {
	_, most := growing(askAfter, 4, 1)
	return Retry{
		Name: "a commit", Of: []byte{ofLink}, Most: most, Tries: []protocol.Kind{twopc.KindDecision},
		Key:    func(e *sim.Event) (uint64, bool) { return committed(in, e) },
		Answer: func(e *sim.Event) (uint64, bool) { return committed(in, e) },
	}
}

// keyOf returns the key of a transaction, or of a node's part in it.
func keyOf(id twopc.ID, node protocol.NodeID) uint64 {
	return protocol.Hash3(protocol.Hash2(uint64(id.Client), id.Transfer), uint64(id.Attempt), uint64(node))
}

// transaction returns the key of the transaction that a message in a link's frame is about.
func transaction(in *Frames, e *sim.Event, node protocol.NodeID) (uint64, bool) {
	msg, ok := in.Payload(e)
	if !ok {
		return 0, false
	}
	id, ok := twopc.MessageID(msg)
	return keyOf(id, node), ok
}

// committed returns the key of the part of a message's other end in a transaction that its
// sender says is committed.
func committed(in *Frames, e *sim.Event) (uint64, bool) {
	if !isLink(e) {
		return 0, false
	}
	msg, ok := in.Payload(e)
	if !ok {
		return 0, false
	}
	f, ok := twopc.Needs(msg)
	return keyOf(f.ID, e.Peer), ok && f.Commit
}

func isLink(e *sim.Event) bool {
	return len(e.Body) > 0 && protocol.Component(e.Body[0]) == protocol.Link
}

// TransferRetries returns the attempts of a client that survives crashes, until it knows how its
// transfer ended. A pause begins anew when the sender returns.
func TransferRetries(in *Frames, delay time.Duration) Retry {
	const patience, aborted = 150, 160
	_, most := growing(patience*delay, 3, 1)
	return Retry{
		Name: "a transfer", Of: []byte{ofLink}, Most: most,
		Tries: []protocol.Kind{peer.KindRequest}, Ends: peer.KindAnswered,
		Key: func(e *sim.Event) (uint64, bool) {
			if e.What == sim.Output {
				a, ok := peer.DecodeAnswer(e.Body)
				return a.Transfer, ok
			}
			msg, ok := in.Payload(e)
			if !ok {
				return 0, false
			}
			r, ok := peer.DecodeRequest(msg)
			return r.Transfer, ok
		},
		Number: func(e *sim.Event) uint64 {
			msg, _ := in.Payload(e)
			r, _ := peer.DecodeRequest(msg)
			return uint64(r.Attempt)
		},
		Reply: func(e *sim.Event) (Replied, bool) {
			msg, ok := in.Payload(e)
			if !ok {
				return Replied{}, false
			}
			reply, ok := peer.DecodeReply(msg)
			return Replied{Key: reply.Transfer, Number: uint64(reply.Attempt), Over: reply.Outcome == peer.Aborted}, ok
		},
		Longer: aborted * delay,
	}
}

// FetchRetries returns the requests for the body at the head of the order, of one member after
// the other. A node that is itself the next one pauses twice. A participant gets the body by the
// decision, too: it may wait for keys from then on, which are no bodies. No message and, unless it
// survives crashes, no record shows which body that is, so the node is asked.
func FetchRetries(in *Frames, net *Network, delay time.Duration) Retry {
	const first = 6
	members := len(net.Members)
	_, most := growing(first*delay, 4, max(1, members-1))
	sought := make(map[uint64]ledger.ID) // by key
	return Retry{
		Name: "a request for a body", Of: []byte{ofLink, ofGossip}, Most: func(tries int) time.Duration { return 2 * most(tries+members) },
		Tries: []protocol.Kind{peer.KindFetch}, Ends: peer.KindEntry,
		Key: func(e *sim.Event) (uint64, bool) {
			if e.What == sim.Output {
				entry, ok := Entry(e)
				return protocol.HashBytes(entry.WTxID[:]), ok
			}
			msg, ok := in.Payload(e)
			if !ok {
				return 0, false
			}
			id, ok := peer.DecodeFetch(msg)
			key := protocol.HashBytes(id[:])
			if ok {
				sought[key] = id
			}
			return key, ok
		},
		Answer: func(e *sim.Event) (uint64, bool) { return bodyKey(in, e) },
		Gains:  twopc.KindDecided,
		Has: func(node protocol.NodeID, key uint64) bool {
			id := sought[key]
			body, ok := net.Nodes[node].Body(id)
			return ok && gossip.Sum(body) == gossip.ID(id)
		},
	}
}

// bodyKey returns the key of the body that a node receives.
func bodyKey(in *Frames, e *sim.Event) (uint64, bool) {
	var id gossip.ID
	switch {
	case isGossip(e):
		x, ok := gossip.Read(e.Body)
		if !ok || x.Kind != gossip.KindData {
			return 0, false
		}
		id = x.IDs[0]
	case isLink(e):
		msg, ok := in.Payload(e)
		if !ok {
			return 0, false
		}
		body, ok := peer.DecodeBody(msg)
		if !ok {
			return 0, false
		}
		id = gossip.Sum(body)
	default:
		return 0, false
	}
	return protocol.HashBytes(id[:]), true
}

// QueryRetries returns the queries of a DHT. Those of absent nodes and of stale contacts are
// sent once, and which answer ends one is not seen: it must have the id that the contact had.
func QueryRetries(timeout time.Duration) Retry {
	least, most := growing(timeout, 1, 1)
	var w kademlia.Watcher
	return Retry{
		Name: "a query of the DHT", Of: []byte{ofDHT}, GivenUp: true,
		Tries: []protocol.Kind{kademlia.KindPing, kademlia.KindFindNode, kademlia.KindGet, kademlia.KindPut},
		Least: func(tries int) time.Duration { return least(tries - 1) },
		Most:  func(tries int) time.Duration { return most(tries - 1) },
		Key: func(e *sim.Event) (uint64, bool) {
			g, ok := w.Read(e.Body)
			return protocol.Hash2(protocol.HashBytes(g.Txn), uint64(e.Peer)), ok
		},
	}
}

// OperationRetries returns the requests of a store's client, to one replica after the other.
func OperationRetries(delay time.Duration, replicas int) Retry {
	least, most := growing(kv.PatienceDelays*delay, 2, replicas)
	return Retry{
		Name: "an operation", Of: []byte{byte(kv.Component)}, Least: least, Most: most, Tries: []protocol.Kind{kv.KindRequest}, Ends: kv.KindReturned,
		Key: func(e *sim.Event) (uint64, bool) { return 0, true }, // one at a time
	}
}
