package explore

import (
	"slices"

	"dessim/sim/check"
)

// SweepReport is the result of a sweep. It depends only on the seeds that it covers, and not
// on interruptions or the number of workers.
type SweepReport struct {
	Seeds        uint64 // runs; each counts in one of the next three
	Passed       uint64
	Violations   uint64
	Inconclusive uint64
	Groups       []Group  // of violations, in the order of their first seeds
	Unseen       []string // the Sometimes of the sweep that happened in no run
	Counts       []Count  // sums
	Next         uint64   // the seed after the last, if Complete is false
	Complete     bool     // all requested seeds were run, or StopAfter have failed
}

// Group is the failures of one signature.
type Group struct {
	Check     string
	Signature string
	Count     uint64
	First     uint64  // seed
	Smallest  SeedRun // the run with the fewest events, the first of them
	Events    uint64  // its events
	Digest    string  // its digest
}

// Verdict returns the verdict of the sweep. It is inconclusive if some Sometimes never
// happened.
func (r *SweepReport) Verdict() check.Verdict {
	switch {
	case r.Violations > 0:
		return check.Violation
	case r.Seeds == 0 || r.Inconclusive > 0 || len(r.Unseen) > 0:
		return check.Inconclusive
	}
	return check.Pass
}

// tally adds up results, in the order of their seeds.
type tally struct {
	report SweepReport
	groups map[string]int // by signature
	counts map[string]int // by name
	unseen []missed
	judged uint64 // runs that reached their end
}

// missed counts the runs in which a Sometimes of the sweep did not happen.
type missed struct {
	check string
	runs  uint64
}

func newTally() *tally {
	return &tally{groups: make(map[string]int), counts: make(map[string]int)}
}

func (t *tally) add(l *seedLine) {
	r := &t.report
	r.Seeds++
	switch check.Verdict(l.Verdict) {
	case check.Pass:
		r.Passed++
	case check.Violation:
		r.Violations++
		t.group(l)
	default:
		r.Inconclusive++
	}
	if !l.Unjudged {
		t.judged++
		for _, name := range l.Unseen {
			t.miss(name)
		}
	}
	for _, c := range l.Counts {
		i, known := t.counts[c.Name]
		if !known {
			i = len(r.Counts)
			t.counts[c.Name] = i
			r.Counts = append(r.Counts, Count{Name: c.Name})
		}
		r.Counts[i].N += c.N
	}
}

func (t *tally) group(l *seedLine) {
	r := &t.report
	i, known := t.groups[l.Signature]
	if !known {
		i = len(r.Groups)
		t.groups[l.Signature] = i
		r.Groups = append(r.Groups, Group{Check: l.Check, Signature: l.Signature, First: l.Seed})
	}
	g := &r.Groups[i]
	g.Count++
	if g.Count == 1 || l.Events < g.Events {
		g.Smallest = SeedRun{Seed: l.Seed, Ancestors: l.Ancestors}
		g.Events, g.Digest = l.Events, l.Digest
	}
}

func (t *tally) miss(name string) {
	i := slices.IndexFunc(t.unseen, func(m missed) bool { return m.check == name })
	if i < 0 {
		i = len(t.unseen)
		t.unseen = append(t.unseen, missed{check: name})
	}
	t.unseen[i].runs++
}

// conclude returns the report. Whether a check is applicable depends on the
// parameters, which all seeds share: so a check that is unseen in every judged run never
// happened.
func (t *tally) conclude() SweepReport {
	r := t.report
	for _, m := range t.unseen {
		if m.runs == t.judged {
			r.Unseen = append(r.Unseen, m.check)
		}
	}
	return r
}
