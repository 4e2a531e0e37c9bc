package live

import (
	"container/heap"

	"dessim/protocol"
)

// timers are the pending timers of a node: one a tag, the next one first. Timers that are due
// at the same time fire in the order in which they were set.
type timers struct {
	byTag map[uint64]*timer
	heap  timerHeap
	n     uint64 // timers set so far
}

type timer struct {
	tag   uint64
	due   protocol.Time
	n     uint64
	place int
}

// set sets a timer, instead of the one of that tag.
func (t *timers) set(tag uint64, due protocol.Time) {
	t.n++
	if x := t.byTag[tag]; x != nil {
		x.due, x.n = due, t.n
		heap.Fix(&t.heap, x.place)
		return
	}
	if t.byTag == nil {
		t.byTag = make(map[uint64]*timer)
	}
	x := &timer{tag: tag, due: due, n: t.n}
	t.byTag[tag] = x
	heap.Push(&t.heap, x)
}

// cancel removes the timer of that tag, if there is one.
func (t *timers) cancel(tag uint64) {
	if x := t.byTag[tag]; x != nil {
		heap.Remove(&t.heap, x.place)
		delete(t.byTag, tag)
	}
}

// next returns when the next timer is due; ok is false if there is none.
func (t *timers) next() (due protocol.Time, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].due, true
}

// pop removes the next timer and returns its tag.
func (t *timers) pop() uint64 {
	x := t.heap[0]
	t.cancel(x.tag)
	return x.tag
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].n < h[j].n
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.place = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
