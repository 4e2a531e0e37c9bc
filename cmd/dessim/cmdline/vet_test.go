package cmdline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreign makes a module of these files, outside dessim, and goes there.
func foreign(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/mine\n\ngo 1.26.0\n\nrequire dessim v0.0.0\n\nreplace dessim => " + root + "\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOPROXY", "off")
}

const (
	wantsClock = `// Package node has a node.
package node

import (
	"time"

	"dessim/protocol"
	"example.com/mine/table"
)

// Node is one.
type Node struct{ seen map[int]int }

// Start looks at the wall clock.
func (n *Node) Start(env *protocol.Env) {
	env.SetTimer(time.Since(time.Unix(0, 0)), 0)
}

// Receive does nothing.
func (n *Node) Receive(*protocol.Env, protocol.NodeID, []byte) { table.First(n.seen) }

// Timeout does nothing.
func (n *Node) Timeout(*protocol.Env, uint64) {}
`
	rangesOverMap = `// Package table is what the node imports.
package table

// First returns any key.
func First(m map[int]int) int {
	for k := range m {
		return k
	}
	return 0
}
`
	server = `// Package main runs things.
package cmdline

func main() { go func() {}() }
`
)

func TestVetLooksAtNodesAndAtWhatTheyImport(t *testing.T) {
	foreign(t, map[string]string{"node/node.go": wantsClock, "table/table.go": rangesOverMap, "server/main.go": server})
	for args, want := range map[string]string{
		"vet ./...": "node/node.go:16: time.Since: it is the wall clock; use env.Now and env.SetTimer\n" +
			"table/table.go:6: range over a map: its order differs between runs; use protocol.SortedKeys, or keep a slice\n" +
			"2 findings in 2 packages\n",
		"vet ./node":                         "node/node.go:16: time.Since: it is the wall clock; use env.Now and env.SetTimer\n1 finding in 1 package\n",
		"vet -nodes ./server":                "server/main.go:4: go statement: goroutines have no fixed order; a node neither waits nor spawns\n1 finding in 1 package\n",
		"vet -nodes ./server,./table":        "server/main.go:4: go statement: goroutines have no fixed order; a node neither waits nor spawns\ntable/table.go:6: range over a map: its order differs between runs; use protocol.SortedKeys, or keep a slice\n2 findings in 2 packages\n",
		"vet -nodes ./server -nodes ./table": "2 findings in 2 packages\n",
		"vet -all ./table ./server":          "2 findings in 2 packages\n",
		"vet -all example.com/mine/table":    "table/table.go:6: range over a map: its order differs between runs; use protocol.SortedKeys, or keep a slice\n1 finding in 1 package\n",
	} {
		r := dessim(t, strings.Fields(args)...)
		if r.code != exitViolation || r.stderr != "" || !strings.HasSuffix(r.stdout, want) {
			t.Errorf("dessim %s: %+v, want 1 and\n%s", args, r, want)
		}
	}
}

func TestVetPassesANodeThatCanBeRepeated(t *testing.T) {
	clean := strings.Replace(wantsClock, "time.Since(time.Unix(0, 0))", "time.Second", 1)
	clean = strings.Replace(clean, "table.First(n.seen)", "_ = table.First", 1)
	foreign(t, map[string]string{
		"node/node.go":      clean,
		"node/node_test.go": "package node\n\nfunc f() { go f() }\n", // tests are free
		"table/table.go":    strings.Replace(rangesOverMap, "for k := range m {\n\t\treturn k\n\t}\n", "", 1),
		"server/main.go":    server,
	})
	r := dessim(t, "vet", "./...")
	if r.code != exitPass || r.stderr != "" || r.stdout != "no finding in 2 packages\n" {
		t.Errorf("%+v, want 0 and no finding", r)
	}
}

func TestVetRefusesWhatItCannotLookAt(t *testing.T) {
	foreign(t, map[string]string{"server/main.go": server, "torn/torn.go": "package torn\n\nfunc f() { g() }\n"})
	for args, words := range map[string]string{
		"vet ./server":             "no package of ./server has a node|-nodes",
		"vet ./torn":               "example.com/mine/torn|undefined: g",
		"vet ./none":               "./none",
		"vet":                      "vet: ",
		"vet -nodes":               "-nodes has no value",
		"vet -nodes , ":            "-nodes names no package",
		"vet -all -nodes ./server": "use one or the other",
		"vet -nodes ./server more": `unexpected argument "more"`,
		"vet -programs -all":       "use it without -nodes and -all",
		"vet -nope":                `unknown flag "-nope"`,
	} {
		wantLine(t, dessim(t, strings.Fields(args)...), exitUsage, strings.Split(words, "|")...)
	}
}

func TestVetOutsideAModuleIsRefusedInOneLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, pattern := range []string{"./...", "."} {
		wantLine(t, dessim(t, "vet", pattern), exitUsage, "vet: ", "in the folder of their go.mod")
	}
}
