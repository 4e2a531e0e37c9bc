package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
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
		c.Reportf(e.Pos(), "package variable %s %s: it must never change", v.Name(), how)
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
