package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

var (
	shareKind = protocol.KindOf("share")
	sumKind   = protocol.KindOf("sum")
)

// clerk adds up what clients hand in, and what the other clerks tell of it.
type clerk struct {
	total int
	shy   bool // panics at a total of 6
}

func (c *clerk) Start(env *protocol.Env) {
	for _, r := range env.Records() {
		c.total += int(r[0])
	}
	env.SetTimer(time.Second, 1)
}

func (c *clerk) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.total += int(msg[0])
	if c.shy && c.total == 6 {
		panic("too much")
	}
	env.Persist(msg)
	env.Sync()
	env.Output(sumKind, []byte{byte(c.total)})
	if from == protocol.Outside {
		env.Send(1-env.ID(), shareKind, msg)
	}
}

func (c *clerk) Timeout(*protocol.Env, uint64) {}

func (c *clerk) Describe(b []byte) []byte {
	return fmt.Appendf(b, "books:\n  total: %d\n  limit: 5\n", c.total)
}

// mute is a clerk that does not describe itself: it hides the method.
type mute struct{ clerk }

func (m *mute) Describe() {}

// tally is a command line with a scenario of three clerks: the third input is one too many.
func tally() *Program {
	return &Program{Name: "dessim", Scenarios: []*scenario.Scenario{{
		Name: "tally", Shows: "clerks add up", MinNodes: 3, MaxNodes: 3,
		Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Jitter: time.Millisecond, Until: 10 * time.Second},
		Own:      []*scenario.Param{scenario.Choice("shy", "no", []string{"no", "yes"}, "a clerk panics"), scenario.Int("limit", 5, 1, 100, "the limit")},
		Text: func(_ *scenario.Params, e *sim.Event) string {
			switch {
			case e.What == sim.Fired:
				return "close"
			case len(e.Body) == 1:
				return fmt.Sprint(e.Body[0])
			}
			return ""
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{Nodes: 3, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter}, Until: protocol.Time(b.Until), Disk: sim.Disk{Sync: time.Millisecond}}
			shy, most := b.Choice("shy") == "yes", byte(b.Int("limit"))
			plan.Node = func(id protocol.NodeID) protocol.Node {
				if id == 2 {
					return new(mute)
				}
				return &clerk{shy: shy && id == 1}
			}
			for i := range 3 {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i + 1), Node: 0, At: protocol.Time(100*(i+1)) * protocol.Time(time.Millisecond), Body: []byte{byte(i + 1)}})
			}
			return &scenario.Run{Plan: plan, Checks: check.Suite{check.Always("no sum is above the limit", sim.Output, func(e *sim.Event) (bool, error) {
				if e.Body[0] > most {
					return true, errors.New("a sum is " + fmt.Sprint(e.Body[0]))
				}
				return true, nil
			})}}
		},
	}}}
}

// tallies runs the command of tally in the test, with an input.
func tallies(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := tally().run(t.Context(), args, streams{stdout: &out, stderr: &errs, stdin: strings.NewReader(stdin)})
	return result{code, out.String(), errs.String()}
}

// recorded makes a run of tally, and returns its replay file.
func recorded(t *testing.T, flags string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.replay")
	if r := tallies(t, "", append([]string{"-scenario", "tally", "-record", file}, strings.Fields(flags)...)...); r.stdout == "" || r.stderr != "" {
		t.Fatalf("%+v", r)
	}
	return file
}

// session returns what a terminal shows: what the commands print, after the prompts at which
// they are typed.
func session(t *testing.T, commands []string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := tally().run(t.Context(), args, streams{stdout: &out, stderr: &out, stdin: strings.NewReader(strings.Join(commands, "\n") + "\n"), asks: true})
	i := 0
	return regexp.MustCompile(`(?m)^\(step \d+\) `).ReplaceAllStringFunc(out.String(), func(prompt string) string {
		i++
		if i > len(commands) {
			return prompt
		}
		return prompt + commands[i-1] + "\n"
	}), code
}

// The golden file is the manual by example.
func TestEveryCommandOfAWalk(t *testing.T) {
	file := recorded(t, "")
	text, code := session(t, []string{
		"events", "state", "changes", "changes 1", "why", "p", "state", "changes", "", "p", "why", "next 2", "n", "prev 99", "p",
		"break output sum of 1", "b send share #2", "break", "c", "c", "", "reverse", "delete 1", "c", "violation", "v",
		"go 200ms", "g 3", "state 0", "state 2", "nodes", "find share", "", "f nowhere", "go 9h", "help", "c", "c", "n",
		"nxt", "state 7", "g 99", "g x", "n 0", "delete 5", "break outptu", "break output sums", "find", "v 3", "", "quit", "n",
	}, "replay", file, "-step")
	if code != exitViolation {
		t.Errorf("exits with %d", code)
	}
	golden(t, "step.txt", []byte(text))
}

func TestAScriptShowsNoPromptAndEndsWithItsInput(t *testing.T) {
	file := recorded(t, "")
	r := tallies(t, "p\n\nbogus", "replay", file, "-step", "-break", "output sum of 1", "-break", "sync #1 of 0")
	if r.code != exitViolation || strings.Contains(r.stdout, "(step") || strings.Count(r.stdout, "\nstep ") != 3 || r.stderr != "dessim: unknown command \"bogus\"; want next, prev, continue, reverse, go, violation, why, state, changes, nodes, events, find, break, delete, help, quit\n" {
		t.Errorf("%+v", r)
	}
	if r := tallies(t, "", "replay", file, "-step"); r.code != exitViolation || strings.Count(r.stdout, "\nstep ") != 1 {
		t.Errorf("without commands: %+v", r)
	}
}

func TestAnInterruptionEndsAWalkThatWaitsForACommand(t *testing.T) {
	file := recorded(t, "")
	ctx, interrupt := context.WithCancel(t.Context())
	in, typed := io.Pipe()
	defer typed.Close()
	go func() {
		io.WriteString(typed, "n\n")
		interrupt()
	}()
	var out, errs bytes.Buffer
	if code := tally().run(ctx, []string{"replay", file, "-step"}, streams{stdout: &out, stderr: &errs, stdin: in}); code != exitInterrupted || errs.String() != "dessim: interrupted\n" {
		t.Errorf("exits with %d: %s", code, &errs)
	}
}

// An interruption ends the reading of commands, too. That must not look like the end of the input.
func TestAnInterruptionIsToldWhetherOrNotCommandsHaveEnded(t *testing.T) {
	file := recorded(t, "")
	walk := walkOf(t, file)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	walk.ctx = ctx
	for range 50 {
		if err, interrupted := walk.converse().(*exit); !interrupted || err.code != exitInterrupted {
			t.Fatalf("a walk whose input has ended, too, ends with %v, want code %d", err, exitInterrupted)
		}
	}
}

func TestABreakpointThatNeverComesEndsAtTheEnd(t *testing.T) {
	file := recorded(t, "-limit 100")
	r := tallies(t, "c\nc\nn", "replay", file, "-step", "-break", "output sum #9", "-break", "output pong of 1")
	if r.code != exitPass || !strings.Contains(r.stdout, "\nno breakpoint or violation after step 1: the end of the run\nstep ") ||
		!strings.HasSuffix(r.stdout, "the end of the run: nothing left to happen\n") || r.stderr != "dessim: break output pong of 1: the run has no pong\n" {
		t.Errorf("%+v", r)
	}
}

func TestAWalkThroughARunThatWasCutShort(t *testing.T) {
	file := recorded(t, "")
	r := tallies(t, "c\nn\nstate 0", "replay", file, "-step", "-events", "7")
	if r.code != exitInconclusive || !strings.HasPrefix(r.stdout, "inconclusive: scenario tally, seed 1: 7 steps") ||
		!strings.Contains(r.stdout, "the end of the run: most events reached\n") || !strings.Contains(r.stdout, "node 0 after step 7") || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

func TestAWalkOpensWhereANodePanicked(t *testing.T) {
	file := recorded(t, "-shy yes -limit 100")
	r := tallies(t, "state\nn\np\nn", "replay", file, "-step")
	if r.code != exitViolation || strings.Count(r.stdout, "violation: no node panics: node 1 panicked (receives share from 0): too much") != 2 ||
		!strings.Contains(r.stdout, "    total: 3\n    limit: 5\n+ in this step node 1 panicked: the state is that before\n") || !strings.Contains(r.stdout, "\nthe end of the run: it broke\n") || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

// walkOf returns a walk through the run of a replay file, which shows nothing.
func walkOf(t *testing.T, file string) *stepper {
	t.Helper()
	tool := &tool{Program: tally(), streams: streams{stdout: io.Discard}}
	s, x, err := tool.readReplay(file)
	if err != nil {
		t.Fatal(err)
	}
	walk, err := (&job{tool: tool, ctx: t.Context(), subject: s, answers: x.answers, replay: x}).stepper()
	if err != nil {
		t.Fatal(err)
	}
	return walk
}

// The states of a long run are kept around one step. Elsewhere the run is made again.
func TestAStateIsThereWhereverTheWalkIs(t *testing.T) {
	file := recorded(t, "")
	whole, sparse := walkOf(t, file), walkOf(t, file)
	sparse.states.From, sparse.states.To, sparse.states.All = 0, 0, nil
	for _, step := range []int{sparse.Last(), 4, 9} {
		for id := range protocol.NodeID(3) {
			if got, want := sparse.at(id, step), whole.at(id, step); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("node %v after step %d is %q, want %q", id, step, got, want)
			}
		}
	}
}

func TestFlagsThatDoNotGoWithAWalkAreRefused(t *testing.T) {
	file := recorded(t, "")
	for flags, words := range map[string]string{
		"-break sync":              "-break stops the commands of -step",
		"-step -json":              "-step and -json: use one or the other",
		"-step -until 5":           "-step and -until: use one or the other",
		"-step -report x.html":     "-step and -report: use one or the other",
		"-step -emit-test":         "-emit-test and -step: use one or the other",
		"-step -break outptu":      `break "outptu": found "outptu"; did you mean output?`,
		"-step -break sync;sync;;": `break "": want OP [KIND] [#K] [of N], such as output decided of 2`,
	} {
		wantLine(t, tallies(t, "", append([]string{"replay", file}, strings.Fields(flags)...)...), exitUsage, words)
	}
}

func TestAWalkInATerminal(t *testing.T) {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed: it plays the terminal of this test")
	}
	t.Chdir(t.TempDir())
	if r := process(t, binary, nil, "-scenario", "bootstrap", "-nodes", "3", "-record", "x.replay"); r.code != exitPass {
		t.Fatalf("%+v", r)
	}
	socket := filepath.Join(t.TempDir(), "s") // a server of its own
	in := func(args ...string) string {
		out, err := exec.Command(tmux, append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	in("new-session", "-d", "-x", "120", "-y", "40", "sh", "-c", "'"+binary+"' replay x.replay -step; echo it exits with $?; sleep 100")
	defer exec.Command(tmux, "-S", socket, "kill-server").Run()
	typed := func(keys, until string) {
		t.Helper()
		if keys != "" {
			in("send-keys", keys, "Enter")
		}
		screen := ""
		for range 600 {
			if screen = in("capture-pane", "-p"); strings.Contains(screen, until) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("after %q there is no %q:\n%s", keys, until, screen)
	}
	typed("", "(step 1)")
	typed("n", "(step 2)")
	in("send-keys", "Enter") // again
	typed("", "(step 3)")
	typed("p 2", "(step 3) p 2\nstep 1,")
	typed("nxt", "dessim: unknown command \"nxt\"; did you mean next?")
	typed("quit", "it exits with 0")
}
