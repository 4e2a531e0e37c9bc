package cmdline

import (
	"bytes"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onTerminal runs a command whose stdout shows colours, and the same into a pipe.
func onTerminal(t *testing.T, p *Program, stdin string, args ...string) (terminal, pipe result) {
	t.Helper()
	for _, r := range []*result{&pipe, &terminal} {
		var out, errs bytes.Buffer
		code := p.run(t.Context(), args, streams{stdout: &out, stderr: &errs, stdin: strings.NewReader(stdin), paint: r == &terminal})
		*r = result{code, out.String(), errs.String()}
	}
	return terminal, pipe
}

func TestOnATerminalVerdictsAloneHaveAColour(t *testing.T) {
	t.Chdir(t.TempDir())
	const red, green, bold, end = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
	for _, c := range []struct {
		program     *Program
		stdin, args string
		want        []string // nothing: no escape
	}{
		{tally(), "", "run -scenario tally -limit 9", []string{green + "pass" + end + ": scenario", "| " + green + "pass" + end + "    |"}},
		{tally(), "", "run -scenario tally", []string{red + "violation" + end + ": scenario", "| " + red + "violation" + end + " |"}},
		{tally(), "", "run -scenario tally -events 5", []string{bold + "inconclusive" + end + ": scenario"}},
		{tally(), "", "run -scenario tally -json", nil},
		{tally(), "", "run -scenario tally -trace -", nil},
		{tally(), "", "replay dessim-tally-1.replay", []string{"recorded      " + red + "violation" + end + ", digest"}},
		{tally(), "", "replay dessim-tally-1.replay -until 5", nil},
		{tally(), "violation\n", "replay dessim-tally-1.replay -step", []string{red + "violation" + end + ": scenario", "\n  " + red + "violation" + end + ": "}},
		{program, "", "run -scenario crash -nodes 3 -txs 1 -record x.replay", []string{green + "pass" + end + ": scenario"}},
		{program, "", "replay x.replay -emit-test", nil},
		{tally(), "", "sweep -scenario tally -seeds 1-3 -results r.jsonl", []string{red + "violation" + end + ": sweep", "\n0 pass, " + red + "3 violations" + end + ", 0 incon"}},
		{tally(), "", "merge r.jsonl", []string{red + "3 violations" + end}},
		{tally(), "", "sweep -scenario tally -seeds 1-3 -json", nil},
		{tally(), "", "shrink dessim-tally-1.replay", nil},
		{tally(), "", "explain dessim-tally-1.replay", []string{red + "violation" + end + ": scenario"}},
		{program, "", "explore -scenario crash -nodes 3 -txs 1 -runs 5", []string{bold + "inconclusive" + end + ": scenario"}},
		{tally(), "", "diff dessim-tally-1.replay dessim-tally-1.replay", []string{green + "the same" + end + ": every event"}},
		{tally(), "", "diff dessim-tally-1.replay -seed 2", []string{red + "differ" + end + ": from step"}},
		{tally(), "", "diff dessim-tally-1.replay -seed 2 -json", nil},
		{program, "", "compare -scenario concurrent -seeds 1-1 -nodes 3 -txs 1 -events 50", []string{"ends with " + bold + "inconclusive" + end + ": "}},
		{program, "", "list", nil},
		{program, "", "version", nil},
		{program, "", "help run", nil},
	} {
		terminal, pipe := onTerminal(t, c.program, c.stdin, strings.Fields(c.args)...)
		if terminal.code == exitUsage || strings.Contains(pipe.stdout+pipe.stderr+terminal.stderr, "\x1b") || escape.ReplaceAllString(terminal.stdout, "") != pipe.stdout {
			t.Errorf("%s exits with %d; on a terminal\n%q\nin a pipe\n%q\n%s", c.args, terminal.code, terminal.stdout, pipe.stdout, terminal.stderr)
		}
		if c.want == nil && strings.Contains(terminal.stdout, "\x1b") {
			t.Errorf("%s has an escape on a terminal:\n%q", c.args, terminal.stdout)
		}
		for _, want := range c.want {
			if !strings.Contains(terminal.stdout, want) {
				t.Errorf("%s has no %q on a terminal:\n%q", c.args, want, terminal.stdout)
			}
		}
	}
}

func TestATerminalIsToldFromAPipe(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("no script of util-linux, which plays the terminal of this test")
	}
	line := binary + " -scenario bootstrap -nodes 3"
	for env, coloured := range map[string]bool{"TERM=xterm NO_COLOR=": true, "TERM=xterm NO_COLOR=0": false, "TERM=dumb NO_COLOR=": false} {
		for form, terminal := range map[string]bool{"%s": true, "%s | cat": false, "%s -json": false} {
			command := "env " + env + " " + strings.Replace(form, "%s", line, 1)
			out, err := exec.CommandContext(t.Context(), script, "-qec", command, "/dev/null").CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			if got := bytes.Contains(out, []byte("\x1b[32mpass\x1b[0m")); got != (coloured && terminal) || got != bytes.Contains(out, []byte("\x1b")) && terminal {
				t.Errorf("%s: coloured is %v, want %v\n%q", command, got, coloured && terminal, out)
			}
		}
	}
}
