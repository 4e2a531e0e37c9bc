package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
)

// The files that are added to the package: the functions that the rewritten places call, and the
// state that they ask. Package variables are initialized in the order of their dependencies, so the
// state is known to the initialization of any other variable.
const (
	helpers = `package %s

func dessimOn(n int) bool {
	dessimReach(n)
	return n == dessimMutant
}

type dessimInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

type dessimOrdered interface {
	dessimInteger | ~float32 | ~float64 | ~string
}

func dessimLess[T dessimOrdered](n int, a, b T) bool {
	if a == b && dessimOn(n) { // elsewhere it is not reached: nothing would differ
		return a <= b
	}
	return a < b
}

func dessimAtMost[T dessimOrdered](n int, a, b T) bool {
	if a == b && dessimOn(n) {
		return a < b
	}
	return a <= b
}

func dessimMore[T dessimOrdered](n int, a, b T) bool {
	if a == b && dessimOn(n) {
		return a >= b
	}
	return a > b
}

func dessimAtLeast[T dessimOrdered](n int, a, b T) bool {
	if a == b && dessimOn(n) {
		return a > b
	}
	return a >= b
}

func dessimOver[T dessimInteger](n int, a T) T {
	if dessimOn(n) {
		return a + 1
	}
	return a
}

func dessimUnder(n, length int) int {
	if dessimOn(n) {
		return length - 1
	}
	return length
}

func dessimFirst(n, last int) int {
	if last != 0 && dessimOn(n) {
		return 0
	}
	return last
}

func dessimLast(n, length int) int {
	if length != 1 && dessimOn(n) {
		return length - 1
	}
	return 0
}
`
	// checked takes the place of state while types are checked: it imports nothing.
	checked = `package %s

var dessimMutant int

func dessimReach(int) {}
`
	state = `package %s

import (
	"os"
	"strconv"

	"dessim/cmd/dessim/mutate/reached"
)

var dessimMutant, _ = strconv.Atoi(os.Getenv(%q))

var dessimReached = reached.New(%d)

func dessimReach(n int) { dessimReached.Mark(n) }
`
	// tested takes the place of state in a build of tests, whose module may not require dessim.
	tested = `package %s

import (
	"os"
	"strconv"
)

var dessimMutant, _ = strconv.Atoi(os.Getenv(%q))

func dessimReach(int) {}
`
	helpersFile = "dessim_mutants.go"
	stateFile   = "dessim_mutants_state.go"
)

// omit leaves out mutants until the rest compiles. It returns an error that no mutant explains, such as
// a name of an added file that the package declares itself.
func (p *Package) omit() error {
	for {
		blame, err := p.check()
		if err == nil {
			return nil
		}
		if len(blame) == 0 {
			return fmt.Errorf("the package with its mutants does not compile: %w", err)
		}
		p.leaveOut(blame)
	}
}

// leaveOut removes the mutants with these numbers. The others keep their numbers, so the build has the
// code that was checked.
func (p *Package) leaveOut(numbers map[int]bool) {
	var kept []*Mutant
	for _, m := range p.Mutants {
		if numbers[m.Number] {
			p.Omitted++
			continue
		}
		kept = append(kept, m)
	}
	p.Mutants = kept
	for _, f := range p.files {
		var edits []edit
		for _, e := range f.edits {
			if !numbers[e.mutant.Number] {
				edits = append(edits, e)
			}
		}
		f.edits = edits
	}
}

// check checks the types of the rewritten package. It returns the first error and the
// mutants to blame for the errors.
func (p *Package) check() (blame map[int]bool, first error) {
	fset := token.NewFileSet()
	var files []*ast.File
	add := func(path, text string) error {
		f, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
		files = append(files, f)
		return err
	}
	for _, f := range p.files {
		if err := add(f.path, f.rewritten()); err != nil {
			return nil, err
		}
	}
	for _, text := range []string{helpers, checked} {
		if err := add(helpersFile, fmt.Sprintf(text, p.name)); err != nil {
			return nil, err
		}
	}
	blame = make(map[int]bool)
	config := types.Config{Importer: imported(p.from.Types.Imports()), Sizes: p.from.TypesSizes, Error: func(err error) {
		if first == nil {
			first = err
		}
		if e, ok := err.(types.Error); ok {
			if n := culprit(files, e.Pos); n > 0 {
				blame[n] = true
			}
		}
	}}
	if v := p.from.Module.GoVersion; v != "" {
		config.GoVersion = "go" + v
	}
	config.Check(p.Path, fset, files, nil) // Error has what it returns
	return blame, first
}

// imported is an importer that knows the packages that a package imports.
type imported []*types.Package

func (all imported) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	for _, p := range all {
		if p.Path() == path {
			return p, nil
		}
	}
	return nil, fmt.Errorf("no package %s", path)
}

// culprit returns the number of the mutant that is nearest to a position: the first one in the
// smallest piece of syntax around the position that has one. Without any, it returns 0.
func culprit(files []*ast.File, pos token.Pos) int {
	n := 0
	for _, f := range files {
		if pos < f.FileStart || f.FileEnd < pos {
			continue
		}
		ast.Inspect(f, func(x ast.Node) bool {
			if x == nil || pos < x.Pos() || x.End() < pos {
				return false
			}
			if m := firstIn(x); m > 0 {
				n = m // of a smaller piece than before
			}
			return true
		})
	}
	return n
}

func firstIn(x ast.Node) (n int) {
	ast.Inspect(x, func(y ast.Node) bool {
		call, ok := y.(*ast.CallExpr)
		if n > 0 || !ok || len(call.Args) == 0 {
			return n == 0
		}
		f := call.Fun
		if g, ok := f.(*ast.IndexExpr); ok {
			f = g.X
		}
		id, ok := f.(*ast.Ident)
		lit, isNumber := call.Args[0].(*ast.BasicLit)
		if ok && isNumber && len(id.Name) > len("dessim") && id.Name[:len("dessim")] == "dessim" {
			n, _ = strconv.Atoi(lit.Value)
		}
		return n == 0
	})
	return n
}

// overlay returns the files of the package with its mutants, by their paths.
func (p *Package) overlay(tests bool) map[string]string {
	most := 0
	for _, m := range p.Mutants {
		most = max(most, m.Number)
	}
	of := fmt.Sprintf(state, p.name, EnvOn, most+1)
	if tests {
		of = fmt.Sprintf(tested, p.name, EnvOn)
	}
	all := map[string]string{filepath.Join(p.Dir, helpersFile): fmt.Sprintf(helpers, p.name), filepath.Join(p.Dir, stateFile): of}
	for _, f := range p.files {
		if len(f.edits) > 0 {
			all[f.path] = f.rewritten()
		}
	}
	return all
}

// taken returns an error if a file of the package has a name of one that is added.
func (p *Package) taken() error {
	for _, name := range []string{helpersFile, stateFile} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); err == nil {
			return fmt.Errorf("the package has a file %s already", name)
		}
	}
	return nil
}
