package explore

import (
	"context"
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

// Small is a world so small that all its runs can be made: few nodes, few messages,
// and few answers to each question.
//
// # What is skipped
//
// The order of what happens at one time to different nodes is never a question:
// package sim has one order for it, and any other would give the same run. So of
// the orders in which simultaneous messages reach different nodes, one is made, and
// only those that reach one node are made in all orders that the delays allow. To
// profit, let the delays be multiples of one unit: see source.Parts.
//
// Messages that reach different nodes at different times commute too, once both are
// there: both orders lead to one state. So where a run comes into a state from
// which another run went on before, it is given up. That is sound, as all that
// follows is a function of the state and of the answers to come, under four
// conditions.
//
//   - The state is whole. sim.Sim.State gives what the simulator knows; Machine must
//     give the rest. Two states count as one if their 64-bit folds are equal.
//   - The time is part of the state, unless Timeless.
//   - What is asked again is answered as before, so an old answer could be part of
//     what follows. The questions that recur are known only when they do: then the
//     search begins again, with their answers as part of the state. When it ends,
//     none has recurred but these. A run that was given up would have gone on as the
//     other did, with some questions answered already that were open there: its ways
//     on are among those that were tried.
//   - Under a bound on misfortunes, what is left of it is part of the state: a run is
//     given up if the other one had at least as many left.
//
// What is lost is how a run came there. So Judge may look only at what State folds:
// the machines, and what each node has put out, in its order; not at how the outputs
// of different nodes interleave, nor at when they came.
type Small struct {
	// Make prepares a run under src, and gives what judges it at its end: a run that
	// shows nothing wants an error too, or it counts as one that passed. It must give
	// the same plan each time, but for what src answers.
	Make func(src protocol.Source) (s *sim.Sim, judge func() error)
	// Machine folds all that the steps of a machine depend on; m is nil of a node
	// that is down. A nil Machine keeps all runs. See Described.
	Machine func(id protocol.NodeID, m protocol.Node) uint64
	// Timeless says that nothing but pending events depends on the time: no node reads
	// its clock, no fault has a window, and Until is far. Then states that differ in
	// their time alone are one.
	Timeless bool
	// Values and Most are those of source.Exhaust.
	Values func(k protocol.Key, n uint64) []uint64
	Most   int
	// Runs, if not 0, is the number of runs after which the search gives up.
	Runs int
}

// Described is a Machine for nodes whose description is all of their state. It
// panics of another node.
func Described(id protocol.NodeID, m protocol.Node) uint64 {
	if m == nil {
		return 0
	}
	d, ok := m.(protocol.Describer)
	if !ok {
		panic(fmt.Sprintf("explore: node %v is a %T, which cannot describe itself", id, m))
	}
	return protocol.HashBytes(d.Describe(nil))
}

// Exhausted is what the search of a Small came to.
type Exhausted struct {
	Runs     int  // that came to an end
	Skipped  int  // given up in a state that was known
	States   int  // that are known
	Repeated int  // runs and skipped ones of searches that had to begin again
	Complete bool // nothing is left
	Failures int  // of Runs
	// Failed is the failing run with the fewest misfortunes, the first of them.
	Failed *FailedRun
}

// FailedRun is a run that failed.
type FailedRun struct {
	Err         error
	Misfortunes int
	Answers     []source.Answer // for source.NewReplay
}

// Exhaust makes all runs, or as many as it may until ctx is over.
func (x *Small) Exhaust(ctx context.Context) (r Exhausted) {
	g := &search{Small: x, recur: make(map[recurring]bool)}
	for {
		repeated := r.Repeated + r.Runs + r.Skipped
		r = Exhausted{Repeated: repeated}
		g.again = false
		if g.once(ctx, &r); !g.again {
			return r
		}
	}
}

// search is an Exhaust under way. It is the Source of its runs, so that it sees
// what recurs.
type search struct {
	*Small
	answers *source.Exhaust
	seen    map[uint64]int // misfortunes of the luckiest run in that state
	recur   map[recurring]bool
	again   bool // something recurs that did not before
}

type recurring struct {
	key protocol.Key
	n   uint64 // 0 of a Chance
}

// Choose asks the Exhaust.
func (g *search) Choose(k protocol.Key, n uint64) uint64 {
	asked := g.answers.Asked()
	v := g.answers.Choose(k, n)
	g.note(recurring{k, n}, asked)
	return v
}

// Chance asks the Exhaust.
func (g *search) Chance(k protocol.Key, p protocol.Ratio) bool {
	asked := g.answers.Asked()
	v := g.answers.Chance(k, p)
	g.note(recurring{key: k}, asked)
	return v
}

// note notes a question that was not new.
func (g *search) note(q recurring, asked int) {
	if g.answers.Asked() == asked && !g.recur[q] {
		g.recur[q] = true
		g.again = true
	}
}

// once goes through all runs, or until something new recurs and states matter.
func (g *search) once(ctx context.Context, r *Exhausted) {
	g.answers = &source.Exhaust{Values: g.Values, Most: g.Most}
	g.seen = make(map[uint64]int)
	for g.answers.Next() {
		if ctx.Err() != nil || g.Runs > 0 && r.Runs+r.Skipped+r.Repeated >= g.Runs {
			return
		}
		skipped, err := g.run()
		if g.again = g.again && g.Machine != nil; g.again {
			r.Skipped++ // it counts among the repeated
			return
		}
		r.States = len(g.seen)
		if skipped {
			r.Skipped++
			continue
		}
		r.Runs++
		if err == nil {
			continue
		}
		r.Failures++
		if n := g.answers.Spent(); r.Failed == nil || n < r.Failed.Misfortunes {
			r.Failed = &FailedRun{err, n, g.answers.Answers()}
		}
	}
	r.Complete = true
}

// run makes a run, up to a state that is known. A panic is a failure.
func (g *search) run() (skipped bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	s, judge := g.Make(g)
	for {
		if g.Machine != nil && g.answers.Fresh() && g.known(s) {
			return true, nil
		}
		if !s.Advance(1) {
			return false, judge()
		}
	}
}

// known reports whether another run went on from this state, with at least as many
// misfortunes left.
func (g *search) known(s *sim.Sim) bool {
	state, ok := s.State(g.Machine)
	if !ok {
		return false
	}
	if !g.Timeless {
		state = protocol.Hash2(state, uint64(s.Now()))
	}
	if len(g.recur) > 0 {
		old := uint64(0) // a sum, since the order of asking is no part of the state
		g.answers.Given(func(k protocol.Key, n, answer uint64) {
			if g.recur[recurring{k, n}] {
				old += protocol.Hash3(protocol.Hash3(uint64(k.Kind), uint64(k.A)<<32|uint64(k.B), k.N), n, answer)
			}
		})
		state = protocol.Hash2(state, old)
	}
	spent := g.answers.Spent()
	if g.Most == 0 {
		spent = 0
	}
	least, seen := g.seen[state]
	if seen && least <= spent {
		return true
	}
	g.seen[state] = spent
	return false
}

// String gives the figures.
func (r *Exhausted) String() string {
	how := "all"
	if !r.Complete {
		how = "not all"
	}
	return fmt.Sprintf("%d runs, %s there are; %d given up in one of %d known states; %d failed", r.Runs, how, r.Skipped, r.States, r.Failures)
}
