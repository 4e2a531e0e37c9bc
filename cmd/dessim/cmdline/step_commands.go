package cmdline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/wording"
)

// stepCommand is a command of the stepper.
type stepCommand struct {
	name, short string
	takes       string // what follows the name; in brackets if it can be left out
	help        string
	do          func(s *stepper, text string) (complaint string)
}

// stepCommands returns them in the order of the help.
func stepCommands() []stepCommand {
	return []stepCommand{
		{"next", "n", "[K]", "one step on, or K", func(s *stepper, text string) string { return s.move(text, 1) }},
		{"prev", "p", "[K]", "one step back, or K", func(s *stepper, text string) string { return s.move(text, -1) }},
		{"continue", "c", "", "on to the next breakpoint or violation", func(s *stepper, _ string) string { return s.toStop(1) }},
		{"reverse", "r", "", "back to the one before", func(s *stepper, _ string) string { return s.toStop(-1) }},
		{"go", "g", "WHERE", "to the step of a number, such as 4711, or the last one up to a time, such as 2.5s", (*stepper).goTo},
		{"violation", "v", "", "to the first violation", (*stepper).toViolation},
		{"why", "w", "", "the steps that led to this one, back to their root", (*stepper).why},
		{"state", "s", "[N]", "what node N, or that of this step, says of itself; + and - mark what this step changed", (*stepper).state},
		{"changes", "", "[N]", "of that state, only what this step changed", (*stepper).changes},
		{"nodes", "", "", "all nodes; * marks those with a part in this step", (*stepper).nodes},
		{"events", "e", "", "all events of this step, one by one", (*stepper).events},
		{"find", "f", "TEXT", "on to the next step with an event that has this text", (*stepper).find},
		{"break", "b", "[OP [KIND] [#K] [of N]]", "stop at an effect, such as output decided of 2; alone: list breakpoints", (*stepper).breakpoint},
		{"delete", "", "K", "delete breakpoint K", (*stepper).deleteBreak},
		{"help", "h", "", "this list; an empty line repeats the last command", (*stepper).help},
		{"quit", "q", "", "end", func(s *stepper, _ string) string { s.over, s.asks = true, false; return "" }},
	}
}

// obey does what a line says. A wrong one takes one line on stderr.
func (s *stepper) obey(line string) {
	word, text, _ := strings.Cut(line, " ")
	if word == "" {
		return
	}
	text = strings.TrimSpace(text)
	var names []string
	for _, c := range stepCommands() {
		names = append(names, c.name)
		if word != c.name && word != c.short {
			continue
		}
		switch needed := c.takes != "" && c.takes[0] != '['; {
		case c.takes == "" && text != "":
			s.complain(fmt.Sprintf("%s takes nothing, not %s", c.name, quote(text)))
		case needed && text == "":
			s.complain(fmt.Sprintf("%s: want %s %s", c.name, c.name, c.takes))
		default:
			if complaint := c.do(s, text); complaint != "" {
				s.complain(complaint)
			}
		}
		return
	}
	s.complain(fmt.Sprintf("unknown command %s; %s", quote(word), didYouMean(word, "", names)))
}

func (s *stepper) help(string) string {
	for _, c := range stepCommands() {
		name := c.name
		if c.short != "" {
			name = c.short + ", " + name
		}
		s.say("%-38s %s", strings.TrimSpace(name+" "+c.takes), c.help)
	}
	return ""
}

// to goes to a step, and shows it.
func (s *stepper) to(step int) {
	s.step = step
	s.show()
}

// move goes some steps on or back, but not past an end.
func (s *stepper) move(text string, direction int) string {
	by, err := strconv.Atoi(cmp.Or(text, "1"))
	if err != nil || by < 1 {
		return fmt.Sprintf("%s: want a number of steps from 1", quote(text))
	}
	by = min(by, s.Last()) // so that no sum overflows
	switch step := s.step + direction*by; {
	case direction > 0 && s.step == s.Last():
		s.say("the end of the run: %s", cmp.Or(s.Reason, "it broke"))
	case direction < 0 && s.step == 1:
		s.say("the beginning of the run")
	default:
		s.to(min(max(step, 1), s.Last()))
	}
	return ""
}

// stops returns the steps with a breakpoint or a violation, ascending.
func (s *stepper) stops() (steps []int) {
	for _, v := range s.violations {
		steps = append(steps, v.step)
	}
	for _, b := range s.breaks {
		for _, row := range b.rows {
			steps = append(steps, s.StepOf(row))
		}
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

// toStop goes to the next stop in a direction, or else to the end there.
func (s *stepper) toStop(direction int) string {
	steps := s.stops()
	i, here := slices.BinarySearch(steps, s.step)
	if direction < 0 {
		i--
	} else if here {
		i++
	}
	switch {
	case i >= 0 && i < len(steps):
		s.to(steps[i])
	case direction < 0:
		s.say("no breakpoint or violation before step %d: the beginning of the run", s.step)
		if s.step > 1 {
			s.to(1)
		}
	default:
		s.say("no breakpoint or violation after step %d: the end of the run", s.step)
		if s.step < s.Last() {
			s.to(s.Last())
		}
	}
	return ""
}

func (s *stepper) goTo(text string) string {
	to, err := parsePoint(&flag{name: "go", given: true, text: text})
	if err != nil {
		return err.Error()
	}
	if to.step > uint64(s.Last()) {
		return fmt.Sprintf("no step %d: the run has %s", to.step, wording.Count(s.Last(), "step"))
	}
	step := int(to.step)
	if step == 0 {
		step, _ = slices.BinarySearchFunc(s.Steps, to.at+1, func(x history.Step, at protocol.Time) int { return cmp.Compare(x.At, at) })
		step = max(step-1, 1)
	}
	s.to(step)
	return ""
}

func (s *stepper) toViolation(string) string {
	if len(s.violations) == 0 {
		s.verdict("no check fails: the verdict is ", s.report.Verdict, "")
		return ""
	}
	s.to(s.violations[0].step)
	return ""
}

// why shows the chain of causes. Of a long one, such as that of a periodic timer, it leaves out
// the middle.
func (s *stepper) why(string) string {
	const most = 24
	steps := s.Why(s.step)
	for i, step := range steps {
		if left := len(steps) - most; left > 0 && i >= most-1 && i < len(steps)-1 {
			if i == most-1 {
				s.say("... %s", wording.Count(left, "more step"))
			}
			continue
		}
		s.say("step %d, %s: %s", step, sim.Micros(s.Steps[step].At), s.title(step))
	}
	return ""
}

func (s *stepper) find(text string) string {
	for step := s.step + 1; step <= s.Last(); step++ {
		from, to := s.RowsOf(step)
		for i := from; i < to; i++ {
			if strings.Contains(s.words(i), text) {
				s.to(step)
				return ""
			}
		}
	}
	s.say("no %s after step %d", quote(text), s.step)
	return ""
}

func (s *stepper) breakpoint(text string) string {
	if text == "" {
		for i, b := range s.breaks {
			s.say("%d. %s: %s", i+1, b.text, wording.Count(len(b.rows), "time"))
		}
		if len(s.breaks) == 0 {
			s.say("no breakpoints")
		}
		return ""
	}
	a, err := fault.ParseAnchor(text)
	if err != nil {
		return "break " + err.Error()
	}
	if complaint := s.breakAt(a); complaint != "" {
		return complaint
	}
	b := s.breaks[len(s.breaks)-1]
	s.say("breakpoint %d: %s, %s in the run", len(s.breaks), b.text, wording.Count(len(b.rows), "time"))
	return ""
}

func (s *stepper) deleteBreak(text string) string {
	i, err := strconv.Atoi(text)
	if err != nil || i < 1 || i > len(s.breaks) {
		return fmt.Sprintf("delete %s: want the number of a breakpoint; break lists them", quote(text))
	}
	s.say("deleted: %s", s.breaks[i-1].text)
	s.breaks = slices.Delete(s.breaks, i-1, i)
	return ""
}

func (s *stepper) nodes(string) string {
	for id, l := range s.Lives(s.step) {
		mark, what := " ", "has yet to start"
		switch {
		case l.Damaged:
			what = "down for good"
		case l.Up:
			what = fmt.Sprintf("up, incarnation %d", l.Incarnation)
		case l.Incarnation > 0:
			what = fmt.Sprintf("down, after incarnation %d", l.Incarnation)
		}
		if l.Step == s.step {
			mark = "*"
		}
		if l.Step > 0 {
			what += fmt.Sprintf(", last step %d", l.Step)
		}
		s.say("%s node %d: %s", mark, id, what)
	}
	return ""
}

// state shows a node, and marks what the step changed.
func (s *stepper) state(text string) string {
	return s.describe(text, func(lines []string) []string { return lines })
}

// changes shows what the step changed in a node.
func (s *stepper) changes(text string) string { return s.describe(text, outline) }

func (s *stepper) describe(text string, show func([]string) []string) string {
	id, complaint := s.nodeOf(text)
	if complaint != "" {
		return complaint
	}
	before, now := s.at(id, s.step-1), s.at(id, s.step)
	lines := lineDiff(before, now)
	s.say("node %v after step %d: %s", id, s.step, changed(lines))
	for _, line := range show(lines) {
		s.say("%s", line)
	}
	return ""
}

// nodeOf reads the number of a node. Without one it is that of the step.
func (s *stepper) nodeOf(text string) (id protocol.NodeID, complaint string) {
	nodes := s.States.Nodes()
	if text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n >= uint64(nodes) {
			return 0, fmt.Sprintf("node %s: want a number from 0 to %d", quote(text), nodes-1)
		}
		return protocol.NodeID(n), ""
	}
	if from, to := s.RowsOf(s.step); from < to && s.Rows[from].Node != protocol.Outside {
		return s.Rows[from].Node, ""
	}
	return 0, fmt.Sprintf("step %d is of no node; want the number of one", s.step)
}

// at returns the lines in which a node describes itself after a step, or says why it does not.
// If no history has kept them, the run is made again.
func (s *stepper) at(id protocol.NodeID, step int) []string {
	life := s.Lives(step)[id]
	switch {
	case life.Damaged:
		return []string{"down for good"}
	case !life.Up && life.Incarnation == 0:
		return []string{"has yet to start"}
	case !life.Up:
		return []string{"down"}
	}
	if p := s.report.Panic; p != nil && uint64(step) == p.Step && step == s.Last() {
		return append(s.at(id, step-1), "in this step node "+p.Node.String()+" panicked: the state is that before")
	}
	text, known := s.states.At(id, step)
	if !known {
		again := history.New(s.Scenario, &s.Params, history.Usual)
		again.Around(max(step, 1), s.Last())
		s.again(again)
		s.states = &again.States
		text, known = s.states.At(id, step)
	}
	switch {
	case !known:
		return []string{"no state is known: the run was interrupted when it was made again"}
	case len(text) == 0:
		return []string{"does not describe its state"}
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// events shows all events of the step.
func (s *stepper) events(string) string {
	from, to := s.RowsOf(s.step)
	for i := from; i < to; i++ {
		s.say("  %-9v  %s", s.Rows[i].What, s.words(i))
	}
	if from == to {
		s.say("no observer sees an event of this step")
	}
	return ""
}

// show prints the step: what happens in it, the beginning of what comes of that, and why the
// walk may stop here.
func (s *stepper) show() {
	const most = 12
	s.say("step %d, %s ms: %s", s.step, sim.Millis(s.Steps[s.step].At), s.title(s.step))
	from, to := s.RowsOf(s.step)
	for i := from + 1; i < to; i++ {
		if i-from > most {
			s.say("  ... %s: see events", wording.Count(to-i, "more event"))
			break
		}
		s.say("  %s", s.words(i))
	}
	for i, b := range s.breaks {
		if at, _ := slices.BinarySearch(b.rows, from); at < len(b.rows) && b.rows[at] < to {
			s.say("  breakpoint %d: %s", i+1, b.text)
		}
	}
	for _, v := range s.violations {
		if v.step == s.step {
			s.verdict("  ", check.Violation, ": %s", v.text)
		}
	}
}
