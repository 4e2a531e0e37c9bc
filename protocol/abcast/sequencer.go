package abcast

import (
	"bytes"
	"slices"

	"dessim/protocol"
)

// sequencer orders as one member decides, the lowest (Défago, Schiper and Urbán
// 2004, section 4.1):
//
//  1. The origin sends DATA to all members.
//  2. The sequencer assigns the next place to the message, sends that to all in an
//     ORDER, and orders the message at once.
//  3. The others order by place, each message once it is there.
//
// Why all order alike: there is one sequencer, and it places each message once. The
// sequencer's own broadcast costs an ORDER to all like any other: DATA could carry
// the place and save it, for one more type of message.
//
// It needs FIFO links: ORDERs are taken as they come, and a message that overtook
// an earlier one of its origin on the way to the sequencer would be placed before
// it.
type sequencer struct {
	view    *view
	placed  uint64            // the last place assigned, or heard of
	places  []MsgID           // placed and not ordered, in order; the first has no message here
	waiting map[MsgID]Message // not ordered
	arrived []MsgID           // those waiting, and some that were ordered, as they came
	past    idSet             // ordered, so that repetitions are recognized
	out     []byte            // scratch for encoding
}

func newSequencer(v *view) *sequencer {
	return &sequencer{view: v, waiting: map[MsgID]Message{}, past: newIDSet()}
}

// placer returns the member that is the sequencer.
func (r *sequencer) placer() protocol.NodeID { return r.view.members[0] }

func (r *sequencer) broadcast(env *protocol.Env, m Message) {
	r.out = decoded{op: opSequencerData, id: m.ID, payload: m.Payload}.append(r.out[:0])
	r.view.sendAll(env, KindData, r.out)
	r.take(env, m)
}

func (r *sequencer) receive(env *protocol.Env, from protocol.NodeID, body []byte) {
	d, ok := r.view.decode(Sequencer, body)
	if !ok {
		return
	}
	owner := from
	if d.op == opSequencerOrder {
		owner = r.placer()
	}
	_, member := r.view.index(d.id.Node)
	switch {
	case from != owner || !member || d.op == opSequencerData && d.id.Node != from:
		r.view.stats.Foreign++
	case d.op == opSequencerOrder:
		r.enter(d.id, d.number)
	case r.known(d.id):
		r.view.stats.Stray++
	default:
		r.take(env, Message{ID: d.id, Payload: bytes.Clone(d.payload)})
	}
}

func (r *sequencer) known(id MsgID) bool { return r.waits(id) || r.past.has(id) }

// take takes a new message: the sequencer assigns its place, the others may know
// that already.
func (r *sequencer) take(env *protocol.Env, m Message) {
	if r.view.self != r.placer() {
		r.waiting[m.ID] = m
		r.arrived = append(r.arrived, m.ID)
		r.release()
		return
	}
	r.placed++
	r.out = decoded{op: opSequencerOrder, id: m.ID, number: r.placed}.append(r.out[:0])
	r.view.sendAll(env, KindOrder, r.out)
	r.order(m)
}

// enter takes the place of a message from the sequencer.
func (r *sequencer) enter(id MsgID, place uint64) {
	if place != r.placed+1 || r.past.has(id) {
		r.view.stats.Stray++
		return
	}
	r.placed = place
	r.places = append(r.places, id)
	if _, here := r.waiting[id]; !here {
		r.view.stats.Early++
	}
	r.release()
}

// release orders the first placed message for as long as it is here.
func (r *sequencer) release() {
	for len(r.places) > 0 {
		m, here := r.waiting[r.places[0]]
		if !here {
			return
		}
		r.places = r.places[1:]
		delete(r.waiting, m.ID)
		if len(r.arrived) > 2*len(r.waiting)+8 { // so that each is looked at about once in all
			r.arrived = slices.DeleteFunc(r.arrived, func(id MsgID) bool { return !r.waits(id) })
		}
		r.order(m)
	}
}

func (r *sequencer) waits(id MsgID) bool {
	_, waits := r.waiting[id]
	return waits
}

func (r *sequencer) order(m Message) {
	r.past.add(m.ID)
	r.view.order(m)
}

func (r *sequencer) pending() int { return len(r.waiting) }

// held returns the placed messages, here or not, and then those without a place.
func (r *sequencer) held() []held {
	var all []held
	first := r.placed - uint64(len(r.places)) + 1
	for i, id := range r.places {
		m, here := r.waiting[id]
		all = append(all, held{id, here, m.Payload, true, stamp{number: first + uint64(i)}})
	}
	for _, id := range r.arrived {
		if r.waits(id) && !slices.Contains(r.places, id) {
			all = append(all, held{id, true, r.waiting[id].Payload, false, stamp{number: unplaced}})
		}
	}
	return all
}
