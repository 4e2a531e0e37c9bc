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
	h, o := history.New(s.Scenario, &p, history.Usual), scenario.Options{Watchdog: w}
	report, _ := s.Scenario.Try(s.Seed, s.Params, t, h.Attach(&o, source.NewReplay(t.Answers)), o)
	if report.Interrupted() {
		return nil, false
	}
	return Of(h, &report, a), true
}
