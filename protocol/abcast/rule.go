package abcast

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// A rule decides which message is next. Any two members' rules, each fed with
// the messages of the other members, call view.order on the same messages in
// the same order, as far as either has come; and with all members up they order
// every message. A rule keeps nothing on disk and nothing from another view.
//
// What a member's rule sends to another's arrives once. Some rules need it to
// arrive in the order of sending too: see Order.FIFO.
type rule interface {
	// broadcast takes a message of this member; the payload is the rule's now.
	broadcast(env *protocol.Env, m Message)
	// receive takes what another member's rule sent; body is borrowed. It drops
	// and counts what is malformed or unexpected.
	receive(env *protocol.Env, from protocol.NodeID, body []byte)
	// pending returns the number of messages known and not ordered.
	pending() int
	// held returns all that is known of messages not ordered, for the next view,
	// which begins with them.
	held() []held
	// appendState appends the whole state: see protocol.Stateful.
	appendState(b []byte) []byte
	// sizes sees the size of each collection: see protocol.Sized.
	sizes(see func(name string, items int))
	// describe appends the state to b as lines of text and returns it.
	describe(b []byte) []byte
}

// newRule returns the rule for a view that begins.
func newRule(o Order, v *view) rule {
	switch o {
	case ISIS:
		return newISIS(v)
	case Lamport:
		return newLamport(v)
	case Sequencer:
		return newSequencer(v)
	}
	panic(fmt.Sprintf("abcast: no rule for %v", o))
}

// A view is all that a rule knows of the world: the members, and how to send and
// order. Without Views there is one, of all members.
type view struct {
	self    protocol.NodeID
	members []protocol.NodeID // ascending, with self
	// send sends body, which it copies, to another member's rule.
	send func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, body []byte)
	// order takes the message that is next. The payload is its now.
	order func(m Message)
	stats *Stats
	in    bencode.Reader // scratch of decode
}

// decode reads a body that another member's rule sent. It counts what is no message
// of order o.
func (v *view) decode(o Order, body []byte) (d decoded, ok bool) {
	d, ok = decode(&v.in, body)
	if !ok || d.order() != o {
		v.stats.Malformed++
		return decoded{}, false
	}
	return d, true
}

// sendAll sends body to every other member, in ascending order.
func (v *view) sendAll(env *protocol.Env, kind protocol.Kind, body []byte) {
	for _, to := range v.members {
		if to != v.self {
			v.send(env, to, kind, body)
		}
	}
}

// index returns a member's place among the members.
func (v *view) index(id protocol.NodeID) (i int, ok bool) {
	return slices.BinarySearch(v.members, id)
}
