package determinism

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Unit is a package with its syntax and types.
type Unit struct {
	Pkg   *types.Package
	Info  *types.Info
	Files []*ast.File
}

// Write is the first place at which a package variable is written.
type Write struct {
	Var *types.Var
	Pos token.Pos
}

// Written returns the package variables that libs write, each once, by package and name: what the
// nodes of a run share if they are ordinary Go programs. Code that the programs cannot reach does
// not count, nor do init functions and what they alone call: what is written there is the same for
// all. Reached is what a declaration names that is reached, and all methods of a type that is;
// assignments, what package sync/atomic, sync.Map and sync.Once store, and the targets of copy,
// clear and delete are writes. A variable that holds a pointer is written where that is followed.
func Written(programs, libs []Unit) []Write {
	r := &reach{declared: make(map[string][]declared), seen: make(map[ast.Node]bool), writes: make(map[*types.Var]token.Pos)}
	for _, u := range slices.Concat(programs, libs) {
		r.declare(u)
	}
	for _, u := range programs {
		for _, d := range u.declarations() {
			r.visit(d, false)
		}
	}
	r.follow(libs)
	var all []Write
	for v, pos := range r.writes {
		all = append(all, Write{v, pos})
	}
	slices.SortFunc(all, func(a, b Write) int {
		return cmp.Or(strings.Compare(a.Var.Pkg().Path(), b.Var.Pkg().Path()), strings.Compare(a.Var.Name(), b.Var.Name()))
	})
	return all
}

// declared is a declaration: of a function, of a type, or of variables.
type declared struct {
	unit Unit
	node ast.Node // *ast.FuncDecl, *ast.TypeSpec or *ast.ValueSpec
}

// declarations returns those of a package, without its init functions.
func (u Unit) declarations() (all []declared) {
	for _, file := range u.Files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if !isInit(d) {
					all = append(all, declared{u, d})
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if _, ok := spec.(*ast.ImportSpec); !ok {
						all = append(all, declared{u, spec})
					}
				}
			}
		}
	}
	return all
}

// reach is what the programs can reach.
type reach struct {
	declared map[string][]declared // by what they declare; methods by their type, too
	seen     map[ast.Node]bool
	queue    []declared
	writes   map[*types.Var]token.Pos
}

// declare notes what a package declares. Keys are texts, since a package may have been loaded twice,
// from its source and from what the compiler exports.
func (r *reach) declare(u Unit) {
	for _, d := range u.declarations() {
		var names []*ast.Ident
		switch n := d.node.(type) {
		case *ast.FuncDecl:
			names = []*ast.Ident{n.Name}
			if key := keyOf(receiver(u.Info.Defs[n.Name])); key != "" {
				r.declared[key] = append(r.declared[key], d)
			}
		case *ast.TypeSpec:
			names = []*ast.Ident{n.Name}
		case *ast.ValueSpec:
			names = n.Names
		}
		for _, id := range names {
			if key := keyOf(u.Info.Defs[id]); key != "" {
				r.declared[key] = append(r.declared[key], d)
			}
		}
	}
}

// receiver returns the type that a method belongs to, or nil if the function is none.
func receiver(f types.Object) types.Object {
	recv := f.(*types.Func).Signature().Recv()
	if recv == nil {
		return nil
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj()
	}
	return nil
}

// keyOf names a function, a method, or what else a package declares.
func keyOf(o types.Object) string {
	switch x := o.(type) {
	case *types.Func:
		return x.Origin().FullName()
	case *types.Var, *types.TypeName:
		if o.Pkg() != nil && o.Parent() == o.Pkg().Scope() {
			return o.Pkg().Path() + "." + o.Name()
		}
	}
	return ""
}

// visit reaches what a declaration names.
func (r *reach) visit(d declared, counts bool) {
	if r.seen[d.node] {
		return
	}
	r.seen[d.node] = true
	ast.Inspect(d.node, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			for _, next := range r.declared[keyOf(d.unit.Info.Uses[id])] {
				if !r.seen[next.node] {
					r.queue = append(r.queue, next)
				}
			}
		}
		return true
	})
	if counts {
		r.collect(d)
	}
}

// follow visits all that is reached. Only what libraries write counts.
func (r *reach) follow(libs []Unit) {
	library := make(map[*types.Package]bool)
	for _, u := range libs {
		library[u.Pkg] = true
	}
	for len(r.queue) > 0 {
		d := r.queue[0]
		r.queue = r.queue[1:]
		r.visit(d, library[d.unit.Pkg])
	}
}

// collect notes what a declaration writes. That of a variable is carried out before main, but for the
// functions in it.
func (r *reach) collect(d declared) {
	c := &pass{Pass: &analysis.Pass{Pkg: d.unit.Pkg, TypesInfo: d.unit.Info}}
	of := func(n ast.Node) bool {
		for _, e := range c.written(n) {
			if v := c.root(e); v != nil && v.Name() != "_" {
				if at, known := r.writes[v]; !known || e.Pos() < at {
					r.writes[v] = e.Pos()
				}
			}
		}
		return true
	}
	if spec, ok := d.node.(*ast.ValueSpec); ok {
		ast.Inspect(spec, func(n ast.Node) bool {
			f, ok := n.(*ast.FuncLit)
			if ok {
				ast.Inspect(f.Body, of)
			}
			return !ok
		})
		return
	}
	ast.Inspect(d.node, of)
}

// stores are methods of packages sync and sync/atomic that change what they belong to.
var stores = strings.Fields("Store Add Swap CompareAndSwap And Or LoadOrStore LoadAndDelete Delete CompareAndDelete Clear Do")

// written returns what is written at a node of the syntax, without what is below it.
func (c *pass) written(n ast.Node) (all []ast.Expr) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			all = n.Lhs
		}
	case *ast.IncDecStmt:
		all = []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			all = append(all, n.Key)
			if n.Value != nil {
				all = append(all, n.Value)
			}
		}
	case *ast.CallExpr:
		if e := c.stored(n); e != nil {
			all = []ast.Expr{e}
		}
	}
	return all
}

// stored returns what a call writes, of those that are known, or nil.
func (c *pass) stored(n *ast.CallExpr) ast.Expr {
	switch f := ast.Unparen(n.Fun).(type) {
	case *ast.Ident:
		if b, ok := c.TypesInfo.Uses[f].(*types.Builtin); ok && len(n.Args) > 0 && slices.Contains([]string{"copy", "clear", "delete"}, b.Name()) {
			return n.Args[0]
		}
	case *ast.SelectorExpr:
		fn, ok := c.TypesInfo.Uses[f.Sel].(*types.Func)
		if !ok || fn.Pkg() == nil || fn.Pkg().Path() != "sync" && fn.Pkg().Path() != "sync/atomic" {
			return nil
		}
		if fn.Signature().Recv() != nil {
			if slices.Contains(stores, fn.Name()) {
				return f.X
			}
		} else if len(n.Args) > 0 && !strings.HasPrefix(fn.Name(), "Load") { // atomic.AddInt64(&x, 1)
			if x, ok := ast.Unparen(n.Args[0]).(*ast.UnaryExpr); ok && x.Op == token.AND {
				return x.X
			}
		}
	}
	return nil
}
