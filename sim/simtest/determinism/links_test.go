package determinism_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machinery is what the ledger needs and a harness does not: machines, their libraries,
// and those that judge them.
var machinery = regexp.MustCompile(`^dessim/(protocol|scenarios)/|^dessim/scenarios$|raft|protobuf|porcupine`)

// Two versions of a library cannot be in one program if both register the same protobuf
// names. A module that brings a protocol of its own can use any version, since the
// harness links none.
func TestHarnessLinksNoMachine(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	if err := openFolders(root); err != nil {
		t.Fatal(err)
	}
	machines := func(pkg string) []string {
		c := exec.Command("go", "list", "-deps", pkg)
		c.Dir, c.Stderr = root, t.Output()
		out, err := c.Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		return slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool {
			return !machinery.MatchString(path) || strings.HasPrefix(path, "dessim/protocol/live")
		})
	}
	for _, pkg := range []string{"./sim", "./sim/scenario", "./sim/simtest", "./cmd/dessim/cmdline"} {
		if found := machines(pkg); len(found) > 0 {
			t.Errorf("%s links %v, want none of a machine", pkg, found)
		}
	}
	found := machines("./cmd/dessim")
	for _, path := range []string{"dessim/protocol/twopc", "go.etcd.io/raft/v3", "google.golang.org/protobuf/proto", "github.com/anishathalye/porcupine", "dessim/scenarios"} {
		if !slices.Contains(found, path) {
			t.Errorf("./cmd/dessim links %v, want %s among them", found, path)
		}
	}
}

// kvstore uses sim/check/linear, and so its library.
func TestOutsideModulesRequireNoMachine(t *testing.T) {
	for _, module := range []string{"kvstore", "raftgroup"} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		_, requires, _ := strings.Cut(string(text), "\n") // its own name is its own
		requires = strings.ReplaceAll(requires, "github.com/anishathalye/porcupine", "")
		if found := machinery.FindAllString(requires, -1); len(found) > 0 {
			t.Errorf("the go.mod of %s names %q", module, found)
		}
	}
}
