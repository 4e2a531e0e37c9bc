package sim

import (
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// clock is a node's local time: true time, bent by the drifts of the plan, and set
// forward or back by its jumps. It is made of pieces of constant rate and a function of
// time alone. What it shows lies in 0 to MaxTime: a clock that ought to show less shows
// 0, one that ought to show more shows MaxTime.
//
// Several drifts at once add up, to at most MaxDrift either way. The clock counts in
// millionths of a nanosecond, in which every drift is exact; what it shows is rounded
// down. So no rounding adds up, however often the drift changes.
//
// Timers run by the clock without its jumps, which do not elapse. A timer is due at the
// first nanosecond of true time at which that much has passed by the clock since it was
// set, so never early, and less than 1 ns late. Drift that begins or ends meanwhile is
// in the pieces already; drift that waits for an effect makes new ones, and the node's
// pending timers are put where they belong by them: see Sim.retime.
type clock struct {
	pieces []piece
	i      int // the piece of the time asked last: time only grows
}

// piece is a stretch of time from from on in which the clock runs ppm parts in a
// million too fast, beginning when start has elapsed on it.
type piece struct {
	from  protocol.Time
	start elapsed
	ppm   int64
	jump  int64 // sum of the jumps so far
}

// elapsed is what has passed by a clock without its jumps.
type elapsed struct {
	ns        int64
	millionth uint64 // of a nanosecond, below a million
}

// after returns the elapsed time d later. At most longest counts.
func (e elapsed) after(d time.Duration) elapsed {
	e.ns += int64(min(d, longest))
	return e
}

func (e elapsed) before(f elapsed) bool {
	return e.ns < f.ns || e.ns == f.ns && e.millionth < f.millionth
}

const million = 1_000_000

// longest is more than any clock gains in a run.
const longest = 2 * time.Duration(fault.Never)

// setClocks makes a clock for each node whose time the plan bends.
func (s *Sim) setClocks() {
	bent := make(map[protocol.NodeID]bool)
	for i := range s.windows {
		w := &s.windows[i]
		if (w.Op == fault.Jump || w.Op == fault.Drift) && !bent[w.Node] {
			bent[w.Node] = true
			x := s.coldOf(w.Node)
			x.clock = newClock(w.Node, s.windows)
			s.nodes[w.Node].settle(x)
		}
	}
}

func newClock(id protocol.NodeID, windows []fault.Window) *clock {
	jumps := make(map[protocol.Time]int64)
	turns := []protocol.Time{0}
	var drifts []*fault.Window
	for i := range windows {
		w := &windows[i]
		switch {
		case w.Node != id:
		case w.Op == fault.Jump:
			jumps[w.At] += int64(w.By)
			turns = append(turns, w.At)
		case w.Op == fault.Drift:
			drifts = append(drifts, w)
			turns = append(turns, w.From, w.Until)
		}
	}
	slices.Sort(turns)
	c := new(clock)
	for _, at := range slices.Compact(turns) {
		p := piece{from: at, jump: jumps[at]}
		if n := len(c.pieces); n > 0 {
			last := &c.pieces[n-1]
			p.start = last.elapsed(at)
			p.jump += last.jump
		}
		for _, w := range drifts {
			if w.Open(at) {
				p.ppm += int64(w.PPM)
			}
		}
		p.ppm = max(-fault.MaxDrift, min(p.ppm, fault.MaxDrift))
		c.pieces = append(c.pieces, p)
	}
	return c
}

// elapsed returns what has passed by the clock at a time of the piece.
func (p *piece) elapsed(at protocol.Time) elapsed {
	hi, lo := bits.Mul64(uint64(at-p.from), uint64(million+p.ppm))
	lo, carry := bits.Add64(lo, p.start.millionth, 0)
	ns, rest := bits.Div64(hi+carry, lo, million)
	return elapsed{p.start.ns + int64(ns), rest}
}

// due returns the first time of the piece at which e has elapsed. Nothing but the run's
// end may keep the piece from reaching it.
func (p *piece) due(e elapsed) protocol.Time {
	hi, lo := bits.Mul64(uint64(e.ns-p.start.ns), million)
	lo, carry := bits.Add64(lo, e.millionth, 0)
	hi += carry
	lo, borrow := bits.Sub64(lo, p.start.millionth, 0)
	hi -= borrow
	t, rest := bits.Div64(hi, lo, uint64(million+p.ppm))
	if rest > 0 {
		t++
	}
	return p.from + protocol.Time(t)
}

// piece returns that of the time now. Calls must not go back in time.
func (c *clock) piece(now protocol.Time) *piece {
	for c.i+1 < len(c.pieces) && c.pieces[c.i+1].from <= now {
		c.i++
	}
	return &c.pieces[c.i]
}

// at returns the local time, and what it would be without jumps. Calls must not go back in
// time.
func (c *clock) at(now protocol.Time) (local, steady protocol.Time) {
	p := c.piece(now)
	ns := p.elapsed(now).ns
	return bounded(ns + p.jump), bounded(ns)
}

// bounded returns what a clock shows that ought to show t.
func bounded(t int64) protocol.Time { return max(0, min(protocol.Time(t), protocol.MaxTime)) }

// due returns when e, which has not elapsed yet at now, will have.
func (c *clock) due(now protocol.Time, e elapsed) protocol.Time {
	c.piece(now)
	i := c.i
	for i+1 < len(c.pieces) && !e.before(c.pieces[i+1].start) {
		i++
	}
	return c.pieces[i].due(e)
}

// enter begins a step of a special node: its Env has the node's clock, a Scheduler while a
// fault is open at the node that is about its goroutines, and a full disk while one fills it.
func (s *Sim) enter(c *cause, n *node) {
	x := s.cold[c.id]
	local, steady := s.now, s.now
	if len(x.bent) > 0 {
		s.bends(x)
	}
	if x.clock != nil {
		local, steady = x.clock.at(s.now)
	}
	s.env.Enter(c.id, n.inc, local, s.src)
	if steady != local {
		s.env.SetSteady(steady)
	}
	if x.disordered() && s.turns.begin(s, c, n, x) {
		s.env.Schedule(&s.turns)
	}
	if len(x.fulls) > 0 && anyOpen(x.fulls, s.now) {
		s.env.Fill()
	}
}

// byClock returns when a timer of a special node is due, and keeps in its record what
// must have elapsed by then.
func (s *Sim) byClock(id protocol.NodeID, after time.Duration, r *record) protocol.Time {
	c := s.cold[id].clock
	if c == nil {
		return s.later(after)
	}
	e := c.piece(s.now).elapsed(s.now).after(after)
	r.setWord(1, uint64(e.ns))
	r.setWord(2, e.millionth)
	return min(c.due(s.now, e), s.later(longest))
}

// retime makes a new clock for a node, of which a drift just began, and puts its pending
// timers where they belong by it. The new clock differs from the old one only later than
// now: so a timer that is due now, or waits already for its node, stays where it is.
func (s *Sim) retime(id protocol.NodeID) {
	x := s.coldOf(id)
	old := x.clock
	x.clock = newClock(id, s.windows)
	passed := old.piece(s.now).elapsed(s.now)
	places := s.timers[id].places()
	for i := range places {
		t := &places[i]
		if !t.used {
			continue
		}
		r := s.slab.at(t.slot)
		e := elapsed{int64(r.word(1)), r.word(2)}
		if passed.before(e) && old.due(s.now, e) != x.clock.due(s.now, e) {
			t.slot = s.move(t.slot, id, min(x.clock.due(s.now, e), s.later(longest))+s.lagOf(r))
		}
	}
}

// move makes a pending timer happen at another time, and returns its new slot.
func (s *Sim) move(slot uint32, id protocol.NodeID, at protocol.Time) uint32 {
	old := s.slab.at(slot)
	moved, r := s.slab.alloc(old.op, old.flag)
	*r = *old
	s.kill(slot)
	s.push(entry{at, uint32(id), moved}, r)
	return moved
}
