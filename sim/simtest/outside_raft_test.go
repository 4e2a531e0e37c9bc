package simtest_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var full = flag.Bool("full", false, "run Raft in the older of two other versions, too")

// An outside module uses any library in any version: here Raft in two versions before the
// one that dessim's own machine uses.
func TestOtherVersionsOfRaftRunUnderDessim(t *testing.T) {
	for module, links := range map[string]struct{ library, no string }{
		"etcdraft35": {"\tdep\tgo.etcd.io/etcd/raft/v3\tv3.5.", "\tgo.etcd.io/raft/"},
		"raft36":     {"\t=>\tgo.etcd.io/raft/v3\tv3.6.0\t", "\tgo.etcd.io/etcd/"},
	} {
		t.Run(module, func(t *testing.T) {
			if module == "etcdraft35" && !*full {
				t.Skip("builds four programs: see -full")
			}
			dir, sh := outside(t, module, "raftgroup")
			download(t, dir)
			run := func(line string, words ...string) string {
				t.Helper()
				out, passed := sh(line)
				if !passed {
					t.Fatalf("%s fails:\n%s", line, out)
				}
				contains(t, out, words...)
				return out
			}
			run("go test .", "ok")
			run("go build -o log .")
			run("./log vet ./...", "no finding in 1 package")
			if linked := run("go version -m log", links.library); strings.Contains(linked, links.no) {
				t.Errorf("another version is linked, too:\n%s", linked)
			}
			first := run("./log -scenario log -seed 7 -verify", "verified      in a second process: every event the same")
			if again := run("./log -scenario log -seed 7 -verify"); again != first {
				t.Errorf("the second run differs:\n%s\nwant\n%s", again, first)
			}
			run("./log sweep -scenario log -seeds 1-20", "20 pass, 0 violations, 0 inconclusive")
			edit(t, filepath.Join(dir, "node.go"), "\t\t\tif rd.MustSync {\n\t\t\t\tenv.Sync()\n\t\t\t}\n", "")
			run("go build -o log .")
			if out, passed := sh("./log sweep -scenario log -seeds 1-20"); passed || !strings.Contains(out, "violation: sweep of log") {
				t.Errorf("nodes that never sync are not found:\n%s", out)
			}
		})
	}
}

// download fetches what the module in dir requires, which dessim itself does not.
func download(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "mod", "download")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Skipf("the module cache lacks what this module requires, and go mod download cannot fetch it: %v\n%s", err, out)
	}
}

// What differs between the two is the library alone.
func TestTheNodesOfBothVersionsDifferInTheirImportsAlone(t *testing.T) {
	read := func(module string) string {
		text, err := os.ReadFile(filepath.Join("testdata", module, "node.go"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if strings.ReplaceAll(read("etcdraft35"), "go.etcd.io/etcd/raft/v3", "go.etcd.io/raft/v3") != read("raft36") {
		t.Error("etcdraft35/node.go and raft36/node.go differ in more than the library's path")
	}
}
