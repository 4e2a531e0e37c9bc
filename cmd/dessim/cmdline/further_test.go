package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"dessim/sim/scenario"
)

// greeter is dessim with a command of its own.
func greeter(do func(ctx context.Context, c *Call) error) *Program {
	p := *program
	p.Commands = []Command{{
		Name: "greet", Usage: "says hello", Text: "dessim greet -who NAME", Do: do,
		Flags: []Flag{{Name: "who", Sample: "NAME", Usage: "whom"}, {Name: "loud", Usage: "in capitals"}},
	}}
	return &p
}

func runOf(p *Program, args ...string) result {
	var out, errs bytes.Buffer
	code := p.run(context.Background(), args, streams{stdout: &out, stderr: &errs})
	return result{code, out.String(), errs.String()}
}

func TestAFurtherCommandIsLikeTheOthers(t *testing.T) {
	p := greeter(func(_ context.Context, c *Call) error {
		who, given := c.Text("who")
		switch {
		case len(c.Args) > 0:
			return Refuse("unexpected argument %s", Quote(c.Args[0]))
		case !given:
			return errors.New("no name; want -who")
		case who == "nobody":
			return Fail(CodeUnknown, "%s does not answer", who)
		}
		if c.On("loud") {
			who = strings.ToUpper(who)
		}
		fmt.Fprintf(c.Out, "%s greets %s\n", c.Program(), who)
		return nil
	})
	for _, x := range []struct {
		args string
		want result
	}{
		{"greet -who you", result{exitPass, "dessim greets you\n", ""}},
		{"greet -loud --who=you", result{exitPass, "dessim greets YOU\n", ""}},
		{"greet", result{exitUsage, "", "dessim: no name; want -who\n"}},
		{"greet all", result{exitUsage, "", "dessim: unexpected argument \"all\"\n"}},
		{"greet -who", result{exitUsage, "", "dessim: -who has no value; want one such as -who NAME\n"}},
		{"greet -who a -who b", result{exitUsage, "", "dessim: -who is given twice; give it once\n"}},
		{"greet -whoo", result{exitUsage, "", "dessim: unknown flag \"-whoo\"; did you mean -who?\n"}},
		{"greet -who nobody", result{exitInconclusive, "", "dessim: nobody does not answer\n"}},
		{"gret", result{exitUsage, "", "dessim: unknown command \"gret\"; did you mean greet?\n"}},
		{"run greet", result{exitUsage, "", "dessim: unexpected argument \"greet\"; a command comes first: dessim greet ...\n"}},
	} {
		if got := runOf(p, strings.Fields(x.args)...); got != x.want {
			t.Errorf("dessim %s: %+v, want %+v", x.args, got, x.want)
		}
	}
	for args, word := range map[string]string{"help": "greet", "help greet": "-who NAME", "greet -h": "-loud"} {
		if r := runOf(p, strings.Fields(args)...); r.code != exitPass || !strings.Contains(r.stdout, word) {
			t.Errorf("dessim %s: %+v, want %q on stdout", args, r, word)
		}
	}
}

func TestAFurtherCommandTellsThatStdoutIsLost(t *testing.T) {
	p := greeter(func(_ context.Context, c *Call) error {
		fmt.Fprintln(c.Out, "hello")
		return nil
	})
	var errs bytes.Buffer
	code := p.run(t.Context(), []string{"greet"}, streams{stdout: noRoom{}, stderr: &errs})
	if code != exitIO || errs.String() != "dessim: writing to standard output: no space\n" {
		t.Errorf("exits with %d: %s", code, errs.String())
	}
}

type noRoom struct{}

func (noRoom) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestFurtherCommandsHaveNamesOfTheirOwn(t *testing.T) {
	for _, names := range [][]string{{"run"}, {"greet", "greet"}, {"two words"}} {
		p := &Program{Name: "dessim", Scenarios: []*scenario.Scenario{program.Scenarios[0]}}
		for _, name := range names {
			p.Commands = append(p.Commands, Command{Name: name})
		}
		if r := runOf(p, "list"); r.code != exitInternal || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("commands %q: %+v, want a complaint", names, r)
		}
	}
}

func TestARawCommandTakesItsArgumentsAsTheyAre(t *testing.T) {
	p := *program
	p.Commands = []Command{{
		Name: "pass", Usage: "passes on", Text: "dessim pass WORDS", Raw: true,
		Do: func(_ context.Context, c *Call) error {
			fmt.Fprintf(c.Out, "%q\n", c.Args)
			return nil
		},
	}}
	for _, args := range [][]string{
		{}, {""}, {"-v"}, {"test", "-run", "X", "./...", "-v"}, {"--", "-x"}, {"a", "--", "b"}, {"-x=1", "-x=2", "--", "--"},
		{"run", "-h"}, {"a", "-help"}, {"help"}, {"-seed", "x", "-version"}, {"--generate-shell-completion"}, {"a b", "\n"},
	} {
		want := result{exitPass, fmt.Sprintf("%q\n", args), ""}
		if got := runOf(&p, append([]string{"pass"}, args...)...); got != want {
			t.Errorf("dessim pass %q: %+v, want %+v", args, got, want)
		}
	}
	for _, args := range []string{"help pass", "pass -h", "pass -help", "pass --help"} {
		r := runOf(&p, strings.Fields(args)...)
		if r.code != exitPass || !strings.Contains(r.stdout, "dessim pass WORDS") || strings.Contains(r.stdout, "-h, -help") {
			t.Errorf("dessim %s: %+v, want the help, which lists no flag", args, r)
		}
	}
	p.Commands[0].Flags = []Flag{{Name: "loud", Usage: "in capitals"}}
	if r := runOf(&p, "list"); r.code != exitInternal || !strings.Contains(r.stderr, "pass has flags, and takes its arguments raw") {
		t.Errorf("a raw command with flags: %+v, want a complaint", r)
	}
}
