package report

import (
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// OfTrial makes the run of a trial and returns its data. w may be nil; ok is false if it
// interrupts the run.
func OfTrial(s scenario.Subject, t *explore.Trial, w *watch.Watchdog, a About) (r *Run, ok bool) {
	p := s.Params
	p.Nodes = t.Nodes
	recorder, o := NewRecorder(s.Scenario, &p), scenario.Options{Watchdog: w}
	report, _ := s.Scenario.Try(s.Seed, s.Params, t, recorder.Attach(&o, source.NewReplay(t.Answers)), o)
	if report.Interrupted() {
		return nil, false
	}
	return recorder.Finish(&report, a), true
}
