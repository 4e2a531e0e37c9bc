package raft

import (
	"slices"

	"dessim/protocol/abcast"
	"dessim/protocol/bencode"
)

// A history is what the log comes to: the terms, and each message where the log
// first has it. It is a function of the log alone. What is delivered is a function
// of the history: the messages of a life in the order of their seqs, each as soon
// as those before it are there.
//
// A seq that never comes, since its origin died, holds the rest of that life back
// for ever, at all nodes.
type history struct {
	items     []byte // encoded one after the other, which is what a snapshot holds
	count     int    // of items
	term      uint64 // the last one
	place     uint64 // messages delivered before it
	delivered uint64
	lives     map[abcast.Life]*life

	repeated uint64 // entries passed over, for Stats
	early    uint64 // entries held
}

// A life is how far the messages of one came.
type life struct {
	last uint64           // seq of the last one delivered
	held []abcast.Message // those that came before their turn, ascending
}

// enter notes that a term begins here.
func (h *history) enter(term uint64) {
	h.term, h.place = term, h.delivered
	h.items = bencode.AppendUint(h.items, term)
	h.count++
}

// add takes the next message of the log and gives those whose turn it is. The
// payloads are no one else's.
func (h *history) add(m abcast.Message) []abcast.Message {
	if h.lives == nil {
		h.lives = map[abcast.Life]*life{}
	}
	key := abcast.Life{Node: m.ID.Node, Incarnation: m.ID.Incarnation}
	l := h.lives[key]
	if l == nil {
		l = &life{}
		h.lives[key] = l
	}
	at, has := slices.BinarySearchFunc(l.held, m.ID, func(m abcast.Message, id abcast.MsgID) int { return m.ID.Compare(id) })
	if has || m.ID.Seq <= l.last {
		h.repeated++
		return nil
	}
	h.items = appendItem(h.items, m)
	h.count++
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

// encode gives the history as a snapshot holds it.
func (h *history) encode() []byte {
	b := make([]byte, 0, len(h.items)+2)
	b = append(b, 'l')
	b = append(b, h.items...)
	return append(b, 'e')
}
