package cmdline

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"dessim/protocol"
	"dessim/sim/scenario"
)

// progress shows on a terminal how far a run is, once it takes longer than patience.
type progress struct {
	streams *streams
	begun   time.Time
	until   time.Duration
	events  atomic.Uint64 // the bar reads it from its own goroutine
	bars    *mpb.Progress
	bar     *mpb.Bar
}

const patience = time.Second

func newProgress(s *streams, p *scenario.Params) *progress {
	return &progress{streams: s, begun: time.Now(), until: p.Until}
}

// at takes how far the run is.
func (p *progress) at(events uint64, now protocol.Time) {
	if !p.streams.terminal {
		return
	}
	p.events.Store(events)
	if p.bar == nil && time.Since(p.begun) > patience {
		p.show()
	}
	if p.bar != nil {
		p.bar.SetCurrent(int64(now))
	}
}

// show begins the bar, in ASCII and without colours. It measures virtual time.
func (p *progress) show() {
	p.bars = mpb.New(mpb.WithOutput(p.streams.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	p.bar = p.bars.New(int64(p.until), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding("-").Rbound("]"),
		mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
			return time.Duration(s.Current).Round(time.Millisecond).String() + " of at most " + p.until.String() + " "
		})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			n := p.events.Load()
			return fmt.Sprintf(" %d events, %d a second", n, rate(n, time.Since(p.begun)))
		})))
}

// close removes the bar and prints, on a terminal, how long the run took.
func (p *progress) close(r *scenario.Report, finished bool) {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
	if p.streams.terminal && finished {
		took := time.Since(p.begun)
		fmt.Fprintf(p.streams.stderr, "%d events in %v, %d a second\n", r.Sim.Events, took.Round(time.Millisecond), rate(r.Sim.Events, took))
	}
}

func rate(events uint64, in time.Duration) int64 {
	return int64(float64(events) / max(in.Seconds(), 1e-9))
}
