package cmdline

import (
	"bytes"
	"encoding/json"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// misbehave is the environment variable that makes the test binary a command line whose
// nodes misbehave. Its value is the grace of an interruption; with never, it does not begin.
const misbehave = "DESSIM_TEST_MISBEHAVE"

// misbehaving returns that program. It tells of a step after 50 ms.
func misbehaving(grace string) *Program {
	if grace == "never" {
		time.Sleep(time.Hour)
	}
	d, err := time.ParseDuration(grace)
	if err != nil {
		panic(err)
	}
	return &Program{Name: "dessim", Scenarios: []*scenario.Scenario{misbehavior()}, patience: 50 * time.Millisecond, grace: d}
}

var (
	ping = protocol.KindOf("ping")
	pong = protocol.KindOf("pong")
	done = protocol.KindOf("done")
)

// rogue is a node that misbehaves at its 20th message, if it is node 1.
type rogue struct {
	how, when string
	n         int
}

func (r *rogue) Start(env *protocol.Env) { env.SetTimer(time.Millisecond, 1) }

func (r *rogue) Timeout(env *protocol.Env, _ uint64) {
	env.SetTimer(10*time.Millisecond, 1)
	env.Send((env.ID()+1)%3, ping, []byte("x"))
}

func (r *rogue) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	r.n++
	env.Output(done, msg)
	if r.how == "storm" {
		env.Send(from, pong, msg)
	}
	if env.ID() == 1 && r.n == 20 && (r.when == "always" || env.Chance(ping, protocol.Ratio{Num: 1, Den: 10})) {
		r.misbehave(env)
	}
}

func (r *rogue) misbehave(env *protocol.Env) {
	switch r.how {
	case "loop":
		for {
			r.n++
		}
	case "block":
		<-make(chan int)
	case "panic":
		panic([]string{"ill", "weary", "lost"}[env.Choose(pong, 3)])
	case "quit":
		runtime.Goexit()
	}
}

// shared is a Random that answers nothing. A plan that has one gives runs their own processes.
type shared struct{}

func (shared) Begin() func(*protocol.Env, func()) {
	return func(_ *protocol.Env, do func()) { do() }
}

func misbehavior() *scenario.Scenario {
	return &scenario.Scenario{
		Name: "rogue", Shows: "a node misbehaves", MinNodes: 3, MaxNodes: 3,
		Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Until: time.Second},
		Own: []*scenario.Param{
			scenario.Choice("how", "panic", []string{"panic", "quit", "loop", "block", "storm", "build", "spin"}, "how"),
			scenario.Choice("when", "always", []string{"always", "seldom"}, "when"),
			scenario.Choice("random", "none", []string{"none", "shared"}, "what runs share"),
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			how, when := b.Choice("how"), b.Choice("when")
			switch how {
			case "build":
				panic("ill")
			case "spin":
				for {
					time.Sleep(time.Millisecond)
				}
			}
			run := &scenario.Run{
				Plan: sim.Plan{Nodes: 3, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter}, Until: protocol.Time(b.Until),
					Node: func(protocol.NodeID) protocol.Node { return &rogue{how: how, when: when} }},
				Checks: check.Suite{check.Always("outputs come", sim.Output, func(*sim.Event) (bool, error) { return true, nil })},
			}
			if b.Choice("random") == "shared" {
				run.Plan.Random = shared{}
			}
			return run
		},
	}
}

// rogues runs the command within the test.
func rogues(t *testing.T, line string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := misbehaving("1h").run(t.Context(), strings.Fields(line), streams{stdout: &out, stderr: &errs})
	return result{code, out.String(), errs.String()}
}

const rogueLine = `dessim/cmd/dessim/cmdline/misbehave_test.go:\d+ \(\*rogue\)\.misbehave`

func TestANodesPanicHasItsPlaceInEveryCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, how := range []string{"panic", "quit"} {
		for _, line := range []string{"run -scenario rogue", "run -scenario rogue -json", "replay dessim-rogue-1.replay", "replay dessim-rogue-1.replay -json",
			"sweep -scenario rogue -seeds 1-9", "sweep -scenario rogue -seeds 1-9 -json", "explore -scenario rogue", "explore -scenario rogue -json",
			"shrink dessim-rogue-1.replay", "shrink dessim-rogue-1.replay -json"} {
			if !strings.Contains(line, ".replay") {
				line += " -how " + how
			}
			r := rogues(t, line)
			want := exitViolation
			if strings.HasPrefix(line, "shrink") {
				want = exitPass
			}
			if r.code != want || r.stderr != "" || !regexp.MustCompile(`no node panics(.|\n)*`+rogueLine).MatchString(r.stdout) {
				t.Errorf("%s: exits with %d\n%s%s", line, r.code, r.stdout, r.stderr)
			}
			if strings.Contains(r.stdout, root) {
				t.Errorf("%s prints a path of this machine:\n%s", line, r.stdout)
			}
		}
	}
	var object struct {
		Verdict string
		Checks  []struct{ Name, Verdict string }
		Panic   struct {
			Node, Step     int
			Doing, Message string
			Stack          []string
		}
	}
	if err := json.Unmarshal([]byte(rogues(t, "run -scenario rogue -json").stdout), &object); err != nil {
		t.Fatal(err)
	}
	if p := object.Panic; object.Verdict != "violation" || object.Checks[0].Name != "no node panics" || p.Node != 1 || p.Step != 122 ||
		p.Doing != "receives ping from 0" || p.Message == "" || len(p.Stack) != 2 || !strings.HasSuffix(p.Stack[1], " (*rogue).Receive") {
		t.Errorf("%+v", object)
	}
}

func TestASweepGroupsPanicsByPlaceAndNotByMessage(t *testing.T) {
	t.Chdir(t.TempDir())
	r := rogues(t, "sweep -scenario rogue -seeds 1-60 -json")
	var object struct {
		Violations int
		Groups     []struct {
			Check, Signature string
			Count            int
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &object); err != nil {
		t.Fatal(err)
	}
	if object.Violations != 60 || len(object.Groups) != 1 || !regexp.MustCompile(`^no node panics: `+rogueLine+`$`).MatchString(object.Groups[0].Signature) {
		t.Errorf("%+v", object)
	}
}

func TestEventsEndARunAndSayWhatFilledIt(t *testing.T) {
	t.Chdir(t.TempDir())
	r := rogues(t, "run -scenario rogue -how storm -events 5000 -record storm.replay")
	if r.code != exitInconclusive || !strings.Contains(r.stdout, "\nits bound of 5000 events was reached; the most frequent sends, outputs, timers and syncs: output done ") ||
		!strings.Contains(r.stdout, "events        5000: ") || !strings.Contains(r.stdout, ", events 5000\n") || !strings.Contains(r.stdout, "most events reached\n") {
		t.Errorf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if again := rogues(t, "replay storm.replay -json"); again.code != exitInconclusive || !strings.Contains(again.stdout, `"same":true`) {
		t.Errorf("the file does not repeat it: %+v", again)
	}
	if fewer := rogues(t, "replay storm.replay -events 100"); fewer.code != exitInconclusive || !strings.Contains(fewer.stdout, "not compared, since the run was ended") {
		t.Errorf("a replay of fewer events: %+v", fewer)
	}
	if s := rogues(t, "sweep -scenario rogue -how storm -events 5000 -seeds 1-7"); s.code != exitInconclusive || !strings.Contains(s.stdout, "0 pass, 0 violations, 7 inconclusive") || !regexp.MustCompile(`ended by -events +\| 7 `).MatchString(s.stdout) {
		t.Errorf("a sweep: %+v", s)
	}
	for _, line := range []string{"run -scenario rogue -events 0", "run -scenario rogue -events many", "replay storm.replay -events -1"} {
		wantLine(t, rogues(t, line), exitUsage, "events", "want a whole number from 1 to 9007199254740991")
	}
}

func TestAPanicOfBuildNamesTheScenarioAndTheLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, line := range []string{"run", "sweep -seeds 1-3", "explore"} {
		wantLine(t, rogues(t, line+" -scenario rogue -how build"), exitInternal,
			"dessim: Build of scenario rogue panicked: ill, at dessim/cmd/dessim/cmdline/misbehave_test.go:")
	}
}

func TestABoundOfEventsIsNamedWhereItIsTheReason(t *testing.T) {
	t.Chdir(t.TempDir())
	wantLine(t, rogues(t, "explore -scenario rogue -events 2"), exitUsage, "-events 2 ended the run", "want more events")
	wantLine(t, rogues(t, "run -scenario rogue -events="), exitUsage, `events "": want a value, or no -events`)
	if r := rogues(t, "run -scenario rogue -events 1"); r.code != exitInconclusive || !strings.Contains(r.stdout, "its bound of 1 event was reached; it had no sends") {
		t.Errorf("%+v", r)
	}
}
