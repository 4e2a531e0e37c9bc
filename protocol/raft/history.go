package raft

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// A history is what the log amounts to: the terms, the changes of the view, and each
// message where the log first has it. It is a function of the log alone. What is
// delivered is a function of the history: the messages of the members of the view, in
// the order of their seqs, each as soon as those before it are there.
//
// The log's messages of an incarnation that is not in the view are skipped. So once
// a later incarnation of its node is in the view, whatever the earlier one broadcast
// is delivered or never will be, like its messages that are held for one that never
// came.
type history struct {
	items     []byte // encoded one after the other, which is what a snapshot holds
	count     int    // of items
	number    uint64 // of the view: how many changes there were
	place     uint64 // messages delivered before it
	delivered uint64
	view      map[protocol.NodeID]uint32 // the incarnations in it
	streams   map[abcast.Member]*stream
	latest    map[protocol.NodeID]uint32 // the highest incarnation that was ever in it

	repeated uint64 // entries skipped, for Stats
	early    uint64 // entries held
}

func newHistory() history {
	return history{view: map[protocol.NodeID]uint32{}, streams: map[abcast.Member]*stream{}, latest: map[protocol.NodeID]uint32{}}
}

// A stream is how far the messages of one origin came.
type stream struct {
	last uint64           // seq of the last one delivered
	held []abcast.Message // those that came before their turn, ascending
}

func (h *history) has(m abcast.Member) bool {
	return h.view[m.Node] == m.Incarnation && m.Incarnation != 0
}

func (h *history) enter(i item) {
	h.items = i.append(h.items)
	h.count++
}

// change takes a change of the view and reports whether it changes anything. A member
// that left may return, unless a later incarnation of its node was in the view. The
// last member stays, since views have members.
func (h *history) change(i item) bool {
	l := i.message.ID.Origin()
	switch {
	case i.in && (h.has(l) || l.Incarnation < h.latest[l.Node]), !i.in && (!h.has(l) || len(h.view) == 1):
		h.repeated++
		return false
	case i.in:
		h.bury(l.Node, l.Incarnation)
		h.view[l.Node], h.latest[l.Node] = l.Incarnation, l.Incarnation
	default:
		delete(h.view, l.Node)
	}
	h.number++
	h.place = h.delivered
	h.enter(i)
	return true
}

// bury forgets what was held of a node's incarnations before the one that enters: they never
// return, so what would have to come first never does.
func (h *history) bury(node protocol.NodeID, enters uint32) {
	for _, l := range protocol.SortedKeysFunc(h.streams, compareMembers) {
		if l.Node == node && l.Incarnation < enters {
			h.streams[l].held = nil
		}
	}
}

// add takes the next message of the log and returns those whose turn it is. Their
// payloads are the caller's.
func (h *history) add(m abcast.Message) []abcast.Message {
	key := m.ID.Origin()
	if !h.has(key) {
		h.repeated++ // its origin broadcasts it again when it is in the view
		return nil
	}
	l := h.streams[key]
	if l == nil {
		l = &stream{}
		h.streams[key] = l
	}
	at, has := slices.BinarySearchFunc(l.held, m.ID, func(m abcast.Message, id abcast.MsgID) int { return m.ID.Compare(id) })
	if has || m.ID.Seq <= l.last {
		h.repeated++
		return nil
	}
	h.enter(item{message: m})
	l.held = slices.Insert(l.held, at, m)
	n := 0
	for n < len(l.held) && l.held[n].ID.Seq == l.last+1 {
		l.last++
		n++
	}
	if n == 0 {
		h.early++
	}
	ready := slices.Clone(l.held[:n])
	l.held = slices.Delete(l.held, 0, n)
	return ready
}

func (h *history) members() []abcast.Member {
	var out []abcast.Member
	for _, id := range protocol.SortedKeys(h.view) {
		out = append(out, abcast.Member{Node: id, Incarnation: h.view[id]})
	}
	return out
}

// encode returns the history as a snapshot holds it.
func (h *history) encode() []byte {
	b := make([]byte, 0, len(h.items)+2)
	b = append(b, 'l')
	b = append(b, h.items...)
	return append(b, 'e')
}
