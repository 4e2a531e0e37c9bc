package cmdline

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"dessim/sim/explore"
)

// sweepProgress shows on a terminal how far a sweep is, its rate, and the time left.
type sweepProgress struct {
	streams *streams
	begun   time.Time
	last    explore.Progress
	failed  atomic.Uint64 // the bar reads these from its own goroutine
	rate    atomic.Int64
	bars    *mpb.Progress
	bar     *mpb.Bar
}

func newSweepProgress(s *streams) *sweepProgress {
	return &sweepProgress{streams: s, begun: time.Now()}
}

// at takes how far the sweep is.
func (p *sweepProgress) at(now explore.Progress) {
	p.last = now
	if !p.streams.terminal {
		return
	}
	took := time.Since(p.begun)
	p.failed.Store(now.Failed)
	p.rate.Store(rate(now.Done-now.Known, took)) // those of the results file took no time
	if p.bar == nil && took > patience {
		p.show(now.Total)
	}
	if p.bar != nil {
		p.bar.SetCurrent(int64(now.Done))
	}
}

// show begins the bar, in ASCII and without colours.
func (p *sweepProgress) show(total uint64) {
	p.bars = mpb.New(mpb.WithOutput(p.streams.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	p.bar = p.bars.New(int64(total), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding("-").Rbound("]"),
		mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
			return fmt.Sprintf("%d of %d seeds, %d failed ", s.Current, s.Total, p.failed.Load())
		})),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			perSecond := max(p.rate.Load(), 1)
			left := time.Duration((s.Total-s.Current)/perSecond) * time.Second
			return fmt.Sprintf(" %d a second, %v left", p.rate.Load(), left)
		})))
}

// close removes the bar and prints, on a terminal, how long the sweep took.
func (p *sweepProgress) close() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
	if n := p.last.Done - p.last.Known; p.streams.terminal && n > 0 {
		took := time.Since(p.begun)
		fmt.Fprintf(p.streams.stderr, "%d seeds in %v, %d a second\n", n, took.Round(time.Millisecond), rate(n, took))
	}
}
