package abcast

import (
	"bytes"
	"math"

	"dessim/protocol"
)

// lamport orders by the stamps of the origins' clocks (Lamport 1978; a message is
// what the paper calls a request, and is never released):
//
//  1. The origin raises its clock and sends DATA with it, the stamp, to all.
//  2. Each member raises its clock above the stamp, holds the message back, and
//     sends ACK with its clock to all, not to the origin alone.
//  3. A member orders the message with the lowest stamp, ties by origin, once it
//     has heard from every member something with a stamp at least as high.
//
// Why all order alike: what a member sends to another bears a higher stamp than all
// it sent before, and links are FIFO. So once something stamped t or more came from
// a member, nothing stamped t or less will come from it, and what is ordered is
// exactly what is ever stamped up to there.
//
// It needs FIFO links: an ACK that overtook an older DATA of the same member would
// let later messages go before that DATA.
type lamport struct {
	view  *view
	clock uint64 // the greatest stamp sent or received here
	queue holdback
	heard []uint64 // the last stamp from each member, by place
	// caughtUp counts the members, from the first on, that were heard at or
	// above the stamp of the head: so all members are looked at once per
	// message, not once per acknowledgement.
	caughtUp int
	past     idSet  // ordered, so that repetitions are recognized
	out      []byte // scratch for encoding
}

func newLamport(v *view) *lamport {
	r := &lamport{view: v, queue: newHoldback(), heard: make([]uint64, len(v.members)), past: newIDSet()}
	self, _ := v.index(v.self)
	r.heard[self] = math.MaxUint64 // a member knows what it sent
	return r
}

func (r *lamport) broadcast(env *protocol.Env, m Message) {
	r.clock++
	r.out = decoded{op: opLamportData, id: m.ID, number: r.clock, payload: m.Payload}.append(r.out[:0])
	r.view.sendAll(env, KindData, r.out)
	r.hold(m, r.clock)
	r.release()
}

func (r *lamport) receive(env *protocol.Env, from protocol.NodeID, body []byte) {
	d, ok := r.view.decode(Lamport, body)
	if !ok {
		return
	}
	if d.op == opLamportData && d.id.Node != from {
		r.view.stats.Foreign++
		return
	}
	i, _ := r.view.index(from)
	if d.number <= r.heard[i] || d.op == opLamportData && r.known(d.id) {
		r.view.stats.Stray++
		return
	}
	r.heard[i] = d.number
	r.clock = max(r.clock, d.number)
	if d.op == opLamportData {
		r.hold(Message{ID: d.id, Payload: bytes.Clone(d.payload)}, d.number)
		r.acknowledge(env)
	}
	r.release()
}

// acknowledge promises all that no stamp up to the last one received will come from
// here.
func (r *lamport) acknowledge(env *protocol.Env) {
	r.clock++
	r.out = decoded{op: opLamportAck, number: r.clock}.append(r.out[:0])
	r.view.sendAll(env, KindAck, r.out)
}

func (r *lamport) known(id MsgID) bool { return r.past.has(id) || r.queue.find(id) != nil }

// hold enters a message in the queue. If it becomes the head, its stamp is below
// that of the former head, so a member that caught up with that has caught up with it.
func (r *lamport) hold(m Message, number uint64) {
	r.queue.push(&entry{m: m, stamp: stamp{number, m.ID.Node}})
}

// release orders the head of the queue for as long as all members were heard at or
// above its stamp.
func (r *lamport) release() {
	for head := r.queue.head(); head != nil; head = r.queue.head() {
		for r.caughtUp < len(r.heard) && r.heard[r.caughtUp] >= head.stamp.number {
			r.caughtUp++
		}
		if r.caughtUp < len(r.heard) {
			return
		}
		r.caughtUp = 0
		r.queue.remove(head)
		r.past.add(head.m.ID)
		r.view.order(head.m)
	}
}

func (r *lamport) pending() int { return r.queue.len() }

// held returns final stamps only: an origin never changes one.
func (r *lamport) held() []held {
	var all []held
	for _, e := range r.queue.sorted() {
		all = append(all, held{e.m.ID, true, e.m.Payload, true, e.stamp})
	}
	return all
}
