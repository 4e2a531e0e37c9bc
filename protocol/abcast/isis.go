package abcast

import (
	"bytes"
	"cmp"

	"dessim/protocol"
)

// isis orders by agreed priorities (Birman and Joseph 1987, section 4):
//
//  1. The origin sends DATA to all members.
//  2. Each member enters the message in its hold-back queue, undeliverable, with
//     a number above all that it proposed or saw agreed, and proposes that.
//  3. When all members have proposed, the greatest proposal is agreed: FINAL.
//  4. A member enters the message again with its agreed stamp, deliverable, and
//     orders the head of its queue as long as that is deliverable.
//
// Why all order alike: an agreed stamp is at least every member's proposal, so
// in a queue a stamp can only grow. When a member orders a message of agreed
// stamp S, what else it holds is above S and stays so, and for what it has yet to
// receive it will propose above its clock, hence above S. So what it has ordered
// is exactly what is ever agreed up to S, and that is a prefix of one sequence.
//
// Nothing here needs FIFO links. A FINAL cannot overtake its DATA, since the origin
// waits for the proposal that answers the DATA; early is for an origin that does
// not wait.
type isis struct {
	view  *view
	clock uint64 // the greatest number proposed here or seen agreed
	queue holdback
	early map[MsgID]stamp // agreed stamps whose message is not here
	past  idSet           // ordered, so that repetitions are recognized
	out   []byte          // scratch for encoding
}

// A stamp is a place in the order. A member proposes each number once, so no
// two messages share a stamp. In Lamport's order the proposer is the origin.
type stamp struct {
	number   uint64 // from 1
	proposer protocol.NodeID
}

func (s stamp) compare(o stamp) int {
	return cmp.Or(cmp.Compare(s.number, o.number), cmp.Compare(s.proposer, o.proposer))
}

// A tally collects the proposals for one message at its origin.
type tally struct {
	greatest stamp
	heard    []bool // by place among the members
	missing  int
}

func newISIS(v *view) *isis {
	return &isis{view: v, queue: newHoldback(), early: map[MsgID]stamp{}, past: newIDSet()}
}

func (r *isis) broadcast(env *protocol.Env, m Message) {
	r.out = decoded{op: opData, id: m.ID, payload: m.Payload}.append(r.out[:0])
	r.view.sendAll(env, KindData, r.out)
	e := r.hold(m)
	n := len(r.view.members)
	e.tally = &tally{greatest: e.stamp, heard: make([]bool, n), missing: n}
	r.count(env, e, e.stamp)
}

func (r *isis) receive(env *protocol.Env, from protocol.NodeID, body []byte) {
	d, ok := r.view.decode(ISIS, body)
	if !ok {
		return
	}
	owner := from // the origin alone sends DATA and FINAL
	if d.op == opPropose {
		owner = r.view.self
	}
	if d.id.Node != owner {
		r.view.stats.Foreign++
		return
	}
	switch d.op {
	case opData:
		r.data(env, Message{ID: d.id, Payload: d.payload})
	case opPropose:
		r.propose(env, d.id, stamp{d.number, from})
	case opFinal:
		r.final(d.id, stamp{d.number, d.proposer})
	}
}

// data answers another member's message with a proposal. The payload is borrowed.
func (r *isis) data(env *protocol.Env, m Message) {
	if r.past.has(m.ID) || r.queue.find(m.ID) != nil {
		r.view.stats.Stray++
		return
	}
	m.Payload = bytes.Clone(m.Payload)
	e := r.hold(m)
	r.out = decoded{op: opPropose, id: m.ID, number: e.stamp.number}.append(r.out[:0])
	r.view.send(env, m.ID.Node, KindPropose, r.out)
	if s, ok := r.early[m.ID]; ok {
		delete(r.early, m.ID)
		r.agree(e, s)
	}
}

// hold enters a new message in the queue with this member's proposal.
func (r *isis) hold(m Message) *entry {
	r.clock++
	e := &entry{m: m, stamp: stamp{r.clock, r.view.self}}
	r.queue.push(e)
	return e
}

// propose takes another member's proposal for a message of our own.
func (r *isis) propose(env *protocol.Env, id MsgID, s stamp) {
	e := r.queue.find(id)
	i, _ := r.view.index(s.proposer)
	if e == nil || e.tally == nil || e.tally.heard[i] {
		r.view.stats.Stray++
		return
	}
	r.count(env, e, s)
}

// count enters a member's one proposal in the tally of e. The last one settles
// the agreed stamp.
func (r *isis) count(env *protocol.Env, e *entry, s stamp) {
	t := e.tally
	i, _ := r.view.index(s.proposer)
	t.heard[i] = true
	t.missing--
	if s.compare(t.greatest) > 0 {
		t.greatest = s
	}
	if t.missing > 0 {
		return
	}
	e.tally = nil
	r.out = decoded{op: opFinal, id: e.m.ID, number: t.greatest.number, proposer: t.greatest.proposer}.append(r.out[:0])
	r.view.sendAll(env, KindFinal, r.out)
	r.agree(e, t.greatest)
}

// final takes the agreed stamp of another member's message.
func (r *isis) final(id MsgID, s stamp) {
	if _, ok := r.view.index(s.proposer); !ok {
		r.view.stats.Foreign++
		return
	}
	e := r.queue.find(id)
	_, known := r.early[id]
	switch {
	case known || r.past.has(id) || e != nil && e.deliverable:
		r.view.stats.Stray++
	case e == nil:
		r.early[id] = s
		r.view.stats.Early++
	default:
		r.agree(e, s)
	}
}

// agree sets the agreed stamp of a held message and orders what that frees.
func (r *isis) agree(e *entry, s stamp) {
	r.clock = max(r.clock, s.number) // so that no later proposal falls below what is ordered
	e.stamp = s
	e.deliverable = true
	r.queue.fix(e)
	r.release()
}

// release orders the head of the queue for as long as it is deliverable. An
// undeliverable head blocks what follows, since it may yet be agreed before it.
func (r *isis) release() {
	for head := r.queue.head(); head != nil && head.deliverable; head = r.queue.head() {
		r.order(head)
	}
}

func (r *isis) order(e *entry) {
	r.queue.remove(e)
	r.past.add(e.m.ID)
	r.view.order(e.m)
}

func (r *isis) pending() int { return r.queue.len() }

// held leaves early out: over FIFO links it is empty.
func (r *isis) held() []held {
	var all []held
	for _, e := range r.queue.sorted() {
		all = append(all, held{e.m.ID, true, e.m.Payload, e.deliverable, e.stamp})
	}
	return all
}
