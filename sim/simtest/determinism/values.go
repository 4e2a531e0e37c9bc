package determinism

import (
	"go/ast"
	"go/constant"
	"go/types"
	"regexp"
	"strings"
)

// floats reports floating-point and complex types and values, the outermost
// expression only, and each line once. A constant such as 1e9 that ends up as an
// integer is one: the compiler computes it exactly.
func (c *pass) floats(file *ast.File) {
	last := 0 // line of the last report
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		tv, ok := c.TypesInfo.Types[e]
		if !ok || !isFloat(tv.Type) {
			return true
		}
		if line := c.Fset.Position(e.Pos()).Line; line != last {
			last = line
			c.Reportf(e.Pos(), "floating point (%s): machines round differently; use integers, or protocol.Ratio", tv.Type)
		}
		return false
	})
}

func isFloat(t types.Type) bool {
	if t == nil {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&(types.IsFloat|types.IsComplex) != 0
	case *types.Tuple:
		for v := range t.Variables() {
			if isFloat(v.Type()) {
				return true
			}
		}
	}
	return false
}

var pointerVerb = regexp.MustCompile(`%[-+# 0]*(\d+|\*)?(\.(\d+|\*)?)?(\[\d+\])?p`)

// format looks at a call of package fmt for what prints an address: %p, and
// arguments that fmt shows as one.
func (c *pass) format(n *ast.CallExpr, name string) {
	formatted := strings.HasSuffix(strings.ToLower(name), "f") // Printf, Errorf, Appendf, ...
	for _, arg := range n.Args {
		tv := c.TypesInfo.Types[arg]
		if formatted && tv.Value != nil && tv.Value.Kind() == constant.String {
			text := strings.ReplaceAll(constant.StringVal(tv.Value), "%%", "")
			if pointerVerb.MatchString(text) {
				c.Reportf(arg.Pos(), "%%p: addresses differ between runs")
			}
		}
		if tv.Type != nil && printsAddress(tv.Type) {
			c.Reportf(arg.Pos(), "fmt prints a %s as an address, which differs between runs", tv.Type)
		}
	}
}

// printsAddress reports whether fmt shows a value of type t as an address. It
// follows pointers for structs, arrays, slices and maps, at the top only.
func printsAddress(t types.Type) bool {
	for _, method := range []string{"Error", "String", "Format", "Write"} { // Write: the writer of Fprintf
		if obj, _, _ := types.LookupFieldOrMethod(t, true, nil, method); obj != nil {
			return false
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Signature, *types.Chan:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer || u.Kind() == types.Uintptr
	case *types.Pointer:
		switch u.Elem().Underlying().(type) {
		case *types.Struct, *types.Array, *types.Slice, *types.Map, *types.Interface:
			return false
		}
		return true
	}
	return false
}
