package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/watch"
)

// driver advances a run to its end, until the check named by Until has failed, or until
// someone ends it.
type driver struct {
	*Options
	m       *sim.Sim
	checks  check.Suite
	stopped bool // by Stop
}

func (d *driver) drive() {
	for d.advance(d.every()) {
		if d.Until != "" && d.checks.Failed(d.Until) {
			return
		}
		if d.Stop != nil && d.Stop(d.m.Events(), d.m.Now()) {
			if d.Stopped != nil {
				d.Stopped(d.m)
			}
			d.stopped = true
			return
		}
	}
}

// advance is Sim.Advance, and ends the run soon after an interruption.
func (d *driver) advance(n int) bool {
	soon := 64 // events
	if parts, _ := d.m.Threads(); parts > 1 {
		soon = n
	}
	for ; n > 0; n -= soon {
		if d.Watchdog.Interrupted() {
			d.m.Interrupt()
		}
		if !d.m.Advance(min(n, soon)) {
			return false
		}
	}
	return true
}

// fail fills in a run that ended in a panic: of a node, which is a violation, or of a check or
// the simulator, which leaves no verdict. Checks that had failed before still count; what the
// others would say of a node in the middle of a step means nothing.
func (r *Report) fail(p *sim.Panic, checks check.Suite) {
	r.Sim.Reason = sim.Broken
	if p.Node == protocol.Outside {
		r.Verdict, r.Failure = Failed, p.Error()
		return
	}
	r.Panic, r.Verdict = p, check.Violation
	r.Checks = append([]check.Result{explore.PanicResult(p)}, checks.Violated()...)
}

// abandon fills in a run that was interrupted in a step that does not end: its checks cannot be
// asked while that step may change what they read.
func (r *Report) abandon(s *watch.Stuck) {
	r.Stuck, r.Verdict = s, check.Inconclusive
	r.Sim = sim.Result{End: s.At, Reason: sim.Interrupted, Events: s.Step}
	r.Checks = []check.Result{{Name: explore.Ends, Verdict: check.Inconclusive, Exercised: 1, Detail: "interrupted: " + s.String()}}
}

// unended puts first the reason why a run that was ended is inconclusive: others follow from it.
func (r *Report) unended(filled string) {
	if c, ended := explore.Unended(&r.Sim); ended {
		c.Detail += "; " + filled
		r.Checks = append([]check.Result{c}, r.Checks...)
	}
}

// traffic counts the messages that each node sends, and what fills a run by kind.
type traffic struct {
	sent   []uint64
	kinds  []kindCount      // in the order of their first event
	index  map[whatKind]int // into kinds
	latest [61]int          // of kinds: those of the latest events; a prime, since kinds are packed digits
}

// whatKind is a kind of message or output.
type whatKind struct {
	kind   protocol.Kind
	output bool
}

type kindCount struct {
	whatKind
	n uint64
}

// Watch includes Dropped, which is rare, so that the simulator keeps the kinds of messages for
// a sim.Moment.
func (c *traffic) Watch() sim.What { return sim.Sent | sim.Output | sim.Dropped }

func (c *traffic) Reads() sim.Reads { return sim.ReadsEvents }

func (c *traffic) Observe(e *sim.Event) {
	switch e.What {
	case sim.Sent:
		for uint64(e.Node) >= uint64(len(c.sent)) {
			c.sent = append(c.sent, 0)
		}
		c.sent[e.Node]++
		c.count(e.Kind, false)
	case sim.Output:
		c.count(e.Kind, true)
	}
}

func (c *traffic) count(k protocol.Kind, output bool) {
	w := whatKind{k, output}
	place := &c.latest[uint64(k)%uint64(len(c.latest))]
	if *place < len(c.kinds) && c.kinds[*place].whatKind == w {
		c.kinds[*place].n++
		return
	}
	i, known := c.index[w]
	if !known {
		if c.index == nil {
			c.index = make(map[whatKind]int)
		}
		i = len(c.kinds)
		c.index[w] = i
		c.kinds = append(c.kinds, kindCount{whatKind: w})
	}
	c.kinds[i].n++
	*place = i
}

// of returns the number of messages that a node sent.
func (c *traffic) of(id protocol.NodeID) uint64 {
	if uint64(id) < uint64(len(c.sent)) {
		return c.sent[id]
	}
	return 0
}

// mostKinds is how many kinds are named.
const mostKinds = 10

// most names the most frequent kinds of messages sent, outputs, timers and syncs, or flushes, of a run, with
// their counts and shares of all.
func (c *traffic) most(r *sim.Result) string {
	all := []explore.Count{{Name: "timers", N: r.Fired}, {Name: "syncs", N: r.Syncs}, {Name: "flushes", N: r.Flushes}}
	for _, k := range c.kinds {
		name := k.kind.String()
		if k.output {
			name = "output " + name
		}
		all = append(all, explore.Count{Name: name, N: k.n})
	}
	total := uint64(0)
	for _, x := range all {
		total += x.N
	}
	slices.SortStableFunc(all, func(a, b explore.Count) int { return cmp.Compare(b.N, a.N) })
	var parts []string
	for _, x := range all[:min(len(all), mostKinds)] {
		if x.N > 0 {
			parts = append(parts, fmt.Sprintf("%s %d (%d%%)", x.Name, x.N, x.N*100/total))
		}
	}
	if len(parts) == 0 {
		return "it had no sends, outputs, timers or syncs"
	}
	return "the most frequent sends, outputs, timers and syncs: " + strings.Join(parts, ", ")
}
