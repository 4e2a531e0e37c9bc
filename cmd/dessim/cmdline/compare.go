package cmdline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

const compareUsage = "dessim compare -scenario NAME [flags]"

// comparison returns the Compare of the first scenario that has one, or nil.
func (p *Program) comparison() *scenario.Comparison {
	for _, s := range p.Scenarios {
		if s.Compare != nil {
			return s.Compare
		}
	}
	return nil
}

// compareCommand is dessim compare. A program with nothing to compare has it too, and
// refuses every scenario.
func (t *tool) compareCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.find("seed").hidden = true // as in sweep
	usage := compareUsage
	if c := t.comparison(); c != nil {
		f.find(c.Param).hidden = true
		usage += "\n\n" + c.Legend
	}
	f.add("seeds", "1-20", "first and last seed; the default is 1-20")
	f.add("json", "", "print one JSON object")
	return f.command("compare", "shows what the values of a parameter cost, side by side", usage, func(ctx context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		c := &comparison{tool: t, ctx: ctx}
		if err := c.read(f); err != nil {
			return err
		}
		return c.do(f.find("json").on())
	})
}

// comparison is one invocation of dessim compare.
type comparison struct {
	*tool
	subject
	ctx   context.Context
	what  *scenario.Comparison
	param *scenario.Param
	seeds explore.Span
	rows  []cost
	warn  func(string) // gets what a user should know before the runs, or nil

	stopped bool // by an interruption
}

// cost is the result of all runs with one value.
type cost struct {
	value   string
	runs    uint64
	passed  uint64
	verdict check.Verdict           // of the first run that did not pass, or pass
	failed  string                  // the command that makes that run, or ""
	sum     scenario.Costs          // of all runs, but for the waits
	waits   *hdrhistogram.Histogram // nanoseconds
	last    protocol.Time           // the longest wait, exactly
}

// The histogram's range and digits: a run lasts minutes.
const (
	longestWait = time.Hour
	digits      = 3
)

func (c *comparison) read(f *flags) (err error) {
	if seeds := f.find("seeds"); !seeds.given {
		c.seeds = explore.Span{From: 1, To: 20}
	} else if c.seeds, err = readSeeds(seeds); err != nil {
		return err
	}
	if x := f.find("seed"); x.given {
		return refuse("-seed: compare runs a range of seeds; use -seeds, such as 1-20")
	}
	if c.subject, err = f.subject(); err != nil {
		return err
	}
	if c.what = c.Scenario.Compare; c.what == nil {
		if all := slices.DeleteFunc(slices.Clone(c.Program.Scenarios), func(s *scenario.Scenario) bool { return s.Compare == nil }); len(all) > 0 {
			return refuse("scenario %s has nothing to compare; want another, such as %s", c.Scenario.Name, all[0].Name)
		}
		return refuse("scenario %s has nothing to compare, nor has any other scenario of %s", c.Scenario.Name, c.Name)
	}
	if f.find(c.what.Param).given {
		return refuse("-%s: compare runs all of %s; leave it out", c.what.Param, strings.Join(c.values(), ", "))
	}
	c.values()
	return nil
}

// values finds the parameter and returns its values.
func (c *comparison) values() []string {
	for _, x := range c.Scenario.Params() {
		if x.Name == c.what.Param {
			c.param = x
		}
	}
	return c.param.Values
}

// do validates every value before it runs any, and prints.
func (c *comparison) do(json bool) error {
	for _, value := range c.param.Values {
		if err := c.set(c.param, value); err != nil {
			return err
		}
		if err := c.validate(); err != nil {
			return err
		}
	}
	c.warn = c.complain
	for _, value := range c.param.Values {
		if c.stopped {
			break
		}
		row, err := c.measure(value)
		if err != nil {
			return err
		}
		if row.runs > 0 {
			c.rows = append(c.rows, row)
		}
	}
	if len(c.rows) == 0 {
		return interruptedEarly()
	}
	if json {
		c.object()
	} else {
		c.text()
	}
	if c.stopped {
		c.complain("interrupted before the last run; the table is of those so far")
		return &exit{code: exitInterrupted}
	}
	return c.exit()
}

// exit returns how the command ends: by the worst verdict.
func (c *comparison) exit() error {
	worst := check.Pass
	for _, r := range c.rows {
		worst = worse(worst, r.verdict)
	}
	return verdictExit(worst)
}

// worse returns the verdict that says more about several runs.
func worse(a, b check.Verdict) check.Verdict {
	order := []check.Verdict{check.Pass, check.Inconclusive, check.Violation, scenario.Failed}
	if slices.Index(order, a) < slices.Index(order, b) {
		return b
	}
	return a
}

// measure runs all seeds with one value.
func (c *comparison) measure(value string) (cost, error) {
	row := cost{value: value, verdict: check.Pass, waits: hdrhistogram.New(1, int64(longestWait), digits)}
	if err := c.set(c.param, value); err != nil {
		return row, err
	}
	for seed := c.seeds.From; ; seed++ {
		meter := c.what.Meter()
		r, _ := c.subject.Scenario.Execute(seed, c.Params, source.Seed(seed), scenario.Options{
			Observers: []sim.Observer{meter},
			Forewarn:  c.warn,
			Watchdog:  c.watchdog,
		})
		if r.Interrupted() {
			c.stopped = true
			return row, nil
		}
		c.warn = nil // once is enough
		row.runs++
		costs := meter.Costs()
		if r.Verdict == check.Pass && costs.Items == 0 {
			return row, refuse("scenario %s, seed %d: there was no %s, so there is nothing to compare", c.Scenario.Name, seed, costs.Item)
		}
		if r.Verdict == check.Pass {
			row.passed++
		} else if row.failed == "" {
			run := c.subject
			run.Seed = seed
			row.verdict, row.failed = r.Verdict, run.reproduce()
		}
		if err := row.add(&costs); err != nil {
			return row, err
		}
		if seed == c.seeds.To {
			return row, nil
		}
	}
}

func (r *cost) add(c *scenario.Costs) error {
	if r.sum.Sums == nil {
		r.sum.Sums = make([]scenario.Sum, len(c.Sums))
	}
	for i, x := range c.Sums {
		x.N += r.sum.Sums[i].N
		r.sum.Sums[i] = x
	}
	r.sum.Items += c.Items
	r.sum.Time += c.Time
	r.sum.Item, r.sum.Key, r.sum.For = c.Item, c.Key, c.For
	for _, w := range c.Waits {
		r.last = max(r.last, w)
		if err := r.waits.RecordValue(min(int64(w), int64(longestWait))); err != nil {
			return &exit{exitInternal, err.Error()}
		}
	}
	return nil
}

// share returns n divided by of, with one digit after the point.
func share(n, of uint64) string {
	if of == 0 {
		return ""
	}
	tenths := (10*n + of/2) / of
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// wait returns a quantile, to three digits, or with 100 the longest wait. The histogram
// rounds up, so the longest bounds it.
func (r *cost) wait(percent float64) time.Duration {
	if percent == 100 {
		return time.Duration(r.last)
	}
	return time.Duration(min(r.waits.ValueAtQuantile(percent), int64(r.last)))
}

// millis returns a quantile in milliseconds, with one digit after the point, or nothing
// if nothing waited.
func (r *cost) millis(percent float64) string {
	if r.waits.TotalCount() == 0 {
		return ""
	}
	return share(uint64(r.wait(percent)), uint64(time.Millisecond))
}

func (c *comparison) text() {
	t := table{head: []string{c.what.Param, "passed"}, right: []int{1}}
	first := &c.rows[0].sum
	for _, x := range first.Sums {
		t.right = append(t.right, len(t.head))
		t.head = append(t.head, x.Head)
	}
	for _, head := range []string{"half after", "99% after", "last after"} {
		t.right = append(t.right, len(t.head))
		t.head = append(t.head, head)
	}
	for i := range c.rows {
		r := &c.rows[i]
		cells := []string{r.value, fmt.Sprintf("%d/%d", r.passed, r.runs)}
		for _, x := range r.sum.Sums {
			if x.PerSecond {
				cells = append(cells, share(1000*x.N, uint64(r.sum.Time)/uint64(time.Millisecond)))
			} else {
				cells = append(cells, share(x.N, r.sum.Items))
			}
		}
		t.add(append(cells, r.millis(50), r.millis(99), r.millis(100))...)
	}
	fmt.Fprintf(&c.out, "scenario %s, seeds %d-%d; costs for each %s;\nmilliseconds from %s\n",
		c.Scenario.Name, c.seeds.From, c.seeds.To, first.Item, first.For)
	t.write(&c.out)
	for _, r := range c.rows {
		if r.failed != "" {
			fmt.Fprintf(&c.out, "%s: the first run that does not pass ends with %s: %s\n", r.value, c.paint.verdict(r.verdict), r.failed)
		}
	}
}

// object prints one JSON object. Numbers are sums over all runs.
func (c *comparison) object() {
	var rows []ordered
	for i := range c.rows {
		r := &c.rows[i]
		row := ordered{{c.what.Param, r.value}, {"runs", r.runs}, {"passed", r.passed}, {r.sum.Key, r.sum.Items}}
		for _, x := range r.sum.Sums {
			row = append(row, field{x.Key, x.N})
		}
		waits := ordered{{"p50", uint64(r.wait(50))}, {"p99", uint64(r.wait(99))}, {"max", uint64(r.wait(100))}}
		row = append(row, field{"virtual_ns", uint64(r.sum.Time)}, field{"waits_ns", waits})
		if r.failed != "" {
			row = append(row, field{"failed", r.failed})
		}
		rows = append(rows, row)
	}
	others := slices.DeleteFunc(params(c.Scenario, &c.Params), func(p [2]string) bool { return p[0] == c.what.Param })
	writeJSON(&c.out, ordered{
		{"scenario", c.Scenario.Name}, {"from", fmt.Sprint(c.seeds.From)}, {"to", fmt.Sprint(c.seeds.To)},
		{"params", texts(others)}, {c.what.Param + "s", rows},
	})
}
