// Package explore makes many runs: it sweeps seeds, shrinks failures, adds misfortunes at each
// place of a run, and enumerates small worlds. It knows no scenario and no protocol: a World makes
// the runs, and what a run is made of is data, a Trial, whose parts can be removed one by one.
//
// Start with World and Trial. Then read the search of interest: Sweep in sweep.go, Shrink in
// shrink.go, Misfortunes in misfortunes.go (the turns of goroutines are in interleaving.go), Small in
// exhaust.go. Runs can be made in other processes: serve.go is the side that makes them, process.go
// the side that asks, apart.go a World of such runs, and sweep_process.go a sweep of them.
package explore

import (
	"fmt"
	"regexp"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// Trial is everything that a run is made of, beyond its World. Trials share slices and
// never change them.
type Trial struct {
	Nodes   int
	Without []uint64        // identities of the inputs that are left out, ascending
	Faults  []fault.Fault   // exactly these
	Answers []source.Answer // those that are not benign; every other question gets a benign one
}

// World makes the runs of trials. Its functions are safe for concurrent use, and
// depend on their arguments alone.
type World struct {
	// MinNodes is the least number of nodes.
	MinNodes int
	// Isolation says which runs share a process. A Sweep heeds it if SweepOptions.Process is set;
	// Apart returns a World that does.
	Isolation Isolation
	// Salt is the seed that salts the identities of trials.
	Salt uint64
	// Inputs are the identities that Trial.Without can name, ascending.
	Inputs []uint64
	// Checks are the names of the checks that runs have: a sweep counts their verdicts. It
	// counts those of others too; but their names make its results longer.
	Checks []string
	// Try makes the run of t. Observers see its events.
	Try func(t *Trial, observers ...sim.Observer) Outcome
	// Fails makes the run of t until it is known whether the guard's check fails: a run
	// that goes on after its failure can take a hundred times as long. Nil uses Try.
	Fails func(t *Trial, g Guard) Guarded
	// Seed makes the run of a seed, under src, or under the seed itself if src is nil. It
	// returns the faults and answers as a Trial if record is set. Observers see the
	// events.
	Seed func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (Outcome, *Trial)
	// Told, unless nil, makes the run of t. It returns the trial with explanations in the comments of
	// its answers, and the story of the failure, in lines.
	Told func(t *Trial) (Outcome, *Trial, []string)

	// Turns, unless nil, makes the run of t, and returns the questions about turns of goroutines
	// (sim.AsksOfTurns), in their order: as answers with Value 0. Nodes may have goroutines then.
	Turns func(t *Trial) (Outcome, []source.Answer)

	made func(strategy Strategy, r SeedRun, record bool, observers ...sim.Observer) (Outcome, *Trial) // or nil: see Made
}

// Made makes a run of a sweep with that strategy, as Seed does.
func (w *World) Made(strategy Strategy, r SeedRun, record bool, observers ...sim.Observer) (Outcome, *Trial) {
	if w.made != nil {
		return w.made(strategy, r, record, observers...)
	}
	return w.Seed(r.Salt(), strategy.Source(r), record, observers...)
}

// Outcome is the result of a run.
type Outcome struct {
	Verdict check.Verdict
	Failure string         // what a check or the simulator panicked with, without a verdict; or ""
	Panic   *sim.Panic     // what a node panicked with, or nil: Panicked is violated then
	Checks  []check.Result // their results
	Digest  sim.Digest
	Sim     sim.Result
	Counts  []Count
	// Impacts are what the faults did that were asked for, under names that all runs of a World
	// share. One that did nothing has N 0.
	Impacts []Count
}

// Count is how often something happened.
type Count struct {
	Name string
	N    uint64
}

// Failed stands for the verdict of a run that has none, since a check or the simulator panicked.
const Failed check.Verdict = "error"

// The names of checks that every run has.
const (
	// Panicked is violated by a node that panics, or ends its goroutine.
	Panicked = "no node panics"
	// Unbroken fails if a check or the simulator panics: it is no finding about a node.
	Unbroken = "no check panics, nor the simulator"
	// Ends is inconclusive if the run was ended: see Unended.
	Ends = "the run comes to its end"
)

// PanicResult returns the violation that a node's panic is.
func PanicResult(p *sim.Panic) check.Result {
	return check.Result{Name: Panicked, Verdict: check.Violation, Exercised: 1, Detail: p.Detail(), At: p.At, Step: p.Step}
}

// Unended returns the result that makes a run inconclusive which was ended by sim.Plan.Events
// or sim.Sim.Interrupt.
func Unended(r *sim.Result) (c check.Result, ended bool) {
	c = check.Result{Name: Ends, Verdict: check.Inconclusive, Exercised: 1}
	switch r.Reason {
	case sim.Bounded:
		c.Detail = "its bound of " + wording.Count(r.Events, "event") + " was reached"
	case sim.Interrupted:
		c.Detail = "interrupted after " + wording.Count(r.Events, "event")
	default:
		return c, false
	}
	return c, true
}

// Interrupted reports whether the run was ended from outside, so that it shows nothing.
func (o *Outcome) Interrupted() bool { return o.Sim.Reason == sim.Interrupted }

// Failed reports whether a check was violated or something panicked.
func (o *Outcome) Failed() bool { return o.Failure != "" || o.Verdict == check.Violation }

// Violated returns the earliest violation, or the zero Result. The summary of the run names it, a sweep
// groups runs by it, and Shrink keeps it.
func (o *Outcome) Violated() check.Result {
	if c := check.Earliest(o.Checks); c != nil {
		return *c
	}
	return check.Result{}
}

// Check returns the name of what failed, or "".
func (o *Outcome) Check() string {
	if o.Failure != "" {
		return Unbroken
	}
	return o.Violated().Name
}

// Judgement returns the verdict, or Failed.
func (o *Outcome) Judgement() check.Verdict {
	if o.Failure != "" {
		return Failed
	}
	return o.Verdict
}

// Signature returns the key that groups failures. A panic of a node is grouped by its place or, if the
// place is not in the node's code, by its value. Any other failure is grouped by the check and its
// explanation, without numbers, names and hashes. The Signature of a run that did not fail is "".
func (o *Outcome) Signature() string {
	switch {
	case !o.Failed():
		return ""
	case o.Failure != "":
		return o.Check() + ": " + gist(o.Failure)
	case o.Panic == nil || o.Check() != Panicked:
		return o.Check() + ": " + gist(o.Violated().Detail)
	case len(o.Panic.Frames) == 0:
		return o.Check() + ": " + gist(fmt.Sprint(o.Panic.Value))
	}
	return o.Check() + ": " + o.Panic.Frames[0]
}

// gist is shape without values and their number: quoted text that has a number, or fewer than three
// letters, becomes "#", and so does a list of "#". Otherwise failures of one kind would be many groups.
func gist(text string) string { return lists.ReplaceAllString(shape(unquoted(text)), "#") }

var lists = regexp.MustCompile(`#(?:(?:,| and|, and)? #)+`)

// unquoted replaces quoted text that is a value.
func unquoted(text string) string {
	return quotes.ReplaceAllStringFunc(text, func(quoted string) string {
		const short = 3 // letters
		if inner := quoted[1 : len(quoted)-1]; len(inner) < short || strings.Contains(shape(inner), "#") {
			return "#"
		}
		return quoted
	})
}

var quotes = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// shape replaces each word that has a digit, or looks like a hash without one, by "#".
func shape(text string) string {
	var b []byte
	word := 0 // where the word in b began
	flush := func() {
		if isNumber(b[word:]) {
			b = append(b[:word], '#')
		}
	}
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ', ',', ':', ';', '(', ')':
			flush()
			b = append(b, c)
			word = len(b)
		default:
			b = append(b, c)
		}
	}
	flush()
	return string(b)
}

// isNumber reports whether a word has a digit, or is long and has only hex letters.
func isNumber(word []byte) bool {
	const hash = 8 // the fewest digits of a hash that messages show
	letters := 0
	for _, c := range word {
		if '0' <= c && c <= '9' {
			return true
		}
		if 'a' <= c && c <= 'f' {
			letters++
		}
	}
	return letters >= hash && letters == len(word)
}
