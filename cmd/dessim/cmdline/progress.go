package cmdline

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// meter shows on a terminal how far a command is, once it takes longer than patience.
type meter struct {
	*streams
	begun time.Time
	bars  *mpb.Progress
	bar   *mpb.Bar
}

const patience = time.Second

func newMeter(s *streams) meter { return meter{streams: s, begun: time.Now()} }

// show moves the bar, which is in ASCII and without colours. It calls left and right from
// a goroutine of its own.
func (m *meter) show(at, total int64, left, right func(s decor.Statistics) string) {
	if m.bar == nil && time.Since(m.begun) > patience {
		m.bars = mpb.New(mpb.WithOutput(m.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
		m.bar = m.bars.New(total, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding("-").Rbound("]"),
			mpb.PrependDecorators(decor.Any(left)), mpb.AppendDecorators(decor.Any(right)))
	}
	if m.bar != nil {
		m.bar.SetCurrent(at)
	}
}

// end removes the bar and prints, on a terminal, how long n of something took.
func (m *meter) end(n uint64, what string) {
	if m.bar != nil {
		m.bar.Abort(true)
		m.bars.Wait()
	}
	if m.terminal && n > 0 {
		took := time.Since(m.begun)
		fmt.Fprintf(m.stderr, "%d %s in %v, %d a second\n", n, what, took.Round(time.Millisecond), rate(n, took))
	}
}

func rate(events uint64, in time.Duration) int64 {
	return int64(float64(events) / max(in.Seconds(), 1e-9))
}

// progress shows how far a run is, in virtual time.
type progress struct {
	meter
	until  time.Duration
	events atomic.Uint64
}

func newProgress(s *streams, p *scenario.Params) *progress {
	return &progress{meter: newMeter(s), until: p.Until}
}

func (p *progress) at(events uint64, now protocol.Time) {
	if !p.terminal {
		return
	}
	p.events.Store(events)
	p.show(int64(now), int64(p.until), func(s decor.Statistics) string {
		return time.Duration(s.Current).Round(time.Millisecond).String() + " of at most " + p.until.String() + " "
	}, func(decor.Statistics) string {
		n := p.events.Load()
		return fmt.Sprintf(" %d events, %d a second", n, rate(n, time.Since(p.begun)))
	})
}

// sweepProgress shows how far a sweep is, its rate, and the time left.
type sweepProgress struct {
	meter
	last   explore.Progress
	failed atomic.Uint64
	rate   atomic.Int64
}

func (p *sweepProgress) at(now explore.Progress) {
	p.last = now
	if !p.terminal {
		return
	}
	p.failed.Store(now.Failed)
	p.rate.Store(rate(now.Done-now.Known, time.Since(p.begun))) // those of the results file took no time
	p.show(int64(now.Done), int64(now.Total), func(s decor.Statistics) string {
		return fmt.Sprintf("%d of %d seeds, %d failed ", s.Current, s.Total, p.failed.Load())
	}, func(s decor.Statistics) string {
		perSecond := max(p.rate.Load(), 1)
		left := time.Duration((s.Total-s.Current)/perSecond) * time.Second
		return fmt.Sprintf(" %d a second, %v left", p.rate.Load(), left)
	})
}

// exploreProgress shows how many runs there were: how many there will be is not known.
type exploreProgress struct {
	meter
	shown time.Time
	runs  int
}

func newExploreProgress(s *streams) *exploreProgress {
	m := newMeter(s)
	return &exploreProgress{meter: m, shown: m.begun}
}

func (p *exploreProgress) at(runs int) {
	p.runs = runs
	if !p.terminal || time.Since(p.shown) < patience {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.stderr, "\r%d runs, %d a second ", runs, rate(uint64(runs), time.Since(p.begun)))
}

func (p *exploreProgress) close() {
	if p.terminal {
		fmt.Fprint(p.stderr, "\r")
	}
	p.end(uint64(p.runs), "runs")
}
