package peer

import (
	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// Liar is a member that does what inputs tell it, honest or not, and is an honest
// Node in all else. It can say what no honest node would, but forge no signature:
// what it says was prepared by whoever has the keys.
type Liar struct{ *Node }

// NewLiar makes the Liar of a fresh incarnation; cfg is as for New.
func NewLiar(cfg Config) *Liar { return &Liar{New(cfg)} }

// SayInput is an input that has a Liar send body to every member, verified or not,
// and give its hash a place in the total order.
func SayInput(body []byte) []byte { return message{typ: typeSay, body: body}.append(nil) }

// SpendInput is an input that has a Liar coordinate two-phase commit for tx, which
// it sends and which is not endorsed yet, whatever it promised its inputs to. It
// takes no part itself, so nobody asks whether it would vote yes. transfer must be
// new among those of the Liar.
func SpendInput(transfer uint64, receiver, witness protocol.NodeID, tx *ledger.Tx) []byte {
	m := message{typ: typeSpend, parties: [2]protocol.NodeID{receiver, witness}, body: tx.Encode(nil)}
	m.req.Transfer = transfer
	return m.append(nil)
}

// Receive consumes a message or an input.
func (l *Liar) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	m, ok := decode(msg)
	if from != protocol.Outside || !ok {
		l.Node.Receive(env, from, msg)
		return
	}
	switch m.typ {
	case typeSay:
		id := gossip.Sum(m.body)
		l.bodies.own[ledger.ID(id)] = append([]byte(nil), m.body...)
		for _, to := range l.cfg.Members {
			if to != env.ID() {
				env.Send(to, gossip.KindData, gossip.Data(m.body))
			}
		}
		l.order.Broadcast(env, id[:])
	case typeSpend:
		id := twopc.ID{Client: env.ID(), Transfer: m.req.Transfer, Attempt: 1}
		if err := l.vote.Begin(env, id, m.body, m.parties[:]); err != nil {
			l.stats.Late++
		}
	default:
		l.Node.Receive(env, from, msg)
	}
}
