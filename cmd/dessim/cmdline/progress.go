package cmdline

import (
	"fmt"
	"sync/atomic"
	"time"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// meter shows on a terminal how far a command is, once it takes longer than patience.
type meter struct {
	*streams
	begun time.Time
	bar   *bar // or nil
}

const patience = time.Second

func newMeter(s *streams) meter { return meter{streams: s, begun: time.Now()} }

// show moves the bar. It calls left and right, which return the text beside the bar, from
// a goroutine of its own.
func (m *meter) show(at, total int64, left, right func(at, total int64) string) {
	if m.bar == nil && time.Since(m.begun) > patience {
		m.bar = newBar(m.stderr, total, left, right)
	}
	if m.bar != nil {
		m.bar.move(at)
	}
}

// end removes the bar and prints, on a terminal, how long n of something took.
func (m *meter) end(n uint64, what string) {
	if m.bar != nil {
		m.bar.remove()
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
	p.show(int64(now), int64(p.until), func(at, _ int64) string {
		return time.Duration(at).Round(time.Millisecond).String() + " of at most " + p.until.String() + " "
	}, func(int64, int64) string {
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
	p.show(int64(now.Done), int64(now.Total), func(at, total int64) string {
		return fmt.Sprintf("%d of %d seeds, %d failed ", at, total, p.failed.Load())
	}, func(at, total int64) string {
		perSecond := max(p.rate.Load(), 1)
		left := time.Duration((total-at)/perSecond) * time.Second
		return fmt.Sprintf(" %d a second, %v left", p.rate.Load(), left)
	})
}

// exploreProgress shows how many runs there were, and how many there will be, if that is known.
type exploreProgress struct {
	meter
	shown time.Time
	runs  int
}

func newExploreProgress(s *streams) *exploreProgress {
	m := newMeter(s)
	return &exploreProgress{meter: m, shown: m.begun}
}

// at is told of so many runs, and how many are planned, or 0.
func (p *exploreProgress) at(runs, planned int) {
	p.runs = runs
	if !p.terminal || time.Since(p.shown) < patience {
		return
	}
	p.shown = time.Now()
	of := ""
	if planned > 0 {
		of = fmt.Sprintf(" of %d", planned)
	}
	fmt.Fprintf(p.stderr, "\r%d%s runs, %d a second ", runs, of, rate(uint64(runs), time.Since(p.begun)))
}

func (p *exploreProgress) close() {
	if p.terminal {
		fmt.Fprint(p.stderr, "\r")
	}
	p.end(uint64(p.runs), "runs")
}
