package sim

import (
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// clock is a node's local time: true time, bent by the jumps and drifts of the
// plan. It is made of pieces of constant rate and a function of time alone. A
// clock that ought to show less than 0 shows 0, one that ought to show more than
// MaxTime shows MaxTime.
//
// Several drifts at once add up, to at most MaxDrift either way. Within a piece
// the drift is rounded down to nanoseconds; the next piece goes on from there.
type clock struct {
	pieces []piece
	i      int // the piece of the time asked last: time only grows
}

// piece is a stretch of time from from on in which the clock runs ppm parts in a
// million too fast, beginning with the offset off.
type piece struct {
	from protocol.Time
	off  int64
	ppm  int64
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
		p := piece{from: at, off: jumps[at]}
		if n := len(c.pieces); n > 0 {
			p.off += c.pieces[n-1].offset(at)
		}
		for _, w := range drifts {
			if w.Open(at) {
				p.ppm += int64(w.PPM)
			}
		}
		p.ppm = max(-fault.MaxDrift, min(p.ppm, fault.MaxDrift))
		if n := len(c.pieces); n == 0 || c.pieces[n-1].ppm != p.ppm || jumps[at] != 0 {
			c.pieces = append(c.pieces, p)
		}
	}
	return c
}

// offset returns by how much the clock is ahead at a time of the piece.
func (p *piece) offset(at protocol.Time) int64 {
	size := uint64(max(p.ppm, -p.ppm))
	hi, lo := bits.Mul64(uint64(at-p.from), size)
	gained, rest := bits.Div64(hi, lo, million)
	if p.ppm >= 0 {
		return p.off + int64(gained)
	}
	if rest > 0 {
		gained++
	}
	return p.off - int64(gained)
}

// at returns the local time. Calls must not go back in time.
func (c *clock) at(now protocol.Time) protocol.Time {
	for c.i+1 < len(c.pieces) && c.pieces[c.i+1].from <= now {
		c.i++
	}
	local := now + protocol.Time(c.pieces[c.i].offset(now))
	return max(0, min(local, protocol.MaxTime))
}

// truly returns how long the local duration d takes if the clock goes on at its
// present rate, rounded up: a timer never fires early by the clock that set it.
func (c *clock) truly(now protocol.Time, d time.Duration) time.Duration {
	c.at(now)
	hi, lo := bits.Mul64(uint64(min(d, longest)), million)
	rate := uint64(million + c.pieces[c.i].ppm)
	t, rest := bits.Div64(hi, lo, rate)
	if rest > 0 {
		t++
	}
	return time.Duration(t)
}

// clockOf returns the time that a special node sees.
func (s *Sim) clockOf(id protocol.NodeID) protocol.Time {
	if c := s.cold[id].clock; c != nil {
		return c.at(s.now)
	}
	return s.now
}

// byClock returns how long a timer of a special node runs.
func (s *Sim) byClock(id protocol.NodeID, after time.Duration) time.Duration {
	if c := s.cold[id].clock; c != nil {
		return c.truly(s.now, after)
	}
	return after
}
