package cmdline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"dessim/sim/check"
	"dessim/sim/simtest/determinism"
	"dessim/sim/wording"
)

const vetUsage = `dessim vet [flags] [PACKAGES]

Reports what would make two runs of one seed differ: the wall clock, goroutines and
channels, map order, floating point, addresses, the environment, package variables
that change. PACKAGES are as for go build, such as ./...; the default is the package
in this folder.

It checks the packages that have a node, which is a type with the methods of
protocol.Node, and the packages that these import, but no test files. Each finding is
one line:

  FILE:LINE: what: why

With -programs it checks PACKAGES as ordinary Go programs that are hosted as nodes, and
reports package variables that change: the nodes of a run share them. With
scenario.EachRun, different runs do not share them, so a cache that only fills is harmless.
-libs adds a line for each imported library outside of the standard one: the package
variables that it writes after init, in code that PACKAGES can reach.

It exits with 1 if there is a finding.`

// The interface that makes a type a node.
const (
	nodePackage   = "dessim/protocol"
	nodeInterface = "Node"
)

func (t *tool) vetCommand() *cli.Command {
	f := t.flags()
	nodes := f.add("nodes", "PATTERN", "check these packages alone; separate several by commas, or repeat the flag")
	nodes.many = true
	f.add("all", "", "check all PACKAGES, with or without nodes")
	f.add("programs", "", "check PACKAGES as ordinary Go programs: which package variables change")
	f.add("libs", "", "with -programs: add the libraries that PACKAGES import, a line for each that writes package variables")
	return f.command("vet", "reports nondeterminism in node code", vetUsage, func(ctx context.Context, args []string) error {
		if nodes.given && f.find("all").on() {
			return refuse("-nodes and -all: use one or the other")
		}
		if slices.Contains(args, "") {
			return refuse("package \"\"; want one such as ./...")
		}
		v := &vetting{tool: t, ctx: ctx, all: f.find("all").on() || nodes.given, analyzer: determinism.Analyzer}
		if f.find("programs").on() {
			if v.all {
				return refuse("-programs: use it without -nodes and -all")
			}
			v.all, v.analyzer = true, determinism.Shared
		}
		if v.libs = f.find("libs").on(); v.libs && v.analyzer != determinism.Shared {
			return refuse("-libs: want -programs with it")
		}
		if nodes.given {
			if len(args) > 0 {
				return refuse("unexpected argument %s; -nodes already names the packages", quote(args[0]))
			}
			args = strings.FieldsFunc(nodes.text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' })
			if len(args) == 0 {
				return refuse("-nodes names no package; want one such as ./node")
			}
		}
		return v.run(args)
	})
}

// vetting is one invocation of dessim vet.
type vetting struct {
	*tool
	ctx      context.Context
	all      bool // check every package that is named
	libs     bool // and what they import
	analyzer *analysis.Analyzer
	dir      string // that patterns and printed paths are relative to; "" is this folder
	fset     *token.FileSet
}

func (v *vetting) run(patterns []string) error {
	v.fset = token.NewFileSet()
	named, err := packages.Load(&packages.Config{
		Context: v.ctx,
		Dir:     v.dir,
		Fset:    v.fset,
		Mode:    packages.LoadSyntax,
	}, patterns...)
	if err != nil || v.ctx.Err() != nil {
		return v.failed(err)
	}
	if err := broken(named); err != nil {
		return err
	}
	looked := named
	if !v.all {
		looked = withNodes(named)
	}
	if len(looked) == 0 {
		return refuse("vet: no package of %s has a node, a type with the methods of protocol.Node; want -nodes PATTERN, or -all", cmp.Or(strings.Join(patterns, " "), "."))
	}
	found, err := v.analyze(looked)
	if err != nil {
		return &exit{exitInternal, "vet: " + firstLine(err.Error())}
	}
	for _, line := range found {
		fmt.Fprintln(&v.out, line)
	}
	looks := counted(len(looked), "package")
	if v.libs {
		libs, n, err := v.libraries(looked)
		if err != nil {
			return v.failed(err)
		}
		for _, line := range libs {
			fmt.Fprintln(&v.out, line)
		}
		found = append(found, libs...)
		looks += " and " + librariesOf(n)
	}
	verdict := check.Pass
	if len(found) > 0 {
		verdict = check.Violation
	}
	fmt.Fprintf(&v.out, "%s in %s\n", v.paint.as(verdict, counted(len(found), "finding")), looks)
	return verdictExit(verdict)
}

// failed returns how the command ends if packages cannot be loaded.
func (v *vetting) failed(err error) error {
	var e *exit
	switch {
	case v.ctx.Err() != nil:
		return &exit{exitInterrupted, "interrupted"}
	case errors.As(err, &e):
		return err
	}
	return refuse("vet: %s", firstLine(err.Error()))
}

// librariesOf counts libraries.
func librariesOf(n int) string {
	if n == 1 {
		return "1 library"
	}
	return fmt.Sprintf("%d libraries", n)
}

func counted(n int, word string) string {
	if n == 0 {
		return "no " + word
	}
	return wording.Count(n, word)
}

// broken refuses packages that do not compile: nothing is known about them.
func broken(named []*packages.Package) error {
	if len(named) == 0 {
		return refuse("vet: no packages; want a pattern that matches some, such as ./..., in the folder of their go.mod")
	}
	for _, p := range named {
		if len(p.Errors) > 0 {
			return refuse("vet: %s: %s", p.ID, compilerSays(p.Errors))
		}
	}
	return nil
}

// compilerSays returns the first error that has a position. The others repeat the
// compiler's output in one lump.
func compilerSays(all []packages.Error) string {
	for _, e := range all {
		if e.Pos != "" && e.Pos != "-" {
			return firstLine(e.Error())
		}
	}
	return firstLine(all[0].Msg)
}

func firstLine(text string) string {
	for _, sign := range []string{"go.mod file not found", "does not contain main module"} {
		if strings.Contains(text, sign) {
			return "the packages are in no module, or in another one; run it in the folder of their go.mod"
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// withNodes returns the packages that have a node, and the named packages that they
// import, sorted by path: what a node calls is part of it.
func withNodes(named []*packages.Package) []*packages.Package {
	byPath := make(map[string]*packages.Package)
	for _, p := range named {
		byPath[p.PkgPath] = p
	}
	picked := make(map[string]*packages.Package)
	var pick func(path string)
	pick = func(path string) {
		p := byPath[path]
		if p == nil || picked[path] != nil {
			return
		}
		picked[path] = p
		for path := range p.Imports {
			pick(path)
		}
	}
	for _, p := range named {
		if hasNode(p.Types) {
			pick(p.PkgPath)
		}
	}
	return slices.SortedFunc(maps.Values(picked), func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
}

// hasNode reports whether a type of p, or its pointer, is a protocol.Node.
func hasNode(p *types.Package) bool {
	if p == nil {
		return false
	}
	i := slices.IndexFunc(p.Imports(), func(q *types.Package) bool { return q.Path() == nodePackage })
	if i < 0 {
		return false
	}
	obj := p.Imports()[i].Scope().Lookup(nodeInterface)
	if obj == nil {
		return false
	}
	node, ok := obj.Type().Underlying().(*types.Interface)
	if !ok {
		return false
	}
	return slices.ContainsFunc(p.Scope().Names(), func(name string) bool {
		t, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok || types.IsInterface(t.Type()) {
			return false
		}
		return types.Implements(t.Type(), node) || types.Implements(types.NewPointer(t.Type()), node)
	})
}

// analyze returns the findings as lines, sorted by file and line.
func (v *vetting) analyze(looked []*packages.Package) ([]string, error) {
	graph, err := checker.Analyze([]*analysis.Analyzer{v.analyzer}, looked, nil)
	if err != nil {
		return nil, err
	}
	var found []analysis.Diagnostic
	for _, action := range graph.Roots {
		if action.Err != nil {
			return nil, fmt.Errorf("%s: %w", action.Package.PkgPath, action.Err)
		}
		found = append(found, action.Diagnostics...)
	}
	slices.SortFunc(found, func(a, b analysis.Diagnostic) int {
		p, q := v.fset.Position(a.Pos), v.fset.Position(b.Pos)
		if c := strings.Compare(p.Filename, q.Filename); c != 0 {
			return c
		}
		return p.Offset - q.Offset
	})
	lines := make([]string, 0, len(found))
	for _, d := range found {
		at := v.fset.Position(d.Pos)
		lines = append(lines, plain(fmt.Sprintf("%s:%d: %s", v.short(at.Filename), at.Line, d.Message)))
	}
	return slices.Compact(lines), nil
}

// short returns a file's name relative to this folder, if it lies below.
func (v *vetting) short(file string) string {
	here, err := filepath.Abs(v.dir)
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(here, file); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return file
}
