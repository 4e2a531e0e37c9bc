package cmdline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dessim/cmd/dessim/mutate"
	"dessim/sim/wording"
)

// mutantTally counts mutants of a rule.
type mutantTally struct {
	made, reached, swept, killed, byTests, survived, marked, left int
}

// tally counts the mutants of a rule, or with "" all.
func (m *mutation) tally(rule string) (n mutantTally) {
	for i := range m.rows {
		x := &m.rows[i]
		if rule != "" && x.Rule != rule {
			continue
		}
		n.made++
		if x.fate != unreached {
			n.reached++
		}
		switch {
		case x.fate == unswept:
			n.left++
		case x.fate == killed:
			n.killed++
		case x.fate == killedByTests:
			n.byTests++
		case x.fate == survived && x.reason != "":
			n.marked++
		case x.fate == survived:
			n.survived++
		}
	}
	n.swept = n.killed + n.byTests + n.survived + n.marked
	return n
}

// killers counts what killed mutants, the most frequent first.
func (m *mutation) killers() (all []killer) {
	counts := make(map[string]int)
	for i := range m.rows {
		if by := m.rows[i].by; by != "" {
			counts[by]++
		}
	}
	for by, n := range counts {
		all = append(all, killer{by, n})
	}
	slices.SortFunc(all, func(a, b killer) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.by, b.by)) })
	return all
}

type killer struct {
	by string
	n  int
}

func (m *mutation) print() {
	if m.asJSON {
		m.printJSON()
		return
	}
	n := m.tally("")
	fmt.Fprintf(&m.out, "%s: %s\n", m.paint.verdict(m.verdict()), m.describe())
	fmt.Fprintf(&m.out, "%d made, %d reached, %d swept: %d killed, %d survived\n", n.made, n.reached, n.swept, n.killed+n.byTests, n.survived)
	if out := m.leftOut(); out > 0 {
		fmt.Fprintf(&m.out, "%s of %d left out, which fail without a mutant, too\n", wording.Count(out, "seed"), m.seeds*uint64(len(m.sweeps)))
	}
	if text := m.leftOver(); text != "" {
		fmt.Fprintln(&m.out, text)
	}
	m.printTables()
	m.list("survived", func(x *mutant) bool { return x.fate == survived && x.reason == "" })
	m.list("equivalent", func(x *mutant) bool { return x.fate == survived && x.reason != "" })
	m.list("marked as equivalent, but killed", func(x *mutant) bool { return x.by != "" && x.reason != "" })
}

func (m *mutation) printTables() {
	rules := table{head: []string{"rule", "made", "reached", "swept", "killed", "by go test alone", "survived", "equivalent"}, right: []int{1, 2, 3, 4, 5, 6, 7}}
	for _, rule := range append(slices.Clone(mutate.Rules), "") {
		n := m.tally(rule)
		if n.made == 0 {
			continue
		}
		cells := []string{cmp.Or(rule, "all")}
		for _, k := range []int{n.made, n.reached, n.swept, n.killed, n.byTests, n.survived, n.marked} {
			cells = append(cells, strconv.Itoa(k))
		}
		rules.add(cells...)
	}
	fmt.Fprintln(&m.out)
	rules.write(&m.out)
	if all := m.killers(); len(all) > 0 {
		killers := table{head: []string{"killed by", "mutants"}, right: []int{1}}
		for _, k := range all {
			killers.add(plain(k.by), strconv.Itoa(k.n))
		}
		fmt.Fprintln(&m.out)
		killers.write(&m.out)
	}
}

// list prints mutants, each with its place and the line before and after.
func (m *mutation) list(title string, which func(*mutant) bool) {
	for i := range m.rows {
		x := &m.rows[i]
		if !which(x) {
			continue
		}
		if title != "" {
			fmt.Fprintf(&m.out, "\n%s:\n", title)
			title = ""
		}
		fmt.Fprintf(&m.out, "%s: %s\n", m.where(x), plain(x.ID()))
		if x.fate == survived && x.reason == "" {
			fmt.Fprintf(&m.out, "  in %s\n", wording.Count(x.runs, "run"))
		}
		if x.reason != "" {
			fmt.Fprintf(&m.out, "  because %s\n", plain(x.reason))
		}
		if x.by != "" {
			fmt.Fprintf(&m.out, "  by %s, seed %d\n", plain(x.by), x.seed)
		}
		fmt.Fprintf(&m.out, "  - %s\n  + %s\n", plain(x.Before), plain(cmp.Or(x.After, "(nothing)")))
	}
}

func (m *mutation) printJSON() {
	n := m.tally("")
	mutants := []ordered{}
	for i := range m.rows {
		x := &m.rows[i]
		if x.fate == unreached || x.fate == undrawn {
			continue
		}
		o := ordered{{"id", x.ID()}, {"line", x.Line}, {"fate", x.fate.String()}}.with("by", x.by)
		o = o.with("scenario", x.scenario)
		if x.seed != 0 {
			o = append(o, field{"seed", x.seed})
		}
		if x.fate == survived {
			o = append(o, field{"runs", x.runs})
		}
		mutants = append(mutants, append(o.with("equivalent", x.reason), field{"before", x.Before}, field{"after", x.After}))
	}
	writeJSON(&m.out, ordered{
		{"package", m.pkg.Path}, {"scenario", m.scenarios()}, {"params", texts(params(m.Scenario, &m.Params))}, {"verdict", m.verdict()},
		{"seeds", m.seeds}, {"left_out", m.leftOut()}, {"made", n.made}, {"reached", n.reached}, {"swept", n.swept},
		{"killed", n.killed}, {"killed_by_tests", n.byTests}, {"survived", n.survived}, {"equivalent", n.marked}, {"not_run", n.left}, {"mutants", mutants},
	})
}

func (f fate) String() string {
	return [...]string{"not reached", "not drawn", "not run", "killed", "killed by go test alone", "survived"}[f]
}
