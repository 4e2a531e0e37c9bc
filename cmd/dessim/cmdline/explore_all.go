package cmdline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// exhausting is dessim explore -search all.
type exhausting struct {
	*exploring
	small *explore.Small
	found explore.Exhausted
}

func (x *exhausting) read(f *flags) (err error) {
	if x.Scenario.Exhaust == nil {
		with := slices.DeleteFunc(slices.Clone(x.Scenarios), func(s *scenario.Scenario) bool { return s.Exhaust == nil })
		if len(with) == 0 {
			return refuse("scenario %s offers no small world, of which all runs could be made; use -search misfortunes", x.Scenario.Name)
		}
		return refuse("scenario %s offers no small world; want one that does, such as %s, or -search misfortunes", x.Scenario.Name, with[0].Name)
	}
	x.Params.Faults, x.Params.Fault = "", "" // the scenario says which come
	x.small, x.Params = x.Scenario.SmallWorld(x.Seed, x.Params)
	if x.small.Runs, err = count(f.find("runs"), defaultExplore, mostExplored); err != nil {
		return err
	}
	if x.Scenario.Exhaust.Adversary.AnyOrder && f.find("delays").given {
		return refuse("-delays means nothing to scenario %s, whose messages are received in any order; leave it out", x.Scenario.Name)
	}
	const most = 1000
	if x.small.Delays, err = count(f.find("delays"), x.small.Delays, most); err != nil {
		return err
	}
	x.small.Most, err = count(f.find("most"), x.small.Most, most)
	return err
}

func (x *exhausting) do(ctx context.Context) error {
	p := newExploreProgress(&x.streams)
	x.small.Tell, x.small.Watchdog = func(runs int) { p.at(runs, 0) }, x.watchdog
	x.found = x.small.Exhaust(ctx)
	p.close()
	if first := x.found.First; first != nil {
		first.Trial.Nodes = x.Params.Nodes // without clients
	}
	return x.conclude(ctx, x, x.found.First, x.found.Runs, x.found.Complete)
}

func (x *exhausting) verdict() check.Verdict {
	if first := x.found.First; first != nil {
		return first.Outcome.Judgement()
	}
	return x.found.Verdict()
}

func (x *exhausting) text() {
	b := &x.out
	fmt.Fprintf(b, "%s: scenario %s, all runs of a small world\n%s\n\n", x.paint.verdict(x.verdict()), x.Scenario.Name, plain(x.found.String()))
	(&summary{Report: &scenario.Report{Checks: x.found.Checks}, paint: x.paint}).checks(b)
	if first := x.found.First; first != nil {
		fmt.Fprintf(b, "\nthe failure with the fewest faults and losses:\n%s\n", plain(first.Outcome.Check()+": "+why(&first.Outcome)))
		for _, line := range answerWords(first.Trial.Answers) {
			fmt.Fprintf(b, "  answer  %s\n", line)
		}
	}
	var l lines
	l.add("parameters", "%s", plain(strings.Join(given(x.Scenario, &x.Params), ", ")))
	l.add("reproduce", "%s", x.line)
	x.repeat(&l)
	l.write(b)
}

func (x *exhausting) object() {
	r := &x.found
	o := ordered{
		{"scenario", x.Scenario.Name}, {"seed", fmt.Sprint(x.Seed)}, {"params", texts(params(x.Scenario, &x.Params))},
		{"verdict", x.verdict()}, {"runs", r.Runs}, {"joined", r.Joined}, {"states", r.States}, {"within", r.Within},
		{"complete", r.Complete}, {"failed", r.Failed}, {"inconclusive", r.Inconclusive}, {"checks", checkObjects(r.Checks)},
	}
	if first := r.First; first != nil {
		o = append(o, x.first(first, field{"answers", answerWords(first.Trial.Answers)}))
	}
	writeJSON(&x.out, append(o, field{"reproduce", x.line}))
}
