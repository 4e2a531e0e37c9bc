package story

import (
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// How much a text has to do with what the violation is about.
const (
	kin   = 1 + iota // it has a name that is related to one of the violation: see relate
	exact            // it has a name that the violation has
)

// names has what a violation is about, each name as kin or exact.
type names map[string]uint8

// idsIn returns the names in a text that look like "5/3.1" or "1f32822f". A long hash is cut to eight
// digits, since texts show different numbers of them.
func idsIn(text string) (ids []string) {
	const short = 8
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(" ,;:()[]=", c) }) {
		hex := len(word) >= short && strings.Trim(word, "0123456789abcdef") == ""
		switch {
		case !strings.ContainsAny(word, "0123456789"):
		case hex:
			ids = append(ids, word[:short])
		case strings.Contains(word, "/"):
			ids = append(ids, word)
		}
	}
	return ids
}

// of returns how much a text has to do with the names. "5/3.1" is an attempt of "5/3".
func (n names) of(text string) (most uint8) {
	if len(n) == 0 {
		return 0
	}
	for _, id := range idsIn(text) {
		whole, _, _ := strings.Cut(id, ".")
		most = max(most, n[id], n[whole])
	}
	return most
}

// told returns the first few names, those of the violation first.
func (n names) told() []string {
	const most = 4
	all := protocol.SortedKeys(n)
	slices.SortStableFunc(all, func(a, b string) int { return int(n[b]) - int(n[a]) })
	return all[:min(len(all), most)]
}

// name finds what the violation is about: its names and nodes, and the texts that have them. If its
// sentence has no name, it is about the outputs of the step that shows it.
func (t *teller) name() {
	t.nodes, t.names = make(map[protocol.NodeID]int), make(names)
	t.about = make([]uint8, len(t.Texts.All))
	c := t.violation
	if c == nil {
		return
	}
	for _, id := range numbersIn(c.Detail, ofNodes) {
		t.nodes[protocol.NodeID(id)] = 0
	}
	all := idsIn(c.Detail)
	if len(all) == 0 && c.Step > 0 {
		all = t.madeFinal(t.last)
	}
	for _, id := range all {
		t.names[id] = exact
	}
	t.relate()
	for i, text := range t.Texts.All {
		t.about[i] = t.names.of(text)
		t.follows = t.follows || t.about[i] > 0
	}
}

// madeFinal returns the first name of each output of a step.
func (t *teller) madeFinal(step int) (ids []string) {
	from, to := t.RowsOf(step)
	for at := from; at < to; at++ {
		if x := &t.Rows[at]; x.What == sim.Output && x.Text != history.None {
			if all := idsIn(t.Texts.All[x.Text]); len(all) > 0 {
				whole, _, _ := strings.Cut(all[0], ".") // with its other attempts
				ids = append(ids, whole)
			}
		}
	}
	return ids
}

// relate adds other names of what is named: "data 1/1/1 f2e7c22a" has two names of one thing, and so
// have lines in which nodes describe themselves. A name that occurs with many others is not added.
func (t *teller) relate() {
	const many = 3
	level, rounds := uint8(kin), 1
	if t.violation.Step == 0 { // something is stuck, under all of its names
		level, rounds = exact, 2
	}
	with := make(map[string]map[string]bool)
	pair := func(a, b string) {
		if with[a] == nil {
			with[a] = make(map[string]bool)
		}
		with[a][b] = true
	}
	of := func(text string) {
		if ids := idsIn(text); len(ids) == 2 && ids[0] != ids[1] {
			pair(ids[0], ids[1])
			pair(ids[1], ids[0])
		}
	}
	for _, text := range t.Texts.All {
		of(text)
	}
	for id := range protocol.NodeID(t.report.Params.Nodes) {
		described(t.state(id, t.last), func(path []string, value string) { of(strings.Join(path, " ") + " " + value) })
	}
	for range rounds {
		for _, id := range protocol.SortedKeys(with) {
			whole, _, _ := strings.Cut(id, ".")
			if t.names[id] == 0 && t.names[whole] == 0 {
				continue
			}
			for _, other := range protocol.SortedKeys(with[id]) {
				if t.names[other] == 0 && len(with[other]) <= many {
					t.names[other] = level
				}
			}
		}
	}
}

// interest returns how much the text of a row has to do with what the violation is about.
func (t *teller) interest(at int) int {
	if said := t.said(at); said != history.None {
		return int(t.about[said])
	}
	return 0
}

// said returns the text of a row. A loss or a copy has the text of its message.
func (t *teller) said(at int) int32 {
	if t.Rows[at].What&(sim.Lost|sim.Copied) != 0 {
		at = t.Original(at)
	}
	return t.Rows[at].Text
}
