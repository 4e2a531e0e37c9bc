package report

import (
	"fmt"

	"dessim/sim/explore"
	"dessim/sim/wording"
)

// The size of a histogram, in units of its drawing.
const (
	plotWidth  = 400
	plotHeight = 96
	plotBars   = 40
)

// plot is a histogram as it is drawn.
type plot struct {
	Title                      string
	Least, Median, Most, Ninth string // Ninth is what nine tenths are not above
	Tallest                    uint64 // runs
	Bars                       []plotBar
	MedianX                    uint64
}

type plotBar struct {
	X, Y, W, H uint64
	Title      string
}

// Plots returns how the runs are distributed.
func (v *sweepView) Plots() (all []plot) {
	r := v.Report
	if r.Events.N == 0 {
		return nil
	}
	return []plot{
		plotOf("Events of a run", &r.Events, grouped[uint64]),
		plotOf("Messages of a run", &r.Sent, grouped[uint64]),
		plotOf("Virtual time of a run", &r.End, virtual),
	}
}

func plotOf(title string, h *explore.Histogram, words func(uint64) string) plot {
	median := h.Quantile(50)
	p := plot{Title: title, Least: words(h.Least), Median: words(median), Most: words(h.Most), Ninth: words(h.Quantile(90))}
	bars := h.Bars(plotBars)
	for _, b := range bars {
		p.Tallest = max(p.Tallest, b.N)
	}
	each := plotWidth / uint64(len(bars))
	left := (plotWidth - each*uint64(len(bars))) / 2
	for i, b := range bars {
		x := left + each*uint64(i)
		if b.From <= median && median <= b.To {
			p.MedianX = x + each/2
		}
		if b.N == 0 {
			continue
		}
		height := max(b.N*plotHeight/p.Tallest, 2)
		bar := plotBar{X: x, Y: plotHeight - height, W: max(each, 2) - 1, H: height}
		bar.Title = fmt.Sprintf("%s to %s: %s %s", words(b.From), words(b.To), grouped(b.N), wording.Plural(b.N, "run"))
		if words(b.From) == words(b.To) {
			bar.Title = fmt.Sprintf("%s: %s %s", words(b.From), grouped(b.N), wording.Plural(b.N, "run"))
		}
		p.Bars = append(p.Bars, bar)
	}
	return p
}
