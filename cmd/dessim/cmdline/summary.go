package cmdline

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"

	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/watch"
)

// summary is a report with what the command adds to it.
type summary struct {
	*scenario.Report
	command  string  // reproduces it
	replay   *replay // what was replayed, or nil
	saved    string  // replays a failure, or ""
	smaller  string  // shrinks it, or ""
	causes   []string
	reported string // the path of the page, or ""
	verified bool   // a second process agreed
	strict   bool   // warnings count
	paint    paint
}

// verdict returns the verdict of the report, which warnings can make inconclusive.
func (s *summary) verdict() check.Verdict {
	if s.strict {
		return s.Strict()
	}
	return s.Report.Verdict
}

// text writes the summary for people: verdict and checks, the story, nodes, figures, digest,
// and the line that repeats it.
func (s *summary) text(b *bytes.Buffer) {
	s.opening(b)
	if len(s.Checks) > 0 {
		b.WriteByte('\n')
		s.checks(b)
	}
	for i, line := range s.Story {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "%d. %s\n", i+1, plain(line))
	}
	if len(s.Nodes) > 0 {
		b.WriteByte('\n')
		s.nodes(b)
	}
	var l lines
	s.figures(&l)
	l.add("", "")
	s.identity(&l)
	l.write(b)
}

// opening writes the verdict, what failed or ended the run, and the warnings.
func (s *summary) opening(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s: scenario %s, seed %d\n", s.paint.verdict(s.verdict()), s.Scenario.Name, s.Seed)
	if s.Verdict == scenario.Failed {
		fmt.Fprintln(b, plain(s.Failure))
	}
	if c := check.Earliest(s.Checks); c != nil {
		fmt.Fprintln(b, plain(c.Name+": "+c.Detail))
		if s.Panic != nil && c.Name == explore.Panicked {
			for _, line := range watch.Callers(s.Panic.Frames) {
				fmt.Fprintln(b, plain("  "+line))
			}
		}
		fmt.Fprintln(b, plain(fmt.Sprintf("%s; see it: %s -trace run.trace", place(c), s.command)))
	}
	for i, line := range s.causes {
		if i == 0 {
			fmt.Fprintln(b, "\nwhat led to it:")
		}
		fmt.Fprintln(b, plain("  "+line))
	}
	for _, line := range s.Warnings() {
		fmt.Fprintln(b, plain(line))
	}
	if c := s.ended(); c != nil {
		fmt.Fprintln(b, plain(c.Detail))
		if s.Stuck != nil {
			for _, line := range watch.Callers(s.Stuck.Frames) {
				fmt.Fprintln(b, plain("  "+line))
			}
		}
	}
}

// ended returns the result that says why the run was ended, or nil.
func (s *summary) ended() *check.Result {
	if i := slices.IndexFunc(s.Checks, func(c check.Result) bool { return c.Name == explore.Ends }); i >= 0 {
		return &s.Checks[i]
	}
	return nil
}

// Where names and sentences of checks are wrapped.
const (
	nameWidth   = 56
	detailWidth = 50
)

func (s *summary) checks(b *bytes.Buffer) {
	t := table{head: []string{"check", "verdict", "exercised", "detail"}, right: []int{2}}
	for i := range s.Checks {
		c := &s.Checks[i]
		t.add(wrap(plain(c.Name), nameWidth), s.paint.verdict(c.Verdict), fmt.Sprint(c.Exercised), wrap(plain(detail(c)), detailWidth))
	}
	t.write(b)
}

// nodeRows adds the rows of n nodes. Of more than a few, it leaves out those between the first and
// the last ones.
func (t *table) nodeRows(n int, row func(i int) []string) {
	const few, first, last = 20, 10, 5
	for i := 0; i < n; i++ {
		if n > few && i == first {
			t.add("...", fmt.Sprintf("%d more", n-first-last))
			i = n - last
		}
		t.add(row(i)...)
	}
}

func (s *summary) nodes(b *bytes.Buffer) {
	t := table{head: []string{"node"}, right: []int{0}}
	var shown []int // columns
	for i, c := range s.Scenario.Columns {
		if c.Head == "" {
			continue
		}
		if c.Number {
			t.right = append(t.right, len(t.head))
		}
		t.head, shown = append(t.head, c.Head), append(shown, i)
	}
	t.right = append(t.right, len(t.head))
	t.head = append(t.head, "messages")
	t.nodeRows(len(s.Nodes), func(i int) []string {
		n := &s.Nodes[i]
		row := []string{n.ID.String()}
		for _, c := range shown {
			text := plain(cell(n, c))
			if short := s.Scenario.Columns[c].Short; short > 0 && len(text) > short {
				text = text[:short]
			}
			row = append(row, text)
		}
		return append(row, fmt.Sprint(n.Messages))
	})
	t.write(b)
}

// cell returns the node's text in a column.
func cell(n *scenario.Node, column int) string {
	if column >= 0 && column < len(n.Cells) {
		return n.Cells[column]
	}
	return ""
}

func (s *summary) figures(l *lines) {
	r := &s.Sim
	if s.Stuck != nil { // its step may still change everything else
		l.add("events", "%d", r.Events)
		l.add("virtual time", "%v, %v", r.End, r.Reason)
		l.add("parameters", "%s", plain(strings.Join(given(s.Scenario, &s.Params), ", ")))
		return
	}
	for _, f := range s.Facts {
		l.add(plain(f.Name), "%s", plain(f.Value))
	}
	if len(s.Counts) > 0 {
		l.add("faults", "%s", s.happened())
	}
	for i := range s.Undrawn {
		if u := &s.Undrawn[i]; u.Swarm { // others are warnings
			l.add("never drawn", "%s", u)
		}
	}
	l.add("events", "%d: received %d, timers %d, others %d", r.Events, r.Received, r.Fired, r.Events-r.Received-r.Fired)
	l.add("virtual time", "%v, %v", r.End, r.Reason)
	l.add("messages", "sent %d (%d bytes), lost %d, copied %d, to nodes that were down %d", r.Sent, r.Bytes, r.Lost, r.Copied, r.Dropped)
	flushes := ""
	if r.Flushes > 0 { // programs with files have these, and no syncs
		flushes = fmt.Sprintf(", flushes %d", r.Flushes)
	}
	l.add("outputs", "%d, syncs %d%s, crashes %d, restarts %d", r.Outputs, r.Syncs, flushes, r.Crashes, r.Restarts)
	l.add("parameters", "%s", plain(strings.Join(given(s.Scenario, &s.Params), ", ")))
}

// given returns the parameters that have a value, each with it.
func given(s *scenario.Scenario, p *scenario.Params) (all []string) {
	for _, x := range params(s, p) {
		if x[1] != "" {
			all = append(all, x[0]+" "+x[1])
		}
	}
	return all
}

// happened says which faults occurred, and how often.
func (s *summary) happened() string {
	var parts []string
	for _, c := range s.Counts {
		if c.N > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", plain(c.Name), c.N))
		}
	}
	if len(parts) == 0 {
		return "none occurred"
	}
	return strings.Join(parts, ", ")
}

func (s *summary) identity(l *lines) {
	if s.Stuck == nil {
		d := s.Sim.Digest
		l.add("digest", "%s", d)
		l.add("  decisions", "%s", layer(d.Decisions))
		l.add("  network", "%s", layer(d.Network))
		l.add("  outputs", "%s", layer(d.Outputs))
	}
	if s.verified {
		l.put("verified", s.paint.as(check.Pass, "in a second process: every event the same"))
	}
	if x := s.replay; x != nil {
		l.put("recorded", s.paint.verdict(x.Verdict)+plain(fmt.Sprintf(", digest %s: %s", x.Digest, s.recorded())))
	}
	l.add("reproduce", "%s", plain(s.command))
	if s.saved != "" {
		l.add("replay", "%s", plain(s.saved))
		l.add("shrink", "%s", plain(s.smaller))
	}
	if s.reported != "" && s.reported != standard {
		l.add("report", "%s", plain(s.reported))
	}
}

// recorded says how a replay compares to what was recorded.
func (s *summary) recorded() string {
	x := s.replay
	if s.ended() != nil && !x.same(s.Report) {
		return "not compared, since the run was ended"
	}
	n, stale := x.answers.Stats(), x.stale()
	fit := fmt.Sprintf("%d of %d answers stale", stale, n.Used+stale)
	if stale > 0 {
		fit += " (" + x.staleKinds() + ")"
	}
	switch {
	case x.same(s.Report) && x.Verdict != s.Verdict && x.Edited:
		return "the same run, " + fit + ", but the verdict differs: the file was edited after it was recorded"
	case x.same(s.Report) && x.Verdict != s.Verdict:
		return "the same run, " + fit + ", but the verdict differs: the checks changed"
	case x.same(s.Report):
		return "the same, " + fit
	case x.Edited:
		return "digest differs, " + fit + ": the file was edited after it was recorded"
	case x.diverged(s.Report):
		return "digest differs although every recorded answer was used: the code changed, or the run is nondeterministic"
	}
	return "digest differs, " + fit + ": the code changed"
}

// lines are figures with their names.
type lines [][2]string

func (l *lines) add(name, format string, args ...any) {
	l.put(name, plain(fmt.Sprintf(format, args...)))
}

// put adds a text that is plain, but for its paint.
func (l *lines) put(name, text string) { *l = append(*l, [2]string{name, text}) }

// write writes the figures under one another, after an empty line.
func (l lines) write(b *bytes.Buffer) {
	width := 0
	for _, x := range l {
		width = max(width, len(x[0]))
	}
	b.WriteByte('\n')
	for _, x := range l {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %s", width, x[0], x[1]), " ") + "\n")
	}
}

// wrap breaks text between words into lines of at most width, if words allow.
func wrap(text string, width int) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.Fields(text) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}

// table is drawn in ASCII: the width that tablewriter takes other borders for
// depends on the locale.
type table struct {
	head  []string
	right []int // columns of numbers
	rows  [][]string
}

func (t *table) add(cells ...string) {
	for len(cells) < len(t.head) {
		cells = append(cells, "")
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(b *bytes.Buffer) {
	align := make([]tw.Align, len(t.head))
	for i := range align {
		align[i] = tw.AlignLeft
	}
	for _, i := range t.right {
		align[i] = tw.AlignRight
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
	}
	w := tablewriter.NewTable(b,
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.On}}),
		tablewriter.WithSymbols(tw.NewSymbols(tw.StyleASCII)),
		tablewriter.WithEastAsian(tw.Off))
	w.Header(t.head)
	err := w.Bulk(t.rows)
	if err == nil {
		err = w.Render()
	}
	if err != nil {
		panic(fmt.Sprintf("drawing a table: %v", err))
	}
}
