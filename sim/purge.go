package sim

// A timer that is cancelled or replaced leaves a dead event in the queue: to find its
// entry there would cost more than to skip it when its time comes. But that can be a day
// away, and a node that sets its timer anew every millisecond would fill the memory
// meanwhile. So dead events are purged as soon as they outnumber the others, which
// costs a constant time for each: the queue never has more than twice as many entries as
// events that will happen, and a few.

// purgeMin is the number of dead events that are not worth a purge.
const purgeMin = 256

// kill makes a pending event one that will not happen.
func (s *Sim) kill(slot uint32) {
	r := s.slab.at(slot)
	s.live[r.flag&background]--
	r.op = opDead
	if r.flag&held != 0 {
		return // it has left the queue, and goes with what else is held
	}
	if s.dead++; s.dead > purgeMin && 2*s.dead > s.q.n {
		s.purge()
	}
}

func (s *Sim) purge() {
	s.dead = 0
	s.q.purge(func(slot uint32) bool {
		r := s.slab.at(slot)
		if r.op == opDead {
			s.slab.release(slot, r)
		}
		return r.op != opDead
	})
}

// purge takes out the entries that are not to be kept. Each of the others stays in its
// bucket.
func (q *queue) purge(keep func(slot uint32) bool) {
	run := q.run[:q.next]
	for _, e := range q.run[q.next:] {
		if keep(e.slot) {
			run = append(run, e)
		}
	}
	late := q.late
	q.late = q.late[:0]
	for _, e := range late {
		if keep(e.slot) {
			q.pushLate(e) // writes no farther than what has been read
		}
	}
	q.run, q.n = run, len(run)-q.next+len(q.late)
	for level := range q.buckets {
		if q.mask&(1<<level) == 0 {
			continue
		}
		for slot := range q.buckets[level] {
			b := q.buckets[level][slot]
			if b.n == 0 {
				continue
			}
			q.buckets[level][slot] = bucket{}
			q.masks[level] &^= 1 << slot
			for c, n := b.first, b.fill; c != nil; n = chunkLen {
				for _, e := range c.e[:n] {
					if keep(e.slot) {
						q.put(e)
						q.n++
					}
				}
				empty := c
				c = c.next
				q.free(empty)
			}
		}
		if q.masks[level] == 0 {
			q.mask &^= 1 << level
		}
	}
}
