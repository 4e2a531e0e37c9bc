package enact

import (
	"errors"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Make makes the live run again of which these are the recordings, one a node, and returns it
// as the recording of a simulated run, with its report. subject is the run that was made live.
// until is when it ended, or MaxTime; what the recordings do not tell of all nodes is left out.
//
// The error says that the recordings do not fit together, or that a node did something else in
// virtual time than it had done: then it is not deterministic, or the program has changed.
func Make(subject scenario.Subject, until protocol.Time, recordings []*record.Recording) (*scenario.Recording, *scenario.Report, error) {
	sc, seed, p := subject.Scenario, subject.Seed, subject.Params
	run, err := sc.Prepare(seed, p, source.Seed(seed), nil)
	if err != nil {
		return nil, nil, err
	}
	s, err := read(run.Plan.Nodes, recordings)
	if err != nil {
		return nil, nil, err
	}
	s.end = min(s.end, until)
	if s.end < 1 {
		return nil, nil, errors.New("the recordings end before anything happens")
	}
	p.Timing, p.Until = scenario.Recorded, time.Duration(s.end)
	cut := &scenario.Cut{Faults: s.faults(run.Plan.Faults)}
	if err := fault.Validate(cut.Faults, run.Plan.Nodes, s.end, nil); err != nil {
		return nil, nil, fmt.Errorf("the faults that the recordings tell: %w", err)
	}
	if _, err := sc.Prepare(seed, p, source.Seed(seed), cut); err != nil {
		return nil, nil, err
	}
	src := newSource(s, source.Seed(seed), starts(&run.Plan), inputs(&run.Plan))
	recorder := &source.Recorder{Source: src}
	first, _ := sc.Execute(seed, p, recorder, scenario.Options{Observers: []sim.Observer{src}, Cut: cut})
	if src.diverge != nil {
		return nil, &first, src.diverge
	}
	answers := src.answers(recorder.Answers())
	trial := &explore.Trial{Nodes: p.Nodes, Faults: cut.Faults, Answers: answers}
	report, _ := sc.Try(seed, p, trial, source.NewReplay(answers), scenario.Options{})
	if report.Sim.Digest.Outputs != first.Sim.Digest.Outputs {
		return nil, &first, errors.New("the run differs once answers are left out that should not matter")
	}
	subject.Params = p
	return scenario.Record(subject, trial, report.Verdict, report.Sim.Digest), &report, nil
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
