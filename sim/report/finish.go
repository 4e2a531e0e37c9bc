package report

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// About is what a page says of a run beside what was recorded.
type About struct {
	Label   string   // tells it from the other run of the page; "" for the only one
	Command string   // repeats the run
	Story   []string // one sentence an element
}

// Of returns the data of the run with history h, whose report is o, once it is over. A run that
// was abandoned in a step that does not end has none: see scenario.Report.Stuck.
func Of(h *history.History, o *scenario.Report, a About) *Run { return of(h, o, a, usual) }

func of(h *history.History, o *scenario.Report, a About, l limits) *Run {
	x := &Run{
		Label: a.Label, Scenario: o.Scenario.Name, Seed: fmt.Sprint(o.Seed), Command: a.Command, Story: list(a.Story),
		Verdict: string(o.Verdict), Failure: o.Failure, Digest: o.Sim.Digest.String(),
		End: int64(o.Sim.End), Reason: cmp.Or(h.Reason, o.Sim.Reason.String()),
		Warnings: list(o.Warnings()), Notes: []string{},
	}
	r := &encoder{h, x, l}
	for _, p := range o.Scenario.Params() {
		if p.Shown(&o.Params) {
			x.Params = append(x.Params, [2]string{p.Name, p.Get(&o.Params)})
		}
	}
	for _, f := range o.Facts {
		x.Facts = append(x.Facts, [2]string{f.Name, f.Value})
	}
	for _, c := range o.Checks {
		x.Checks = append(x.Checks, checkOf(c))
	}
	x.Names = r.nodeNames(o)
	x.Focus = focus(h, o)
	x.Faults = r.faults(o.Faults, len(x.Names))
	if p := o.Panic; p != nil {
		x.Failure = p.Error()
	}
	x.Figures = figuresOf(h.Figures)
	r.encode()
	fill(reflect.ValueOf(x).Elem())
	return x
}

// list returns a list that JSON has as one, even if it is empty.
func list(all []string) []string { return append([]string{}, all...) }

func checkOf(c check.Result) Check {
	x := Check{Name: c.Name, Verdict: string(c.Verdict), Exercised: c.Exercised, Detail: history.Cut(c.Detail), At: int64(c.At), Step: c.Step}
	if c.Evidence != nil {
		x.Evidence = evidenceOf(c.Evidence)
	}
	return x
}

func evidenceOf(e *check.Evidence) *Evidence {
	if len(e.Sequences) == 0 {
		x := &Evidence{Kind: "history", Title: wording.Count(len(e.History), "operation") + " that no order explains"}
		for _, o := range e.History {
			b := Operation{Who: history.Cut(o.Who), Text: history.Cut(o.Text), Call: int64(o.Call), Return: int64(o.Return), Bad: o.Wrong}
			if o.Return == protocol.MaxTime {
				b.Return = -1
			}
			x.Operations = append(x.Operations, b)
		}
		return x
	}
	x := &Evidence{Kind: "sequences", First: e.Sequences[0].First}
	for _, s := range e.Sequences {
		items := []Item{}
		for _, i := range s.Items {
			items = append(items, Item{history.Cut(i.Text), i.Step})
		}
		x.Sequences = append(x.Sequences, Sequence{history.Cut(s.Name), items})
	}
	for x.same(x.Differ) {
		x.Differ++
	}
	return x
}

// same reports whether all sequences have place i, with one item.
func (x *Evidence) same(i int) bool {
	for _, s := range x.Sequences {
		if i >= len(s.Items) || s.Items[i].Text != x.Sequences[0].Items[i].Text {
			return false
		}
	}
	return true
}

// nodeNames returns a name for each node of the run, clients too.
func (r *encoder) nodeNames(o *scenario.Report) []string {
	names := make([]string, r.States.Nodes())
	column := slices.IndexFunc(o.Scenario.Columns, func(c scenario.Column) bool { return c.Name })
	for _, n := range o.Nodes {
		if column >= 0 && column < len(n.Cells) && uint64(n.ID) < uint64(len(names)) {
			const most = 16
			names[n.ID] = n.Cells[column][:min(len(n.Cells[column]), cmp.Or(o.Scenario.Columns[column].Short, most))]
		}
	}
	for id := o.Params.Nodes; id < len(names); id++ {
		if names[id] == "" {
			names[id] = "client"
		}
	}
	return names
}

// focus returns the step of the first violation. If the end of the run showed it, that is the
// last one.
func focus(h *history.History, o *scenario.Report) int {
	if o.Verdict != check.Violation && o.Verdict != scenario.Failed {
		return 0
	}
	if c := check.Earliest(o.Checks); c != nil && c.Step > 0 {
		return min(int(c.Step), h.Last())
	}
	return h.Last()
}

// faults returns the plan's faults with the steps in which they began and ended.
func (r *encoder) faults(plan []fault.Fault, nodes int) []Fault {
	out := make([]Fault, 0, len(plan))
	index := make(map[uint64]int)
	for i := range plan {
		f := &plan[i]
		x := Fault{ID: f.ID, Op: f.Op.String(), Text: f.String(), Node: history.None}
		if f.Op.OfNode() {
			x.Node = int(f.Node)
		}
		for _, g := range f.Groups {
			if g == nil {
				for id := range protocol.NodeID(nodes) {
					g = append(g, id)
				}
			}
			x.Sides = append(x.Sides, g)
		}
		index[f.ID] = len(out)
		out = append(out, x)
	}
	for at := range r.Rows {
		row := &r.Rows[at]
		if row.What&(sim.Injected|sim.Lifted) == 0 {
			continue
		}
		step := r.StepOf(at)
		i, known := index[row.Num]
		switch {
		case !known:
		case row.What == sim.Lifted:
			out[i].To = step
		default:
			if out[i].From == 0 {
				out[i].From = step
			}
			if out[i].To = 0; !plan[i].Op.Lasts() { // it is a moment
				out[i].To = step
			}
		}
	}
	return out
}

// note adds what the page lacks.
func (x *Run) note(format string, args ...any) {
	x.Notes = append(x.Notes, fmt.Sprintf(format, args...))
}

// span says between which steps something is kept.
func span(from, to int) string {
	return fmt.Sprintf("from step %s to step %s", grouped(from), grouped(to))
}

// grouped writes a number with commas.
func grouped[N int | uint64](n N) string {
	s := fmt.Sprint(n)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), ",")
}
