package determinism_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// untidy breaks each rule of TestTidy at least once.
var untidy = map[string]string{
	"go.mod":     "module dessim\n\ngo 1.26\n",
	"go.sum":     "",
	"README.md":  "",
	".gitignore": "/dessim\n*.prof\n",
	"cpu.prof":   "",
	"NOTES":      "",

	"protocol/protocol.go": `// Package protocol is fine.
package protocol

// SortedKeys may range over a map.
func SortedKeys(m map[int]int) (keys []int) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}
`,
	"protocol/twopc/twopc.go": `package twopc

import (
	"time"

	"dessim/sim"
)

type Manager struct{}

func (*Manager) Now() time.Time { return time.Now() }

func (manager) Fine() {}

type manager struct{}

const Fine, fine = sim.Size, 0 // explained here

var Odd int
`,
	"protocol/live/live.go": `// Package live may use the clock.
package live

import (
	"net"
	"time"
)

// Now is the wall clock.
func Now() (time.Time, net.IP) { return time.Now(), nil }
`,
	"protocol/live/live_test.go": "package live\n\nimport _ \"dessim/sim\"\n\nfunc Exported() {}\n",
	"sim/sim.go": `// Package sim is long.
package sim

import "dessim/protocol"

// Size is documented.
const Size = 3

// Short has as many lines as are allowed.
func Short() {
	protocol.SortedKeys(nil)
` + strings.Repeat("\n", 57) + `}

// Long has one more.
func Long() {
` + strings.Repeat("\n", 59) + `}
` + strings.Repeat("\n// Filler is no code.\n", 500) + "\n/* Nor\nis this. */\n\nvar (\n" + strings.Repeat("\t_ = `a\nb`\n", 195) + "\t_ = 0\n)\n",
	"sim/source/source.go":   "// Package source knows no simulator.\npackage source\n\nimport _ \"dessim/sim\"\n",
	"sim/explore/explore.go": "// Package explore may start goroutines.\npackage explore\n\nfunc init() { go func() {}() }\n",
	"scenarios/bad.go":       "// Package scenarios does not compile.\npackage scenarios\n\nvar x int = \"\"\n",
	"tools/tools.go":         "// Command tools is nowhere.\npackage main\n\nfunc main() {}\n",
}

func TestTidyBites(t *testing.T) {
	root := t.TempDir()
	for name, text := range untidy {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{
		"Compiles": {`scenarios/bad.go:4:13: cannot use "" (untyped string constant) as int value in variable declaration`},
		"Deterministic": {
			"protocol/twopc/twopc.go:11:47: time.Now: it is the wall clock; use env.Now and env.SetTimer",
		},
		"Layers": {
			"protocol/twopc/twopc.go:6:2: protocol may not import dessim/sim (see the table of layers in tidy_test.go)",
			"sim/source/source.go:4:8: sim/source may not import dessim/sim (see the table of layers in tidy_test.go)",
			"tools/tools.go:2:1: package dessim/tools is in no layer; add it to the table in tidy_test.go",
		},
		"MachineTests": {
			"protocol/live/live_test.go:3:8: a test of a machine may not import dessim/sim; put it into sim/simtest/machines",
		},
		"TopLevel": {
			"Makefile:1: is missing at the top level",
			"NOTES:1: does not belong at the top level, which is Makefile, README.md, cmd, go.mod, go.sum, protocol, scenarios, sim",
			"cmd:1: is missing at the top level",
			"tools:1: does not belong at the top level, which is Makefile, README.md, cmd, go.mod, go.sum, protocol, scenarios, sim",
		},
		"Sizes": {
			"sim/sim.go:1:1: code of the file has 401 lines, want at most 400",
			"sim/sim.go:72:1: function Long has 61 lines, want at most 60",
		},
		"Comments": {
			"protocol/twopc/twopc.go:11:17: Now is exported and has no comment",
			"protocol/twopc/twopc.go:19:5: Odd is exported and has no comment",
			"protocol/twopc/twopc.go:1:1: package twopc has no comment",
			"protocol/twopc/twopc.go:9:6: Manager is exported and has no comment",
		},
	}
	tree, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		found := rule.find(tree)
		slices.Sort(found)
		if d := cmp.Diff(want[rule.name], found); d != "" {
			t.Errorf("%s, -want +found:\n%s", rule.name, d)
		}
	}
}

// TestLayersKeepTheTwoSentences asks the table directly.
func TestLayersKeepTheTwoSentences(t *testing.T) {
	tests := []struct {
		from, to string
		want     bool
	}{
		{"protocol/twopc", "fmt", true},
		{"protocol/twopc", "dessim/protocol", true},
		{"protocol/twopc", "dessim/protocol/bencode", true},
		{"protocol/twopc", "dessim/protocol/live", false},
		{"protocol/twopc", "dessim/protocol/liveliness", true},
		{"protocol/twopc", "dessim/sim", false},
		{"protocol/twopc", "dessim/sim/source", false},
		{"protocol/twopc", "go.etcd.io/raft/v3", false},
		{"protocol/raft", "go.etcd.io/raft/v3/raftpb", true},
		{"protocol/twopc", "dessim/protocol/internal/steps", false},
		{"protocol/internal/steps", "dessim/protocol", true},
		{"protocol/internal/steps", "dessim/protocol/twopc", false},
		{"protocol/raft", "dessim/sim", false},
		{"sim", "dessim/protocol", true},
		{"sim", "dessim/protocol/twopc", false},
		{"sim", "dessim/sim/explore", false},
		{"sim", "pgregory.net/rapid", false},
		{"sim/check", "dessim/sim", true},
		{"sim/check", "dessim/protocol/twopc", false},
		{"sim/report", "github.com/olekukonko/tablewriter", false},
		{"sim/simtest", "pgregory.net/rapid", true},
		{"scenarios", "dessim/protocol/twopc", true},
		{"scenarios", "github.com/urfave/cli/v3", false},
		{"scenarios", "dessim/cmd/dessim", false},
		{"cmd/dessim", "github.com/urfave/cli/v3", true},
		{"cmd/dessim", "dessim/sim/simtest", false},
	}
	for _, test := range tests {
		if got := layerOf(test.from).allows(test.to); got != test.want {
			t.Errorf("%s imports %s: allowed is %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
