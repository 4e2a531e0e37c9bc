package report

import (
	"dessim/sim/explore"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// OfTrial makes the run of a trial and returns its data. w may be nil; ok is false if it
// interrupts the run.
func OfTrial(s scenario.Subject, t *explore.Trial, w *watch.Watchdog, a About) (r *Run, ok bool) {
	p := s.Params
	p.Nodes = t.Nodes
	h := history.New(s.Scenario, &p, history.Usual)
	run := func(h *history.History) scenario.Report {
		o := scenario.Options{Watchdog: w}
		report, _ := s.Scenario.Try(s.Seed, s.Params, t, h.Attach(&o, source.NewReplay(t.Answers)), o)
		return report
	}
	report := run(h)
	if report.Interrupted() {
		return nil, false
	}
	h, report = Closer(h, &report, &p, run)
	return Of(h, &report, a), true
}

// Closer returns a history of the run of h, and its report, with the states around the step at
// which a page opens: h itself, unless its states were too many. Then run makes the run again,
// with another history.
func Closer(h *history.History, o *scenario.Report, p *scenario.Params, run func(h *history.History) scenario.Report) (*history.History, scenario.Report) {
	return closer(h, o, p, history.Usual, run)
}

func closer(h *history.History, o *scenario.Report, p *scenario.Params, l history.Limits, run func(h *history.History) scenario.Report) (*history.History, scenario.Report) {
	if !h.States.Full {
		return h, *o
	}
	again := history.New(h.Scenario, p, l)
	focus := focus(h, o)
	if focus == 0 {
		focus = h.Last()
	}
	again.Around(focus, h.Last())
	if report := run(again); !report.Interrupted() {
		return again, report
	}
	return h, *o
}
