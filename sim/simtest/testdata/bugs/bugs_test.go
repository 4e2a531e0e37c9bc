// Package bugs has public bugs of libraries that people use, as they were before they were mended,
// and looks for them. README.md has the table. The package is none of ./..., since each of its
// modules is built twice.
package bugs

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A bug is a folder with a module: go.mod has the version with the bug, fixed.mod one without.
var bugs = []struct {
	folder, scenario, flags string
	seeds                   string // of which some find it
	says                    string // what those say
	rest                    string // what seeds of the version without the bug find all the same
}{
	{"puddle-cancel", "pool", "", "1-10", "requests were answered", ""},
	{"puddle-create", "pool", "", "1-40", "requests were answered", ""},
	{"semaphore", "gate", "", "1-5", "a reader waited", ""},
	{"groupcache", "cache", "", "1-40", "the cache counts", ""},
	{"commons-pool", "pool", "", "1-5", "requests were answered", ""},
	{"go-yamux-locks", "transfer", "", "1-20", "requests were answered", ""},
	{"grpc-stop", "calls", "", "1-5", "DeadlineExceeded", ""},
	{"atomic-file", "settings", "", "1-40", "the file is half of one", ""},
	{"leveldb-manifest", "db", "", "1-20", "manifest corrupted", "what a crash leaves of a database that is being made, and syncs that fail"},
	{"diskqueue", "queue", "-disk synced", "1-10", "invalid message read size", "metadata that is older than the data, in other ways"},
	{"raft-wal", "tries", "", "1-10", "requests were answered", ""},
}

func TestEachBugIsFoundAndNoLongerOnceItIsMended(t *testing.T) {
	dessim := filepath.Join(t.TempDir(), "dessim")
	run(t, "../../../..", "go", "build", "-o", dessim, "./cmd/dessim")
	for _, b := range bugs {
		t.Run(b.folder, func(t *testing.T) {
			sweep := func(file string) (out string, failed bool) {
				program := filepath.Join(t.TempDir(), strings.TrimSuffix(file, ".mod"))
				run(t, b.folder, dessim, "go", "build", "-modfile="+file, "-o", program, "./cmd")
				return run(t, t.TempDir(), append([]string{program, "sweep", "-scenario", b.scenario, "-seeds", b.seeds}, strings.Fields(b.flags)...)...)
			}
			if out, _ := sweep("go.mod"); !strings.Contains(out, b.says) {
				t.Errorf("no seed of %s says %q:\n%s", b.seeds, b.says, out)
			}
			if out, failed := sweep("fixed.mod"); strings.Contains(out, b.says) || failed && b.rest == "" {
				t.Errorf("the bug is mended, and seeds of %s say:\n%s", b.seeds, out)
			}
		})
	}
}

// Each file is a run of a program of the catalogue. When a library is mended, or newer, its run ends in
// another way, and new/README.md says what no longer holds.
func TestBugsOfTheLatestVersionsAreReplayed(t *testing.T) {
	dessim := filepath.Join(t.TempDir(), "dessim")
	run(t, "../../../..", "go", "build", "-o", dessim, "./cmd/dessim")
	for _, b := range []struct{ program, file, says string }{
		{"bolt", "bolt-goes-on", "invalid freelist page"},
		{"bolt", "bolt-reopened", "was acknowledged, or in the file before"},
		{"bolt", "bolt-1492", "the file is corrupt"},
		{"leveldb", "leveldb-failed-sync", "is gone, which was acknowledged"},
		{"leveldb", "leveldb-posix", "is gone, which was acknowledged"},
		{"hashiraft", "hashiraft-posix", "log not found"},
		{"etcdraft", "etcdraft-posix", "both lead term 2"},
		{"etcdraft", "etcdraft-wal-restart", "tocommit(4) is out of range"},
		{"pebble", "pebble-open", "assignment to entry in nil map"},
	} {
		t.Run(b.file, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), b.program)
			run(t, "../"+b.program, dessim, "go", "build", "-o", program, "./cmd/"+b.program)
			if out, failed := run(t, "new", program, "replay", b.file+".replay"); !failed || !strings.Contains(out, b.says) {
				t.Errorf("the run does not say %q:\n%s", b.says, out)
			}
		})
	}
}

// run runs a command and returns what it prints. To find a violation is no error.
func run(t *testing.T, dir string, args ...string) (out string, failed bool) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	b, err := cmd.CombinedOutput()
	const violation, inconclusive = 1, 3
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && (args[1] == "sweep" || args[1] == "replay") && (exit.ExitCode() == violation || exit.ExitCode() == inconclusive):
		return string(b), exit.ExitCode() == violation
	default:
		t.Fatalf("%s in %s: %v\n%s", strings.Join(args, " "), dir, err, b)
	}
	return string(b), false
}
