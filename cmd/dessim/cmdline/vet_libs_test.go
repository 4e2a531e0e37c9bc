package cmdline

import (
	"strings"
	"testing"
)

const (
	usesLibrary = `// Package server is a program.
package server

import (
	"example.com/lib"
	"example.com/mine/table"
)

// Serve uses both.
func Serve() {
	lib.Count()
	lib.New().Keep("a")
	table.Set()
}
`
	library = `// Package lib has variables.
package lib

import (
	"sync"
	"sync/atomic"
)

var (
	names    = make(map[string]bool) // init fills it
	counter  int
	total    atomic.Int64
	bytes    int64
	kept     []string
	once     sync.Once
	lock     sync.Mutex // guards, and holds nothing
	size     = 4
	debug    bool // by what nobody calls
	onChange = func() { size++ }
	early    = fill()
)

type keeper struct{}

// Keeper is what a program sees of it.
type Keeper interface{ Keep(name string) }

// New returns one.
func New() Keeper { return keeper{} }

func (keeper) Keep(name string) { kept = append(kept, name); once.Do(onChange) }

func init() { register("lib") }

func register(name string) { names[name] = true }

func fill() int { counter = 1; return 0 }

// Count counts.
func Count() {
	lock.Lock()
	defer lock.Unlock()
	total.Add(int64(size))
	atomic.AddInt64(&bytes, 1)
	local := 0
	local++
}

// Debug is for people.
func Debug() { debug = true; unused.run() }

type never struct{ calls int }

var unused never

func (n *never) run() { unused.calls++ }
`
	setsTable = `// Package table is of the module of the program.
package table

var seen [8]bool

// Set sets.
func Set() { clear(seen[:]) }
`
)

// inLibrary goes to a module whose server uses a library of another module.
func inLibrary(t *testing.T) {
	t.Helper()
	foreign(t, map[string]string{
		"server/server.go": usesLibrary, "table/table.go": setsTable,
		"lib/lib.go": library, "lib/go.mod": "module example.com/lib\n\ngo 1.26.0\n",
	})
	write(t, "go.mod", strings.Replace(read(t, "go.mod"), "require dessim v0.0.0\n", "require example.com/lib v0.0.0\n\nreplace example.com/lib => ./lib\n", 1))
}

func TestVetListsTheVariablesThatLibrariesWriteAfterInit(t *testing.T) {
	inLibrary(t)
	const lib = "example.com/lib: writes package variables, which the nodes of a run share: " +
		"bytes (lib.go:44), kept (lib.go:31), once (lib.go:31), size (lib.go:19), total (lib.go:43)\n"
	const table = "example.com/mine/table: writes package variables, which the nodes of a run share: seen (table.go:7)\n"
	for args, want := range map[string]string{
		"vet -programs -libs ./server": lib + table + "2 findings in 1 package and 2 libraries\n",
		"vet -programs -libs ./...":    "table/table.go:7: package variable seen is the target of clear: the nodes of a run share it\n" + lib,
	} {
		r := dessim(t, strings.Fields(args)...)
		if r.code != exitViolation || r.stderr != "" || !strings.Contains(r.stdout, want) {
			t.Errorf("dessim %s exits with %d\n%s%s\nwant\n%s", args, r.code, r.stdout, r.stderr, want)
		}
	}
	r := dessim(t, words("vet -programs -libs ./lib")...)
	if r.code != exitUsage { // it is another module
		t.Errorf("%+v", r)
	}
	wantLine(t, dessim(t, words("vet -libs ./server")...), exitUsage, "-libs: want -programs with it")
}

func TestVetNamesAFewVariablesOfALibraryAndCountsTheOthers(t *testing.T) {
	inLibrary(t)
	var many strings.Builder
	many.WriteString("package lib\n\n")
	for c := 'a'; c <= 'l'; c++ {
		many.WriteString("var x" + string(c) + " int\n")
	}
	many.WriteString("\nfunc Count() {\n")
	for c := 'a'; c <= 'l'; c++ {
		many.WriteString("\tx" + string(c) + "++\n")
	}
	many.WriteString("}\n\ntype K struct{}\n\nfunc New() K { return K{} }\n\nfunc (K) Keep(string) {}\n")
	write(t, "lib/lib.go", many.String())
	r := dessim(t, words("vet -programs -libs ./server")...)
	if !strings.Contains(r.stdout, "xg (lib.go:23), xh (lib.go:24) and 4 more\n") || strings.Contains(r.stdout, "xi (") {
		t.Errorf("%+v", r)
	}
}
