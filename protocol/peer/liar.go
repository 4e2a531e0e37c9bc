package peer

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// Liar is a member that does what inputs ask, honest or not, and is otherwise an
// honest Node. It can say what no honest node would, but it forges no signature:
// what it says was prepared by the holders of the keys.
type Liar struct{ *Node }

// NewLiar makes the Liar of a fresh incarnation; cfg is as for New.
func NewLiar(cfg Config) *Liar { return &Liar{New(cfg)} }

// A lie is an input to a Liar. It is the component byte and one bencoded list, like
// a message, with types that no message has:
//
//	say    8 body
//	spend  9 transfer receiver witness body   node numbers
type lie struct {
	typ      int
	transfer uint64
	parties  [2]protocol.NodeID // receiver and witness
	body     []byte             // aliases what was decoded
}

const (
	lieSay = typeTransfer + 1 + iota
	lieSpend
)

// SayInput is an input that has a Liar send body to every member, verified or not,
// and give its hash a place in the total order. With Config.Survive the Liar forces body to
// disk before.
func SayInput(body []byte) []byte { return lie{typ: lieSay, body: body}.append(nil) }

// SpendInput is an input that has a Liar coordinate two-phase commit for tx, which
// it sends and which is not endorsed yet, whatever it promised its inputs to. The
// Liar itself is not a participant, so nobody asks whether it would vote yes.
// transfer must be new among those of the Liar.
func SpendInput(transfer uint64, receiver, witness protocol.NodeID, tx *ledger.Tx) []byte {
	l := lie{typ: lieSpend, transfer: transfer, parties: [2]protocol.NodeID{receiver, witness}, body: tx.Encode(nil)}
	return l.append(nil)
}

func (l lie) append(b []byte) []byte {
	b = append(b, byte(protocol.Peer), 'l')
	b = bencode.AppendUint(b, uint64(l.typ))
	if l.typ == lieSpend {
		b = bencode.AppendUint(b, l.transfer)
		b = bencode.AppendUint(b, uint64(l.parties[0]))
		b = bencode.AppendUint(b, uint64(l.parties[1]))
	}
	return append(bencode.AppendBytes(b, l.body), 'e')
}

func decodeLie(b []byte) (l lie, ok bool) {
	r := bencode.ListOf(protocol.Peer.Cut(b))
	l.typ = int(r.UintMax(lieSpend))
	if l.typ == lieSpend {
		l.transfer = r.UintMax(maxTransfer - 1)
		l.parties[0] = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
		l.parties[1] = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
	}
	l.body = cutBody(&r)
	return l, r.Finish() && l.typ >= lieSay
}

func (l *lie) text() string {
	if l.typ == lieSay {
		return "say " + content(l.body)
	}
	return fmt.Sprintf("spend by transfer %d, receiver node %v, witness node %v: %s", l.transfer, l.parties[0], l.parties[1], content(l.body))
}

// Receive consumes a message or an input.
func (l *Liar) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	m, ok := decodeLie(msg)
	switch {
	case from != protocol.Outside || !ok:
		l.Node.Receive(env, from, msg)
	case m.typ == lieSay:
		id := ledger.ID(gossip.Sum(m.body))
		l.write(env, id, slices.Clone(m.body))
		if l.cfg.Survive {
			env.Sync() // if a crash took the only copy of a body with a place, the order would wait for ever
		}
		for _, to := range l.cfg.Members {
			if to != env.ID() {
				env.Send(to, gossip.KindData, gossip.Data(m.body))
			}
		}
		l.order.Broadcast(env, id[:])
	default:
		id := twopc.ID{Client: env.ID(), Transfer: m.transfer, Attempt: 1}
		if err := l.vote.Begin(env, id, m.body, m.parties[:]); err != nil {
			l.stats.Late++
		}
	}
}
