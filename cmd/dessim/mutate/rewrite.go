package mutate

import (
	"cmp"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// writer returns the code that replaces a node. on is the expression that is true while the mutant is
// on, and whole the node with all other edits; render returns any other node with its edits.
type writer func(on, whole string, render func(ast.Node) string) string

// order is the order of edits of one node.
type order int

const (
	outermost order = iota
	statement
	innermost
)

// edit is a place that is rewritten.
type edit struct {
	from, to int
	order
	mutant *Mutant
	write  writer
}

func (f *file) edit(m *Mutant, n ast.Node, o order, w writer) {
	f.edits = append(f.edits, edit{f.offset(n.Pos()), f.offset(n.End()), o, m, w})
}

func (f *file) offset(p token.Pos) int { return int(p) - f.base }

func (f *file) name() string { return filepath.Base(f.path) }

// text1 returns the source of a node on one line.
func (f *file) text1(n ast.Node) string {
	return oneLine(string(f.text[f.offset(n.Pos()):f.offset(n.End())]))
}

func oneLine(text string) string {
	first, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		first += " ..."
	}
	return first
}

// lines returns the number and the text of the line in which a node begins, and that line with other
// text in the place of the node.
func (f *file) lines(n ast.Node, after string) (number int, before, mutated string) {
	from, to := f.offset(n.Pos()), f.offset(n.End())
	start := strings.LastIndexByte(string(f.text[:from]), '\n') + 1
	end := to
	if i := strings.IndexByte(string(f.text[to:]), '\n'); i >= 0 {
		end += i
	}
	number = strings.Count(string(f.text[:from]), "\n") + 1
	return number, oneLine(string(f.text[start:end])), oneLine(string(f.text[start:from]) + after + string(f.text[to:end]))
}

// rewritten returns the file with its edits.
func (f *file) rewritten() string {
	slices.SortStableFunc(f.edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to), cmp.Compare(a.order, b.order))
	})
	w := &rewriter{file: f, inside: make(map[*Mutant]bool)}
	return w.render(0, len(f.text))
}

// rewriter rewrites a file. Edits nest as syntax does.
type rewriter struct {
	*file
	inside map[*Mutant]bool // the mutants whose edits are being written
}

// render returns the range with its edits.
func (w *rewriter) render(from, to int) string {
	var b strings.Builder
	i, _ := slices.BinarySearchFunc(w.edits, from, func(e edit, at int) int { return cmp.Compare(e.from, at) })
	for ; i < len(w.edits) && w.edits[i].from < to; i++ {
		e := &w.edits[i]
		if e.from < from || e.to > to || w.inside[e.mutant] {
			continue
		}
		b.Write(w.text[from:e.from])
		w.inside[e.mutant] = true
		b.WriteString(e.write("dessimOn("+strconv.Itoa(e.mutant.Number)+")", w.render(e.from, e.to), func(n ast.Node) string {
			return w.render(w.offset(n.Pos()), w.offset(n.End()))
		}))
		delete(w.inside, e.mutant)
		from = e.to
	}
	b.Write(w.text[from:to])
	return b.String()
}

// number returns the number of a mutant from the expression that asks whether it is on.
func number(on string) string {
	return strings.TrimSuffix(strings.TrimPrefix(on, "dessimOn("), ")")
}
