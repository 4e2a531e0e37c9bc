// Package mutate makes mutants of a package: copies of it with one small mistake each, which a rule
// makes from the syntax tree. A mutant that no check reports shows what the checks do not look at,
// as lines that no test runs show what tests do not reach.
//
// One build has all mutants of a package. Each place is rewritten into code that asks which mutant is
// on; a variable of the environment says so: see Package.Build. So hundreds of mutants need one link.
// Nothing is written into the package's folder: the flag -overlay of the go command replaces its
// files by the rewritten ones.
//
// The package knows neither scenarios nor checks. Load and the rules in rules.go are the
// places to start reading.
package mutate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// EnvOn is the variable of the environment that has the number of the mutant that is on, in a
// process that was built with mutants; without it none is. Package reached says which places a process
// reaches. A place at which the mutant would change nothing is not reached, such as the boundary of a
// comparison whose operands differ.
const EnvOn = "DESSIM_MUTANT"

// Mutant is one mistake.
type Mutant struct {
	Number   int    // in the build, from 1
	File     string // without folder
	Function string // with the receiver's type, such as Server.Receive
	Rule     string // one of Rules
	Nth      int    // of this rule in the function, from 1
	Line     int    // in the file
	Before   string // the line of source
	After    string // the line, with the mistake
}

// ID names the mutant by a name that changes elsewhere do not affect:
// store.go:Server.Receive:drop-sync:1.
func (m *Mutant) ID() string {
	return fmt.Sprintf("%s:%s:%s:%d", m.File, m.Function, m.Rule, m.Nth)
}

// Package is a package with its mutants.
type Package struct {
	Path    string // import path
	Dir     string
	Root    string    // folder of its module
	Mutants []*Mutant // in the order of the source; those of a Package that was loaded compile
	Omitted int       // mutants that do not compile
	Hosted  bool      // Build built a program that makes nodes of ordinary Go programs

	name  string
	files []*file
	from  *packages.Package
}

// file is a source file with the edits of mutants.
type file struct {
	path  string
	base  int // of its positions
	text  []byte
	edits []edit
}

// Load loads the package that the pattern names, from the folder dir, and makes its mutants.
func Load(ctx context.Context, dir, pattern string) (*Package, error) {
	mode := packages.LoadSyntax | packages.NeedModule
	all, err := packages.Load(&packages.Config{Context: ctx, Dir: dir, Mode: mode, Fset: token.NewFileSet()}, pattern)
	switch {
	case err != nil:
		return nil, err
	case len(all) != 1:
		return nil, fmt.Errorf("%q names %d packages; want one", pattern, len(all))
	case len(all[0].Errors) > 0:
		return nil, all[0].Errors[0]
	case all[0].Module == nil || all[0].Module.Dir == "":
		return nil, errors.New("the package is in no module")
	}
	from := all[0]
	if m := from.Module; cached(m) {
		return nil, fmt.Errorf("%s is in the module cache, where the go command replaces no file; want a copy of it: go mod edit -replace %s=COPY", m.Path, m.Path)
	}
	p := &Package{Path: from.PkgPath, Root: from.Module.Dir, name: from.Name, from: from}
	for i, syntax := range from.Syntax {
		path := from.CompiledGoFiles[i]
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		p.Dir = filepath.Dir(path)
		f := &file{path: path, base: from.Fset.File(syntax.FileStart).Base(), text: text}
		p.files = append(p.files, f)
		p.collect(f, syntax)
	}
	return p, p.omit()
}

// cached reports whether a module is one that the go command downloaded.
func cached(m *packages.Module) bool {
	if m.Replace != nil {
		m = m.Replace
	}
	return m.Version != ""
}

// collect makes the mutants of a file.
func (p *Package) collect(f *file, syntax *ast.File) {
	for _, decl := range syntax.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil || forChecks(fn) {
			continue
		}
		c := &collector{file: f, info: p.from.TypesInfo, qualifier: qualifier(p.from.Types, syntax, p.from.TypesInfo), function: functionName(fn)}
		c.body(fn)
		c.finish(p)
	}
}

// forChecks reports whether a function only tells checks about a node: see protocol.Sized and
// protocol.Waiter. It is not part of what the node does.
func forChecks(fn *ast.FuncDecl) bool {
	return fn.Recv != nil && (strings.EqualFold(fn.Name.Name, "Sizes") || fn.Name.Name == "Waits")
}

// finish orders and names the mutants of a function.
func (c *collector) finish(p *Package) {
	slices.SortStableFunc(c.made, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.mutant.Rule, b.mutant.Rule))
	})
	count := make(map[string]int)
	for _, m := range c.made {
		count[m.mutant.Rule]++
		m.mutant.Nth = count[m.mutant.Rule]
		m.mutant.Number = len(p.Mutants) + 1
		p.Mutants = append(p.Mutants, m.mutant)
	}
}

func functionName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// qualifier returns how the file names a package: by the name of its import.
func qualifier(own *types.Package, syntax *ast.File, info *types.Info) types.Qualifier {
	names := make(map[*types.Package]string)
	for _, spec := range syntax.Imports {
		if n := info.PkgNameOf(spec); n != nil {
			names[n.Imported()] = n.Name()
		}
	}
	return func(q *types.Package) string {
		if q == own {
			return ""
		}
		if name, ok := names[q]; ok {
			return name
		}
		return "unknown" // does not compile, so that the mutant is omitted
	}
}
