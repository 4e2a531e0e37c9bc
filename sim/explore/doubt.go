package explore

import (
	"cmp"
	"slices"
	"strings"

	"dessim/sim/check"
)

// Doubt counts the inconclusive runs of one reason.
type Doubt struct {
	// Reason is the first check that is inconclusive, and why, in the form of a Signature.
	Reason string
	Count  uint64
	Seeds  []uint64 // the first few
	First  SeedRun
}

// Doubt returns why the run is inconclusive, or "". If the run was ended by a bound, that is the
// reason: other checks are inconclusive because of it.
func (o *Outcome) Doubt() string {
	if o.Judgement() != check.Inconclusive {
		return ""
	}
	i := slices.IndexFunc(o.Checks, func(c check.Result) bool { return c.Verdict == check.Inconclusive })
	if i < 0 {
		return "no check applies"
	}
	c := &o.Checks[i]
	detail := c.Detail
	if c.Name == Ends {
		detail, _, _ = strings.Cut(detail, "; ") // what filled the run differs for each
	}
	if detail != "" {
		detail = ": " + detail
	}
	return gist(c.Name + detail)
}

// doubtedSeeds is how many seeds a Doubt names.
const doubtedSeeds = 5

// doubt adds an inconclusive run.
func (t *tally) doubt(l *seedLine) {
	r, reason := &t.report, cmp.Or(l.Doubt, "an older version did not write why")
	i := slices.IndexFunc(r.Doubts, func(d Doubt) bool { return d.Reason == reason })
	if i < 0 {
		i = len(r.Doubts)
		r.Doubts = append(r.Doubts, Doubt{Reason: reason, First: SeedRun{Seed: l.Seed, Ancestors: l.Ancestors}})
	}
	d := &r.Doubts[i]
	if d.Count++; len(d.Seeds) < doubtedSeeds {
		d.Seeds = append(slices.Clip(d.Seeds), l.Seed)
	}
}
