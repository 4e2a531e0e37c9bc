package cmdline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dessim/sim/stats"
	"dessim/sim/wording"
)

// text prints the tables.
func (x *figures) text() {
	b := &x.out
	if !x.many {
		(&summary{Report: &x.report, command: x.command}).opening(b)
	} else {
		fmt.Fprintf(b, "%s: scenario %s, seeds %d-%d\n", x.verdict, x.Scenario.Name, x.seeds.From, x.seeds.To)
		fmt.Fprintf(b, "%d of %s pass\n", x.passed, wording.Count(x.runs, "run"))
		if x.failed != "" {
			fmt.Fprintln(b, plain("the first that does not is a "+x.failed))
		}
	}
	x.timesText()
	x.numbersText()
	x.kindsText()
	x.nodesText()
	var l lines
	l.add("virtual time", "%v", x.time)
	l.add("parameters", "%s", strings.Join(given(x.Scenario, &x.Params), ", "))
	l.add("reproduce", "%s", x.command)
	l.write(b)
}

// quantiles are the heads of what spread.row returns.
func quantiles() (heads []string) {
	heads = append(heads, "min")
	for _, p := range percentiles {
		heads = append(heads, p.head)
	}
	return append(heads, "max")
}

func (x *figures) timesText() {
	if len(x.times) == 0 {
		fmt.Fprintf(&x.out, "\nscenario %s names nothing to measure: see Measure in package scenario\n", x.Scenario.Name)
		return
	}
	t := table{head: append([]string{"latency", "count", "open"}, quantiles()...)}
	t.numbersFrom(1)
	for _, s := range x.times {
		t.add(append([]string{plain(s.name), fmt.Sprint(s.count()), fmt.Sprint(s.open)}, s.row(threeDigits)...)...)
	}
	x.out.WriteByte('\n')
	t.write(&x.out)
	legend(x.times, &x.out)
}

func (x *figures) numbersText() {
	if len(x.numbers) == 0 {
		return
	}
	t := table{head: append([]string{"number", "count", "mean"}, quantiles()...)}
	t.numbersFrom(1)
	for _, s := range x.numbers {
		t.add(append([]string{plain(s.name), fmt.Sprint(s.count()), perUnit(s.sum, s.count())}, s.row(func(n uint64) string { return fmt.Sprint(n) })...)...)
	}
	x.out.WriteByte('\n')
	t.write(&x.out)
	legend(x.numbers, &x.out)
}

// legend says what the names mean.
func legend(all []*spread, w interface{ WriteString(string) (int, error) }) {
	for _, s := range all {
		w.WriteString(plain(fmt.Sprintf("%s: %s", s.name, s.what)) + "\n")
	}
}

func (x *figures) kindsText() {
	tr := &x.traffic
	sum := tr.Sum()
	t := table{head: []string{"messages", "sent", "delivered", "lost"}}
	if sum.Dropped > 0 {
		t.head = append(t.head, "dropped")
	}
	if sum.Copied > 0 {
		t.head = append(t.head, "copied")
	}
	t.head = append(t.head, "bytes", "per node", "per second")
	t.numbersFrom(1)
	row := func(name string, k *stats.Kind) {
		cells := []string{plain(name), fmt.Sprint(k.Sent), fmt.Sprint(k.Delivered), fmt.Sprint(k.Lost)}
		if sum.Dropped > 0 {
			cells = append(cells, fmt.Sprint(k.Dropped))
		}
		if sum.Copied > 0 {
			cells = append(cells, fmt.Sprint(k.Copied))
		}
		t.add(append(cells, fmt.Sprint(k.Bytes), perUnit(k.Sent, x.runs*uint64(len(tr.Nodes))), x.perSecond(k.Sent))...)
	}
	for _, i := range tr.Ranked() {
		row(tr.Kinds[i].Kind.String(), &tr.Kinds[i])
	}
	if len(tr.Kinds) > 1 {
		row("all", &sum)
	}
	x.out.WriteByte('\n')
	t.write(&x.out)
}

// fewKinds is how many kinds have columns in the table of nodes.
const fewKinds = 6

// nodesText has a row for each node. Of many kinds, those that were sent most have columns.
func (x *figures) nodesText() {
	tr := &x.traffic
	kinds := tr.Ranked()
	t := table{head: []string{"node", "sent", "received", "bytes", "per second"}}
	others := len(kinds) > fewKinds
	if others {
		kinds = kinds[:fewKinds]
	}
	for _, k := range kinds {
		t.head = append(t.head, plain(tr.Kinds[k].Kind.String()))
	}
	if others {
		t.head = append(t.head, "others")
	}
	t.numbersFrom(0)
	t.nodeRows(len(tr.Nodes), func(i int) []string {
		n := &tr.Nodes[i]
		cells := []string{fmt.Sprint(i), fmt.Sprint(n.Sent), fmt.Sprint(n.Received), fmt.Sprint(n.Bytes), x.perSecond(n.Sent)}
		rest := n.Sent
		for _, k := range kinds {
			cells = append(cells, fmt.Sprint(n.Of(k)))
			rest -= n.Of(k)
		}
		if others {
			cells = append(cells, fmt.Sprint(rest))
		}
		return cells
	})
	x.out.WriteByte('\n')
	t.write(&x.out)
}

// numbersFrom makes the columns from that one on columns of numbers.
func (t *table) numbersFrom(first int) {
	for i := first; i < len(t.head); i++ {
		t.right = append(t.right, i)
	}
}

// perSecond returns n for each second of virtual time.
func (x *figures) perSecond(n uint64) string {
	return perUnit(1000*n, uint64(x.time)/uint64(time.Millisecond))
}

// perUnit returns n divided by of, with as many digits after the point as make three.
func perUnit(n, of uint64) string {
	if of == 0 {
		return ""
	}
	switch {
	case n >= 100*of:
		return fmt.Sprint((n + of/2) / of)
	case n >= 10*of:
		return share(n, of)
	}
	hundredths := (100*n + of/2) / of
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}

// object prints one JSON object. Numbers are sums over all runs.
func (x *figures) object() {
	times, numbers := []ordered{}, []ordered{}
	for _, s := range x.times {
		times = append(times, slices.Insert(s.object("_ns"), 3, field{"open", s.open}))
	}
	for _, s := range x.numbers {
		numbers = append(numbers, s.object(""))
	}
	tr := &x.traffic
	kinds, nodes := []ordered{}, []ordered{}
	ranked := tr.Ranked()
	for _, i := range ranked {
		k := &tr.Kinds[i]
		kinds = append(kinds, ordered{{"kind", k.Kind.String()}, {"sent", k.Sent}, {"copied", k.Copied}, {"delivered", k.Delivered}, {"lost", k.Lost}, {"dropped", k.Dropped}, {"bytes", k.Bytes}})
	}
	for i := range tr.Nodes {
		n, sent := &tr.Nodes[i], ordered{}
		for _, k := range ranked {
			if of := n.Of(k); of > 0 {
				sent = append(sent, field{tr.Kinds[k].Kind.String(), of})
			}
		}
		nodes = append(nodes, ordered{{"id", i}, {"sent", n.Sent}, {"received", n.Received}, {"bytes", n.Bytes}, {"kinds", sent}})
	}
	o := ordered{{"scenario", x.Scenario.Name}, {"from", fmt.Sprint(x.seeds.From)}, {"to", fmt.Sprint(x.seeds.To)}, {"params", texts(params(x.Scenario, &x.Params))},
		{"verdict", x.verdict}, {"runs", x.runs}, {"passed", x.passed}, {"virtual_ns", uint64(x.time)},
		{"times", times}, {"numbers", numbers}, {"kinds", kinds}, {"nodes", nodes}, {"reproduce", x.command}}
	writeJSON(&x.out, o.with("failed", x.failed))
}
