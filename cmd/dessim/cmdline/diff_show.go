package cmdline

import (
	"encoding/json"
	"fmt"

	"dessim/sim/check"
	"dessim/sim/wording"
)

func (d *difference) text() {
	b := &d.out
	switch {
	case d.same():
		fmt.Fprintf(b, "%s: every event\n", d.paint.as(check.Pass, "the same"))
	case !d.events:
		fmt.Fprintf(b, "%s: every event is the same, the verdicts are not\n", d.paint.as(check.Violation, "differ"))
	default:
		fmt.Fprintf(b, "%s: from step %d on, after %s that both have\n", d.paint.as(check.Violation, "differ"), d.step, wording.Count(max(d.step, 1)-1, "step"))
	}
	d.ran("A", d.a, d.one)
	d.ran("B", d.b, d.two)
	if d.events {
		fmt.Fprintln(b)
		for _, same := range d.x.before {
			fmt.Fprintf(b, "   %s\n", plain(same))
		}
		d.pair(d.x.words, d.y.words)
		if d.x.words == d.y.words {
			fmt.Fprintln(b, "which has other bytes:")
			d.pair(d.x.exact, d.y.exact)
		}
	}
	if !d.same() {
		for i, line := range inTheFiles(d.a, d.b) {
			if i == 0 {
				fmt.Fprintf(b, "\nin the files:\n")
			}
			fmt.Fprintf(b, "%s\n", plain(line))
		}
	}
	for _, n := range d.states() {
		if len(n.lines) == 0 {
			fmt.Fprintf(b, "\nnode %s after step %d: the same in both\n", n.id, d.step)
			continue
		}
		fmt.Fprintf(b, "\nnode %s after step %d: - in A, + in B\n", n.id, d.step)
		for _, line := range n.lines {
			fmt.Fprintf(b, "%s\n", line)
		}
	}
}

// ran says which run a side is, and what it came to.
func (d *difference) ran(letter string, s side, o *outcome) {
	fmt.Fprintf(&d.out, "%s  %s: %s, %s, digest %s\n", letter, plain(s.name()), d.paint.verdict(o.verdict), wording.Count(o.events, "event"), o.digest)
	if o.fails != "" {
		fmt.Fprintf(&d.out, "   %s\n", plain(o.fails))
	}
}

// pair shows a line of each run. One that has ended has none.
func (d *difference) pair(x, y string) {
	for i, line := range []string{x, y} {
		if line == "" {
			line = "(nothing more)"
		}
		fmt.Fprintf(&d.out, "%s  %s\n", "AB"[i:i+1], plain(line))
	}
}

func (d *difference) object() {
	o := ordered{{"same", d.same()}, {"a", sideObject(d.a, d.one, d.x)}, {"b", sideObject(d.b, d.two, d.y)}, {"files", append([]string{}, inTheFiles(d.a, d.b)...)}}
	if d.events {
		states := []ordered{}
		for _, n := range d.states() {
			states = append(states, ordered{{"node", json.Number(n.id)}, {"lines", append([]string{}, n.lines...)}})
		}
		o = append(o, field{"step", d.step}, field{"before", append([]string{}, d.x.before...)}, field{"states", states})
	}
	writeJSON(&d.out, o)
}

// sideObject describes a run, with the event in which it differs. One that has ended has none.
func sideObject(s side, o *outcome, at *sight) ordered {
	x := ordered{{"run", s.name()}, {"verdict", o.verdict}, {"events", o.events}, {"digest", o.digest}}.with("fails", o.fails)
	if at == nil {
		return x
	}
	return x.with("event", at.words).with("exact", at.exact)
}
