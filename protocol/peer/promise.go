package peer

import (
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/link"
	"dessim/protocol/seal"
	"dessim/protocol/twopc"
)

// promiseTransfer is what a reply to a client promises that says committed, accepted or
// refused: the node will not carry out the transfer again. The key is client and transfer,
// and the value 1.
var promiseTransfer = protocol.KindOf("peer.transfer")

// Promises appends what an effect promises: see protocol.Promiser. Without Config.Survive
// nothing does.
func (n *Node) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	if !n.cfg.Survive {
		return list
	}
	o, _ := n.order.(abcast.Promiser)
	switch f.Kind {
	case abcast.KindDelivered:
		if o != nil && f.Op == protocol.OpOutput {
			list = o.Promises(list, f, nil)
		}
		return list
	case twopc.KindVote, twopc.KindDecision, twopc.KindAnswer, twopc.KindAck, KindReply:
		msg, ok := link.Payload(f.Body)
		if !ok || len(msg) == 0 {
			return list
		}
		if protocol.Component(msg[0]) == protocol.TwoPC {
			return n.vote.Promises(list, f, msg)
		}
		if m, ok := decode(msg); ok && m.typ == typeReply && m.outcome != Aborted {
			list = append(list, protocol.Promise{Kind: promiseTransfer, Key: [3]uint64{uint64(f.To), m.req.Transfer}, Value: 1})
		}
		return list
	}
	if o == nil || f.Op != protocol.OpSend || protocol.ABCAST.Cut(f.Body) == nil {
		return list
	}
	if msg, ok := seal.Open(f.Body); ok {
		return o.Promises(list, f, msg)
	}
	return list
}

// Keeps returns what the node knows in the place of a promise: see protocol.Promiser.
func (n *Node) Keeps(p *protocol.Promise) (value uint64, known bool) {
	switch p.Kind {
	case twopc.KindYes, twopc.KindCommit:
		return n.vote.Keeps(p)
	case promiseTransfer:
		_, known := n.out.done[transferID{protocol.NodeID(p.Key[0]), p.Key[1]}]
		return 1, known
	}
	if o, ok := n.order.(abcast.Promiser); ok {
		return o.Keeps(p)
	}
	return 0, false
}

// Repeat consumes a message again, beyond the link: see protocol.Repeater.
func (n *Node) Repeat(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if protocol.ABCAST.Cut(msg) != nil {
		n.receiveDatagram(env, from, msg)
	} else if payload, ok := link.Payload(msg); ok {
		n.deliver(env, from, payload)
	} else {
		return
	}
	n.tidy(env)
}
