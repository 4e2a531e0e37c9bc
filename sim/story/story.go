// Package story tells a run in a dozen lines: what led to its first violation, in the words of
// the protocol.
//
// A Story begins with the steps that matter, one a line: the causal chain into the violating
// step, hop by hop; other events of the things that the violation names, under any of their names;
// faults that did something, with their ends; crashes, losses, and messages that arrive late or twice.
// Then it says what the states of the nodes concerned were just before and are then, when something
// that is stuck last moved, and what the check says. It is made from a history.History, so a shrunk
// run, an unshrunk one and one that passed are told alike. Equal runs have equal stories.
//
// A Story is a guess at what a reader needs, and its length is bounded: a cause that is neither in the
// chain nor a fault can be missing. The trace has everything.
//
// Start with Of. chain.go follows causes, names.go finds out what the violation is about, weigh.go
// decides which events are told, and words.go puts them into words. beliefs.go tells states, and
// answers.go the answers that are left of a shrunk run.
package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// Most is the greatest number of lines of a Story.
const Most = 24

// Story is a run in words.
type Story struct {
	Steps   []Line   // what led to the violation, or to the end, in order
	Beliefs []string // what nodes say of themselves at that time
	End     []string // what went wrong, or how the run ended

	hops map[int]int // of steps from which causes lead to the violation
}

// Line is one step in words.
type Line struct {
	Step int
	At   protocol.Time
	Text string

	weight   int
	times    int // how many steps say this; 0 is one
	lastStep int // the last of them
	lastAt   protocol.Time
}

// String returns the line with its step and time.
func (l *Line) String() string {
	text := fmt.Sprintf("step %d, %s  %s", l.Step, span(l.At), l.Text)
	if l.times > 1 {
		text += fmt.Sprintf(" (%d times, the last in step %d, %s)", l.times, l.lastStep, span(l.lastAt))
	}
	return text
}

// span returns a time in the form of faults, to the microsecond: "1.25s".
func span(at protocol.Time) string {
	return fault.FormatSpan(time.Duration(at).Round(time.Microsecond))
}

// Lines returns the whole story.
func (s *Story) Lines() []string {
	return slices.Concat(texts(s.Steps), s.Beliefs, s.End)
}

// Causes returns the n steps that have most to do with the violation, in order.
func (s *Story) Causes(n int) []string { return texts(heaviest(s.Steps, n)) }

// Short returns the story in at most n lines: the steps that matter most, and the end.
func (s *Story) Short(n int) []string {
	end := s.End[:min(len(s.End), n)]
	return append(s.Causes(n-len(end)), end...)
}

func texts(lines []Line) []string {
	out := make([]string, len(lines))
	for i := range lines {
		out[i] = lines[i].String()
	}
	return out
}

// heaviest returns the n lines with the greatest weight, in their order. Among equals, it prefers the
// latest.
func heaviest(lines []Line, n int) []Line {
	if len(lines) <= n {
		return lines
	}
	by := make([]int, len(lines))
	for i := range by {
		by[i] = i
	}
	slices.SortFunc(by, func(a, b int) int {
		if d := lines[b].weight - lines[a].weight; d != 0 {
			return d
		}
		return b - a
	})
	by = by[:max(n, 0)]
	slices.Sort(by)
	out := make([]Line, len(by))
	for i, j := range by {
		out[i] = lines[j]
	}
	return out
}

// About says which violation a story is about.
type About struct {
	Check string // the name of the check; "" is the one that failed first
}

// Of returns the story of a run that is over, with history h and report r. A run that was abandoned
// in a step that does not end has no story: see scenario.Report.Stuck.
func Of(h *history.History, r *scenario.Report, a About) *Story {
	t := &teller{History: h, report: r, violation: violated(r.Checks, a.Check)}
	t.last = h.Last()
	if c := t.violation; c != nil && c.Step > 0 && c.Step < uint64(t.last) {
		t.last = int(c.Step)
	}
	_, t.rows = h.RowsOf(t.last)
	t.name()
	t.travel()
	t.refresh()
	t.trace()
	t.weigh()
	s := &Story{End: t.end(), hops: t.hops}
	s.Beliefs = t.beliefs()
	if t.violation != nil {
		s.Beliefs = slices.Concat(t.before(), s.Beliefs)
	}
	s.Steps = heaviest(t.lines(), Most-len(s.Beliefs)-len(s.End))
	return s
}

// violated returns the violation of that check, or else the earliest of the run; or nil.
func violated(checks []check.Result, name string) *check.Result {
	for i := range checks {
		if c := &checks[i]; c.Verdict == check.Violation && c.Name == name {
			return c
		}
	}
	return check.Earliest(checks)
}

// Before returns a history for making a run a second time. The first time ended after that many steps
// with these checks; the history keeps the states around their violation, which the story needs.
func Before(s *scenario.Scenario, p *scenario.Params, checks []check.Result, a About, steps uint64) *history.History {
	const before = 64 // steps before the violation whose states are kept
	h := history.New(s, p, history.Limits{Before: before})
	focus := steps
	if c := violated(checks, a.Check); c != nil && c.Step > 0 {
		focus = c.Step
	}
	h.Around(max(int(focus), 1), int(steps))
	return h
}

// OfTrial makes the run of a trial whose outcome is known, and returns its story. w may be nil. ok is
// false if w interrupts the run, or if the run differs in this process: see scenario.Run.Isolation.
func OfTrial(s scenario.Subject, t *explore.Trial, o *explore.Outcome, a About, w *watch.Watchdog) (_ *Story, _ *history.History, ok bool) {
	p := s.Params
	p.Nodes = t.Nodes
	h := Before(s.Scenario, &p, o.Checks, a, o.Sim.Events)
	options := scenario.Options{Watchdog: w}
	r, _ := s.Scenario.Try(s.Seed, s.Params, t, h.Attach(&options, source.NewReplay(t.Answers)), options)
	if r.Interrupted() || r.Sim.Digest != o.Digest {
		return nil, nil, false
	}
	return Of(h, &r, a), h, true
}

// teller has what is known about a run.
type teller struct {
	*history.History
	report    *scenario.Report
	violation *check.Result // or nil
	last      int           // the last step that is told
	rows      int           // the rows up to that step

	names   names                   // what the violation is about
	about   []uint8                 // by text: how much it has to do with names
	follows bool                    // some text has to do with them
	nodes   map[protocol.NodeID]int // nodes that the violation concerns, by distance: 0 is named
	odd     map[int]string          // rows of messages that arrive late or twice, and how
	hops    map[int]int             // steps from which causes lead to the violation, by distance
	fresh   []bool                  // by row: a message that its node sends, or that arrives there, for the first time
	leads   map[int]bool            // rows of messages that lead to the violation
	weight  []uint8                 // by row
	more    map[int]int             // rows that stand for others like them, and for how many
	impact  map[uint64]*impact      // of faults, by identity
}

// impact is what is known of a fault.
type impact struct {
	*fault.Fault
	n           uint64 // what it did
	first, last int    // rows where it begins first, and last
	lifted      int    // the row where it ends last, or None
}

// end returns the lines about what went wrong, or how the run ended.
func (t *teller) end() []string {
	r := t.report
	if r.Failure != "" {
		return []string{history.Cut(r.Failure)}
	}
	c := t.violation
	if c == nil {
		const most = 8
		own := r.Story[:min(len(r.Story), most)]
		return append(slices.Clone(own), fmt.Sprintf("at the end, %s: %s, verdict %s", span(r.Sim.End), r.Sim.Reason, r.Verdict))
	}
	at := "the end"
	if c.Step > 0 {
		at = fmt.Sprintf("step %d", c.Step)
	}
	lines := t.silence()
	lines = append(lines, fmt.Sprintf("at %s, %s: %s: %s", at, span(c.At), c.Name, history.Cut(c.Detail)))
	if r.Panic != nil && c.Name == explore.Panicked {
		const most = 6
		callers := watch.Callers(r.Panic.Frames)
		lines = append(lines, callers[:min(len(callers), most)]...)
	}
	return lines
}

// silence says, of a violation that only the end of the run showed, when something last happened to
// what it names.
func (t *teller) silence() []string {
	if t.violation.Step > 0 || !t.follows {
		return nil
	}
	for at := t.rows - 1; at >= 0; at-- {
		if t.interest(at) > 0 && t.news(at) {
			step := t.StepOf(at)
			return []string{fmt.Sprintf("nothing more happened to %s after step %d, %s, but repetitions", strings.Join(t.names.told(), ", "), step, span(t.at(at)))}
		}
	}
	return nil
}
