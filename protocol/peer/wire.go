package peer

import (
	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
)

// The kinds of this component's messages.
var (
	KindRequest = protocol.KindOf("request") // client to sender
	KindReply   = protocol.KindOf("reply")   // sender to client
	KindHello   = protocol.KindOf("hello")   // be my neighbour
	KindFetch   = protocol.KindOf("fetch")   // send me that body
	KindBody    = protocol.KindOf("body")
)

// Outcome is what a sender replies about an attempt.
type Outcome uint8

// The outcomes. Aborted is final for the attempt; after Committed comes Accepted
// or Refused.
const (
	Aborted Outcome = iota
	Committed
	Accepted
	Refused
)

// String names the outcome.
func (o Outcome) String() string {
	return [...]string{"aborted", "committed", "accepted", "refused"}[o&3]
}

// A message is the component byte and one bencoded list, in which a transfer is less
// than maxTransfer:
//
//	request   0 transfer attempt receiver witness amount [incarnation]
//	reply     1 transfer attempt outcome [incarnation]
//	hello     2
//	fetch     3 wtxid
//	body      4 body
//	look      5 owner                                    input: look an owner up
//	get       6 owner                                    input: find an owner's key
//	transfer  7 sender transfer receiver witness amount  input to a client
//
// incarnation is the last one of the sender that the client has heard of, or, in a
// reply, the sender's own. It is left out if it is the first. A later incarnation
// cannot know which attempts an earlier one began, so it refuses those that the
// earlier one was asked for.
type message struct {
	typ         int
	req         Request
	incarnation uint32 // 0 stands for the first
	sender      protocol.NodeID
	outcome     Outcome
	id          ledger.ID
	owner       ledger.Owner
	body        []byte // aliases what was decoded
}

const (
	typeRequest = iota
	typeReply
	typeHello
	typeFetch
	typeBody
	typeLook
	typeGet
	typeTransfer
)

// maxTransfer keeps transfers out of a tag's high bits: they are the tags of a
// client's timers.
const maxTransfer = protocol.Periodic

func (m message) append(b []byte) []byte {
	b = append(b, byte(protocol.Peer), 'l')
	b = bencode.AppendInt(b, int64(m.typ))
	switch m.typ {
	case typeRequest:
		b = bencode.AppendUint(b, m.req.Transfer)
		b = bencode.AppendUint(b, uint64(m.req.Attempt))
		b = appendTerms(b, m.req)
		b = appendIncarnation(b, m.incarnation)
	case typeReply:
		b = bencode.AppendUint(b, m.req.Transfer)
		b = bencode.AppendUint(b, uint64(m.req.Attempt))
		b = bencode.AppendUint(b, uint64(m.outcome))
		b = appendIncarnation(b, m.incarnation)
	case typeFetch:
		b = bencode.AppendBytes(b, m.id[:])
	case typeBody:
		b = bencode.AppendBytes(b, m.body)
	case typeLook, typeGet:
		b = bencode.AppendBytes(b, m.owner[:])
	case typeTransfer:
		b = bencode.AppendUint(b, uint64(m.sender))
		b = bencode.AppendUint(b, m.req.Transfer)
		b = appendTerms(b, m.req)
	}
	return append(b, 'e')
}

func appendIncarnation(b []byte, inc uint32) []byte {
	if inc > 1 {
		b = bencode.AppendUint(b, uint64(inc))
	}
	return b
}

func cutIncarnation(r *bencode.Reader) uint32 {
	if !r.More() {
		return 0
	}
	inc := uint32(r.UintMax(1<<32 - 1))
	if inc < 2 {
		r.Fail()
	}
	return inc
}

func appendTerms(b []byte, r Request) []byte {
	b = bencode.AppendBytes(b, r.Receiver[:])
	b = bencode.AppendBytes(b, r.Witness[:])
	return bencode.AppendUint(b, r.Amount)
}

func decode(b []byte) (m message, ok bool) {
	r := bencode.ListOf(protocol.Peer.Cut(b))
	m.typ = int(r.UintMax(typeTransfer))
	switch m.typ {
	case typeRequest:
		m.req.Transfer = r.UintMax(maxTransfer - 1)
		m.req.Attempt = uint32(r.UintMax(1<<32 - 1))
		cutTerms(&r, &m.req)
		m.incarnation = cutIncarnation(&r)
	case typeReply:
		m.req.Transfer = r.UintMax(maxTransfer - 1)
		m.req.Attempt = uint32(r.UintMax(1<<32 - 1))
		m.outcome = Outcome(r.UintMax(uint64(Refused)))
		m.incarnation = cutIncarnation(&r)
	case typeFetch:
		copy(m.id[:], r.Fixed(len(m.id)))
	case typeBody:
		m.body = cutBody(&r)
	case typeLook, typeGet:
		copy(m.owner[:], r.Fixed(len(m.owner)))
	case typeTransfer:
		m.sender = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
		m.req.Transfer = r.UintMax(maxTransfer - 1)
		cutTerms(&r, &m.req)
	}
	return m, r.Finish()
}

func cutBody(r *bencode.Reader) []byte {
	b := r.Bytes()
	if len(b) > gossip.MaxBody {
		r.Fail()
	}
	return b
}

func cutTerms(r *bencode.Reader, q *Request) {
	copy(q.Receiver[:], r.Fixed(len(q.Receiver)))
	copy(q.Witness[:], r.Fixed(len(q.Witness)))
	q.Amount = r.Uint()
}

// LookInput is an input that has a Node look up an owner: it ends in an output of
// KindLooked.
func LookInput(who ledger.Owner) []byte { return message{typ: typeLook, owner: who}.append(nil) }

// GetInput is an input that has a Node find an owner's public key: it ends in an
// output of KindFound.
func GetInput(who ledger.Owner) []byte { return message{typ: typeGet, owner: who}.append(nil) }

// TransferInput is an input that has a Client ask sender for r, whatever r.Attempt
// is.
func TransferInput(sender protocol.NodeID, r Request) []byte {
	return message{typ: typeTransfer, sender: sender, req: r}.append(nil)
}

// receive consumes a message of this component that came over the link.
func (n *Node) receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	m, ok := decode(msg)
	if !ok {
		n.stats.Malformed++
		return
	}
	switch m.typ {
	case typeRequest:
		n.request(env, from, m.req, m.incarnation)
	case typeHello:
		n.greeted(env, from)
	case typeFetch:
		if body, ok := n.body(m.id); ok {
			n.send(env, from, KindBody, message{typ: typeBody, body: body})
		}
	case typeBody:
		n.fetched(env, ledger.ID(gossip.Sum(m.body)), m.body)
	case typeReply:
		if from != env.ID() { // a node that is its own client waits for nothing
			n.stats.Malformed++
		}
	default:
		n.stats.Malformed++
	}
}
