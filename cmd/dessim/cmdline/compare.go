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
the orders cost. For each message of the order, from the first input on:

messages  sent for the order, without heartbeats. Raft and views acknowledge by
          messages of their own, the other orders leave that to the link below, so
          that counts as well:
by link   those of them that the link sends by itself, to acknowledge or again
syncs     of disks, for whatever they are

And, for whatever is ordered:

beats/s   heartbeats and their answers for each second of virtual time
after     virtual time, in milliseconds, from the broadcast of a transaction until
          a node has entered it, over all nodes that were up all the while; in
          scenario kv from the call of an operation until its client is answered`

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
	order   string
	runs    uint64
	passed  uint64
	verdict check.Verdict           // of the first run that did not pass, or a pass
	failed  string                  // the command that makes that run, or ""
	sum     scenarios.Costs         // of all runs, but for the waits
	calls   bool                    // the waits are those of clients for their answers
	waits   *hdrhistogram.Histogram // nanoseconds
	last    protocol.Time           // the longest wait, exactly
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
		if r.Verdict == check.Pass && costs.Delivered == 0 {
			return row, refuse("scenario %s, seed %d: nothing was put in an order; want a scenario that does, and -txs above 0", c.subject.scenario.Name, seed)
		}
		if r.Verdict == check.Pass {
			row.passed++
		} else if row.failed == "" {
			run := c.subject
			run.seed = seed
			row.verdict, row.failed = r.Verdict, run.reproduce()
		}
		if err := row.add(costs); err != nil {
			return row, err
		}
		if seed == c.seeds.To {
			return row, nil
		}
	}
}

// add enters what a run cost.
func (r *cost) add(c *scenarios.Costs) error {
	r.sum.Messages += c.Messages
	r.sum.Linked += c.Linked
	r.sum.Syncs += c.Syncs
	r.sum.Delivered += c.Delivered
	r.sum.Beats += c.Beats
	r.sum.Time += c.Time
	waits := c.Waits
	if len(c.Answers) > 0 {
		waits, r.calls = c.Answers, true
	}
	for _, w := range waits {
		r.last = max(r.last, w)
		if err := r.waits.RecordValue(min(int64(w), int64(longestWait))); err != nil {
			return &exit{exitInternal, err.Error()}
		}
	}
	return nil
}

// share gives n for each of some, with one digit after the point.
func share(n, of uint64) string {
	if of == 0 {
		return ""
	}
	tenths := (10*n + of/2) / of
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// wait gives a quantile, to three digits, or with 100 the longest wait. The histogram
// rounds up, so the longest bounds it.
func (r *cost) wait(percent float64) time.Duration {
	if percent == 100 {
		return time.Duration(r.last)
	}
	return time.Duration(min(r.waits.ValueAtQuantile(percent), int64(r.last)))
}

// millis gives a quantile in milliseconds, with one digit after the point, or nothing
// if nothing waited.
func (r *cost) millis(percent float64) string {
	if r.waits.TotalCount() == 0 {
		return ""
	}
	return share(uint64(r.wait(percent)), uint64(time.Millisecond))
}

func (c *comparison) text() {
	t := table{
		head:  []string{"order", "passed", "messages", "by link", "syncs", "beats/s", "half after", "99% after", "last after"},
		right: []int{1, 2, 3, 4, 5, 6, 7, 8},
	}
	waits := "its broadcast until a node that was up all the while has entered it"
	for i := range c.rows {
		r := &c.rows[i]
		s := &r.sum
		if r.calls {
			waits = "the call of an operation until its client is answered"
		}
		t.add(r.order, fmt.Sprintf("%d/%d", r.passed, r.runs), share(s.Messages, s.Delivered), share(s.Linked, s.Delivered), share(s.Syncs, s.Delivered),
			share(1000*s.Beats, uint64(s.Time)/uint64(time.Millisecond)), r.millis(50), r.millis(99), r.millis(100))
	}
	fmt.Fprintf(&c.out, "scenario %s, seeds %d-%d; for each message in the order: messages sent, those of them by the link, syncs;\nmilliseconds from %s\n",
		c.subject.scenario.Name, c.seeds.From, c.seeds.To, waits)
	t.write(&c.out)
	for _, r := range c.rows {
		if r.failed != "" {
			fmt.Fprintf(&c.out, "%s: the first run that does not pass ends as %s: %s\n", r.order, r.verdict, r.failed)
		}
	}
}

type jsonCost struct {
	Order     string            `json:"order"`
	Runs      uint64            `json:"runs"`
	Passed    uint64            `json:"passed"`
	Delivered uint64            `json:"delivered"`
	Messages  uint64            `json:"messages"`
	Linked    uint64            `json:"by_link"` // of messages
	Beats     uint64            `json:"heartbeats"`
	Syncs     uint64            `json:"syncs"`
	VirtualNS uint64            `json:"virtual_ns"` // in which the heartbeats were sent
	WaitsNS   map[string]uint64 `json:"waits_ns"`
	Failed    string            `json:"failed,omitempty"` // the first run that did not pass
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
		s := &r.sum
		rows = append(rows, jsonCost{r.order, r.runs, r.passed, s.Delivered, s.Messages, s.Linked, s.Beats, s.Syncs, uint64(s.Time), waits, r.failed})
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
