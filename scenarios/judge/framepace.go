package judge

import (
	"fmt"
	"slices"

	"dessim/protocol/abcast"
)

// framePace is when a node sends the frames of a view again that the other node has not
// acknowledged: at the third tick after the last time if the two are connected, and else after a
// pause that doubles with each repetition, up to four times, and lasts a quarter more at most.
type framePace struct {
	out    []sentFrame // that are not acknowledged
	tries  int         // repetitions since the two were connected
	least  uint64      // ticks from sending a frame to repeating it, at the last tick
	most   uint64
	beat   uint64 // the last tick in the view
	view   uint64
	near   bool // the two were connected then
	again  bool // frames were repeated after it
	before bool // there was one before in the view
}

type sentFrame struct {
	seq uint64
	at  uint64 // tick
}

const repeatTicks = 3

// begin begins a view.
func (p *framePace) begin() { *p = framePace{out: p.out[:0]} }

// acknowledged forgets the frames before next.
func (p *framePace) acknowledged(next uint64) {
	p.out = slices.DeleteFunc(p.out, func(f sentFrame) bool { return f.seq < next })
}

// fires begins a tick, in which frames of the view that the node works in are repeated next. It
// judges the one before.
func (p *framePace) fires(tick, view uint64, connected bool) (wrong error) {
	if p.before && p.view == view {
		for _, f := range p.out {
			if p.beat >= f.at+p.most && wrong == nil {
				wrong = fmt.Errorf("nothing where frame %d of view %d was due again, %d ticks after the last time; want at most %d", f.seq, view, p.beat-f.at, p.most)
			}
		}
		if p.again && !p.near {
			const doublings = 2
			p.tries = min(p.tries+1, doublings)
		}
	}
	if connected {
		p.tries = 0
	}
	p.least = repeatTicks << p.tries
	p.most = p.least
	if p.tries > 0 {
		p.most = p.least * 5 / 4
	}
	p.beat, p.view, p.near, p.again, p.before = tick, view, connected, false, true
	return wrong
}

// sent judges a frame, which is sent again if it is not new.
func (p *framePace) sent(d *abcast.Datagram, fresh bool, tick uint64) error {
	if fresh {
		p.out = append(p.out, sentFrame{d.Seq, tick})
		return nil
	}
	i := slices.IndexFunc(p.out, func(f sentFrame) bool { return f.seq == d.Seq })
	switch {
	case i < 0:
		return fmt.Errorf("frame %d of view %d again, which is acknowledged", d.Seq, d.View)
	case !p.before || p.view != d.View || p.beat != tick:
		return fmt.Errorf("frame %d of view %d again, not at a tick in the view", d.Seq, d.View)
	case tick-p.out[i].at < p.least:
		return fmt.Errorf("frame %d of view %d again, %d ticks after the last time; want at least %d", d.Seq, d.View, tick-p.out[i].at, p.least)
	}
	p.out[i].at, p.again = tick, true
	return nil
}
