// Package explore makes many runs: it sweeps seeds, shrinks what failed, and
// enumerates small worlds. It knows nothing of scenarios or protocols: a World
// makes the runs, and what a run is made of is data, a Trial, from which things
// can be taken away one by one.
package explore

import (
	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Trial is all that a run is made of, beyond what its World fixes. Its slices are
// shared between trials and never changed.
type Trial struct {
	Nodes   int
	Without []uint64        // identities of the inputs that are left out, ascending
	Faults  []fault.Fault   // exactly these
	Answers []source.Answer // those that are not benign; all others are
}

// World makes the runs of trials. Its functions are safe for concurrent use, and
// depend on their arguments alone.
type World struct {
	// MinNodes is the least number of nodes.
	MinNodes int
	// Inputs are the identities that Trial.Without can name, ascending.
	Inputs []uint64
	// Try makes the run of t, of which observers see the events.
	Try func(t *Trial, observers ...sim.Observer) Outcome
	// Fails makes the run of t only until it is known whether the guard's check fails.
	// A run that goes on after its failure can take a hundred times as long. Nil lets
	// Try do.
	Fails func(t *Trial, g Guard) Guarded
	// Seed makes the run of a seed, under src, or under the seed itself if src is
	// nil. It gives the faults and answers as a Trial if record is set. Observers
	// see the events.
	Seed func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (Outcome, *Trial)
}

// Outcome is what a run came to.
type Outcome struct {
	Verdict check.Verdict
	Failure string         // what a node panicked with: then there is no verdict
	Checks  []check.Result // as they concluded
	Digest  sim.Digest
	Sim     sim.Result
	Counts  []Count
}

// Count is how often something happened.
type Count struct {
	Name string
	N    uint64
}

// Failed reports whether a check was violated or a node panicked.
func (o *Outcome) Failed() bool { return o.Failure != "" || o.Verdict == check.Violation }

// Violated returns the first violated check, or the zero Result.
func (o *Outcome) Violated() check.Result {
	for _, c := range o.Checks {
		if c.Verdict == check.Violation {
			return c
		}
	}
	return check.Result{}
}

// Panicked is the check that a run fails in which a node panicked.
const Panicked = "no node panics"

// Check names what failed, or gives "".
func (o *Outcome) Check() string {
	if o.Failure != "" {
		return Panicked
	}
	return o.Violated().Name
}

// Signature returns what groups failures: the check, and its explanation without
// numbers, names and hashes, so that what remains is who did what. It is "" for a
// run that did not fail.
func (o *Outcome) Signature() string {
	if !o.Failed() {
		return ""
	}
	detail := o.Failure
	if detail == "" {
		detail = o.Violated().Detail
	}
	return o.Check() + ": " + shape(detail)
}

// shape replaces each word that has a digit, or is a hash by chance without one, by
// "#".
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

// isNumber reports whether a word has a digit, or is long and all letters of hex.
func isNumber(word []byte) bool {
	const hash = 8 // of a hash people are shown so many digits at least
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
