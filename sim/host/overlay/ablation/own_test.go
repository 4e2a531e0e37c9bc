package ablation

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"dessim/sim/host/overlay"
)

// own are packages of the standard library that the overlay changes, or that stand on what it
// changes, and the flags of their tests.
var own = map[string][]string{
	"context":           nil,
	"crypto/rand":       nil,
	"hash/maphash":      nil,
	"internal/poll":     nil,
	"internal/sync":     nil,
	"internal/synctest": nil,
	"iter":              nil,
	"math/rand":         {"-short"},
	"math/rand/v2":      {"-short"},
	"os":                {"-short"},
	"runtime":           {"-short", "-run=Chan|Coro|Gosched|Hash|Map|Rand|Select|Sema|Sizeof|Synctest|Timer|Yield"},
	"sync":              {"-short"},
	"syscall":           {"-short"},
	"testing/synctest":  nil,
	"time":              {"-short"},
}

// demanding are tests that demand what the overlay takes away, by package, and why.
var demanding = map[string]map[string]string{
	"hash/maphash": {
		"TestHashHighBytes": "draws seeds outside of a bubble, where all are the same",
		"TestUnseededHash":  "draws seeds outside of a bubble, where all are the same",
	},
	"internal/synctest": {
		"TestSleepNondeterminism": "demands that timers of one instant fire in any order",
		"TestTimerNondeterminism": "demands that timers of one instant fire in any order",
	},
	"runtime": {
		"TestMapIterOrder":            "demands that iterations begin anywhere, outside of a bubble",
		"TestMapSparseIterOrder":      "demands that iterations begin anywhere, outside of a bubble",
		"TestMemHashGlobalSeed/noaes": "demands that processes have different hashes",
		"TestSizeof":                  "knows the size of a goroutine",
	},
}

func TestGoesOwnTestsPassUnderTheOverlay(t *testing.T) {
	if !*full {
		t.Skip("takes minutes: see -full")
	}
	for _, version := range releases() {
		t.Run(version, func(t *testing.T) {
			r := open(t, version)
			list, err := overlay.Write(r.dir, r.Release)
			if err != nil {
				t.Fatal(err)
			}
			for _, pkg := range slices.Sorted(maps.Keys(own)) {
				args := slices.Concat([]string{"test", "-json", "-count=1", "-overlay=" + list, "-tags=" + overlay.Tag}, own[pkg], []string{pkg})
				cmd := r.command(args...)
				cmd.Dir = t.TempDir() // not a module
				out, err := cmd.Output()
				var failed *exec.ExitError
				if err != nil && !errors.As(err, &failed) {
					t.Fatal(err)
				}
				got, want := failing(t, out), slices.Sorted(maps.Keys(demanding[pkg]))
				if !slices.Equal(got, want) {
					t.Errorf("%s: these fail: %q, want %q", pkg, got, want)
				}
				t.Log(pkg)
			}
		})
	}
}

// failing returns the tests that fail by the output of go test -json, without those whose parts
// fail. A package that fails without a test is "".
func failing(t *testing.T, out []byte) (names []string) {
	t.Helper()
	whole := false
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch {
		case e.Action != "fail":
		case e.Test == "":
			whole = true
		default:
			names = append(names, e.Test)
		}
	}
	if whole && len(names) == 0 {
		return []string{""}
	}
	slices.Sort(names)
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(names, func(part string) bool { return strings.HasPrefix(part, name+"/") })
	})
}
