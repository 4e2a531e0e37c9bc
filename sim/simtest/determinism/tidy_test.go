package determinism_test

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dessim/sim/simtest/determinism"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

const module = "dessim"

// TestTidy enforces the rules of the house over the whole module, test files
// excepted but for what machines' tests import: each finding is one line, position
// first.
func TestTidy(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	ran, used := 0, make(map[string]bool)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			ran++
			for _, line := range rule.find(tree) {
				if key := exemption(line); key != "" {
					used[key] = true
					continue
				}
				fmt.Fprintln(t.Output(), line)
				t.Fail()
			}
		})
	}
	for key := range exemptions {
		if !used[key] && ran == len(rules) { // -run may have left some out
			fmt.Fprintf(t.Output(), "%s: is exempt without need\n", key)
			t.Fail()
		}
	}
}

// exemptions maps the beginning of a finding, without line and column, to the
// reason why it may stand: "sim/sim.go: function Run has" to "...".
var exemptions = map[string]string{
	"sim/threads.go: import of sync/atomic: ":   apart,
	"sim/threads.go: import of runtime: ":       apart,
	"sim/threads.go: import of runtime/debug: ": apart,
	"sim/threads.go: go statement: ":            apart,
	"sim/threads.go: channel: ":                 apart,
	"sim/threads.go: send to a channel: ":       apart,
	"sim/threads.go: receive from a channel: ":  apart,
}

// apart is why the goroutines of a run in parts may be: see package sim.
const apart = "each works off its own nodes for a window, and then all meet: which is first cannot be seen"

var position = regexp.MustCompile(`:\d+(:\d+)?: `)

// exemption returns the key that covers a finding, or "".
func exemption(finding string) string {
	at := position.FindStringIndex(finding)
	if at == nil {
		return ""
	}
	plain := finding[:at[0]] + ": " + finding[at[1]:]
	for key := range exemptions {
		if strings.HasPrefix(plain, key) {
			return key
		}
	}
	return ""
}

var rules = []struct {
	name string
	find func(*tree) []string
}{
	{"Compiles", compiles},
	{"Deterministic", deterministic},
	{"Layers", layers},
	{"MachineTests", machineTests},
	{"TopLevel", topLevel},
	{"Sizes", sizes},
	{"Comments", comments},
}

// undetermined are the packages that may use the clock, goroutines and the
// system: those that run runs, not those that are run. A name covers what is
// below it.
var undetermined = []string{"cmd", "sim/simtest", "sim/explore", "sim/watch", "sim/cryptorand", "sim/host", "sim/files", "sim/report", "sim/cluster", "sim/enact", "protocol/live", "protocol/raft"}

// layer says what the packages at and below a path may import beyond the
// standard library. The longest path counts; a package that is in none is a
// finding. An entry that ends in /... covers what is below it too.
type layer struct {
	path    string
	imports []string
	except  []string
}

const anything = "..."

// Two sentences to remember: a machine imports protocol and other machines,
// never sim; sim never imports a machine. Of these, protocol/raft and sim/check/linear alone
// import a library, so each is a package of its own.
var allLayers = []layer{
	{path: "protocol", imports: []string{"dessim/protocol/..."}, except: []string{"dessim/protocol/live/...", "dessim/protocol/raft/...", "dessim/protocol/internal/..."}},
	{path: "protocol/internal/steps", imports: []string{"dessim/protocol"}}, // of tests alone
	{path: "protocol/live", imports: []string{"dessim/protocol/..."}, except: []string{"dessim/protocol/internal/..."}},
	{path: "protocol/live/disk", imports: []string{"dessim/protocol"}},
	{path: "protocol/live/disk/disktest", imports: []string{"dessim/protocol/live", "pgregory.net/rapid"}}, // of tests alone
	{path: "protocol/live/udp", imports: []string{"dessim/protocol"}},
	{path: "protocol/raft", imports: []string{"dessim/protocol/...", "go.etcd.io/raft/v3/..."}, except: []string{"dessim/protocol/live/...", "dessim/protocol/internal/..."}},
	{path: "sim", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/explore/...", "dessim/sim/files", "dessim/sim/history", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/..."}},
	{path: "sim/source", imports: []string{"dessim/protocol"}},
	{path: "sim/fault", imports: []string{"dessim/protocol", "dessim/sim/wording"}},
	{path: "sim/files", imports: []string{"dessim/protocol"}},
	{path: "sim/traitor", imports: []string{"dessim/protocol", "dessim/sim/fault"}},
	{path: "sim/cryptorand", imports: []string{"dessim/protocol", "dessim/sim", "dessim/sim/cryptorand/..."}},
	{path: "sim/host", imports: []string{"dessim/protocol", "dessim/sim", "dessim/sim/host/overlay", "dessim/sim/host/volume"}},
	{path: "sim/host/volume", imports: []string{"dessim/protocol"}},
	{path: "sim/host/overlay", imports: []string{"dessim/sim/host/overlay"}}, // tests and toys: below it is what they show
	{path: "sim/check", imports: []string{"dessim/protocol", "dessim/sim", "dessim/sim/fault", "dessim/sim/source"}},
	{path: "sim/check/batches"},
	{path: "sim/check/linear", imports: []string{"dessim/protocol", "dessim/sim", "dessim/sim/check", "dessim/sim/wording", "github.com/anishathalye/porcupine"}},
	{path: "sim/watch", imports: []string{"dessim/sim"}},
	{path: "sim/explore", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/history", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/..."}},
	{path: "sim/scenario", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/files", "dessim/sim/history", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/..."}},
	{path: "sim/history", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/files", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/..."}},
	{path: "sim/export", imports: []string{"dessim/protocol", "dessim/sim", "dessim/sim/fault", "dessim/sim/history", "dessim/sim/wording"}},
	{path: "sim/story", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/files", "dessim/sim/report/..."}},
	{path: "sim/enact", imports: []string{"dessim/protocol", "dessim/protocol/live/record", "dessim/sim", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/files", "dessim/sim/history", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/...", "dessim/sim/cluster/..."}},
	{path: "sim/cluster", imports: []string{"dessim/protocol", "dessim/protocol/live", "dessim/protocol/live/record", "dessim/sim", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/...", "dessim/sim/files", "dessim/sim/history", "dessim/sim/story", "dessim/sim/export", "dessim/sim/report/...", "dessim/sim/enact"}},
	{path: "sim/report", imports: []string{"dessim/protocol", "dessim/sim/..."}, except: []string{"dessim/sim/simtest/..."}},
	{path: "sim/simtest", imports: []string{anything}, except: []string{"dessim/cmd/...", "dessim/scenarios/..."}},
	{path: "sim/simtest/fixed", imports: []string{"pgregory.net/rapid"}}, // machines' tests use it: see machineTests
	{path: "scenarios", imports: []string{"dessim/protocol/...", "dessim/sim/...", "dessim/scenarios/judge"}, except: []string{"dessim/protocol/live/...", "dessim/sim/simtest/..."}},
	{path: "scenarios/judge", imports: []string{"dessim/protocol/...", "dessim/sim/..."}, except: []string{"dessim/protocol/live/...", "dessim/sim/simtest/..."}},                                                                        // it knows no scenario
	{path: "cmd/dessim/cmdline", imports: []string{"dessim/protocol", "dessim/protocol/live/...", "dessim/sim/...", "dessim/cmd/dessim/mutate/...", "github.com/...", "golang.org/x/tools/..."}, except: []string{"dessim/sim/simtest"}}, // it knows no machine; below simtest is the analyzer, which dessim vet runs
	{path: "cmd/dessim/mutate/reached"}, // mutants of any package import it
	{path: "cmd/dessim/mutate", imports: []string{"dessim/sim/host/overlay", "golang.org/x/tools/..."}}, // it knows no simulator
	{path: "cmd/dessim/network", imports: []string{"dessim/protocol/...", "dessim/scenarios", "dessim/scenarios/judge", "dessim/sim", "dessim/sim/...", "dessim/cmd/dessim/cmdline", "github.com/prometheus/..."}, except: []string{"dessim/sim/simtest/..."}},
	{path: "cmd", imports: []string{anything}, except: []string{"dessim/sim/simtest"}},
}

const (
	maxFunction = 60
	maxFile     = 400 // lines of code: comments and blank lines do not count
)

// tree is a loaded module.
type tree struct {
	root string
	pkgs []*packages.Package
	fset *token.FileSet
}

// openFolders opens every folder below root. go test notes which files a test opens and
// forgets its result when they change; of what a command opens it knows nothing.
func openFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
}

func load(root string) (*tree, error) {
	err := openFolders(root)
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, fset: token.NewFileSet()}
	t.pkgs, err = packages.Load(&packages.Config{
		Mode: packages.LoadSyntax,
		Dir:  root,
		Fset: t.fset,
	}, "./...")
	return t, err
}

// at returns a position as file:line:column, relative to the root.
func (t *tree) at(pos token.Pos) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d:%d", t.relative(p.Filename), p.Line, p.Column)
}

func (t *tree) relative(file string) string {
	if rel, err := filepath.Rel(t.root, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

// short returns a package's path below the module, "" for its root.
func short(p *packages.Package) string {
	return strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, module), "/")
}

// below reports whether path is prefix or below it.
func below(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func compiles(t *tree) []string {
	var found []string
	for _, p := range t.pkgs {
		for _, e := range p.Errors {
			if (e.Pos == "" || e.Pos == "-") && len(p.Errors) > 1 {
				continue // go list repeats the compiler's errors in one lump
			}
			line := strings.ReplaceAll(e.Error(), "\n", " ")
			found = append(found, strings.ReplaceAll(line, t.root+"/", ""))
		}
	}
	return found
}

func deterministic(t *tree) []string {
	var pkgs []*packages.Package
	for _, p := range t.pkgs {
		if !slices.ContainsFunc(undetermined, func(u string) bool { return below(short(p), u) }) && len(p.Errors) == 0 {
			pkgs = append(pkgs, p)
		}
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{determinism.Analyzer}, pkgs, nil)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, action := range graph.Roots {
		if action.Err != nil {
			found = append(found, fmt.Sprintf("%s: %v", action.Package.PkgPath, action.Err))
		}
		for _, d := range action.Diagnostics {
			found = append(found, t.at(d.Pos)+": "+d.Message)
		}
	}
	return found
}

func layers(t *tree) []string {
	var found []string
	for _, p := range t.pkgs {
		l := layerOf(short(p))
		for _, file := range p.Syntax {
			if l == nil {
				found = append(found, fmt.Sprintf("%s: package %s is in no layer; add it to the table in tidy_test.go", t.at(file.Package), p.PkgPath))
				break
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err == nil && !l.allows(path) {
					found = append(found, fmt.Sprintf("%s: %s may not import %s (see the table of layers in tidy_test.go)", t.at(spec.Pos()), l.path, path))
				}
			}
		}
	}
	return found
}

// machineTests finds tests of machines that import the simulator: those that need it
// stand in sim/simtest/machines. Package fixed repeats cases of rapid and knows no
// simulator, as the table of layers sees to.
func machineTests(t *tree) []string {
	var found []string
	err := filepath.WalkDir(filepath.Join(t.root, "protocol"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(t.fset, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err == nil && below(imported, "dessim/sim") && imported != "dessim/sim/simtest/fixed" {
				found = append(found, fmt.Sprintf("%s: a test of a machine may not import %s; put it into sim/simtest/machines", t.at(spec.Pos()), imported))
			}
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

func layerOf(path string) *layer {
	var best *layer
	for i := range allLayers {
		l := &allLayers[i]
		if below(path, l.path) && (best == nil || len(l.path) > len(best.path)) {
			best = l
		}
	}
	return best
}

func (l *layer) allows(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if first != module && !strings.Contains(first, ".") {
		return true // the standard library
	}
	return matches(l.imports, path) && !matches(l.except, path)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, tree := strings.CutSuffix(p, "/...")
		return p == anything || path == prefix || tree && below(path, prefix)
	})
}

func topLevel(t *tree) []string {
	want := []string{"Makefile", "README.md", "cmd", "go.mod", "go.sum", "protocol", "scenarios", "sim"}
	entries, err := os.ReadDir(t.root)
	if err != nil {
		return []string{err.Error()}
	}
	ignored := ignoredNames(t.root)
	var found, have []string
	for _, e := range entries {
		name := e.Name()
		have = append(have, name)
		hidden := strings.HasPrefix(name, ".") || slices.ContainsFunc(ignored, func(pattern string) bool {
			ok, _ := filepath.Match(pattern, name)
			return ok
		})
		if !hidden && !slices.Contains(want, name) {
			found = append(found, name+":1: does not belong at the top level, which is "+strings.Join(want, ", "))
		}
	}
	for _, name := range want {
		if !slices.Contains(have, name) {
			found = append(found, name+":1: is missing at the top level")
		}
	}
	return found
}

// ignoredNames returns the patterns of .gitignore, as far as they are of the top
// level and simple.
func ignoredNames(root string) []string {
	f, err := os.Open(filepath.Join(root, ".gitignore"))
	if err != nil {
		return nil
	}
	defer f.Close()
	var names []string
	for s := bufio.NewScanner(f); s.Scan(); {
		names = append(names, strings.Trim(s.Text(), "/"))
	}
	return names
}

func sizes(t *tree) []string {
	var found []string
	report := func(pos token.Pos, what string, lines, most int) {
		if lines > most {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, want at most %d", t.at(pos), what, lines, most))
		}
	}
	for _, p := range t.pkgs {
		for _, file := range p.Syntax {
			lines, err := codeLines(t.fset.Position(file.FileStart).Filename)
			if err != nil {
				found = append(found, err.Error())
			}
			report(file.FileStart, "code of the file", lines, maxFile)
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok {
					lines := t.fset.Position(f.End()).Line - t.fset.Position(f.Pos()).Line + 1
					report(f.Pos(), "function "+f.Name.Name, lines, maxFunction)
				}
			}
		}
	}
	return found
}

// codeLines returns how many lines of a file have code in them.
func codeLines(name string) (n int, err error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	file := token.NewFileSet().AddFile(name, -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	last := 0 // line that was counted
	for {
		pos, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			return n, nil
		case tok == token.SEMICOLON && text == "\n":
			continue // the scanner's own
		}
		from := file.Line(pos)
		to := from + strings.Count(text, "\n") // a raw string goes on
		n += to - max(from-1, last)
		last = to
	}
}

func comments(t *tree) []string {
	var found []string
	for _, p := range t.pkgs {
		if len(p.Syntax) == 0 {
			continue
		}
		if !slices.ContainsFunc(p.Syntax, func(f *ast.File) bool { return f.Doc != nil }) {
			found = append(found, fmt.Sprintf("%s: package %s has no comment", t.at(p.Syntax[0].Package), p.Name))
		}
		for _, file := range p.Syntax {
			for _, decl := range file.Decls {
				for _, id := range undocumented(decl) {
					found = append(found, fmt.Sprintf("%s: %s is exported and has no comment", t.at(id.Pos()), id.Name))
				}
			}
		}
	}
	return found
}

// undocumented returns the exported names of decl that no comment tells of. A
// group's comment does for its constants and variables.
func undocumented(decl ast.Decl) []*ast.Ident {
	var list []*ast.Ident
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv.List[0].Type)) {
			list = append(list, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && d.Doc == nil && s.Name.IsExported() {
					list = append(list, s.Name)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if s.Doc == nil && s.Comment == nil && d.Doc == nil && id.IsExported() {
						list = append(list, id)
					}
				}
			}
		}
	}
	return list
}

func exportedReceiver(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.IsExported()
	case *ast.StarExpr:
		return exportedReceiver(t.X)
	case *ast.IndexExpr:
		return exportedReceiver(t.X)
	case *ast.IndexListExpr:
		return exportedReceiver(t.X)
	}
	return false
}
