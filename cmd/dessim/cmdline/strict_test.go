//go:build unix

package cmdline

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// calm is a run that passes, but for the faults that are added to it.
const calm = "-scenario crash -nodes 3 -txs 2 -faults none "

func TestAFaultThatDidNothingIsNamedAndStrictlyInconclusive(t *testing.T) {
	t.Chdir(t.TempDir())
	for fault, idle := range map[string]string{
		"rot 1 at 0s":           "fault 1: rot 1 at 0s did nothing: node 1's disk had no record\n",
		"restart 2 at 5s":       "fault 1: restart 2 at 5s did nothing: node 2 was up\n",
		"lose 0>1 0.001% at 3s": "fault 1: lose 0>1 0.001% at 3s did nothing: it hit none of ",
		"crash 2 at 3s for 1s":  "",
		"slow 0>1 by 1ms at 0s": "",
	} {
		args := append(words(calm), "-fault", fault)
		for _, strict := range []bool{false, true} {
			want, verdict := exitPass, "pass"
			if strict && idle != "" {
				want, verdict = exitInconclusive, "inconclusive"
			}
			with := func(args ...string) []string {
				if strict {
					args = append(args, "-strict")
				}
				return args
			}
			record := fmt.Sprintf("r%v", strict)
			for _, command := range [][]string{
				with(append(append([]string{"run"}, args...), "-record", record)...),
				with("replay", record),
			} {
				r := dessim(t, command...)
				if r.code != want || !strings.HasPrefix(r.stdout, verdict+": scenario crash, seed 1\n"+idle) || (strings.Contains(r.stdout, "did nothing")) != (idle != "") {
					t.Errorf("dessim %q exits with %d, want %d\n%s%s", command, r.code, want, r.stdout, r.stderr)
				}
				if strings.Contains(r.stdout, "verdict differs") {
					t.Errorf("dessim %q: the file has the verdict of -strict\n%s", command, r.stdout)
				}
				object := dessim(t, append(command, "-json")...)
				if object.code != want || !strings.Contains(object.stdout, `"verdict":"`+verdict+`"`) {
					t.Errorf("dessim %q -json exits with %d, want %d\n%s%s", command, object.code, want, object.stdout, object.stderr)
				}
			}
		}
	}
}

func TestTheObjectCountsWhatEachWrittenFaultDid(t *testing.T) {
	r := dessim(t, append(words(calm+"-json -fault"), "crash 2 at 3s for 1s; 9: pause 1 at 3s for 5ms; restart 0 at 4s")...)
	const want = `"faults":[{"id":1,"text":"crash 2 at 3s for 1s","did":"crashes","n":1},` +
		`{"id":9,"text":"pause 1 at 3s for 5ms","did":"pauses","n":1},` +
		`{"id":3,"text":"restart 0 at 4s","did":"restarts","n":0,"why":"node 0 was up"}]`
	if !strings.Contains(r.stdout, want) {
		t.Errorf("%s%s\nwant %s", r.stdout, r.stderr, want)
	}
}

func TestVerifyAndStrictGoTogether(t *testing.T) {
	r := process(t, binary, nil, append(words(calm+"-strict -verify -json -fault"), "restart 2 at 5s")...)
	if r.code != exitInconclusive || !strings.Contains(r.stdout, `"verdict":"inconclusive"`) || !strings.Contains(r.stdout, `"verified":true`) {
		t.Errorf("%+v", r)
	}
}

// One seed of many in which a fault does something is enough: a sweep adds them up.
func TestASweepNamesWhatDidNothingInAnySeed(t *testing.T) {
	t.Chdir(t.TempDir())
	const told, kind = "did nothing in any run: fault 2 (restart 2 at 5s)\n", "did nothing in any run: -faults ring (needs 4 nodes, and faults hit 3)\n"
	args := append(words("sweep -scenario crash -nodes 3 -txs 2 -seeds 1-6 -faults ring,crash -results r -fault"), "crash 1 at 3s for 1s; restart 2 at 5s")
	for _, strict := range []string{"", "-strict"} {
		for _, command := range [][]string{args, {"merge", "r"}} {
			want := exitPass
			if strict != "" {
				command, want = append(command[:len(command):len(command)], strict), exitInconclusive
			}
			r := dessim(t, command...)
			if r.code != want || !strings.Contains(r.stdout, told) || !strings.Contains(r.stdout, kind) || strings.Count(r.stdout, "did nothing") != 2 {
				t.Errorf("dessim %q exits with %d, want %d\n%s%s", command, r.code, want, r.stdout, r.stderr)
			}
			object := dessim(t, append(command[:len(command):len(command)], "-json")...)
			if !strings.HasSuffix(object.stdout, `"ineffective":["fault 2 (restart 2 at 5s)","-faults ring (needs 4 nodes, and faults hit 3)"],"misaddressed":{"messages":0,"runs":0},"errors":0}`+"\n") || object.code != want {
				t.Errorf("dessim %q -json exits with %d, want %d\n%s", command, object.code, want, object.stdout)
			}
		}
	}
}

// A server is one node, however many clients it has: nothing that is between nodes hits it.
func TestKindsThatCannotBeDrawnAreNamedWithTheReason(t *testing.T) {
	t.Chdir(t.TempDir())
	p := &Program{Name: "alone", Scenarios: []*scenario.Scenario{{
		Name: "served", Shows: "a server and its client", Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return idle{} }, Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until)}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0}, From: 1, To: protocol.Time(time.Second), Delay: time.Millisecond, Most: 4})
			return &scenario.Run{Plan: plan, Checks: check.Suite{check.Sometimes("a node starts", check.EachRun, sim.Started, func(*sim.Event) bool { return true })}}
		},
	}}}
	const named, ofSwarm = "\n-faults partition, lose: need 2 nodes, and faults hit 1\n", "\nnever drawn   partition, cut, flap, clog, slow, lose, copy, corrupt: need 2 nodes, and faults hit 1\n"
	for line, want := range map[string]struct {
		text   string
		strict int
	}{
		"run -scenario served -faults partition,lose -record r": {named, exitInconclusive},
		"replay r": {named, exitInconclusive},
		"run -scenario served -faults partition,lose -json":         {`"warnings":["-faults partition, lose: need 2 nodes, and faults hit 1"]`, exitInconclusive},
		"run -scenario served -faults swarm":                        {ofSwarm, exitPass},
		"sweep -scenario served -faults lose,partition -seeds 1-20": {"\ndid nothing in any run: -faults partition, lose (need 2 nodes, and faults hit 1)\n", exitInconclusive},
		"run -scenario served -faults late,repair,crash":            {"\n-faults late, repair: need 2 nodes, and faults hit 1\n", exitInconclusive},
	} {
		if strings.HasPrefix(line, "replay") {
			p.run(t.Context(), words("run -scenario served -faults partition,lose -record r"), streams{stdout: io.Discard, stderr: io.Discard})
		}
		for _, strict := range []bool{false, true} {
			args, code := words(line), exitPass
			if strict {
				args, code = append(args, "-strict"), want.strict
			}
			var out, errs bytes.Buffer
			if got := p.run(t.Context(), args, streams{stdout: &out, stderr: &errs}); got != code || !strings.Contains(out.String(), want.text) {
				t.Errorf("%q exits with %d, want %d and %q\n%s%s", args, got, code, want.text, &out, &errs)
			}
		}
	}
}

// astray tells a node that does not exist that it has started.
type astray struct{}

func (astray) Start(env *protocol.Env)                        { env.Send(7, protocol.KindOf("hello"), nil) }
func (astray) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (astray) Timeout(*protocol.Env, uint64)                  {}

func TestAMessageToNoNodeIsNamedAndStrictlyInconclusive(t *testing.T) {
	t.Chdir(t.TempDir())
	p := &Program{Name: "astray", Scenarios: []*scenario.Scenario{{
		Name: "hello", Shows: "a message to nobody", Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Until: time.Minute},
		Build: func(b *scenario.Setup) *scenario.Run {
			return &scenario.Run{
				Plan:   sim.Plan{Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return astray{} }, Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until)},
				Checks: check.Suite{check.Sometimes("a node starts", check.EachRun, sim.Started, func(*sim.Event) bool { return true })},
			}
		},
	}}}
	for line, want := range map[string]string{
		"run -scenario hello -record r":               "messages to nodes that do not exist: 2, the first by node 0 to node 7: hello at step 1, 0.000000 ms\n",
		"run -scenario hello -json":                   `"misaddressed":2,"warnings":["messages to nodes that do not exist: 2, `,
		"replay r":                                    "messages to nodes that do not exist: 2, the first ",
		"sweep -scenario hello -seeds 3-6 -results s": "messages to nodes that do not exist: 8 in 4 runs, the first is seed 3\n",
		"sweep -scenario hello -seeds 3-6 -json":      `"misaddressed":{"messages":8,"runs":4}`,
		"merge s":                                     "messages to nodes that do not exist: 8 in 4 runs, the first is seed 3\n",
	} {
		if !strings.HasPrefix(line, "run") && !strings.HasPrefix(line, "sweep") {
			p.run(t.Context(), words("run -scenario hello -record r"), streams{stdout: io.Discard, stderr: io.Discard})
			p.run(t.Context(), words("sweep -scenario hello -seeds 3-6 -results s"), streams{stdout: io.Discard, stderr: io.Discard})
		}
		for _, strict := range []bool{false, true} {
			args, code := words(line), exitPass
			if strict {
				args, code = append(args, "-strict"), exitInconclusive
			}
			var out, errs bytes.Buffer
			if got := p.run(t.Context(), args, streams{stdout: &out, stderr: &errs}); got != code || !strings.Contains(out.String(), want) {
				t.Errorf("%q exits with %d, want %d\n%s%s", args, got, code, &out, &errs)
			}
		}
	}
}

func TestALostShardIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	for i := 1; i <= 3; i++ {
		wantRun(t, dessim(t, words(fmt.Sprintf("%s -seeds 1-12 -shard %d/3 -results r%d", small, i, i))...))
	}
	lines := strings.SplitAfter(read(t, "r3"), "\n")
	write(t, "short", strings.Join(lines[:3], ""))
	write(t, "torn", strings.Join(lines[:2], "")+lines[2][:9])
	write(t, "begun", lines[0])
	write(t, "empty", "")
	write(t, "damaged", strings.Replace(read(t, "r2"), `"verdict":"pass"`, `"verdict":"pas"`, 1))
	for files, want := range map[string]string{
		"r1 r2 r3":       "",
		"r1 r2":          "seeds 9-12 were not run",
		"r2 r3":          "seeds 1-4 were not run",
		"r1 r3":          "seeds 5-8 were not run",
		"r2":             "seeds 1-4, 9-12 were not run",
		"r1 r2 short":    "seeds 11-12 were not run",
		"r1 r2 torn":     "seeds 10-12 were not run",
		"begun r1 r2":    "seeds 9-12 were not run",
		"empty r1 r2":    "seeds 9-12 were not run",
		"r1 r2 r3 short": "",
	} {
		r, object := dessim(t, words("merge "+files)...), dessim(t, words("merge -json "+files)...)
		if want == "" {
			if r.code != exitPass || strings.Contains(r.stdout, "not run") || !strings.Contains(object.stdout, `"not_run":[]`) {
				t.Errorf("merge %s: %+v", files, r)
			}
			continue
		}
		if r.code != exitInconclusive || !strings.HasPrefix(r.stdout, "inconclusive: ") || !strings.Contains(r.stdout, "\n"+want+"\n") {
			t.Errorf("merge %s: %+v, want that %s", files, r, want)
		}
		if object.code != exitInconclusive || !strings.Contains(object.stdout, `"complete":false`) || strings.Contains(object.stdout, `"not_run":[]`) {
			t.Errorf("merge %s: %+v", files, object)
		}
	}
	wantLine(t, dessim(t, "merge", "r1", "damaged"), exitUsage, `results "damaged": line 2 is damaged: it has the verdict "pas"`)
	wantLine(t, dessim(t, words(small+" -seeds 1-12 -shard 2/3 -results damaged")...), exitUsage, `line 2 is damaged: it has the verdict "pas"`)
	old := read(t, "r2")
	write(t, "old", old[:strings.Index(old, `,"seeds"`)]+old[strings.Index(old, "}\n"):])
	if r := dessim(t, "merge", "r1", "old", "r3"); r.code != exitPass || !strings.Contains(r.stdout, `an older version wrote "old"`) {
		t.Errorf("with an old file: %+v", r)
	}
}
