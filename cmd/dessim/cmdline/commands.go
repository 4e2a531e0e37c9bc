package cmdline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/wording"
)

// commandNames returns the commands in the order of the help.
func commandNames() []string {
	return []string{"run", "replay", "sweep", "merge", "shrink", "explain", "stats", "explore", "compare", "diff", "live", "vet", "mutate", "list", "version", "help"}
}

// commandNames returns the commands of the program, those of its own last.
func (p *Program) commandNames() []string {
	names := commandNames()
	for i := range p.Commands {
		names = append(names, p.Commands[i].Name)
	}
	return names
}

// commands returns them in the order of the help.
func (t *tool) commands() []*cli.Command {
	all := []*cli.Command{t.runCommand(), t.replayCommand(), t.sweepCommand(), t.mergeCommand(), t.shrinkCommand(), t.explainCommand(), t.statsCommand(), t.exploreCommand(),
		t.compareCommand(), t.diffCommand(), t.liveCommand(), t.vetCommand(), t.mutateCommand(), t.listCommand(), t.versionCommand(), t.helpCommand()}
	for i := range t.Commands {
		all = append(all, t.furtherCommand(&t.Commands[i]))
	}
	return all
}

const about = `A flag where the command should be means run: "dessim -seed 42 -scenario
concurrent" is "dessim run -seed 42 -scenario concurrent".

Exit codes: 0 pass, 1 violation or a node panicked, or two runs differ, 2 refused before any run: usage,
or a file that cannot be read or created, 3 inconclusive, 4 not deterministic, a
check or a scenario panicked, or internal error, 5 a file or standard output cannot
be written once runs have begun, 130 interrupted. Of several, the first of 130, 4, 1,
5, 3 and 0 counts.

A node can end the process, unseen: os.Exit(0) in its code ends any command with 0
and prints nothing, so a pass is one only with its summary. A panic in a goroutine
that a node starts exits with 2, and the report of the Go runtime.`

// dispatch runs the command, which writes to t.out.
func (t *tool) dispatch(ctx context.Context, args []string) error {
	args, err := t.withCommand(args)
	if err != nil {
		return err
	}
	root := &cli.Command{
		Name:            t.Name,
		Usage:           "runs distributed protocols in virtual time, reproducibly",
		UsageText:       t.named("dessim COMMAND [flags]"),
		Description:     t.named(about),
		HideHelp:        true,
		HideHelpCommand: true, // its "help nope" exits with 3
		Writer:          &t.out,
		ErrWriter:       discard{},
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // or it exits by itself
		Commands:        t.commands(),
	}
	return root.Run(ctx, append([]string{t.Name}, args...))
}

// discard is io.Discard; cli compares writers, which must be comparable.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// withCommand adds the command if it was left out. The root has no flags: cli silently
// drops those before a command.
func (p *Program) withCommand(args []string) ([]string, error) {
	if len(args) == 0 {
		// Not the help with 0: a script whose variable is empty must not pass.
		return nil, refuse("no command; want %s; begin with: %s help", strings.Join(p.commandNames(), ", "), p.Name)
	}
	first := args[0]
	switch {
	case slices.Contains([]string{"-h", "-help", "--help"}, first):
		return append([]string{"help"}, args[1:]...), nil
	case slices.Contains([]string{"-v", "-version", "--version"}, first):
		return append([]string{"version"}, args[1:]...), nil
	case strings.HasPrefix(first, "-"):
		return append([]string{"run"}, args...), nil
	case slices.Contains(p.commandNames(), first):
		return args, nil
	case p.find(first) != nil:
		return nil, refuse("unknown command %s; did you mean %s run -scenario %s?", quote(first), p.Name, first)
	}
	near := wording.Near(first, p.commandNames())
	if s := wording.Near(first, p.names()); near == "" && s != "" {
		return nil, refuse("unknown command %s; did you mean %s run -scenario %s?", quote(first), p.Name, s)
	}
	return nil, refuse("unknown command %s; %s", quote(first), didYouMean(first, "", p.commandNames()))
}

// flags returns an empty set of flags for a command.
func (t *tool) flags() *flags { return &flags{program: t.Program} }

// command makes a command with these flags. do gets the other arguments.
func (f *flags) command(name, usage, text string, do func(ctx context.Context, args []string) error) *cli.Command {
	return &cli.Command{
		Name:         name,
		Usage:        usage,
		UsageText:    f.program.named(text),
		HideHelp:     true, // f adds its own -help, and -h
		Flags:        f.cli(),
		OnUsageError: f.usage,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return do(ctx, cmd.Args().Slice())
		},
	}
}

func (t *tool) helpCommand() *cli.Command {
	f := t.flags()
	cmd := f.command("help", "shows this help, or that of a command", "dessim help [COMMAND]", nil)
	cmd.Action = func(ctx context.Context, cmd *cli.Command) error {
		args := cmd.Args().Slice()
		if len(args) == 0 {
			return cli.ShowRootCommandHelp(cmd.Root())
		}
		if !slices.Contains(t.commandNames(), args[0]) {
			return refuse("no help on %s; %s", quote(args[0]), didYouMean(args[0], "", t.commandNames()))
		}
		if err := onlyOne("help", "command", args[1:]); err != nil {
			return err
		}
		return cli.ShowCommandHelp(ctx, cmd.Root(), args[0])
	}
	return cmd
}

func (t *tool) versionCommand() *cli.Command {
	return t.flags().command("version", "prints the version", "dessim version", func(_ context.Context, args []string) error {
		fmt.Fprintln(&t.out, t.Name, version())
		return t.leftover(args)
	})
}
