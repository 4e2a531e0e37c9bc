package cmdline

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/wording"
)

func (x *exploring) object() {
	c := &x.found
	checks := []ordered{}
	for _, name := range protocol.SortedKeys(c.Checks) {
		checks = append(checks, ordered{{"check", name}, {"runs", c.Checks[name]}})
	}
	o := ordered{
		{"scenario", x.Scenario.Name}, {"seed", fmt.Sprint(x.Seed)}, {"params", texts(params(x.Scenario, &x.Params))},
		{"verdict", x.verdict()}, {"depth", x.Depth}, {"points", c.Points}, {"runs", c.Runs}, {"skipped", c.Skipped},
		{"distinct", c.Distinct}, {"complete", c.Complete}, {"failed", c.Failed},
	}
	if c.Inconclusive > 0 {
		o = append(o, field{"inconclusive", c.Inconclusive})
	}
	o = append(o, field{"checks", checks})
	if first := c.First; first != nil {
		o = append(o, x.first(first, field{"faults", faultWords(first.Trial.Faults)}))
	}
	writeJSON(&x.out, append(o, field{"reproduce", x.line}))
}

// first describes the first failure, and what it was made of.
func (x *exploring) first(f *explore.FailedRun, of field) field {
	o := ordered{{"check", f.Outcome.Check()}, {"detail", why(&f.Outcome)}, of, {"digest", f.Outcome.Digest.String()}}
	return field{"first", o.with("replay", x.replayLine(x.path))}
}

// why says what a failure shows.
func why(o *explore.Outcome) string {
	if o.Failure != "" {
		return o.Failure
	}
	violated := o.Violated()
	return detail(&violated)
}

func (x *exploring) text() {
	c, b := &x.found, &x.out
	fmt.Fprintf(b, "%s: scenario %s, %s\n", x.paint.verdict(x.verdict()), x.Scenario.Name, x.how())
	if c.Inconclusive > 0 {
		fmt.Fprintln(b, x.paint.tallied(uint64(c.Runs-c.Failed-c.Inconclusive), uint64(c.Failed), uint64(c.Inconclusive)))
	}
	switch {
	case c.First != nil:
		fmt.Fprintf(b, "%s failed; the first with the fewest crashes:\n%s\n", wording.Count(uint64(c.Failed), "run"), plain(c.First.Outcome.Check()+": "+why(&c.First.Outcome)))
		for _, line := range faultWords(c.First.Trial.Faults) {
			fmt.Fprintf(b, "  fault   %s\n", line)
		}
	case c.Complete:
		fmt.Fprintln(b, "all runs were made, and none failed")
	default:
		fmt.Fprintln(b, "no run failed, but not all were made")
	}
	var l lines
	l.add("runs", "%d, of which %d differ", c.Runs, c.Distinct)
	l.add("skipped", "%s with the same outcome as another", wording.Count(uint64(c.Skipped), "run"))
	l.add("points", "%d, between %v and %v, on %s", c.Points, x.From, x.To, wording.Count(x.Nodes, "node"))
	l.add("down", "%s", strings.Join(x.downs(), ", "))
	if len(c.Checks) > 1 {
		for _, name := range protocol.SortedKeys(c.Checks) {
			l.add("fails", "%s: %s", plain(name), wording.Count(uint64(c.Checks[name]), "run"))
		}
	}
	l.add("reproduce", "%s", x.line)
	x.repeat(&l)
	l.write(b)
}

// repeat adds the commands that make the first failure again, and smaller.
func (x *exploring) repeat(l *lines) {
	if line := x.replayLine(x.path); line != "" {
		l.add("replay", "%s", line)
		l.add("shrink", "%s shrink %s", x.Name, wording.Shell(x.path))
	}
}

// how says what was tried.
func (x *exploring) how() string {
	if x.Depth == 1 {
		return "a crash at each point"
	}
	return fmt.Sprintf("up to %d crashes, each at each point", x.Depth)
}

func (x *exploring) downs() (out []string) {
	for _, d := range x.Downs {
		out = append(out, fault.FormatSpan(d))
	}
	return out
}
