package cmdline

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// inTheFiles returns how two replay files differ in what makes their runs: nothing, unless both
// sides have one.
func inTheFiles(a, b side) (lines []string) {
	x, y := a.file(), b.file()
	if x == nil || y == nil {
		return nil
	}
	if x.Scenario != y.Scenario {
		return []string{fmt.Sprintf("scenario %s in A, %s in B", x.Scenario.Name, y.Scenario.Name)}
	}
	between := func(name, x, y string) {
		if x != y {
			lines = append(lines, fmt.Sprintf("%s %s in A, %s in B", name, orNone(x), orNone(y)))
		}
	}
	between("seed", fmt.Sprint(x.Seed), fmt.Sprint(y.Seed))
	for _, p := range x.Scenario.Params() {
		a, b := p.Get(&x.Params), p.Get(&y.Params)
		if p.Kept && a != b {
			lines = append(lines, p.Name+" differs")
			continue
		}
		between(p.Name, a, b)
	}
	for _, id := range inOneAlone(x.Without, y.Without) {
		lines = append(lines, fmt.Sprintf("input %d left out in %s only", id, inWhich(slices.Contains(x.Without, id))))
	}
	lines = append(lines, faultsThatDiffer(x, y)...)
	return append(lines, answersThatDiffer(x.Answers, y.Answers)...)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func inWhich(a bool) string {
	if a {
		return "A"
	}
	return "B"
}

// inOneAlone returns what is in one of two lists alone.
func inOneAlone[T comparable](a, b []T) (alone []T) {
	for _, v := range a {
		if !slices.Contains(b, v) {
			alone = append(alone, v)
		}
	}
	for _, v := range b {
		if !slices.Contains(a, v) {
			alone = append(alone, v)
		}
	}
	return alone
}

// faultsThatDiffer compares faults by their identities.
func faultsThatDiffer(x, y *scenario.Recording) (lines []string) {
	texts := func(faults []fault.Fault) map[uint64]string {
		all := make(map[uint64]string)
		for i := range faults {
			all[faults[i].ID] = faults[i].String()
		}
		return all
	}
	a, b := texts(x.Faults), texts(y.Faults)
	ids := append(protocol.SortedKeys(a), protocol.SortedKeys(b)...)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if a[id] != b[id] {
			lines = append(lines, fmt.Sprintf("fault %d: %s in A, %s in B", id, orNone(a[id]), orNone(b[id])))
		}
	}
	return lines
}

// answersThatDiffer compares answers by their questions.
func answersThatDiffer(a, b []source.Answer) (lines []string) {
	type question struct {
		key protocol.Key
		n   uint64
	}
	of := func(x *source.Answer) question { return question{x.Key, x.Range} }
	in := make(map[question]*source.Answer)
	for i := range b {
		in[of(&b[i])] = &b[i]
	}
	for i := range a {
		x := &a[i]
		y := in[of(x)]
		delete(in, of(x))
		switch {
		case y == nil:
			lines = append(lines, fmt.Sprintf("answer %s in A only", x.Line()))
		case x.Value != y.Value:
			lines = append(lines, fmt.Sprintf("answer %s in A, %d in B", x.Line(), y.Value))
		}
	}
	for i := range b {
		if y := &b[i]; in[of(y)] != nil {
			lines = append(lines, fmt.Sprintf("answer %s in B only", y.Line()))
		}
	}
	const most = 12
	if left := len(lines) - most; left > 0 {
		lines = append(lines[:most], wording.Count(left, "more answer"))
	}
	return lines
}
