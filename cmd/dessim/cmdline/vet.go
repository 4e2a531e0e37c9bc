package cmdline

import (
	"cmp"
	"context"
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

	"dessim/sim/simtest/determinism"
)

const vetUsage = `dessim vet [flags] [PACKAGES]

Looks in the source of nodes for what would make two runs of one seed differ: the
wall clock, goroutines and channels, the order of maps, floating point, addresses,
the environment, package variables that change. PACKAGES are as for go build, such
as ./...; none means the one in this folder.

Of them those are looked at that have a node, which is a type with the methods of
protocol.Node, and those that these import, but not test files. A line a finding:

  FILE:LINE: what: why

It exits with 1 if there is one.`

// The interface that makes a type a node.
const (
	nodePackage   = "dessim/protocol"
	nodeInterface = "Node"
)

func (t *tool) vetCommand() *cli.Command {
	f := t.flags()
	nodes := f.add("nodes", "PATTERN", "look at these packages alone; several with commas between, or several times")
	nodes.many = true
	f.add("all", "", "look at all PACKAGES, whether they have nodes or not")
	return f.command("vet", "looks in nodes for what nobody could repeat", vetUsage, func(ctx context.Context, args []string) error {
		if nodes.given && f.find("all").on() {
			return refuse("-nodes and -all: want one of them")
		}
		if slices.Contains(args, "") {
			return refuse("package \"\"; want one such as ./...")
		}
		v := &vetting{tool: t, ctx: ctx, all: f.find("all").on() || nodes.given}
		if nodes.given {
			if len(args) > 0 {
				return refuse("unexpected argument %s; -nodes tells the packages", quote(args[0]))
			}
			args = strings.FieldsFunc(nodes.text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' })
			if len(args) == 0 {
				return refuse("-nodes tells no package; want one such as ./node")
			}
		}
		return v.run(args)
	})
}

// vetting is one look at some packages.
type vetting struct {
	*tool
	ctx  context.Context
	all  bool   // look at every package that is named
	dir  string // where patterns are meant, and paths are told from; "" is this folder
	fset *token.FileSet
}

func (v *vetting) run(patterns []string) error {
	v.fset = token.NewFileSet()
	named, err := packages.Load(&packages.Config{
		Context: v.ctx,
		Dir:     v.dir,
		Fset:    v.fset,
		Mode:    packages.LoadSyntax,
	}, patterns...)
	switch {
	case v.ctx.Err() != nil:
		return &exit{exitInterrupted, "interrupted"}
	case err != nil:
		return refuse("vet: %s", firstLine(err.Error()))
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
	fmt.Fprintf(&v.out, "%s in %s\n", counted(len(found), "finding"), counted(len(looked), "package"))
	if len(found) > 0 {
		return &exit{code: exitViolation}
	}
	return nil
}

func counted(n int, word string) string {
	switch n {
	case 0:
		return "no " + word
	case 1:
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// broken refuses packages that do not compile: of those nothing is known.
func broken(named []*packages.Package) error {
	if len(named) == 0 {
		return refuse("vet: no packages; want a pattern that matches some, such as ./...")
	}
	for _, p := range named {
		if len(p.Errors) > 0 {
			return refuse("vet: %s: %s", p.ID, compilerSays(p.Errors))
		}
	}
	return nil
}

// compilerSays returns the first error that has a place. Of the others, go list repeats
// the compiler's in one lump.
func compilerSays(all []packages.Error) string {
	for _, e := range all {
		if e.Pos != "" && e.Pos != "-" {
			return firstLine(e.Error())
		}
	}
	return firstLine(all[0].Msg)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// withNodes returns the packages that have a node, and those of the others that they
// import, in the order of their paths: what a node calls determines it, too. What was
// not named, the analyzer knows by what may be called of it, or not at all.
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

// analyze returns the findings as lines, in the order of files and lines.
func (v *vetting) analyze(looked []*packages.Package) ([]string, error) {
	graph, err := checker.Analyze([]*analysis.Analyzer{determinism.Analyzer}, looked, nil)
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

// short returns a file's name as people write it who are in this folder.
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
