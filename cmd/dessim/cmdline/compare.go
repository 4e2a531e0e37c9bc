package cmdline

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"
)

const compareUsage = `dessim compare -scenario NAME [flags]

Runs the scenario in each order with the same seeds, and shows side by side what
the orders cost: messages and heartbeats sent for the order, syncs of disks, and
the virtual time from the broadcast of a transaction until a node has entered it,
over all transactions and nodes.`

// compareCommand is dessim compare.
func (t *tool) compareCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.find("seed").hidden = true // as in sweep
	f.find("order").hidden = true
	f.add("seeds", "1-20", "the seeds, first and last; 1-20 if left out")
	f.add("json", "", "print one JSON object")
	return f.command("compare", "shows what the orders cost, side by side", compareUsage, func(ctx context.Context, args []string) error {
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
	order *scenarios.Param
	seeds explore.Span
	rows  []cost
	warn  func(string) // what is to be known before the runs, or nil
}

// cost is what one order came to in all runs.
type cost struct {
	order    string
	runs     uint64
	passed   uint64
	verdict  check.Verdict // of the first run that did not pass, or a pass
	failed   string        // the command that makes that run, or ""
	messages uint64
	beats    uint64
	syncs    uint64
	entries  uint64
	waits    *hdrhistogram.Histogram // nanoseconds
	last     protocol.Time           // the longest wait, exactly
}

// The histogram's range and digits: a run lasts minutes.
const (
	longestWait = time.Hour
	digits      = 3
)

func (c *comparison) read(f *flags) (err error) {
	for _, name := range []string{"seed", "order"} {
		if f.find(name).given {
			return refuse("-%s: compare runs all orders with all seeds; want it left out, and -seeds such as 1-20", name)
		}
	}
	if seeds := f.find("seeds"); !seeds.given {
		c.seeds = explore.Span{From: 1, To: 20}
	} else if c.seeds, err = readSeeds(seeds); err != nil {
		return err
	}
	if c.subject, err = f.subject(); err != nil {
		return err
	}
	for _, x := range c.subject.scenario.Params() {
		if x.Name == "order" {
			c.order = x
			return nil
		}
	}
	return refuse("scenario %s has no order; want one that has, such as concurrent", c.subject.scenario.Name)
}

// do runs and prints. All orders must be able to run before any does.
func (c *comparison) do(json bool) error {
	for _, order := range c.order.Values {
		if err := c.set(c.order, order); err != nil {
			return err
		}
		if err := c.validate(); err != nil {
			return err
		}
	}
	c.warn = c.complain
	for _, order := range c.order.Values {
		row, err := c.measure(order)
		if err != nil {
			return err
		}
		if row.entries == 0 && row.failed == "" {
			return refuse("scenario %s puts no transactions in an order; want one that does, such as concurrent", c.subject.scenario.Name)
		}
		c.rows = append(c.rows, row)
	}
	if json {
		c.object()
	} else {
		c.text()
	}
	return c.exit()
}

// exit gives the worst of what the runs end with.
func (c *comparison) exit() error {
	worst := check.Pass
	for _, r := range c.rows {
		switch v := r.verdict; {
		case v == scenarios.Failed, worst == scenarios.Failed:
			worst = scenarios.Failed
		case v == check.Violation, worst == check.Violation:
			worst = check.Violation
		case v != check.Pass:
			worst = v
		}
	}
	return verdictExit(worst)
}

// measure runs all seeds in one order.
func (c *comparison) measure(order string) (cost, error) {
	row := cost{order: order, verdict: check.Pass, waits: hdrhistogram.New(1, int64(longestWait), digits)}
	if err := c.set(c.order, order); err != nil {
		return row, err
	}
	for seed := c.seeds.From; ; seed++ {
		costs := new(scenarios.Costs)
		r, ok := c.subject.scenario.Execute(seed, c.params, source.Seed(seed), scenarios.Options{
			Observers: []sim.Observer{costs},
			Forewarn:  c.warn,
			Stop:      func(uint64, protocol.Time) bool { return c.ctx.Err() != nil },
		})
		if !ok {
			return row, &exit{exitInterrupted, "interrupted; nothing was written"}
		}
		c.warn = nil // once is enough
		row.runs++
		if r.Verdict == check.Pass {
			row.passed++
		} else if row.failed == "" {
			run := c.subject
			run.seed = seed
			row.verdict, row.failed = r.Verdict, run.reproduce()
		}
		row.messages += costs.Messages
		row.beats += costs.Beats
		row.syncs += costs.Syncs
		row.entries += costs.Entries
		for _, w := range costs.Waits {
			row.last = max(row.last, w)
			if err := row.waits.RecordValue(min(int64(w), int64(longestWait))); err != nil {
				return row, &exit{exitInternal, err.Error()}
			}
		}
		if seed == c.seeds.To {
			return row, nil
		}
	}
}

// share gives n for each of some, with one digit after the point.
func share(n, of uint64) string {
	if of == 0 {
		return ""
	}
	tenths := (10*n + of/2) / of
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// wait gives a quantile, to three digits, or with 100 the longest wait.
func (r *cost) wait(percent float64) time.Duration {
	if percent == 100 {
		return time.Duration(r.last)
	}
	return time.Duration(r.waits.ValueAtQuantile(percent))
}

// millis gives a duration in milliseconds, with one digit after the point.
func millis(d time.Duration) string { return share(uint64(d), uint64(time.Millisecond)) }

func (c *comparison) text() {
	t := table{
		head:  []string{"order", "passed", "messages", "heartbeats", "syncs", "half after", "99% after", "last after"},
		right: []int{1, 2, 3, 4, 5, 6, 7},
	}
	for i := range c.rows {
		r := &c.rows[i]
		t.add(r.order, fmt.Sprintf("%d/%d", r.passed, r.runs), share(r.messages, r.entries), share(r.beats, r.entries),
			share(r.syncs, r.entries), millis(r.wait(50)), millis(r.wait(99)), millis(r.wait(100)))
	}
	fmt.Fprintf(&c.out, "scenario %s, seeds %d-%d; messages, heartbeats and syncs for each transaction in the order,\nmilliseconds from its broadcast until a node has entered it\n",
		c.subject.scenario.Name, c.seeds.From, c.seeds.To)
	t.write(&c.out)
	for _, r := range c.rows {
		if r.failed != "" {
			fmt.Fprintf(&c.out, "%s: the first run that does not pass ends as %s: %s\n", r.order, r.verdict, r.failed)
		}
	}
}

type jsonCost struct {
	Order    string            `json:"order"`
	Runs     uint64            `json:"runs"`
	Passed   uint64            `json:"passed"`
	Entries  uint64            `json:"entries"`
	Messages uint64            `json:"messages"`
	Beats    uint64            `json:"heartbeats"`
	Syncs    uint64            `json:"syncs"`
	WaitsNS  map[string]uint64 `json:"waits_ns"`
	Failed   string            `json:"failed,omitempty"` // the first run that did not pass
}

// object prints one JSON object. Numbers are sums over all runs.
func (c *comparison) object() {
	var rows []jsonCost
	for i := range c.rows {
		r := &c.rows[i]
		waits := make(map[string]uint64)
		for name, percent := range map[string]float64{"p50": 50, "p99": 99, "max": 100} {
			waits[name] = uint64(r.wait(percent))
		}
		rows = append(rows, jsonCost{r.order, r.runs, r.passed, r.entries, r.messages, r.beats, r.syncs, waits, r.failed})
	}
	writeJSON(&c.out, struct {
		Scenario string     `json:"scenario"`
		From     string     `json:"from"`
		To       string     `json:"to"`
		Params   ordered    `json:"params"`
		Orders   []jsonCost `json:"orders"`
	}{c.subject.scenario.Name, fmt.Sprint(c.seeds.From), fmt.Sprint(c.seeds.To), c.others(), rows})
}

// others gives the parameters but for the order.
func (c *comparison) others() (out ordered) {
	for _, p := range params(c.subject.scenario, &c.params) {
		if p[0] != c.order.Name {
			out = append(out, p)
		}
	}
	return out
}
