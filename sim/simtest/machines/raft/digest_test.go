package raft_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/simtest/grouptest"
)

// digests runs a few seeds and returns the digest of each.
func digests(t *testing.T) string {
	var b strings.Builder
	for seed := range uint64(25) {
		w := grouptest.NewWorld(newGroup(0), flags.Size(seed), seed)
		if wrong := w.Run(); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
		fmt.Fprintln(&b, "digest", seed, w.Digest())
	}
	return b.String()
}

// The library draws from crypto/rand and keeps maps, which Go shuffles each time; no
// run may depend on that. A seed has the same digest when run again in this process,
// and in another with one thread.
func TestEqualSeedsGiveEqualDigestsInAnyProcess(t *testing.T) {
	first := digests(t)
	if os.Getenv("RAFT_DIGESTS") != "" {
		fmt.Print(first)
		return
	}
	if again := digests(t); again != first {
		t.Fatalf("run again in one process:\n%s\nwant\n%s", again, first)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEqualSeedsGiveEqualDigestsInAnyProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "RAFT_DIGESTS=1", "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var other strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "digest ") {
			other.WriteString(line)
		}
	}
	if other.String() != first {
		t.Errorf("in another process, with one thread:\n%s\nwant\n%s", other.String(), first)
	}
	if strings.Count(first, "\n") != 25 || first == strings.Repeat(fmt.Sprintln("digest", sim.Digest{}), 25) {
		t.Errorf("the digests say nothing:\n%s", first)
	}
}
