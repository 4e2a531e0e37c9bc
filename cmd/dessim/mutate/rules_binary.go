package mutate

import (
	"fmt"
	"go/ast"
	"go/token"
)

// comparisons are the operators that a boundary mutant exchanges, and the functions that
// compare in their place.
var comparisons = map[token.Token]struct {
	instead token.Token
	helper  string
}{
	token.LSS: {token.LEQ, "dessimLess"}, token.LEQ: {token.LSS, "dessimAtMost"},
	token.GTR: {token.GEQ, "dessimMore"}, token.GEQ: {token.GTR, "dessimAtLeast"},
}

func (c *collector) binary(n *ast.BinaryExpr) {
	if t, ok := c.info.Types[n]; ok && t.Value != nil {
		return // a constant
	}
	switch n.Op {
	case token.LAND, token.LOR:
		c.both(n)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		x := comparisons[n.Op]
		c.add(Boundary, n, c.with(n, x.instead), innermost, func(on, _ string, render func(ast.Node) string) string {
			return x.helper + "(" + number(on) + ", " + render(n.X) + ", " + render(n.Y) + ")"
		})
		c.operands(n)
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM, token.EQL, token.NEQ:
		c.operands(n)
	}
}

// operands makes the operands off by one, except where another mutant does the same: x < 4 is x <= 3,
// and len(x)-1 > 3 is len(x) > 4.
func (c *collector) operands(n *ast.BinaryExpr) {
	up := n.Op == token.LSS || n.Op == token.GEQ   // the right operand, one more, is another boundary
	down := n.Op == token.GTR || n.Op == token.LEQ // the left one is
	left, right := literal(n.X), literal(n.Y)
	if left && !down || !left && !right && !up {
		c.number(n.X)
	}
	if right && !up || !left && !right && !down {
		c.number(n.Y)
	}
}

func literal(x ast.Expr) bool {
	_, ok := x.(*ast.BasicLit)
	return ok
}

// both exchanges && and ||, by De Morgan: !(!a && !b) is a || b, and as lazy.
func (c *collector) both(n *ast.BinaryExpr) {
	instead := token.LOR
	if n.Op == token.LOR {
		instead = token.LAND
	}
	c.add(AndOr, n, c.with(n, instead), innermost, func(on, _ string, render func(ast.Node) string) string {
		return fmt.Sprintf("(((%s) != %s %v (%s) != %s) != %s)", render(n.X), on, n.Op, render(n.Y), on, on)
	})
}

// with returns the text of a binary expression with another operator.
func (c *collector) with(n *ast.BinaryExpr, op token.Token) string {
	return c.text1(n.X) + " " + op.String() + " " + c.text1(n.Y)
}
