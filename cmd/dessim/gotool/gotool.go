// Package gotool has the command "go" of dessim: the go command, for ordinary Go programs that run
// as nodes of the simulator. Package host, which makes nodes of them, needs an overlay of the
// standard library and a build tag: see package overlay. This command writes the overlay for the
// release in use, beside the build cache, and adds both to the call.
//
// Everything else is the go command's: flags and arguments, input, output, exit code and signals.
// On Unix it replaces this process. Only these differ:
//
//   - The tag is added to -tags, on the command line or in GOFLAGS.
//   - cgo is off, since the simulator does not see the threads of C. It is on with CGO_ENABLED=1 in
//     the environment, and with -race, -msan and -asan, which need it. Then no package outside of the
//     standard library may use it, and net and os/user are built without it, by their tags.
//
// Subcommands that compile nothing, such as mod and fmt, are passed on unchanged, so a script or a
// Makefile can have "dessim go" in the place of the go command.
//
// In the code, start with invocation.run.
package gotool

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/host/overlay"
)

const usage = `dessim go test|build|run|vet|install|list [flags] [PACKAGES]

Runs the go command with what package dessim/sim/host needs to run ordinary Go
programs as nodes: an overlay of the standard library, and the build tag that goes
with it. All flags and arguments are those of the go command, and so are output and
exit code. Other subcommands, such as mod, are handed on as they are.

The first build for an overlay compiles the standard library, which takes some
seconds; then the build cache has it. The overlay itself is written beside the
build cache.

The overlay is written for these releases of Go, on linux/amd64 and linux/arm64:
RELEASES. To use one that is not installed:

  GOTOOLCHAIN=NEWEST dessim go test ./...

cgo is off, unless CGO_ENABLED=1 is in the environment, or for -race. Packages that
use it are refused then: no simulation sees what C does.`

// withOverlay returns the subcommands that get the overlay.
func withOverlay() []string {
	return []string{"test", "build", "run", "vet", "install", "list"}
}

// asTheyAre returns the other subcommands of the go command.
func asTheyAre() []string {
	return []string{"bug", "clean", "doc", "env", "fix", "fmt", "generate", "get", "help", "mod", "telemetry", "tool", "version", "work"}
}

// Command returns the command.
func Command() cmdline.Command {
	text := strings.NewReplacer(
		"RELEASES", strings.Join(overlay.Releases, ", "),
		"NEWEST", overlay.Releases[0],
	).Replace(usage)
	return cmdline.Command{
		Name: "go", Usage: "runs the go command for ordinary Go programs that are nodes", Text: text, Raw: true,
		Do: func(ctx context.Context, c *cmdline.Call) error {
			v := &invocation{ctx: ctx, program: c.Program(), env: os.Environ()}
			if err := v.run(c.Args); err != nil {
				return err
			}
			return v.become()
		},
	}
}

// invocation is a call of the go command, which run completes.
type invocation struct {
	ctx     context.Context
	program string
	path    string   // of the go command
	args    []string // after its name
	env     []string
}

// run sets what is called.
func (v *invocation) run(args []string) error {
	all := append(withOverlay(), asTheyAre()...)
	switch {
	case len(args) == 0:
		return cmdline.Refuse("no subcommand of the go command; want %s go with %s", v.program, strings.Join(withOverlay(), ", "))
	case strings.HasPrefix(args[0], "-"):
		return cmdline.Refuse("unexpected argument %s; the subcommand comes first: %s go test ...", cmdline.Quote(args[0]), v.program)
	case !slices.Contains(all, args[0]):
		return cmdline.Refuse("unknown subcommand %s of the go command; %s", cmdline.Quote(args[0]), cmdline.DidYouMean(args[0], all))
	}
	path, err := exec.LookPath("go")
	if err != nil {
		return cmdline.Refuse("no go command in PATH; install %s, or put its folder into PATH", overlay.Releases[0])
	}
	v.path, v.args = path, args
	if slices.Contains(asTheyAre(), args[0]) {
		return nil
	}
	return v.overlaid(parse(args[0], args[1:]))
}

// overlaid sets a call with the overlay.
func (v *invocation) overlaid(l *line) error {
	s, err := v.settings(l)
	if err != nil {
		return err
	}
	inherited := parse(l.sub, s.Flags())
	switch {
	case l.overlay:
		return cmdline.Refuse("-overlay is what %s go adds; want none", v.program)
	case inherited.overlay:
		return cmdline.Refuse("-overlay in GOFLAGS is what %s go adds; want none", v.program)
	case s.GOOS != "linux" || s.GOARCH != "amd64" && s.GOARCH != "arm64":
		return cmdline.Refuse("the overlay is for linux/amd64 and linux/arm64, not for %s/%s; want GOOS=linux and one of these as GOARCH", s.GOOS, s.GOARCH)
	case !slices.Contains(overlay.Releases, s.GOVERSION):
		return cmdline.Refuse("the overlay is for %s, not for %s; want one of these, such as by GOTOOLCHAIN=%s %s go %s ...",
			strings.Join(overlay.Releases, ", "), s.GOVERSION, overlay.Releases[0], v.program, l.sub)
	case !filepath.IsAbs(s.GOCACHE):
		return cmdline.Refuse("GOCACHE is %s; want a folder", cmdline.Quote(s.GOCACHE))
	}
	tags := []string{overlay.Tag}
	sanitized := cmp.Or(l.sanitizer, inherited.sanitizer)
	if sanitized == "" && lookup(v.env, "CGO_ENABLED") != "1" {
		v.env = with(v.env, "CGO_ENABLED=0")
	} else {
		v.env = with(v.env, "CGO_ENABLED=1")
		tags = append(tags, "netgo", "osusergo")
		if err := v.refuseCgo(l, inherited, tags); err != nil {
			return err
		}
	}
	b, err := overlay.For(s)
	if err != nil {
		return err
	}
	v.path = cmp.Or(b.Go, v.path)
	for _, variable := range b.Env {
		v.env = with(v.env, variable)
	}
	v.args = slices.Concat([]string{l.sub}, l.chdir, []string{"-overlay=" + b.File}, l.tagged(inherited, tags))
	return nil
}

// refuseCgo refuses packages outside of the standard library that use cgo. If go list fails, the go
// command itself will say why.
func (v *invocation) refuseCgo(l, inherited *line, tags []string) error {
	args := slices.Concat([]string{"list"}, l.chdir, []string{"-deps", "-f", "{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}"}, l.module)
	if l.sub == "test" {
		args = append(args, "-test")
	}
	args = slices.Concat(args, l.onlyTags(inherited, tags), []string{"--"}, l.packages)
	out, _ := v.ask(args)
	if found := strings.Fields(out); len(found) > 0 {
		return cmdline.Refuse("package %s uses cgo, and no simulation sees what C does; want CGO_ENABLED=0 and no -race, or a package without cgo", found[0])
	}
	return nil
}

// lookup returns the value of a variable of an environment.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// with returns the environment with a variable, NAME=VALUE.
func with(env []string, variable string) []string {
	name, _, _ := strings.Cut(variable, "=")
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, name+"=") })
	return append(env, variable)
}
