package abcast

import (
	"cmp"
	"slices"
)

// A holdback is the hold-back queue of ISIS and Lamport: a binary heap of entries
// by stamp that also finds them by id, so that each of n messages in flight costs
// log n.
type holdback struct {
	heap []*entry // no entry is before its parent at (i-1)/2
	byID map[MsgID]*entry
}

// An entry is a message in the queue.
type entry struct {
	m           Message
	stamp       stamp  // ISIS: proposed by this member until deliverable, then agreed
	deliverable bool   // ISIS
	tally       *tally // ISIS: at the origin, until agreed
	at          int    // place in the heap
}

// compare orders the queue by number, then by proposer. No two messages share
// a stamp if members are honest; the id keeps the order total if one is not.
func (a *entry) compare(b *entry) int {
	return cmp.Or(a.stamp.compare(b.stamp), a.m.ID.Compare(b.m.ID))
}

func (a *entry) before(b *entry) bool { return a.compare(b) < 0 }

func newHoldback() holdback { return holdback{byID: map[MsgID]*entry{}} }

func (h *holdback) len() int { return len(h.heap) }

func (h *holdback) find(id MsgID) *entry { return h.byID[id] }

func (h *holdback) head() *entry {
	if len(h.heap) == 0 {
		return nil
	}
	return h.heap[0]
}

// push adds an entry whose id is not in the queue.
func (h *holdback) push(e *entry) {
	e.at = len(h.heap)
	h.heap = append(h.heap, e)
	h.byID[e.m.ID] = e
	h.up(e)
}

// fix restores the order after the stamp of e changed.
func (h *holdback) fix(e *entry) {
	h.up(e)
	h.down(e)
}

// remove removes e, which is in the queue.
func (h *holdback) remove(e *entry) {
	last := h.heap[len(h.heap)-1]
	h.heap[len(h.heap)-1] = nil
	h.heap = h.heap[:len(h.heap)-1]
	delete(h.byID, e.m.ID)
	if last != e {
		h.set(e.at, last)
		h.fix(last)
	}
}

func (h *holdback) set(i int, e *entry) {
	h.heap[i] = e
	e.at = i
}

func (h *holdback) up(e *entry) {
	i := e.at
	for i > 0 && e.before(h.heap[(i-1)/2]) {
		h.set(i, h.heap[(i-1)/2])
		i = (i - 1) / 2
	}
	h.set(i, e)
}

func (h *holdback) down(e *entry) {
	i := e.at
	for {
		child := 2*i + 1
		if child+1 < len(h.heap) && h.heap[child+1].before(h.heap[child]) {
			child++
		}
		if child >= len(h.heap) || !h.heap[child].before(e) {
			break
		}
		h.set(i, h.heap[child])
		i = child
	}
	h.set(i, e)
}

// sorted returns all entries in the order of the queue, in a slice of its own.
func (h *holdback) sorted() []*entry {
	all := slices.Clone(h.heap)
	slices.SortFunc(all, (*entry).compare)
	return all
}
