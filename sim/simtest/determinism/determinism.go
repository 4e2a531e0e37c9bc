// Package determinism reports, in the source of nodes and of the simulator, what would make
// two runs of one seed differ: the wall clock, goroutines and channels, map order, floating
// point, addresses, the environment, and package variables that change.
//
// Analyzer is an ordinary analysis pass: run it on your own nodes with dessim vet,
// multichecker, go vet -vettool or analysistest. It skips test files. It looks at a package's
// own text, not at its imports; and it does not follow slices and interfaces of package
// variables into the functions that receive them.
//
// The project's own rules about imports, sizes and comments are in TestTidy.
package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports what the package comment lists. It needs no facts and no
// other analyzer, and has no flags.
var Analyzer = &analysis.Analyzer{
	Name: "determinism",
	Doc:  "refuse what makes two runs of one seed differ\n\nWall clock, goroutines, channels, map order, floats, addresses, environment, changing package variables.",
	URL:  "https://pkg.go.dev/dessim/sim/simtest/determinism",
	Run:  run,
}

// sortedKeys are the functions that may range over a map.
var sortedKeys = []string{"dessim/protocol.SortedKeys", "dessim/protocol.SortedKeysFunc"}

// refusedImports says why a package, and those below it, may not be imported.
var refusedImports = []struct{ path, why string }{
	{"math/rand", "its answers have no names; ask env.Choose or the Source"},
	{"crypto/rand", "it cannot be replayed; derive bytes from a hash"},
	{"hash/maphash", "its seed differs between processes; use protocol.Hash2"},
	{"os", "the environment, files and process differ between runs"},
	{"syscall", "the system differs between runs"},
	{"unsafe", "addresses differ between runs"},
	{"sync", "a node neither waits nor spawns"},
	{"context", "a node neither waits nor spawns"},
	{"runtime", "the scheduler and the collector differ between runs"},
	{"net", "sockets belong to protocol/live"},
	{"log", "it prints the wall clock; use env.Note"},
	{"testing", "it belongs to tests"},
	{"C", "C code is not checked"},
}

// allowedImports are exceptions below a refused path.
var allowedImports = []string{"net/netip", "net/url"}

// refusedUses are functions, methods and types of packages that are otherwise
// fine. A method is written Type.Method.
var refusedUses = []struct{ path, names, why string }{
	{"time", "Now Since Until Sleep After AfterFunc Tick NewTimer NewTicker Timer Ticker", "it is the wall clock; use env.Now and env.SetTimer"},
	{"time", "Local LoadLocation Time.Local", "it is this machine's time zone"},
	{"reflect", "Value.MapKeys Value.MapRange Value.Seq Value.Seq2", "it shows the order of a map"},
	{"reflect", "Value.Pointer Value.UnsafeAddr", "it is an address"},
	{"reflect", "Select MakeChan ChanOf Value.Send Value.Recv Value.TrySend Value.TryRecv", "it is a channel"},
	{"maps", "DeleteFunc EqualFunc", "it calls in the order of a map"},
	{"crypto/ecdsa", "GenerateKey Sign SignASN1", "it is random with any Reader; use ParseRawPrivateKey and PrivateKey.Sign with a nil Reader"},
	{"crypto/ecdh", "Curve.GenerateKey", "it is random"},
	{"crypto/ed25519", "GenerateKey", "it is random; use NewKeyFromSeed"},
	{"crypto/rsa", "GenerateKey GenerateMultiPrimeKey", "it is random"},
}

// mapIterators of package maps may stand only within slices.Sorted.
var mapIterators = []string{"All", "Keys", "Values"}

// pass is one package under examination.
type pass struct {
	*analysis.Pass
	sorted map[*ast.CallExpr]bool // calls that are the argument of slices.Sorted
	why    string                 // package variables must not change
}

func run(p *analysis.Pass) (any, error) {
	c := &pass{Pass: p, sorted: make(map[*ast.CallExpr]bool), why: "it must never change"}
	for _, file := range p.Files {
		if !c.looksAt(file) {
			continue
		}
		c.imports(file)
		for _, decl := range file.Decls {
			c.decl(decl)
		}
		c.floats(file)
	}
	return nil, nil
}

// looksAt reports whether a file is neither a test nor the main function that go test makes.
func (c *pass) looksAt(file *ast.File) bool {
	name := c.Fset.Position(file.FileStart).Filename
	return !strings.HasSuffix(name, "_test.go") && strings.HasSuffix(name, ".go")
}

func (c *pass) imports(file *ast.File) {
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || slices.Contains(allowedImports, path) {
			continue
		}
		for _, r := range refusedImports {
			if path == r.path || strings.HasPrefix(path, r.path+"/") {
				c.Reportf(spec.Pos(), "import of %s: %s", path, r.why)
				break
			}
		}
	}
}

func (c *pass) decl(decl ast.Decl) {
	where := place{}
	switch d := decl.(type) {
	case *ast.GenDecl:
		c.globals(d)
	case *ast.FuncDecl:
		where.inInit = isInit(d)
		where.mayRange = slices.Contains(sortedKeys, c.Pkg.Path()+"."+d.Name.Name) && d.Recv == nil
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		c.node(n, where)
		return true
	})
}

// place is what is allowed where a node stands.
type place struct {
	inInit   bool // package variables may be assigned to
	mayRange bool // maps may be ranged over
}

func (c *pass) node(n ast.Node, where place) {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.Reportf(n.Pos(), "go statement: goroutines have no fixed order; a node neither waits nor spawns")
	case *ast.SelectStmt:
		c.Reportf(n.Pos(), "select: it picks at random among the ready")
	case *ast.SendStmt:
		c.Reportf(n.Arrow, "send to a channel: a node neither waits nor spawns")
	case *ast.ChanType:
		c.Reportf(n.Pos(), "channel: a node neither waits nor spawns")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.Reportf(n.Pos(), "receive from a channel: a node neither waits nor spawns")
		}
	case *ast.RangeStmt:
		c.rangeOver(n, where)
	case *ast.CallExpr:
		c.call(n)
	case *ast.Ident:
		c.use(n)
	}
	c.changes(n, where)
}

func (c *pass) rangeOver(n *ast.RangeStmt, where place) {
	t := c.TypesInfo.TypeOf(n.X)
	if t == nil {
		return
	}
	if someTerm(t, func(u types.Type) bool { _, ok := u.(*types.Chan); return ok }) {
		c.Reportf(n.Pos(), "range over a channel: a node neither waits nor spawns")
	}
	if !where.mayRange && someTerm(t, func(u types.Type) bool { _, ok := u.(*types.Map); return ok }) {
		c.Reportf(n.Pos(), "range over a map: its order differs between runs; use protocol.SortedKeys, or keep a slice")
	}
}

// someTerm reports whether t's underlying type satisfies f or, if t is a type
// parameter, whether some type of its constraint does.
func someTerm(t types.Type, f func(types.Type) bool) bool {
	param, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		return f(t.Underlying())
	}
	constraint, ok := param.Constraint().Underlying().(*types.Interface)
	if !ok {
		return false
	}
	for embedded := range constraint.EmbeddedTypes() {
		union, ok := embedded.(*types.Union)
		if !ok {
			if someTerm(embedded, f) {
				return true
			}
			continue
		}
		for term := range union.Terms() {
			if f(term.Type().Underlying()) {
				return true
			}
		}
	}
	return false
}

func (c *pass) call(n *ast.CallExpr) {
	path, name := c.callee(n)
	switch {
	case path == "slices" && name == "Sorted" && len(n.Args) == 1:
		if arg, ok := ast.Unparen(n.Args[0]).(*ast.CallExpr); ok {
			c.sorted[arg] = true // Inspect comes to it later
		}
	case path == "maps" && slices.Contains(mapIterators, name) && !c.sorted[n]:
		c.Reportf(n.Pos(), "maps.%s: its order differs between runs; wrap it in slices.Sorted at once", name)
	case path == "fmt":
		c.format(n, name)
	}
}

// callee returns the package and name of the function that n calls, if it is one
// of a package.
func (c *pass) callee(n *ast.CallExpr) (path, name string) {
	fun := ast.Unparen(n.Fun)
	switch index := fun.(type) { // explicit type arguments
	case *ast.IndexExpr:
		fun = index.X
	case *ast.IndexListExpr:
		fun = index.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return "", ""
	}
	f, ok := c.TypesInfo.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
		return "", ""
	}
	return f.Pkg().Path(), f.Name()
}

// use refuses the names of refusedUses, called or not, and uintptr.
func (c *pass) use(id *ast.Ident) {
	obj := c.TypesInfo.Uses[id]
	if obj == nil {
		return
	}
	if obj == types.Universe.Lookup("uintptr") {
		c.Reportf(id.Pos(), "uintptr: addresses differ between runs")
	}
	if obj.Pkg() == nil {
		return
	}
	name := qualifiedName(obj)
	for _, r := range refusedUses {
		if obj.Pkg().Path() == r.path && slices.Contains(strings.Fields(r.names), name) {
			c.Reportf(id.Pos(), "%s.%s: %s", r.path, name, r.why)
		}
	}
}

// qualifiedName returns Type.Method for a method, the plain name of anything else
// at package level, and "" for fields and locals.
func qualifiedName(obj types.Object) string {
	if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
		t := f.Signature().Recv().Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		if named, ok := types.Unalias(t).(*types.Named); ok {
			return named.Obj().Name() + "." + f.Name()
		}
		return ""
	}
	if obj.Parent() == obj.Pkg().Scope() {
		return obj.Name()
	}
	return ""
}
