package report

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// runs are the runs of which pages are tested: every sort of event is among theirs.
var runs = []struct {
	scenario *scenario.Scenario
	flags    string
}{
	{scenarios.Find("concurrent"), "-nodes 3 -txs 2"},
	{scenarios.Find("chaos"), "-nodes 4 -txs 3"},
	{scenarios.Find("chaos"), "-nodes 3 -txs 2 -order raft"},
	{scenarios.Find("kv"), "-nodes 3"},
	{scenarios.Find("crash"), "-until 20s -faults none -fault 'corrupt *>* 20% at 3s for 5s; rot 1 at 4s; crash 1 at 5s; crash 2 after send vote #1; pause 0 at 6s for 1s'"},
	{toys(func() protocol.Node { return new(describing) }), "-fault 'crash 1 at 500us for 5ms'"},
}

func TestAPageHasEveryEventOfTheRun(t *testing.T) {
	seen := sim.What(0)
	for _, c := range runs {
		x := show(t, c.scenario, c.flags, nil)
		where := c.scenario.Name + " " + c.flags
		rows := x.run.decode(t)
		events := x.events[:len(x.events)-1] // but Ended
		if len(rows) != len(events) {
			t.Fatalf("%s: %d rows of %d events", where, len(rows), len(events))
		}
		p, _ := c.scenario.ParseParams(c.flags)
		words := c.scenario.Words(&p)
		for i, e := range events {
			seen |= e.What
			if got, want := x.run.words(&rows[i], rows), wordsOf(&e, words, c.scenario.Text != nil); got != want {
				t.Fatalf("%s: row %d is\n%s\nwant\n%s", where, i, got, want)
			}
		}
	}
	if missing := sim.Everything &^ seen &^ sim.Ended &^ sim.Shadowed; missing != 0 {
		t.Errorf("vacuous: no run has the event %v", missing)
	}
}

// wordsOf puts an event into words, as far as a page has it.
func wordsOf(e *sim.Event, words func(*sim.Event) string, reads bool) string {
	if e.What == sim.Copied && e.Tag == sim.Again { // a page shows it as sent
		again := *e
		again.What = sim.Sent
		e = &again
	}
	s := fmt.Sprintf("step %d at %d: %v of %d", e.Step, int64(e.At), e.What, int32(e.Node))
	switch e.What {
	case sim.Received, sim.Dropped, sim.Sent:
		return s + fmt.Sprintf(" and %d: %v %q", int32(e.Peer), e.Kind, bodyWords(e, words, reads))
	case sim.Lost, sim.Copied:
		return s
	case sim.Corrupted:
		return s + fmt.Sprintf(" %q", bodyWords(e, words, reads))
	case sim.Fired, sim.TimerCancelled, sim.TimerSet:
		fired := *e
		fired.What = sim.Fired
		return s + " " + cmp.Or(words(&fired), sim.TimerText(e.Tag))
	case sim.Output:
		return s + fmt.Sprintf(" %v %q", e.Kind, bodyWords(e, words, reads))
	case sim.Noted:
		return s + fmt.Sprintf(" %v %q", e.Kind, history.Cut(e.Text))
	case sim.Persisted:
		return s + fmt.Sprintf(" %d %q", e.Tag, bodyWords(e, words, reads))
	case sim.Flushing, sim.Flushed:
		text := sim.IndicesText(e.Body)
		if e.Text != "" {
			text += ": " + e.Text
		}
		return s + fmt.Sprintf(" %d %q", e.Tag, text)
	case sim.Salvaged:
		record := *e
		record.What = sim.Persisted
		return s + fmt.Sprintf(" %d %q", e.Tag, e.Text+": "+bodyWords(&record, words, reads))
	case sim.Synced, sim.Discarded:
		return s + fmt.Sprintf(" %d", e.Tag)
	case sim.Started:
		return s + fmt.Sprintf(" %d", e.Incarnation)
	case sim.Damaged:
		return s + fmt.Sprintf(" %q", e.Text)
	}
	return s + fmt.Sprintf(" %q %d", e.Text, e.Tag)
}

// bodyWords returns the words for a body, or what it looks like.
func bodyWords(e *sim.Event, words func(*sim.Event) string, reads bool) string {
	text := words(e)
	if text == "" && len(e.Body) > 0 && reads && e.What != sim.Output {
		return "not readable: " + history.BodyText("", e.Body)
	}
	return history.BodyText(text, e.Body)
}

// words puts a row into the words of wordsOf.
func (r *Run) words(x *decoded, rows []decoded) string {
	i := strings.IndexByte("ACRFSLYXDPZONIJGETVUHKW", x.what)
	what := sim.What(1 << i)
	s := fmt.Sprintf("step %d at %d: %v of %d", x.step, x.at, what, x.node)
	text := func(i int) string {
		if i == history.None {
			return "none"
		}
		return r.Texts[i]
	}
	switch what {
	case sim.Received, sim.Dropped:
		if x.origin == history.None {
			return s + fmt.Sprintf(" and -1: %s %q", r.kind(x), text(x.text))
		}
		at := x.origin
		if rows[at+1].what == 'X' && rows[at+1].node == rows[at].node {
			x = &rows[at+1]
		}
		for rows[at].what == 'Y' || rows[at].what == 'X' || rows[at].what == 'L' {
			at-- // to what was sent
		}
		if x.what != 'X' {
			x = &rows[at]
		}
		return s + fmt.Sprintf(" and %d: %s %q", rows[at].node, r.kind(&rows[at]), text(x.text))
	case sim.Sent:
		return s + fmt.Sprintf(" and %d: %s %q", x.peer, r.kind(x), text(x.text))
	case sim.Lost, sim.Copied:
		return s
	case sim.Corrupted:
		return s + fmt.Sprintf(" %q", text(x.text))
	case sim.Fired, sim.TimerCancelled:
		if rows[x.origin].num != x.num || rows[x.origin].what != 'T' {
			return "of another timer"
		}
		return s + " " + r.Timers[x.num]
	case sim.TimerSet:
		return s + " " + r.Timers[x.num]
	case sim.Output, sim.Noted:
		return s + fmt.Sprintf(" %s %q", r.kind(x), text(x.text))
	case sim.Persisted, sim.Flushing, sim.Flushed, sim.Salvaged:
		return s + fmt.Sprintf(" %d %q", x.num, text(x.text))
	case sim.Synced, sim.Discarded, sim.Started:
		return s + fmt.Sprintf(" %d", x.num)
	case sim.Damaged:
		return s + fmt.Sprintf(" %q", text(x.text))
	}
	return s + fmt.Sprintf(" %q %d", text(x.text), x.num)
}

func (r *Run) kind(x *decoded) string {
	if x.kind == history.None || r.Kinds[x.kind] == "" {
		return protocol.Kind(0).String()
	}
	return r.Kinds[x.kind]
}

// A page has the states that the nodes describe between the steps.
func TestAPageHasTheStateOfEachNodeAfterEachStep(t *testing.T) {
	for _, c := range runs {
		x := show(t, c.scenario, c.flags, nil)
		s := c.scenario
		p, _ := s.ParseParams(c.flags)
		var m *sim.Sim
		differ := 0
		s.Execute(1, p, source.Seed(1), scenario.Options{
			Every: 1, Begun: func(begun *sim.Sim) { m = begun },
			Stop: func(events uint64, _ protocol.Time) bool {
				if events%397 != 0 { // all would take long
					return false
				}
				if got, want := x.run.state(int(events)), described(m); !reflect.DeepEqual(got, want) && differ == 0 {
					differ++
					for id := range want {
						if !slices.Equal(got[id], want[id]) {
							t.Errorf("%s: step %d: node %d is\n%s\nwant\n%s", c.scenario.Name+" "+c.flags, events, id, strings.Join(got[id], "\n"), strings.Join(want[id], "\n"))
						}
					}
				}
				return false
			},
		})
		if !x.run.Described || x.run.Kept.States != [3]int{1, len(x.run.Dt), 0} {
			t.Errorf("%s: states are kept of steps %v of %d", c.scenario.Name+" "+c.flags, x.run.Kept.States, len(x.run.Dt))
		}
	}
}

func TestARecorderChangesNoRunAndItsPageHasTheSameBytes(t *testing.T) {
	for _, c := range runs {
		s := c.scenario
		p, _ := s.ParseParams(c.flags)
		plain, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
		a, b := show(t, c.scenario, c.flags, nil), showRun(t, s, p, nil)
		if a.report.Sim != plain.Sim {
			t.Errorf("%s: with a recorder %+v, without %+v", c.scenario.Name+" "+c.flags, a.report.Sim, plain.Sim)
		}
		if !bytes.Equal(a.page, b.page) {
			t.Errorf("%s: two pages differ", c.scenario.Name+" "+c.flags)
		}
	}
}

func TestWhatIsBeyondALimitIsLeftOutAndThePageSaysSo(t *testing.T) {
	whole := show(t, scenarios.Find("chaos"), "-nodes 4 -txs 3", nil)
	if len(whole.run.Notes) != 0 && !strings.HasPrefix(whole.run.Notes[0], "Answers") {
		t.Errorf("notes %q of a small run", whole.run.Notes)
	}
	last := len(whole.run.Dt)
	small := show(t, scenarios.Find("chaos"), "-nodes 4 -txs 3", func(k *history.Limits, l *limits) {
		*k, *l = history.Limits{Bytes: 100_000, Before: 100, After: 50, Sparse: 400}, limits{lines: 60_000, texts: 20_000, answers: 100}
	})
	k := small.run.Kept
	if k.States[0] <= 1 || k.States[1] != last || k.States[2] < 2 {
		t.Errorf("states are kept of steps %v", k.States)
	}
	if k.Texts[0] <= 1 || k.Texts[1] != last || k.Answers[0] <= 1 {
		t.Errorf("texts are kept of steps %v, answers of %v", k.Texts, k.Answers)
	}
	if got := fmt.Sprint(small.run.Notes); !strings.Contains(got, "words") || !strings.Contains(got, "Answers") || !strings.Contains(got, "States") {
		t.Errorf("notes %s", got)
	}
	rows, all := small.run.decode(t), whole.run.decode(t)
	for i := range rows {
		if rows[i].step < k.Texts[0] || rows[i].what != 'S' {
			continue
		}
		if rows[i].text == history.None || small.run.Texts[rows[i].text] != whole.run.Texts[all[i].text] {
			t.Fatalf("row %d of step %d lacks its words, or has others", i, rows[i].step)
		}
	}
	for step := k.States[0]; step <= last; step += 37 {
		if !reflect.DeepEqual(small.run.state(step), whole.run.state(step)) {
			t.Fatalf("the states after step %d differ from those of the whole page", step)
		}
	}
	if a, b := small.run.Answers.Line, whole.run.Answers.Line; len(a) != 100 || !slices.Equal(a, b[len(b)-100:]) {
		t.Errorf("%d answers, want the last 100 of %d", len(a), len(b))
	}
}

// The states around the violation are kept, however long the run goes on.
func TestWhatIsAroundTheViolationIsKept(t *testing.T) {
	s := *scenarios.Find("chaos")
	build := s.Build
	const bad = 900
	s.Build = func(b *scenario.Setup) *scenario.Run {
		r := build(b)
		r.Checks = append(r.Checks, check.Always("all is well", sim.Everything, func(e *sim.Event) (bool, error) {
			if e.Step == bad {
				return true, errors.New("it is not")
			}
			return true, nil
		}))
		return r
	}
	p, _ := s.ParseParams("-nodes 4 -txs 3")
	whole := showRun(t, &s, p, nil)
	x := showRun(t, &s, p, func(k *history.Limits, l *limits) {
		*k, *l = history.Limits{Bytes: 100_000, Before: 100, After: 50, Sparse: 400}, limits{lines: 200_000, texts: 30_000, answers: 400}
	})
	k := x.run.Kept
	if x.run.Focus != bad || k.States[0] > bad-100 || k.States[0] < 2 || k.States[1] < bad+49 || k.States[1] > bad+50 {
		t.Errorf("the page opens at %d, and has the states of %v", x.run.Focus, k.States)
	}
	if k.Texts[0] > bad || k.Texts[1] < bad || k.Answers[0] > bad || k.Answers[1] < bad {
		t.Errorf("texts are kept of steps %v, answers of %v", k.Texts, k.Answers)
	}
	for step := k.States[0]; step <= k.States[1]; step += 7 {
		if !reflect.DeepEqual(x.run.state(step), whole.run.state(step)) {
			t.Fatalf("the states after step %d differ from those of the whole page", step)
		}
	}
}

// Each answer stands after the row that asked for it.
func TestAnswersStandWhereTheyWereAskedFor(t *testing.T) {
	x := show(t, scenarios.Find("chaos"), "-nodes 4 -txs 3", func(_ *history.Limits, l *limits) { l.answers = 1 << 20 })
	rows := x.run.decode(t)
	at, delays := 0, 0
	for i, line := range x.run.Answers.Line {
		at += x.run.Answers.Row[i]
		var kind, a, b string
		fmt.Sscan(line, &kind, &a, &b)
		if kind != "net.delay" {
			continue
		}
		delays++
		row := &rows[at]
		if strings.IndexByte("SYX", row.what) < 0 || fmt.Sprint(row.node) != a {
			t.Fatalf("%s stands after row %d, a %c of node %d", line, at, row.what, row.node)
		}
	}
	if delays < 1000 {
		t.Errorf("vacuous: %d delays", delays)
	}
}
