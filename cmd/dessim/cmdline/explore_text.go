package cmdline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/wording"
)

func (x *exploring) object() {
	c := &x.found
	kinds := []ordered{}
	for _, k := range x.tried() {
		kinds = append(kinds, ordered{{"kind", k.Name}, {"places", k.Places}, {"runs", k.Runs}, {"skipped", k.Skipped}, {"untried", k.Untried}, {"failed", k.Failed}})
	}
	o := ordered{
		{"scenario", x.Scenario.Name}, {"seed", fmt.Sprint(x.Seed)}, {"params", texts(params(x.Scenario, &x.Params))},
		{"verdict", x.verdict()}, {"depth", x.Depth}, {"from_ns", int64(c.From)}, {"to_ns", int64(c.To)}, {"places", c.Places}, {"kinds", kinds},
		{"runs", c.Runs}, {"skipped", c.Skipped}, {"untried", c.Untried}, {"distinct", c.Distinct}, {"complete", c.Complete}, {"failed", c.Failed},
	}
	if c.Inconclusive > 0 {
		o = append(o, field{"inconclusive", c.Inconclusive}, field{"unclear", byCheck(c.Unclear)})
	}
	o = append(o, field{"checks", byCheck(c.Checks)})
	if first := x.smallest(); first != nil {
		o = append(o, field{"first_run", c.FirstRun}, field{"misfortunes", c.What}, x.first(first,
			field{"faults", faultWords(first.Trial.Faults)}, field{"answers", answerWords(first.Trial.Answers)}))
	}
	writeJSON(&x.out, append(o, field{"reproduce", x.line}))
}

// byCheck returns how many runs each check is about, by its name.
func byCheck(runs map[string]int) []ordered {
	all := []ordered{}
	for _, name := range protocol.SortedKeys(runs) {
		all = append(all, ordered{{"check", name}, {"runs", runs[name]}})
	}
	return all
}

// tried returns the kinds that were tried.
func (x *exploring) tried() (kinds []explore.MisfortuneCount) {
	for _, k := range x.found.Kinds {
		if x.Kinds == nil || slices.Contains(x.Kinds, k.Name) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// smallest returns the first failure, shrunk if there was time, or nil.
func (x *exploring) smallest() *explore.FailedRun {
	if s := x.shrunk; s != nil {
		return &explore.FailedRun{Trial: s.After, Outcome: s.Is}
	}
	return x.found.First
}

// first describes the first failure, and what it was made of.
func (x *exploring) first(f *explore.FailedRun, of ...field) field {
	o := append(ordered{{"check", f.Outcome.Check()}, {"detail", why(&f.Outcome)}}, of...)
	o = append(o, field{"digest", f.Outcome.Digest.String()})
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
		x.failure()
	case c.Complete:
		fmt.Fprintln(b, "all runs were made, and none failed")
	default:
		fmt.Fprintln(b, "no run failed, but not all were made")
	}
	t := table{head: []string{"kind", "places", "runs", "skipped", "untried", "failed"}, right: []int{1, 2, 3, 4, 5}}
	for _, k := range x.tried() {
		t.add(k.Name, strconv.Itoa(k.Places), strconv.Itoa(k.Runs), strconv.Itoa(k.Skipped), strconv.Itoa(k.Untried), strconv.Itoa(k.Failed))
	}
	t.write(b)
	var l lines
	l.add("runs", "%d, of which %d differ", c.Runs, c.Distinct)
	l.add("skipped", "%s with the same outcome as another", wording.Count(uint64(c.Skipped), "run"))
	if c.Untried > 0 {
		l.add("untried", "%s, for want of runs; -runs sets how many there are", wording.Count(uint64(c.Untried), "misfortune"))
	}
	l.add("places", "%d, between %v and %v, on %s", c.Places, c.From, c.To, wording.Count(x.Nodes, "node"))
	l.add("down", "%s", strings.Join(x.downs(), ", "))
	if len(c.Checks) > 1 {
		for _, name := range protocol.SortedKeys(c.Checks) {
			l.add("fails", "%s: %s", plain(name), wording.Count(uint64(c.Checks[name]), "run"))
		}
	}
	for _, name := range protocol.SortedKeys(c.Unclear) {
		l.add("unclear", "%s: %s", plain(name), wording.Count(uint64(c.Unclear[name]), "run"))
	}
	l.add("reproduce", "%s", x.line)
	x.repeat(&l)
	l.write(b)
}

// failure describes the first failure.
func (x *exploring) failure() {
	c, b, first := &x.found, &x.out, x.smallest()
	fmt.Fprintf(b, "%s failed; the first with the fewest misfortunes is run %d:\n", wording.Count(uint64(c.Failed), "run"), c.FirstRun)
	for _, what := range c.What {
		fmt.Fprintf(b, "  %s\n", plain(what))
	}
	if x.shrunk != nil {
		fmt.Fprintf(b, "shrunk in %s:\n", wording.Count(x.shrunk.Runs, "run"))
	}
	fmt.Fprintln(b, plain(first.Outcome.Check()+": "+why(&first.Outcome)))
	for _, line := range faultWords(first.Trial.Faults) {
		fmt.Fprintf(b, "  fault   %s\n", line)
	}
	for _, line := range answerWords(first.Trial.Answers) {
		fmt.Fprintf(b, "  answer  %s\n", line)
	}
	fmt.Fprintln(b)
}

// repeat adds the commands that make the first failure again, and smaller.
func (x *exploring) repeat(l *lines) {
	if line := x.replayLine(x.path); line != "" {
		l.add("replay", "%s", line)
	}
	if x.path != "" && x.shrunk == nil {
		l.add("shrink", "%s shrink %s", x.Name, wording.Shell(x.path))
	}
}

// how says what was tried.
func (x *exploring) how() string {
	if x.Depth == 1 {
		return "one misfortune at each place"
	}
	return fmt.Sprintf("up to %d misfortunes, each at each place", x.Depth)
}

func (x *exploring) downs() (out []string) {
	for _, d := range x.Downs {
		out = append(out, fault.FormatSpan(d))
	}
	return out
}
