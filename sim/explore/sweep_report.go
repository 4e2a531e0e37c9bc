package explore

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/sim/check"
)

// SweepReport is the result of a sweep. It depends only on the seeds that it covers, and not
// on interruptions or the number of workers.
type SweepReport struct {
	Seeds        uint64 // runs; each counts in one of the next four
	Passed       uint64
	Violations   uint64
	Inconclusive uint64
	Errors       uint64   // runs in which a check or the simulator panicked
	Groups       []Group  // of violations and errors, in the order of their first seeds
	Doubts       []Doubt  // the inconclusive runs, in the order of their first seeds
	Checks       []Judged // the verdicts of each check of World.Checks, then of the others
	Unseen       []string // the Sometimes of the sweep that happened in no run
	Counts       []Sum
	Impacts      []Sum    // what the faults did that were asked for: see Outcome.Impacts
	Ineffective  []string // those that did nothing in any run
	Misaddressed Misaddressed
	Events       Histogram // of a run
	Sent         Histogram // messages of a run, lost ones included
	End          Histogram // virtual time of a run, in nanoseconds
	Asked        Span      // the seeds that the report ought to cover
	Covered      []Span    // those that it covers, ascending; more than one span if some between are missing
	Next         uint64    // the seed after the last, if Complete is false
	Complete     bool      // all requested seeds were run, or StopAfter have failed
	Limited      bool      // SweepOptions.Budget ended the sweep: missing seeds do not count against it
}

// Sum is how often something happened in all runs, and in how many of them.
type Sum struct {
	Count
	Runs uint64
}

// Judged counts the runs in which a check had each verdict. In other runs it had none: they did not
// come to their ends, or do not have the check. Numbers in the name are "#" if they differ.
type Judged struct {
	Check                                                 string
	Passed, Violated, Inconclusive, Unseen, NotApplicable uint64
}

// Misaddressed counts the messages of all runs to nodes that do not exist: see sim.Result.MisaddressedText.
type Misaddressed struct {
	Messages uint64
	Runs     uint64
	First    uint64 // seed, if there are any
}

// Span is a range of seeds, both ends included.
type Span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Missing returns the seeds that the report ought to cover and does not, ascending.
func (r *SweepReport) Missing() (missing []Span) {
	if r.Asked.From > r.Asked.To {
		return nil // the range is not known
	}
	next := r.Asked.From
	for _, s := range r.Covered {
		if s.From > next {
			missing = append(missing, Span{next, s.From - 1})
		}
		if s.To >= r.Asked.To {
			return missing
		}
		next = s.To + 1
	}
	return append(missing, Span{next, r.Asked.To})
}

// Strict returns the verdict if ineffective faults and misaddressed messages count: with one of either,
// a pass is inconclusive.
func (r *SweepReport) Strict() check.Verdict {
	if v := r.Verdict(); v != check.Pass || len(r.Ineffective) == 0 && r.Misaddressed.Messages == 0 {
		return v
	}
	return check.Inconclusive
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

// failed counts the runs that are in a group.
func (r *SweepReport) failed() uint64 { return r.Violations + r.Errors }

// Verdict returns the verdict of the sweep: Failed, if a run has that. It is inconclusive if a Sometimes
// never happened, or if seeds are missing and not because of SweepOptions.Budget.
func (r *SweepReport) Verdict() check.Verdict {
	switch {
	case r.Errors > 0:
		return Failed
	case r.Violations > 0:
		return check.Violation
	case r.Seeds == 0 || r.Inconclusive > 0 || len(r.Unseen) > 0 || len(r.Missing()) > 0 && !r.Limited:
		return check.Inconclusive
	}
	return check.Pass
}

// tally adds up results, in the order of their seeds.
type tally struct {
	report  SweepReport
	groups  map[string]int // by signature
	counts  sums
	impacts sums
	checks  []Judged
	shapes  []string // of the names of the checks
	unseen  []missed
	judged  uint64 // runs that reached their end
}

// sums adds up counts by name, in the order of first use.
type sums struct {
	all   []Sum
	index map[string]int
}

func (s *sums) add(counts []Count) {
	for _, c := range counts {
		i, known := s.index[c.Name]
		if !known {
			i = len(s.all)
			s.index[c.Name] = i
			s.all = append(s.all, Sum{Count: Count{Name: c.Name}})
		}
		s.all[i].N += c.N
		if c.N > 0 {
			s.all[i].Runs++
		}
	}
}

// missed counts the runs in which a Sometimes of the sweep did not happen.
type missed struct {
	check string
	runs  uint64
}

// newTally returns the tally of a sweep with these checks.
func newTally(checks []string) *tally {
	t := &tally{groups: make(map[string]int), counts: sums{index: make(map[string]int)}, impacts: sums{index: make(map[string]int)}}
	for _, name := range checks {
		t.checks, t.shapes = append(t.checks, Judged{Check: name}), append(t.shapes, shape(name))
	}
	return t
}

func (t *tally) add(l *seedLine) {
	r := &t.report
	r.Seeds++
	t.cover(l.Seed)
	switch check.Verdict(l.Verdict) {
	case check.Pass:
		r.Passed++
	case check.Violation:
		r.Violations++
		t.group(l)
	case Failed:
		r.Errors++
		t.group(l)
	case check.Inconclusive:
		r.Inconclusive++
		t.doubt(l)
	default:
		panic(fmt.Sprintf("explore: seed %d has the verdict %q", l.Seed, l.Verdict))
	}
	if !l.Unjudged {
		t.judged++
		for _, name := range l.Unseen {
			t.miss(name)
		}
	}
	t.judge(l.Checks, l.Others)
	r.Events.add(l.Events)
	r.Sent.add(l.Sent)
	r.End.add(l.End)
	t.counts.add(l.Counts)
	t.impacts.add(l.Impacts)
	if l.Misaddressed > 0 {
		if r.Misaddressed.Runs == 0 {
			r.Misaddressed.First = l.Seed
		}
		r.Misaddressed.Runs++
		r.Misaddressed.Messages += l.Misaddressed
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

// judge adds the verdicts of a run, as verdictsOf wrote them.
func (t *tally) judge(verdicts string, others []string) {
	for i := range min(len(verdicts), len(t.checks)) {
		t.checks[i].add(verdicts[i])
	}
	for _, other := range others {
		t.other(other[1:]).add(other[0])
	}
}

// other returns the row of a check that is not of World.Checks, by its shape. It is that of a
// check whose name has other numbers, if there is one.
func (t *tally) other(name string) *Judged {
	i := slices.Index(t.shapes, name)
	if i < 0 {
		i = len(t.checks)
		t.checks, t.shapes = append(t.checks, Judged{}), append(t.shapes, name)
	}
	t.checks[i].Check = name
	return &t.checks[i]
}

func (j *Judged) add(verdict byte) {
	switch verdict {
	case check.Pass[0]:
		j.Passed++
	case check.Violation[0]:
		j.Violated++
	case check.Inconclusive[0]:
		j.Inconclusive++
	case check.Unseen[0]:
		j.Unseen++
	case check.NotApplicable[0]:
		j.NotApplicable++
	}
}

// verdictsOf returns one character for each of these checks: the first of its verdict, or "-"
// if the run has none, as one that ended in a panic. Others are the checks that are not among
// them, such as Panicked, and those whose names depend on the seed: each has that character
// before its shape.
func verdictsOf(names []string, o *Outcome) (verdicts string, others []string) {
	b := bytes.Repeat([]byte{'-'}, len(names))
	for i := range o.Checks {
		c := &o.Checks[i]
		k := i
		if i >= len(names) || names[i] != c.Name {
			k = slices.Index(names, c.Name)
		}
		if k < 0 {
			others = append(others, string(c.Verdict[:1])+shape(c.Name))
		} else {
			b[k] = c.Verdict[0]
		}
	}
	if o.Failure != "" {
		others = append(others, string(check.Violation[:1])+Unbroken)
	}
	return string(b), others
}

func (t *tally) miss(name string) {
	i := slices.IndexFunc(t.unseen, func(m missed) bool { return m.check == name })
	if i < 0 {
		i = len(t.unseen)
		t.unseen = append(t.unseen, missed{check: name})
	}
	t.unseen[i].runs++
}

// cover adds the next seed to the covered ones.
func (t *tally) cover(seed uint64) {
	c := &t.report.Covered
	if n := len(*c); n > 0 && (*c)[n-1].To+1 == seed {
		(*c)[n-1].To = seed
		return
	}
	*c = append(*c, Span{seed, seed})
}

// conclude returns the report, which ought to cover the seeds in asked and covers those that
// were added. Whether a check is applicable depends on the parameters, which all seeds share:
// so a check that is unseen in every judged run never happened.
func (t *tally) conclude(asked Span) SweepReport {
	r := t.report
	r.Asked = asked
	if n := len(r.Covered); n > 0 {
		r.Asked = Span{min(asked.From, r.Covered[0].From), max(asked.To, r.Covered[n-1].To)}
	}
	r.Checks, r.Doubts = slices.Clone(t.checks), slices.Clone(r.Doubts) // a sweep that goes on changes them
	r.Counts, r.Impacts = t.counts.all, t.impacts.all
	for _, c := range t.impacts.all {
		if c.N == 0 {
			r.Ineffective = append(r.Ineffective, c.Name)
		}
	}
	for _, m := range t.unseen {
		if m.runs == t.judged {
			r.Unseen = append(r.Unseen, m.check)
		}
	}
	return r
}
