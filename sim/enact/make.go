package enact

import (
	"context"
	"errors"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// ErrNothing says that no node took a step, in the time of which all recordings tell.
var ErrNothing = errors.New("the recordings end before anything happens")

// Make makes the live run again of which these are the recordings, one a node, and returns it
// as the recording of a simulated run, with its report. subject is the run that was made live.
// It ends where the recordings do, at the last time of which all nodes tell.
//
// The error says that the recordings do not fit together, or that a node did something else in
// virtual time than it had done: then it is not deterministic, or the program has changed.
func Make(subject scenario.Subject, recordings []*record.Recording) (*scenario.Recording, *scenario.Report, error) {
	r, err := again(&subject, 0, recordings)
	if err != nil {
		return nil, nil, err
	}
	sc, seed, p := subject.Scenario, subject.Seed, r.params
	trial := &explore.Trial{Nodes: p.Nodes, Faults: r.cut.Faults, Answers: r.source.answers(r.recorder.Answers())}
	report, _ := sc.Try(seed, p, trial, source.NewReplay(trial.Answers), scenario.Options{})
	if report.Sim.Digest.Outputs != r.report.Sim.Digest.Outputs {
		return nil, nil, errors.New("the run differs once answers are left out that should not matter")
	}
	subject.Params = p
	return scenario.Record(subject, trial, report.Verdict, report.Sim.Digest), &report, nil
}

// Over reports whether the run has shown all that it can at that time, of which the recordings
// tell all: everything has come that must come, or a check has failed.
func Over(subject scenario.Subject, at protocol.Time, recordings []*record.Recording) bool {
	r, err := again(&subject, at, recordings)
	if err != nil {
		return false
	}
	if first := check.Earliest(r.report.Checks); first != nil && first.Step > 0 {
		return true
	}
	if r.last >= at {
		return false
	}
	// A run that lacks what has not been taken up yet may look as if nothing were left to
	// happen, but then something that must come has not: unless no check says what must.
	ended := r.report.Sim.Reason == sim.Settled || r.report.Sim.Reason == sim.Quiet
	moot := !slices.ContainsFunc(r.report.Checks, func(c check.Result) bool { return c.Verdict != check.NotApplicable })
	return ended && (moot || r.report.Verdict == check.Pass)
}

// Await returns once the run is over, or ctx is done. now is the time of the run, and
// recordings returns what was recorded so far. Await takes at most a tenth of the time of a
// processor.
func Await(ctx context.Context, subject scenario.Subject, now func() protocol.Time, recordings func() ([]*record.Recording, error)) {
	const (
		first = 500 * time.Millisecond
		lag   = 100 * time.Millisecond // by then a step that has begun is recorded
	)
	for pause := first; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began, at := time.Now(), now()-protocol.Time(lag)
		if all, err := recordings(); err == nil && Over(subject, at, all) {
			return
		}
		pause = max(first, 10*time.Since(began))
	}
}

// remade is a run that was made again.
type remade struct {
	params   scenario.Params
	cut      *scenario.Cut
	source   *Source
	recorder *source.Recorder
	report   scenario.Report
	last     protocol.Time // when the plan has its last input come
}

// again makes the run of the recordings until at, or if that is 0, to the end.
func again(subject *scenario.Subject, at protocol.Time, recordings []*record.Recording) (*remade, error) {
	sc, seed, p := subject.Scenario, subject.Seed, subject.Params
	run, err := sc.Prepare(seed, p, source.Seed(seed), nil)
	if err != nil {
		return nil, err
	}
	s, err := read(run.Plan.Nodes, recordings)
	if err != nil {
		return nil, err
	}
	if s.end = at; at == 0 {
		s.bound()
	}
	if s.end < 1 {
		return nil, ErrNothing
	}
	p.Timing, p.Until = scenario.Recorded, time.Duration(s.end)
	r := &remade{params: p, cut: &scenario.Cut{Faults: s.faults(run.Plan.Faults)}}
	if _, err := sc.Prepare(seed, p, source.Seed(seed), r.cut); err != nil {
		return nil, err
	}
	for i := range run.Plan.Inputs {
		r.last = max(r.last, run.Plan.Inputs[i].At)
	}
	r.source = newSource(s, source.Seed(seed), starts(&run.Plan), inputs(&run.Plan))
	r.recorder = &source.Recorder{Source: r.source}
	r.report, _ = sc.Execute(seed, p, r.recorder, scenario.Options{Observers: []sim.Observer{r.source}, Cut: r.cut})
	return r, r.source.diverge
}

func starts(p *sim.Plan) []protocol.Time {
	if p.Starts == nil {
		return make([]protocol.Time, p.Nodes)
	}
	return p.Starts
}

func inputs(p *sim.Plan) map[uint64]protocol.Time {
	at := make(map[uint64]protocol.Time, len(p.Inputs))
	for i := range p.Inputs {
		at[p.Inputs[i].ID] = p.Inputs[i].At
	}
	return at
}
