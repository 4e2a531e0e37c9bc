package host

import "container/heap"

// timer calls ring when the time it is set to has come.
type timer struct {
	at    int64 // 0 if it is not set
	order uint64
	place int // in the heap
	ring  func()
}

// timers is a heap of the timers that are set. Those of one time ring by their order.
type timers []*timer

// set sets the timer to a time, or unsets it with 0.
func (h *timers) set(a *timer, at int64) {
	was := a.at
	a.at = at
	switch {
	case was == at:
	case was == 0:
		heap.Push(h, a)
	case at == 0:
		heap.Remove(h, a.place)
	default:
		heap.Fix(h, a.place)
	}
}

// due unsets and returns a timer whose time has come, or returns nil.
func (h *timers) due(now int64) *timer {
	if len(*h) == 0 || (*h)[0].at > now {
		return nil
	}
	a := heap.Pop(h).(*timer)
	a.at = 0
	return a
}

// next returns the time of the first timer, or 0.
func (h *timers) next() int64 {
	if len(*h) == 0 {
		return 0
	}
	return (*h)[0].at
}

// Len is for container/heap, as are the methods that follow.
func (h timers) Len() int { return len(h) }

// Less orders by time.
func (h timers) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].order < h[j].order
}

// Swap keeps the places right.
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push appends.
func (h *timers) Push(x any) {
	a := x.(*timer)
	a.place = len(*h)
	*h = append(*h, a)
}

// Pop removes the last.
func (h *timers) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
