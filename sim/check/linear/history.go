package linear

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/wording"
)

// History is what clients asked of an object in one run, and what they were told. Its check is
// made by Linearizable, and collects the history by check.Check.Seeing.
type History[S comparable, I, O any] struct {
	model Model[S, I, O]
	ops   []*Op[I, O] // in the order in which they began
	named map[name]*Op[I, O]
	stray error // an answer that nobody had asked for
}

type name struct {
	client protocol.NodeID
	op     uint64
}

// NewHistory returns an empty history of an object.
func NewHistory[S comparable, I, O any](m Model[S, I, O]) *History[S, I, O] {
	return &History[S, I, O]{model: m, named: make(map[name]*Op[I, O])}
}

// Call records that the client to whom e happens begins an operation. The client's own number of
// it, op, relates the answer to it. A client that repeats a request under the same number
// still makes one operation.
func (h *History[S, I, O]) Call(e *sim.Event, op uint64, in I) {
	n := name{e.Node, op}
	if h.named[n] == nil {
		h.named[n] = &Op[I, O]{Client: e.Node, Call: e.At, Return: protocol.MaxTime, Input: in}
		h.ops = append(h.ops, h.named[n])
	}
}

// Return records that the client to whom e happens has the answer to its operation; the first
// counts.
func (h *History[S, I, O]) Return(e *sim.Event, op uint64, out O) {
	switch o := h.named[name{e.Node, op}]; {
	case o == nil && h.stray == nil:
		err := fmt.Errorf("client %v has an answer to its operation %d, which it had not begun: %v", e.Node, op, out)
		h.stray = check.Shown(err, e.At, e.Step)
	case o != nil && o.Output == nil:
		o.Return, o.Output, o.step = e.At, &out, e.Step
	}
}

// Linearizable returns the check that an order of all operations explains all answers. It
// judges when the run is over, and names the first answer that no order explains.
func (h *History[S, I, O]) Linearizable(claim string) *check.Check {
	return check.Finally(claim, func() (n uint64, wrong error) {
		for _, o := range h.ops {
			if o.Output != nil {
				n++
			}
		}
		if h.stray != nil {
			return n, h.stray
		}
		for _, p := range h.parts() {
			switch h.model.Judge(p.ops) {
			case NotLinearizable:
				return n, h.model.wrong(p)
			case Undecided:
				wrong = check.Undecided(fmt.Sprintf("the search for an order of %s%s ended before it knew", wording.Count(len(p.ops), "operation"), p.on()))
			}
		}
		return n, wrong
	})
}

// part is the operations on one part.
type part[I, O any] struct {
	name string
	ops  []*Op[I, O]
}

func (p *part[I, O]) on() string {
	if p.name == "" {
		return ""
	}
	return " on " + p.name
}

// parts returns the history's parts, in the order in which they were first used.
func (h *History[S, I, O]) parts() (all []*part[I, O]) {
	found := make(map[string]*part[I, O])
	for _, o := range h.ops {
		at := ""
		if h.model.Part != nil {
			at = h.model.Part(o.Input)
		}
		if found[at] == nil {
			found[at] = &part[I, O]{name: at}
			all = append(all, found[at])
		}
		found[at].ops = append(found[at].ops, o)
	}
	return all
}

// wrong returns the first answer without which there is an order: each prefix of a
// linearizable history is linearizable too.
func (m Model[S, I, O]) wrong(p *part[I, O]) error {
	ended := slices.DeleteFunc(slices.Clone(p.ops), func(o *Op[I, O]) bool { return o.Output == nil })
	slices.SortStableFunc(ended, func(a, b *Op[I, O]) int { return cmp.Compare(a.Return, b.Return) })
	i := sort.Search(len(ended)-1, func(i int) bool { return m.Judge(until(p.ops, ended[i].Return)) == NotLinearizable })
	last := ended[i]
	ops := until(p.ops, last.Return)
	err := fmt.Errorf("no order of %s%s explains %s, by client %v from %v to %v",
		wording.Count(len(ops), "operation"), p.on(), m.text(last.Input, last.Output), last.Client, last.Call, last.Return)
	return check.Shown(m.Evidence(ops, last).With(err), last.Return, last.step)
}

// until returns the history up to that time.
func until[I, O any](ops []*Op[I, O], at protocol.Time) (cut []*Op[I, O]) {
	for _, o := range ops {
		switch {
		case o.Call > at:
			continue
		case o.Return > at:
			o = &Op[I, O]{Client: o.Client, Call: o.Call, Return: protocol.MaxTime, Input: o.Input}
		}
		cut = append(cut, o)
	}
	return cut
}

// Evidence returns operations as a report draws them; no order explains wrong.
func (m Model[S, I, O]) Evidence(ops []*Op[I, O], wrong *Op[I, O]) *check.Evidence {
	e := new(check.Evidence)
	for _, o := range ops {
		e.History = append(e.History, check.Operation{Who: fmt.Sprintf("client %v", o.Client), Text: m.text(o.Input, o.Output),
			Call: o.Call, Return: o.Return, Wrong: o == wrong})
	}
	return e
}

func (m Model[S, I, O]) text(in I, out *O) string {
	switch {
	case m.Text != nil:
		return m.Text(in, out)
	case out == nil:
		return fmt.Sprint(in)
	}
	return fmt.Sprintf("%v: %v", in, *out)
}
