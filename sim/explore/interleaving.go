package explore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// The misfortunes yield, order and stall are answers to the questions of the faults of these names: a
// goroutine of a hosted program lets others go first before one operation, a goroutine other than the
// first gets one turn, or a goroutine stands still for a time before one operation. No event shows
// these questions, so a run lists them: see World.Turns.

// The names of these kinds.
const (
	yieldKind = "yield"
	orderKind = "order"
	stallKind = "stall"
)

// turnKinds returns these kinds. They come at no place.
func turnKinds() []MisfortuneKind {
	none := func(*Misfortunes, *place) ([]misfortune, int, bool) { return nil, 0, false }
	return []MisfortuneKind{
		{yieldKind, "a goroutine of a hosted program lets others go first before an operation", none},
		{orderKind, "another goroutine of a hosted program than the first has a turn", none},
		{stallKind, "a goroutine of a hosted program stands still for a time before an operation", none},
	}
}

// stalls are the durations for which a goroutine stands still, in the order in which they are tried:
// some are longer than a message travels, some longer than a timeout.
var stalls = [...]time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Millisecond, time.Second}

// longestStall is the bound of the fault that asks for stalls.
const longestStall = time.Second

// turnRun is a run with some of these misfortunes, and the questions that it asks after the last one.
type turnRun struct {
	*candidate
	last    source.Answer // the latest misfortune, if there is one
	outcome Outcome
	asked   []source.Answer
}

// turns makes the runs with these misfortunes, at most half of Runs, before all others. ok is false if
// the search must stop.
func (g *misfortuneSearch) turns(ctx context.Context) (ok bool, err error) {
	if g.World.Turns == nil || !g.tries[g.kindOf(yieldKind)] && !g.tries[g.kindOf(orderKind)] && !g.tries[g.kindOf(stallKind)] {
		return true, nil
	}
	first := turnRun{candidate: &candidate{trial: g.Trial.scheduled(g.Nodes)}}
	g.list(&first)
	if first.outcome.Interrupted() {
		return false, nil
	}
	if first.outcome.Failed() {
		return true, nil // so does the run without misfortunes
	}
	for _, a := range first.asked {
		g.found.Kinds[g.kindOfAnswer(&a)].Places++
	}
	left := g.Runs / 2
	level := []turnRun{first}
	for depth := 1; depth <= g.Depth && len(level) > 0; depth++ {
		var grown [][]turnRun
		for i := range level {
			grown = append(grown, g.more(&level[i]))
		}
		next := inTurn(grown)
		if g.Runs > 0 {
			most := min(len(next), left/(g.Depth-depth+1))
			for i := range next[most:] {
				g.untried(next[most+i].candidate.last.kind, 1)
			}
			next, left = next[:most], left-most
		}
		if ok, err = g.turnLevel(ctx, next); !ok || err != nil {
			return ok, err
		}
		level = slices.DeleteFunc(next, func(r turnRun) bool { return r.outcome.Failed() })
	}
	return true, nil
}

// more returns the runs with one misfortune more, in the order in which they are tried: yields and
// orders alternate with stalls.
func (g *misfortuneSearch) more(r *turnRun) []turnRun {
	var turns []turnRun
	var stalled [len(stalls)][]turnRun // by length
	for i, a := range r.asked {
		kind := g.kindOfAnswer(&a)
		if !g.tries[kind] {
			continue
		}
		words := fmt.Sprintf("%s: of node %v, at question %d of its goroutines' turns", a.Key.Kind, a.Key.A, i+1)
		for value := uint64(1); value < max(a.Range, 2); value++ {
			a.Value = value
			if kind != g.kindOf(stallKind) {
				turns = append(turns, r.with(kind, words, a))
				continue
			}
			for k, d := range stalls {
				length := source.Answer{Key: sim.LengthOfStall(a.Key), Range: uint64(longestStall), Value: uint64(d) - 1}
				stalled[k] = append(stalled[k], r.with(kind, words+", for "+d.String(), a, length))
			}
		}
	}
	var all []turnRun
	for _, one := range stalled {
		all = append(all, spread(one)...)
	}
	return inTurn([][]turnRun{spread(turns), all})
}

// with returns the run with one misfortune more: an answer, and more to the questions that follow it.
func (r *turnRun) with(kind int, words string, a source.Answer, more ...source.Answer) turnRun {
	trial := *r.trial
	trial.Answers = append(append(slices.Clip(trial.Answers), a), more...)
	m := &misfortune{kind: kind, place: new(place), words: words}
	return turnRun{candidate: &candidate{parent: r.candidate, last: m, trial: &trial}, last: a}
}

// turnLevel makes the runs. ok is false if the search must stop.
func (g *misfortuneSearch) turnLevel(ctx context.Context, all []turnRun) (ok bool, err error) {
	candidates := make([]*candidate, len(all))
	for i := range all {
		candidates[i] = all[i].candidate
	}
	return g.inBatches(ctx, candidates, func(from, to int) []misfortuneRun {
		runs := make([]misfortuneRun, to-from)
		g.sideBySide(to-from, func(i int) {
			g.list(&all[from+i])
			runs[i].outcome = all[from+i].outcome
		})
		return runs
	}, func(*candidate, *misfortuneRun) {})
}

// list makes the run, and lists the questions after its last misfortune.
func (g *misfortuneSearch) list(r *turnRun) {
	r.outcome, r.asked = g.World.Turns(r.trial)
	if r.candidate.last == nil {
		return
	}
	at := slices.IndexFunc(r.asked, func(a source.Answer) bool { return a.Key == r.last.Key && a.Range == r.last.Range })
	r.asked = r.asked[at+1:]
}

func (g *misfortuneSearch) kindOf(name string) int {
	return slices.IndexFunc(g.kinds, func(k MisfortuneKind) bool { return k.Name == name })
}

// kindOfAnswer returns the kind of an answer about turns. Orders are choices, and have a range.
func (g *misfortuneSearch) kindOfAnswer(a *source.Answer) int {
	if a.Range > 0 {
		return g.kindOf(orderKind)
	}
	if sim.AsksToStall(a.Key.Kind) {
		return g.kindOf(stallKind)
	}
	return g.kindOf(yieldKind)
}

// scheduled returns the trial with faults that ask about every turn and operation of the nodes.
func (t *Trial) scheduled(nodes int) *Trial {
	next := *t
	id := uint64(1)
	for i := range t.Faults {
		id = max(id, t.Faults[i].ID+1)
	}
	next.Faults = slices.Clone(t.Faults)
	for node := range protocol.NodeID(nodes) {
		next.Faults = append(next.Faults,
			fault.Fault{ID: id, Op: fault.Order, Node: node},
			fault.Fault{ID: id + 1, Op: fault.Yield, Node: node, Rate: protocol.Ratio{Num: 1, Den: 2}},
			fault.Fault{ID: id + 2, Op: fault.Stall, Node: node, Rate: protocol.Ratio{Num: 1, Den: 2}, By: longestStall})
		id += 3
	}
	return &next
}
