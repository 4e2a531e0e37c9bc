package scenarios

import (
	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Cut is what a search changes of a run: it takes inputs away, and tells the faults.
type Cut struct {
	Without []uint64      // transfers of the client that are left out, ascending
	Faults  []fault.Fault // if not nil, exactly these: none is drawn or added
}

// World gives the runs of the scenario with these parameters, which Validate
// accepts, for package explore. seed salts identities.
func (s *Scenario) World(seed uint64, p Params) *explore.World {
	w := &explore.World{MinNodes: s.MinNodes}
	for i := range uint64(p.Txs) {
		w.Inputs = append(w.Inputs, i)
	}
	try := func(t *explore.Trial, src protocol.Source, o Options) (Report, bool) {
		p := p
		p.Nodes = t.Nodes
		o.Cut = &Cut{Without: t.Without, Faults: fault.Within(t.Faults, t.Nodes)}
		return s.Execute(seed, p, src, o)
	}
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		r, _ := try(t, source.NewReplay(t.Answers), Options{Observers: observers})
		return r.Outcome()
	}
	w.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded {
		replay := source.NewReplay(t.Answers)
		r, ok := try(t, replay, Options{Until: g.Check, Stop: func(events uint64, _ protocol.Time) bool {
			return g.MaxEvents > 0 && events > g.MaxEvents
		}})
		out := explore.Guarded{GivenUp: !ok, Used: replay.Used}
		if ok {
			o := r.Outcome()
			out.Fails, out.Events = o.Fails(g.Check), o.Sim.Events
		}
		return out
	}
	w.Seed = func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		if src == nil {
			src = source.Seed(seed)
		}
		if !record {
			r, _ := s.Execute(seed, p, src, Options{Observers: observers})
			return r.Outcome(), nil
		}
		recorder := &source.Recorder{Source: src}
		r, _ := s.Execute(seed, p, recorder, Options{Observers: observers})
		return r.Outcome(), &explore.Trial{Nodes: p.Nodes, Faults: r.Faults, Answers: recorder.Answers()}
	}
	return w
}

// Outcome gives what package explore needs of a report.
func (r *Report) Outcome() explore.Outcome {
	o := explore.Outcome{Verdict: r.Verdict, Failure: r.Failure, Checks: r.Checks, Digest: r.Sim.Digest, Sim: r.Sim}
	if r.Verdict == Failed {
		o.Verdict = check.Inconclusive
	}
	for _, c := range r.Counts {
		o.Counts = append(o.Counts, explore.Count(c))
	}
	return o
}
