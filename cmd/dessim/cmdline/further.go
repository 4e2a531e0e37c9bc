package cmdline

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"dessim/sim/files"
	"dessim/sim/scenario"
)

// Command is a further command of a program. Its help, its refusals and its exit codes are
// like those of the others.
type Command struct {
	Name  string // one word
	Usage string // what it does, in half a line: "runs one node of a network"
	Text  string // how it is called: "dessim node -dir DIR [flags]"; dessim stands for the program
	Flags []Flag
	// Raw hands everything after the name to Do as Call.Args, flags included, and there are no
	// Flags. Only -h, -help or --help as the first argument shows the help of this command.
	Raw bool
	// Do carries it out. An error other than those of Refuse and Fail is a refusal.
	Do func(ctx context.Context, c *Call) error
}

// Flag is a flag of a Command. Its texts are given as they are: it can be given once.
type Flag struct {
	Name   string
	Sample string // of its value, for the help and for refusals; without one it has no value
	Usage  string
}

// Call is one call of a Command. Its methods may be called from any goroutine.
type Call struct {
	Args []string // beside the flags
	// Out is standard output, written to at once. That it cannot be written to is told at
	// the end, and changes the exit code.
	Out io.Writer

	flags *flags
	tool  *tool
}

// Text returns the text of a flag, and whether it was given.
func (c *Call) Text(flag string) (text string, given bool) {
	x := c.flags.find(flag)
	return x.text, x.given
}

// On reports whether a flag without a value was given.
func (c *Call) On(flag string) bool { return c.flags.find(flag).on() }

// Complain writes a line to standard error, after the name of the program.
func (c *Call) Complain(text string) { c.tool.complain(text) }

// Program returns the name of the program.
func (c *Call) Program() string { return c.tool.Name }

// The exit codes of Fail.
const (
	CodeRefused     = exitViolation    // by what the command talks to; or a node panicked
	CodeUnknown     = exitInconclusive // not known in time
	CodeInternal    = exitInternal
	CodeIO          = exitIO // something was begun, and then a file, a disk or a connection failed
	CodeInterrupted = exitInterrupted
)

// Refuse ends a command before it has done anything, with exit code 2 and one line that says
// what was wrong and what would be right.
func Refuse(format string, args ...any) error { return refuse(format, args...) }

// Fail ends a command with a code and a line.
func Fail(code int, format string, args ...any) error {
	return &exit{code, fmt.Sprintf(format, args...)}
}

// DidYouMean ends an error line about a word with the nearest candidate, or with all.
func DidYouMean(word string, candidates []string) string { return didYouMean(word, "", candidates) }

// Quote quotes what a user typed, cut to a usable length.
func Quote(s string) string { return quote(s) }

func (t *tool) furtherCommand(c *Command) *cli.Command {
	f := t.flags()
	for _, x := range c.Flags {
		f.add(x.Name, x.Sample, x.Usage)
	}
	cmd := f.command(c.Name, c.Usage, c.Text, func(ctx context.Context, args []string) error {
		out := &direct{w: t.stdout}
		err := c.Do(ctx, &Call{Args: args, Out: out, flags: f, tool: t})
		if out.err != nil {
			t.lost("writing to standard output: %s", files.Reason(out.err))
		}
		return err
	})
	if c.Raw {
		takeRaw(cmd)
	}
	return cmd
}

// takeRaw leaves the arguments of a command as they are, but for a request for help.
func takeRaw(cmd *cli.Command) {
	cmd.SkipFlagParsing = true
	cmd.Flags = nil // the help shows none
	do := cmd.Action
	cmd.Action = func(ctx context.Context, cmd *cli.Command) error {
		if slices.Contains([]string{"-h", "-help", "--help"}, cmd.Args().First()) {
			return cli.ShowCommandHelp(ctx, cmd.Root(), cmd.Name)
		}
		return do(ctx, cmd)
	}
}

// direct writes to standard output, and keeps the first error.
type direct struct {
	w   io.Writer
	err error
}

func (d *direct) Write(b []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.w.Write(b)
	d.err = err
	return n, err
}

// flawOfCommands returns the first mistake in the program's further commands, or nil.
func (p *Program) flawOfCommands() error {
	for i := range p.Commands {
		c := &p.Commands[i]
		if err := scenario.ValidName(c.Name); err != nil {
			return fmt.Errorf("a command has the %w", err)
		}
		if slices.Index(p.commandNames(), c.Name) != len(commandNames())+i {
			return fmt.Errorf("two commands are called %s; want a different name for each", c.Name)
		}
		if c.Raw && len(c.Flags) > 0 {
			return fmt.Errorf("command %s has flags, and takes its arguments raw; want one or the other", c.Name)
		}
	}
	return nil
}
