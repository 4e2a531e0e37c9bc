package mutate

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// The rules. A function or method of a component counts as a Send, a Persist and so on by its name,
// in upper or lower case.
const (
	DropSync        = "drop-sync"
	DropPersist     = "drop-persist"
	DropDiscard     = "drop-discard"
	DropSetTimer    = "drop-set-timer"
	DropCancelTimer = "drop-cancel-timer"
	DropSend        = "drop-send"
	SendFirst       = "send-first"      // a Send moves before the Persist or Sync that precedes it in its block
	DropGuard       = "drop-guard"      // an if whose body only returns, continues or breaks
	Negate          = "negate"          // the condition of an if, or of a case
	Boundary        = "boundary"        // <= for <, and so on
	AndOr           = "and-or"          // || for &&, and the other way round
	OffByOne        = "off-by-one"      // a number that is compared or computed with, a bound of a slice, a length
	SkipAssignment  = "skip-assignment" // to a field, or to what it holds
	ReturnEarly     = "return-early"    // between two statements of a function without results
	ForgetReset     = "forget-reset"    // delete, clear, or a field that becomes its zero value
	FirstLast       = "first-last"      // the first of a slice for its last, and the other way round
)

// Rules are all rules, in the order of tables.
var Rules = []string{DropSync, DropPersist, DropDiscard, DropSetTimer, DropCancelTimer, DropSend, SendFirst, DropGuard, Negate,
	Boundary, AndOr, OffByOne, SkipAssignment, ReturnEarly, ForgetReset, FirstLast}

// drops has the rules that leave out an effect, by the name of the called function, in lower case.
var drops = map[string]string{"sync": DropSync, "persist": DropPersist, "discard": DropDiscard,
	"settimer": DropSetTimer, "canceltimer": DropCancelTimer, "send": DropSend}

// collector makes the mutants of one function.
type collector struct {
	*file
	info      *types.Info
	qualifier types.Qualifier
	function  string
	made      []found
}

type found struct {
	at     token.Pos
	mutant *Mutant
}

// add makes a mutant of the node. after is the text of the mistake in its place.
func (c *collector) add(rule string, n ast.Node, after string, o order, write writer) *Mutant {
	m := &Mutant{File: c.name(), Function: c.function, Rule: rule}
	m.Line, m.Before, m.After = c.lines(n, after)
	if after == "" {
		m.After = ""
	}
	c.made = append(c.made, found{n.Pos(), m})
	c.edit(m, n, o, write)
	return m
}

func (c *collector) body(fn *ast.FuncDecl) {
	c.returns(fn)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST
		case *ast.AssignStmt:
			return !c.counts(n)
		case *ast.BlockStmt:
			c.block(n.List)
		case *ast.CommClause:
			c.block(n.Body)
		case *ast.CaseClause:
			c.block(n.Body)
		case *ast.SwitchStmt:
			c.cases(n)
		case *ast.IfStmt:
			c.condition(n)
		case *ast.BinaryExpr:
			c.binary(n)
		case *ast.SliceExpr:
			for _, bound := range []ast.Expr{n.Low, n.High} {
				c.number(bound)
			}
		case *ast.IndexExpr:
			c.index(n)
		}
		return true
	})
}

// returns makes a function without results, or with named ones, return early.
func (c *collector) returns(fn *ast.FuncDecl) {
	if r := fn.Type.Results; r != nil && len(r.List) > 0 && len(r.List[0].Names) == 0 {
		return
	}
	for i, s := range fn.Body.List {
		switch s.(type) {
		case *ast.ReturnStmt, *ast.LabeledStmt, *ast.EmptyStmt, *ast.DeclStmt:
			continue
		}
		last := i == len(fn.Body.List)-1 && (c.rule(s) != "" || c.counts(s)) // another rule leaves it out, or it is no place
		if i > 0 && !last {
			c.add(ReturnEarly, s, "return", outermost, func(on string, whole string, _ func(ast.Node) string) string {
				return "if " + on + " { return }; " + whole
			})
		}
	}
}

// block looks at the statements of a block.
func (c *collector) block(list []ast.Stmt) {
	for i, s := range list {
		if rule := c.rule(s); rule != "" {
			c.add(rule, s, "", statement, func(on, whole string, _ func(ast.Node) string) string {
				return "if !" + on + " { " + whole + " }"
			})
		}
		if c.sends(s) {
			c.early(list[:i], s)
		}
	}
}

// rule returns the rule by which a statement is left out, or "".
func (c *collector) rule(s ast.Stmt) string {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return c.dropped(s)
	case *ast.AssignStmt:
		return c.assigned(s)
	case *ast.IncDecStmt:
		if held(s.X) && !c.counts(s) {
			return SkipAssignment
		}
	}
	return ""
}

// counts reports whether s only adds to a counter: a field of a struct type named Stats,
// which says what happened and decides nothing.
func (c *collector) counts(s ast.Stmt) bool {
	var x ast.Expr
	switch s := s.(type) {
	case *ast.IncDecStmt:
		x = s.X
	case *ast.AssignStmt:
		if s.Tok == token.ADD_ASSIGN {
			x = s.Lhs[0]
		}
	}
	field, ok := x.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	t := c.info.TypeOf(field.X)
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Stats"
}

// dropped returns the rule by which a call is left out, or "".
func (c *collector) dropped(s *ast.ExprStmt) string {
	call, ok := s.X.(*ast.CallExpr)
	if !ok {
		return ""
	}
	name := called(call)
	if name == "delete" || name == "clear" {
		return ForgetReset
	}
	return drops[strings.ToLower(name)]
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// sends reports whether s is a Send, or a loop that sends and stays in the function.
func (c *collector) sends(s ast.Stmt) (yes bool) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return c.dropped(s) == DropSend
	case *ast.RangeStmt, *ast.ForStmt:
	default:
		return false
	}
	ast.Inspect(s, func(n ast.Node) bool {
		e, ok := n.(*ast.ExprStmt)
		yes = yes || ok && c.dropped(e) == DropSend
		return true
	})
	return yes && !jumps(s)
}

// jumps reports whether s may jump out of itself.
func jumps(s ast.Stmt) (yes bool) {
	ast.Inspect(s, func(n ast.Node) bool {
		b, ok := n.(*ast.BranchStmt)
		_, ret := n.(*ast.ReturnStmt)
		yes = yes || ret || ok && b.Label != nil
		return true
	})
	return yes
}

// early moves s before the nearest Persist or Sync of those that precede it, unless it uses
// a variable that is declared in between.
func (c *collector) early(before []ast.Stmt, s ast.Stmt) {
	for i := len(before) - 1; i >= 0; i-- {
		force, ok := before[i].(*ast.ExprStmt)
		if !ok || c.dropped(force) != DropSync && c.dropped(force) != DropPersist {
			continue
		}
		if c.uses(s, force.Pos(), s.Pos()) {
			return
		}
		m := c.add(SendFirst, s, c.text1(s)+" // before "+c.text1(force), statement, func(on, whole string, _ func(ast.Node) string) string {
			return "if !" + on + " { " + whole + " }"
		})
		c.edit(m, force, outermost, func(on, whole string, render func(ast.Node) string) string {
			return "if " + on + " { " + render(s) + " }; " + whole
		})
		return
	}
}

// uses reports whether n uses an object that is declared in [from, to).
func (c *collector) uses(n ast.Node, from, to token.Pos) (yes bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			o := c.info.Uses[id]
			yes = yes || o != nil && from <= o.Pos() && o.Pos() < to
		}
		return true
	})
	return yes
}

// assigned returns the rule by which an assignment is skipped, or "".
func (c *collector) assigned(s *ast.AssignStmt) string {
	if s.Tok == token.DEFINE || c.counts(s) {
		return ""
	}
	zero := s.Tok == token.ASSIGN
	for _, x := range s.Lhs {
		if !held(x) {
			return ""
		}
	}
	for _, x := range s.Rhs {
		zero = zero && c.zero(x)
	}
	if zero {
		return ForgetReset
	}
	return SkipAssignment
}

// held reports whether x is a field, or in something that a field holds.
func held(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return true
	case *ast.IndexExpr:
		return held(x.X)
	case *ast.ParenExpr:
		return held(x.X)
	case *ast.StarExpr:
		return true
	}
	return false
}

// zero reports whether x is a zero value, or as good as one: an empty slice or map.
func (c *collector) zero(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "nil" || x.Name == "false"
	case *ast.BasicLit:
		return x.Value == "0" || x.Value == `""`
	case *ast.CompositeLit:
		return len(x.Elts) == 0
	case *ast.SliceExpr:
		high, ok := x.High.(*ast.BasicLit)
		return x.Low == nil && ok && high.Value == "0"
	case *ast.CallExpr:
		return called(x) == "make" && len(x.Args) < 3
	}
	return false
}

func (c *collector) condition(n *ast.IfStmt) {
	c.negate(n.Cond)
	if n.Else != nil || len(n.Body.List) != 1 {
		return
	}
	switch s := n.Body.List[0].(type) {
	case *ast.BranchStmt:
		if s.Tok == token.GOTO || s.Tok == token.FALLTHROUGH {
			return
		}
	case *ast.ReturnStmt:
	default:
		return
	}
	c.add(DropGuard, n.Cond, "", outermost, func(on, whole string, _ func(ast.Node) string) string {
		return "((" + whole + ") && !" + on + ")"
	})
}

func (c *collector) cases(n *ast.SwitchStmt) {
	if n.Tag != nil {
		return
	}
	for _, s := range n.Body.List {
		for _, x := range s.(*ast.CaseClause).List {
			c.negate(x)
		}
	}
}

func (c *collector) negate(x ast.Expr) {
	c.add(Negate, x, "!("+c.text1(x)+")", statement, func(on, whole string, _ func(ast.Node) string) string {
		return "((" + whole + ") != " + on + ")"
	})
}

// number makes a literal or a length off by one.
func (c *collector) number(x ast.Expr) {
	switch x := x.(type) {
	case *ast.BasicLit:
		t := c.info.TypeOf(x)
		if x.Kind != token.INT || t == nil {
			return
		}
		if b, ok := t.Underlying().(*types.Basic); !ok || b.Info()&types.IsInteger == 0 || b.Info()&types.IsUntyped != 0 {
			return
		}
		name := types.TypeString(t, c.qualifier)
		after := x.Value + "+1"
		if v, err := strconv.ParseInt(x.Value, 0, 64); err == nil {
			after = strconv.FormatInt(v+1, 10)
		}
		c.add(OffByOne, x, after, innermost, func(on, whole string, _ func(ast.Node) string) string {
			return "dessimOver[" + name + "](" + number(on) + ", " + whole + ")"
		})
	case *ast.CallExpr:
		if called(x) == "len" && len(x.Args) == 1 {
			c.add(OffByOne, x, c.text1(x)+"-1", innermost, func(on, whole string, _ func(ast.Node) string) string {
				return "dessimUnder(" + number(on) + ", " + whole + ")"
			})
		}
	}
}

// index exchanges the first of a slice and its last: x[0] and x[len(x)-1]. It leaves slices of bytes
// alone, since they are messages.
func (c *collector) index(n *ast.IndexExpr) {
	s, ok := types.Unalias(c.info.TypeOf(n.X)).Underlying().(*types.Slice)
	if !ok || types.Identical(s.Elem(), types.Typ[types.Byte]) {
		return
	}
	if lit, ok := n.Index.(*ast.BasicLit); ok && lit.Value == "0" && plain(n.X) {
		c.add(FirstLast, n.Index, "len("+c.text1(n.X)+")-1", innermost, func(on, _ string, render func(ast.Node) string) string {
			return "dessimLast(" + number(on) + ", len(" + render(n.X) + "))"
		})
		return
	}
	last, ok := n.Index.(*ast.BinaryExpr)
	if !ok || last.Op != token.SUB || c.text1(last) != "len("+c.text1(n.X)+")-1" {
		return
	}
	c.add(FirstLast, last, "0", outermost, func(on, whole string, _ func(ast.Node) string) string {
		return "dessimFirst(" + number(on) + ", " + whole + ")"
	})
}

// plain reports whether x can be computed twice.
func plain(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return plain(x.X)
	}
	return false
}
