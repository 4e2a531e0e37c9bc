package simtest

import (
	"fmt"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// sweep makes the runs of all seeds, until one does not pass.
func (r *runner) sweep() {
	r.Helper()
	a := abridged{seen: make(map[string]bool), did: make(map[string]uint64)}
	course := explore.Course{Strategy: r.o.Strategy}
	for i := range r.o.Seeds {
		var run explore.SeedRun
		var outcome explore.Outcome
		course.Next(uint64(i)+1, func(x explore.SeedRun, src protocol.Source, observers ...sim.Observer) {
			run, outcome = x, r.make(x, src, observers...)
		})
		r.judge(run, &outcome)
		a.add(run.Seed, &outcome)
		if text := a.progress(i+1, r.o.Seeds); r.verbose && text != "" {
			r.Logf("%s", text)
		}
	}
	complain := r.Logf
	if r.o.Strict {
		complain = r.Errorf
	}
	if a.misaddressed != "" {
		complain("%s", a.misaddressed)
	}
	for _, c := range a.last.Impacts {
		if a.did[c.Name] == 0 {
			complain("vacuous: %s did nothing in any of %s", c.Name, wording.Count(r.o.Seeds, "seed"))
		}
	}
	for _, name := range a.unseen() {
		r.Errorf("vacuous: %q did not happen in any of %s", name, wording.Count(r.o.Seeds, "seed"))
	}
}

// abridged sums up the seeds so far.
type abridged struct {
	seen         map[string]bool   // checks that were exercised
	did          map[string]uint64 // what faults did
	misaddressed string
	last         explore.Outcome
	events       uint64
}

func (a *abridged) add(seed uint64, o *explore.Outcome) {
	a.last = *o
	a.events += o.Sim.Events
	for _, c := range o.Checks {
		a.seen[c.Name] = a.seen[c.Name] || c.Verdict != check.Unseen
	}
	for _, c := range o.Impacts {
		a.did[c.Name] += c.N
	}
	if text := o.Sim.MisaddressedText(); text != "" && a.misaddressed == "" {
		a.misaddressed = fmt.Sprintf("seed %d: %s", seed, text)
	}
}

// unseen returns the names of checks that nothing has exercised.
func (a *abridged) unseen() (names []string) {
	for _, c := range a.last.Checks {
		if !a.seen[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}

// progress returns a line at each tenth of many seeds, or "".
func (a *abridged) progress(done, total int) string {
	const tenths, few = 10, 100
	if total < few || done == total || done*tenths/total == (done-1)*tenths/total {
		return ""
	}
	text := fmt.Sprintf("%d of %d seeds pass, with %d events", done, total, a.events)
	for i, name := range a.unseen() {
		text += [...]string{"; not seen yet: ", ", "}[min(i, 1)] + strconv.Quote(name)
	}
	return text
}

// parseRun reads the value of SeedVariable.
func parseRun(text string) (r explore.SeedRun, err error) {
	for part := range strings.SplitSeq(text, ",") {
		seed, err := source.ParseSeed(part)
		if err != nil {
			return r, err
		}
		r.Ancestors = append(r.Ancestors, seed)
	}
	last := len(r.Ancestors) - 1
	r.Seed, r.Ancestors = r.Ancestors[last], r.Ancestors[:last]
	return r, nil
}

// runText is what parseRun reads.
func runText(r explore.SeedRun) string {
	text := ""
	for _, seed := range r.Ancestors {
		text += strconv.FormatUint(seed, 10) + ","
	}
	return text + strconv.FormatUint(r.Seed, 10)
}

func (r *runner) make(run explore.SeedRun, src protocol.Source, observers ...sim.Observer) explore.Outcome {
	report, _ := r.Scenario.Execute(run.Salt(), r.Params, src, scenario.Options{Watchdog: r.watchdog, Observers: observers})
	return report.Outcome()
}

// judge reports a run unless it passes.
func (r *runner) judge(run explore.SeedRun, o *explore.Outcome) {
	r.Helper()
	again := r.place.command(SeedVariable + "=" + runText(run))
	switch {
	case o.Failed():
		r.failed(run, o, again)
	case o.Verdict == check.Inconclusive && !unseenAlone(o):
		r.Fatalf("seed %d: %s\n%s", run.Seed, describe(o), again)
	}
}

// unseenAlone reports whether a run is inconclusive only because of a Sometimes that may
// happen in another.
func unseenAlone(o *explore.Outcome) bool {
	unseen := false
	for _, c := range o.Checks {
		if c.Verdict == check.Inconclusive {
			return false
		}
		unseen = unseen || c.Verdict == check.Unseen
	}
	return unseen
}

// failed shrinks, saves and reports a run.
func (r *runner) failed(run explore.SeedRun, first *explore.Outcome, again string) {
	r.Helper()
	w, alone, broken := r.apart(run.Salt())
	about := fmt.Sprintf("seed %d", run.Seed)
	make := func() (explore.Outcome, *explore.Trial) { return w.Made(r.o.Strategy, run, true) }
	var outcome explore.Outcome
	var trial *explore.Trial
	if alone {
		outcome, trial = r.confirmed(about, first, broken, again, make)
	} else if outcome, trial = make(); outcome.Digest != first.Digest || outcome.Signature() != first.Signature() {
		r.Fatalf("%s is not deterministic: it was %v, %s, and then %v, %s\n%s%s",
			about, first.Digest, describe(first), outcome.Digest, describe(&outcome), r.difference(w, run), again)
	}
	subject := r.Subject
	subject.Seed = run.Salt()
	r.report(about, subject, w, trial, &outcome, again)
}

// report shrinks and saves a failing run, and fails the test. about names the run.
func (r *runner) report(about string, subject scenario.Subject, w *explore.World, trial *explore.Trial, outcome *explore.Outcome, again string) {
	r.Helper()
	least := shrink(w, trial, outcome, r.o.ShrinkRuns)
	saved := scenario.Record(subject, least.trial, least.outcome.Judgement(), least.outcome.Digest)
	saved.Test, saved.Check = r.Name(), least.outcome.Check()
	kept := r.place.keep(saved, again)
	r.trace(saved)
	r.show(saved, again, least.trial, trial)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%s", about, describe(&least.outcome), least.text)
	listTrial(&b, least.trial)
	r.tell(&b, subject, &least)
	r.Fatalf("%s%s\n%s", b.String(), kept, again)
}
