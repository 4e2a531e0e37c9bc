package sim

import "dessim/protocol"

// timers finds a node's pending timers by tag: open addressing with linear
// probing and no tombstones, since a protocol sets and cancels for ever. Most
// nodes have a handful; one that never set any has nil, in which there is none.
type timers struct {
	slots []timer // length a power of two, or none
	n     int
}

type timer struct {
	tag  uint64
	slot uint32
	used bool
}

func (t *timers) home(tag uint64) int {
	return int(protocol.Hash2(tag, 0) & uint64(len(t.slots)-1))
}

func (t *timers) find(tag uint64) int {
	if t == nil || t.n == 0 {
		return -1
	}
	for i := t.home(tag); t.slots[i].used; i = (i + 1) & (len(t.slots) - 1) {
		if t.slots[i].tag == tag {
			return i
		}
	}
	return -1
}

// places returns all places, used or not.
func (t *timers) places() []timer {
	if t == nil {
		return nil
	}
	return t.slots
}

// add puts a tag that is not there.
func (t *timers) add(tag uint64, slot uint32) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.resize(max(leastTimers, 2*len(t.slots)))
	}
	t.place(timer{tag, slot, true})
	t.n++
}

func (t *timers) resize(size int) {
	old := t.slots
	t.slots = make([]timer, size)
	for _, o := range old {
		if o.used {
			t.place(o)
		}
	}
}

func (t *timers) place(x timer) {
	i := t.home(x.tag)
	for t.slots[i].used {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = x
}

// remove empties place i. A table that was much larger once shrinks, and one that is empty goes,
// unless it is the least.
func (t *timers) remove(i int) {
	t.empty(i)
	switch t.n--; {
	case t.n == 0 && len(t.slots) > leastTimers:
		t.slots = nil
	case len(t.slots) > 64 && 8*t.n < len(t.slots):
		t.resize(len(t.slots) / 2)
	}
}

const leastTimers = 4 // slots

// empty empties place i and moves up what had been displaced past it.
func (t *timers) empty(i int) {
	mask := len(t.slots) - 1
	for j := i; ; {
		t.slots[i] = timer{}
		for {
			j = (j + 1) & mask
			if !t.slots[j].used {
				return
			}
			// The entry at j may move to i unless its home lies cyclically in (i, j].
			if h := t.home(t.slots[j].tag); (j-h)&mask >= (j-i)&mask {
				break
			}
		}
		t.slots[i] = t.slots[j]
		i = j
	}
}
