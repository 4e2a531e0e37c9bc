package cmdline

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"dessim/sim/simtest/determinism"
)

// mostWritten is how many variables of a library are named.
const mostWritten = 8

// libraries returns a line for each library that writes package variables: what the named packages
// import, but for the standard library and dessim itself. It returns how many libraries there are.
func (v *vetting) libraries(named []*packages.Package) (lines []string, looked int, err error) {
	paths, err := v.imported(named)
	if err != nil || len(paths) == 0 {
		return nil, 0, err
	}
	program := make(map[string]bool)
	for _, p := range named {
		program[p.PkgPath] = true
		paths = append(paths, p.PkgPath)
	}
	all, err := packages.Load(&packages.Config{Context: v.ctx, Dir: v.dir, Fset: v.fset, Mode: packages.LoadSyntax}, paths...)
	if err != nil {
		return nil, 0, err
	}
	if err := broken(all); err != nil {
		return nil, 0, err
	}
	var programs, libs []determinism.Unit
	for _, p := range all {
		u := determinism.Unit{Pkg: p.Types, Info: p.TypesInfo, Files: p.Syntax}
		if program[p.PkgPath] {
			programs = append(programs, u)
		} else {
			libs = append(libs, u)
		}
	}
	written := determinism.Written(programs, libs)
	for len(written) > 0 {
		pkg := written[0].Var.Pkg()
		n := slices.IndexFunc(written, func(w determinism.Write) bool { return w.Var.Pkg() != pkg })
		if n < 0 {
			n = len(written)
		}
		if !program[pkg.Path()] && slices.Contains(paths, pkg.Path()) {
			lines = append(lines, plain(v.writes(pkg.Path(), written[:n])))
		}
		written = written[n:]
	}
	return lines, len(libs), nil
}

// writes names the variables of a library, and where each is written first.
func (v *vetting) writes(path string, written []determinism.Write) string {
	var names []string
	for _, w := range written[:min(len(written), mostWritten)] {
		at := v.fset.Position(w.Pos)
		names = append(names, fmt.Sprintf("%s (%s:%d)", w.Var.Name(), filepath.Base(at.Filename), at.Line))
	}
	text := path + ": writes package variables, which the nodes of a run share: " + strings.Join(names, ", ")
	if more := len(written) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// imported returns the paths of the libraries, sorted.
func (v *vetting) imported(named []*packages.Package) (paths []string, err error) {
	var patterns []string
	known := make(map[string]bool)
	for _, p := range named {
		patterns = append(patterns, p.PkgPath)
		known[p.PkgPath] = true
	}
	roots, err := packages.Load(&packages.Config{Context: v.ctx, Dir: v.dir, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedModule}, patterns...)
	if err != nil {
		return nil, err
	}
	packages.Visit(roots, func(p *packages.Package) bool {
		return known[p.PkgPath] || p.Module != nil && p.Module.Path != "dessim"
	}, func(p *packages.Package) {
		if !known[p.PkgPath] && p.Module != nil && p.Module.Path != "dessim" {
			known[p.PkgPath] = true
			paths = append(paths, p.PkgPath)
		}
	})
	slices.Sort(paths)
	return paths, nil
}
