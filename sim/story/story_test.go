package story_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/story"
	"dessim/sim/swarm"
)

// register is one of two nodes: the first passes letters on, the second holds the last one.
type register struct{ value string }

func (r *register) Start(*protocol.Env) {}

func (r *register) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		env.Send(1, protocol.KindOf("set"), msg)
		return
	}
	r.value = string(msg)
	env.Output(protocol.KindOf("holds"), msg)
}

func (r *register) Timeout(*protocol.Env, uint64) {}

// described is a register that describes itself.
type described struct{ register }

func (d *described) Describe(b []byte) []byte {
	return fmt.Appendf(b, "value: %s\n", cmp.Or(d.value, "none"))
}

// mute is a register whose description panics.
type mute struct{ register }

func (m *mute) Describe([]byte) []byte { panic("no words") }

// broken is a register that panics at the letter d.
type broken struct{ register }

func (b *broken) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if string(msg) == "d" && from != protocol.Outside {
		panic("no d, please")
	}
	b.register.Receive(env, from, msg)
}

// registers sends the letters a to f, one a second, to a register that must never go back, and
// miss none.
func registers(node func() protocol.Node) *scenario.Scenario {
	return &scenario.Scenario{
		Name: "registers", Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Until: time.Minute, Faults: "none"},
		Text: func(_ *scenario.Params, e *sim.Event) string { return string(e.Body) },
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return node() }, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter}, Until: protocol.Time(b.Until)}
			for i := range uint64(6) {
				late := b.Source.Choose(protocol.Key{Kind: protocol.KindOf("work.late"), N: i}, 4)
				plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(time.Second)*protocol.Time(i+1) + protocol.Time(late), Body: []byte{'a' + byte(i)}})
			}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0, 1}, From: 1, To: protocol.Time(10 * time.Second), Delay: time.Millisecond, Most: 1})
			last, held := byte(0), 0
			return &scenario.Run{Plan: plan, Checks: check.Suite{
				check.Always("letters ascend", sim.Output, func(e *sim.Event) (bool, error) {
					before := last
					last, held = e.Body[0], held+1
					if last < before {
						return true, fmt.Errorf("node %v holds %c after %c", e.Node, last, before)
					}
					return true, nil
				}),
				check.Eventually("no letter is missing", protocol.Time(10*time.Second), func() (uint64, error) {
					if held < 6 {
						return 1, errors.New("node 1 misses letters")
					}
					return 1, nil
				}),
			}}
		},
	}
}

// made returns the story of a run.
func made(t *testing.T, s *scenario.Scenario, flags string, seed uint64) (*story.Story, *scenario.Report) {
	t.Helper()
	p, err := s.ParseParams(flags)
	if err != nil {
		t.Fatal(err)
	}
	run := func(h *history.History) scenario.Report {
		var o scenario.Options
		r, _ := s.Execute(seed, p, h.Attach(&o, source.Seed(seed)), o)
		return r
	}
	r := run(history.New(s, &p, history.Limits{}))
	h := story.Before(s, &p, r.Checks, story.About{}, r.Sim.Events)
	r = run(h)
	return story.Of(h, &r, story.About{}), &r
}

func plain() protocol.Node      { return new(register) }
func describing() protocol.Node { return new(described) }

// failing returns the story of the first seed whose run violates that check.
func failing(t *testing.T, flags, name string) *story.Story {
	t.Helper()
	for seed := range uint64(50) {
		s, r := made(t, registers(describing), flags, seed)
		if o := r.Outcome(); o.Check() == name {
			t.Logf("seed %d:\n%s", seed, strings.Join(s.Lines(), "\n"))
			return s
		}
	}
	t.Fatalf("no run with %s violates %q", flags, name)
	return nil
}

func wantLines(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, words := range want {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, words) }) {
			t.Errorf("no line has %q:\n%s", words, strings.Join(lines, "\n"))
		}
	}
}

func TestAStoryHasTheLateMessageAndWhatOvertookIt(t *testing.T) {
	s := failing(t, "-fault 'slow 0>1 by 1500ms at 2900ms for 200ms'", "letters ascend")
	wantLines(t, s.Lines(), "a fault begins: slow 0>1", "the fault ends: slow 0>1", "node 1 receives set c from 0, late, 1.501s after it was sent in step", "overtaken by set d of step", "letters ascend: node 1 holds c after d")
	wantLines(t, s.Causes(3), "overtaken by set d")
	wantLines(t, s.Short(3), "overtaken by set d", "letters ascend")
}

func TestAStoryHasTheStaleCopy(t *testing.T) {
	const flags = "-jitter 3s -fault 'copy 0>1 100% at 900ms for 200ms'"
	for seed := range uint64(200) {
		s, r := made(t, registers(describing), flags, seed)
		o := r.Outcome()
		lines := s.Lines()
		if !strings.Contains(o.Violated().Detail, "holds a") || !strings.Contains(s.Steps[len(s.Steps)-1].Text, "for the second time") {
			continue // another letter is late, or the original
		}
		wantLines(t, lines, "sends set a to 1, which is copied", "node 1 receives set a from 0, for the second time, after step ")
		return
	}
	t.Fatal("no run has a stale copy")
}

func TestAStoryHasTheLostMessage(t *testing.T) {
	s := failing(t, "-fault 'lose 0>1 100% at 2900ms for 200ms'", "no letter is missing")
	wantLines(t, s.Lines(), "node 0 receives an input: c; sends set c to 1, which is lost", "at the end, ", "no letter is missing: node 1 misses letters")
	wantLines(t, s.Causes(3), "set c to 1, which is lost")
}

func TestAnswersThatMatterMostComeFirst(t *testing.T) {
	s := registers(describing)
	p, err := s.ParseParams("-jitter 3s")
	if err != nil {
		t.Fatal(err)
	}
	subject := scenario.Subject{Scenario: s, Params: p, Seed: 3}
	w := s.World(subject.Seed, p)
	_, trial := w.Seed(subject.Seed, nil, true)
	for _, runs := range []int{1, 1000} {
		out, err := explore.Shrink(context.Background(), w, trial, explore.ShrinkOptions{Runs: runs, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		told, h, ok := story.OfTrial(subject, out.After, &out.Is, story.About{Check: out.Check}, nil)
		if !ok {
			t.Fatal("interrupted")
		}
		answers := story.Answers(&out, h, told)
		work := slices.IndexFunc(answers, func(line string) bool { return strings.HasPrefix(line, "work.late of operation ") })
		delay := regexp.MustCompile(`^net\.delay 0>1 is longer by \S+: set [a-f] of step \d+$`)
		for i, line := range answers {
			if net := delay.MatchString(line); net != (work < 0 || i < work) {
				t.Errorf("answer %d of %q", i, answers)
			}
		}
		if got := len(story.Answers(&out, nil, nil)); len(answers) < 1 || got != len(answers) || (work > 0) != (runs == 1) {
			t.Errorf("%d runs leave %q", runs, answers)
		}
	}
}

func TestAPauseAndAPartitionHaveTheirEnds(t *testing.T) {
	s := failing(t, "-fault 'pause 1 at 1900ms for 2s; partition 0|1 at 4900ms for 200ms'", "no letter is missing")
	wantLines(t, s.Lines(), "a fault begins: pause 1", "the fault ends: pause 1", "a fault begins: partition 0|1", "the fault ends: partition 0|1")
	s, _ = made(t, registers(describing), "-fault 'partition 0|1 at 1500ms for 200ms'", 1)
	if all := strings.Join(s.Lines(), "\n"); strings.Contains(all, "partition") {
		t.Errorf("a partition that cut nothing is told:\n%s", all)
	}
}

func TestAStoryEndsWithWhatNodesBelieve(t *testing.T) {
	s := failing(t, "-fault 'slow 0>1 by 1500ms at 2900ms for 200ms'", "letters ascend")
	if want := []string{"node 1 has value: d", "then node 0 has value: none", "then node 1 has value: c"}; len(s.Beliefs) != 3 || !strings.HasPrefix(s.Beliefs[0], "just before step ") ||
		!strings.HasSuffix(s.Beliefs[0], want[0]) || !slices.Equal(s.Beliefs[1:], want[1:]) {
		t.Errorf("they believe %q, want %q", s.Beliefs, want)
	}
	for _, node := range []func() protocol.Node{plain, func() protocol.Node { return new(mute) }} {
		if s, _ := made(t, registers(node), "-fault 'slow 0>1 by 1500ms at 2900ms for 200ms'", 0); len(s.Beliefs) > 0 {
			t.Errorf("a node that describes nothing believes %q", s.Beliefs)
		}
	}
}

func TestEqualRunsHaveEqualStories(t *testing.T) {
	for _, flags := range []string{"", "-jitter 3s", "-jitter 3s -fault 'crash 1 at 2s for 1s; lose 0>1 50% at 1s for 5s'"} {
		a, _ := made(t, registers(describing), flags, 3)
		b, _ := made(t, registers(describing), flags, 3)
		if !slices.Equal(a.Lines(), b.Lines()) || len(a.Lines()) > story.Most {
			t.Errorf("%s: %d lines\n%s\nand then\n%s", flags, len(a.Lines()), strings.Join(a.Lines(), "\n"), strings.Join(b.Lines(), "\n"))
		}
	}
}

func TestARunThatPassesHasAnOutline(t *testing.T) {
	s, _ := made(t, registers(plain), "", 1)
	wantLines(t, s.Lines(), "holds a (and 5 more in the run)", "verdict pass")
}

func TestAPanicHasItsPlace(t *testing.T) {
	s, r := made(t, registers(func() protocol.Node { return new(broken) }), "", 1)
	if r.Panic == nil {
		t.Fatal("vacuous: nothing panicked")
	}
	wantLines(t, s.Lines(), "node 1 receives set d from 0", "no node panics: node 1 panicked", "story_test.go:")
}

func TestARunThatIsCutShortHasAStory(t *testing.T) {
	for events := 1; events < 12; events++ {
		s, _ := made(t, registers(plain), fmt.Sprintf("-events %d", events), 1)
		wantLines(t, s.Lines(), "at the end, ")
	}
}

// However odd a history is, its story has lines, and not too many.
func TestNoHistoryPanics(t *testing.T) {
	whats := []sim.What{sim.Started, sim.Crashed, sim.Received, sim.Fired, sim.Sent, sim.Lost, sim.Copied, sim.Corrupted, sim.Dropped, sim.Persisted, sim.Synced,
		sim.Output, sim.Noted, sim.Injected, sim.Lifted, sim.Damaged, sim.TimerSet, sim.TimerCancelled, sim.Discarded, sim.Flushing, sim.Flushed, sim.Salvaged}
	s := registers(plain)
	rapid.Check(t, func(t *rapid.T) {
		p := s.Defaults
		h := history.New(s, &p, history.Limits{})
		h.Texts.All = []string{"", "5/3.1 yes", "letter", strings.Repeat("long ", 500), "\xff"}
		h.Kinds.All = []protocol.Kind{protocol.KindOf("vote"), protocol.KindOf("set")}
		h.Timers.All = []string{"retry"}
		node := rapid.SampledFrom([]protocol.NodeID{0, 1, 2, 77, protocol.Outside})
		for step := range rapid.IntRange(0, 20).Draw(t, "steps") {
			h.Steps = append(h.Steps, history.Step{At: protocol.Time(step) * 1000, Row: int32(len(h.Rows))})
			for range rapid.IntRange(0, 3).Draw(t, "rows") {
				x := history.Row{What: rapid.SampledFrom(whats).Draw(t, "what"), Node: node.Draw(t, "node"), Peer: node.Draw(t, "peer"), Num: uint64(rapid.IntRange(0, 4).Draw(t, "num")),
					Kind: int32(rapid.IntRange(0, 1).Draw(t, "kind")), Text: int32(rapid.IntRange(-1, 4).Draw(t, "text")), Origin: int32(rapid.IntRange(-1, len(h.Rows)-1).Draw(t, "origin"))}
				h.Rows = append(h.Rows, x)
			}
			if rapid.Bool().Draw(t, "state") {
				h.States.All = append(h.States.All, history.State{Step: uint64(step), Node: node.Draw(t, "of"), Text: []byte(rapid.SampledFrom([]string{"", ":", "a: 1\n  b: 5/3.1\n", "\n\n x", "a:\n      deep: 2\n"}).Draw(t, "says"))})
			}
		}
		r := &scenario.Report{Scenario: s, Params: p, Verdict: check.Violation}
		if rapid.Bool().Draw(t, "violated") {
			r.Checks = []check.Result{{Name: "x", Verdict: check.Violation, Step: uint64(rapid.IntRange(0, 30).Draw(t, "step")),
				Detail:   rapid.SampledFrom([]string{"", "node 1 decides 5/3.1, nodes 0, 2 and 99999999999 since step 3 and step 99", "nodes"}).Draw(t, "detail"),
				Evidence: &check.Evidence{Sequences: []check.Sequence{{Items: []check.Item{{Text: "a", Step: 2}}}, {Items: []check.Item{{Text: "b", Step: 99}}}}}}}
		}
		told := story.Of(h, r, story.About{})
		if lines := told.Lines(); len(lines) == 0 || len(lines) > story.Most {
			t.Fatalf("%d lines", len(lines))
		}
		if n := len(told.Short(2)); n > 2 {
			t.Fatalf("%d lines of 2", n)
		}
	})
}
