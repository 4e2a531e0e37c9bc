package determinism

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Simulations run side by side in one process, so a package variable is a table
// or a name that never changes. That is: its type holds no map and no pointer
// (error values excepted), and no code outside init assigns to it or to a part of
// it, takes its address, or calls a method on it that could. Slicing is allowed: as with
// slice variables, the reader has to see that no code writes there.

// globals looks at the types of package variables.
func (c *pass) globals(d *ast.GenDecl) {
	if d.Tok != token.VAR {
		return
	}
	for _, spec := range d.Specs {
		for _, id := range spec.(*ast.ValueSpec).Names {
			obj := c.TypesInfo.Defs[id]
			if obj == nil || id.Name == "_" || isError(obj.Type()) {
				continue
			}
			if what := c.changeable(obj.Type(), 0); what != "" {
				c.Reportf(id.Pos(), "package variable %s holds a %s, which can change; pass it as a value", id.Name, what)
			}
		}
	}
}

// changeable names what in t could be changed without assigning to the variable:
// a map, a pointer or a channel. It looks into arrays, slices and this package's
// own structs; other packages' types keep their own promises.
func (c *pass) changeable(t types.Type, depth int) string {
	const deepest = 8 // types may be recursive
	if isError(t) || depth > deepest {
		return ""
	}
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != c.Pkg {
		if _, isStruct := t.Underlying().(*types.Struct); isStruct {
			return ""
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Map:
		return "map"
	case *types.Pointer:
		return "pointer"
	case *types.Chan:
		return "channel"
	case *types.Array:
		return c.changeable(u.Elem(), depth+1)
	case *types.Slice:
		return c.changeable(u.Elem(), depth+1)
	case *types.Struct:
		for f := range u.Fields() {
			if what := c.changeable(f.Type(), depth+1); what != "" {
				return what
			}
		}
	}
	return ""
}

func isError(t types.Type) bool {
	return types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

// change reports e if it is a package variable or a part of one.
func (c *pass) change(e ast.Expr, how string, where place) {
	if where.inInit {
		return
	}
	if v := c.root(e); v != nil {
		c.Reportf(e.Pos(), "package variable %s %s: %s", v.Name(), how, c.why)
	}
}

// root returns the package variable that e is, or is a part of without a pointer
// in between; nil if none.
func (c *pass) root(e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if _, isField := c.TypesInfo.Selections[x]; !isField {
				return c.packageVar(x.Sel) // of another package
			}
			e = x.X
		case *ast.Ident:
			return c.packageVar(x)
		default:
			return nil
		}
	}
}

func (c *pass) packageVar(id *ast.Ident) *types.Var {
	v, ok := c.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}

// builtin looks at the builtin functions that change their first argument.
func (c *pass) builtin(n *ast.CallExpr, where place) {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok || len(n.Args) == 0 {
		return
	}
	if b, ok := c.TypesInfo.Uses[id].(*types.Builtin); ok {
		switch b.Name() {
		case "copy", "clear", "delete", "append":
			// append writes beyond the end, where two runs would meet.
			c.change(n.Args[0], "is the target of "+b.Name(), where)
		}
	}
}

// method looks for a method with a pointer receiver that is called on a package
// variable, which takes its address.
func (c *pass) method(n *ast.CallExpr, where place) {
	sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	s := c.TypesInfo.Selections[sel]
	if s == nil || s.Kind() != types.MethodVal {
		return
	}
	f, ok := s.Obj().(*types.Func)
	if !ok {
		return
	}
	_, wantsPointer := f.Signature().Recv().Type().Underlying().(*types.Pointer)
	_, hasPointer := s.Recv().Underlying().(*types.Pointer)
	if wantsPointer && !hasPointer {
		c.change(sel.X, "is passed to a method with a pointer receiver, "+f.Name(), where)
	}
}

// Shared reports where package variables change that the nodes of a run share if they are ordinary Go
// programs, hosted by package host: what one writes the others read, and so do later runs of the
// process, unless each run has one: see scenario.EachRun. It leaves alone what init does. It needs no facts and no other analyzer, and has no flags.
var Shared = &analysis.Analyzer{
	Name: "shared",
	Doc:  "list where package variables change\n\nNodes of a run that are ordinary Go programs share them.",
	URL:  "https://pkg.go.dev/dessim/sim/simtest/determinism",
	Run:  runShared,
}

func runShared(p *analysis.Pass) (any, error) {
	c := &pass{Pass: p, why: "the nodes of a run share it"}
	for _, file := range p.Files {
		if !c.looksAt(file) {
			continue
		}
		for _, decl := range file.Decls {
			where := place{inInit: isInit(decl)}
			ast.Inspect(decl, func(n ast.Node) bool {
				c.changes(n, where)
				return true
			})
		}
	}
	return nil, nil
}

func isInit(decl ast.Decl) bool {
	f, ok := decl.(*ast.FuncDecl)
	return ok && f.Recv == nil && f.Name.Name == "init"
}

// changes looks for what changes a package variable.
func (c *pass) changes(n ast.Node, where place) {
	switch n := n.(type) {
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			c.change(n.X, "has its address taken", where)
		}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			c.change(n.Key, "is assigned to", where)
			if n.Value != nil {
				c.change(n.Value, "is assigned to", where)
			}
		}
	case *ast.CallExpr:
		c.builtin(n, where)
		c.method(n, where)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, l := range n.Lhs {
				c.change(l, "is assigned to", where)
			}
		}
	case *ast.IncDecStmt:
		c.change(n.X, "is assigned to", where)
	}
}
