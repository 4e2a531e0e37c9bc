package host_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dessim/sim/host"
	"dessim/sim/host/overlay"
)

// underOverlay says whether this is the test binary that was built with the overlay.
var underOverlay = false

// The tests of this package that have the build tag need the overlay, so they are run by this one.
func TestProgramsUnderTheOverlay(t *testing.T) {
	if underOverlay {
		t.Skip("these are them")
	}
	out, err := exec.Command("go", "env", "GOVERSION", "GOROOT", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Fields(string(out))
	if len(env) != 4 {
		t.Fatalf("go env says %q", out)
	}
	if !slices.Contains(overlay.Releases, env[0]) {
		t.Skipf("the overlay is for %v, not for %s", overlay.Releases, env[0])
	}
	dir := filepath.Join(filepath.Dir(env[2]), "dessim-overlay")
	release, err := overlay.Reach(dir, overlay.Release{Version: env[0], Root: env[1]}, env[3])
	if err != nil {
		t.Fatal(err)
	}
	list, err := overlay.Write(dir, release)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"test", "-count=1", "-tags", overlay.Tag, "-overlay", list}
	if testing.Short() {
		args = append(args, "-short")
	}
	c := exec.Command(filepath.Join(release.Root, "bin", "go"), append(args, ".")...)
	c.Env = append(os.Environ(), "GOFLAGS=", "GOROOT="+release.Root, "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nreproduce: dessim go test ./sim/host", err, out)
	} else if !bytes.Contains(out, []byte("ok")) {
		t.Errorf("no test ran:\n%s", out)
	}
}

func TestWithoutTheOverlayNoProgramRuns(t *testing.T) {
	if underOverlay {
		t.Skip("with the overlay, programs run")
	}
	defer func() {
		err, _ := recover().(error)
		if err == nil || !strings.Contains(err.Error(), `"dessim go test"`) || strings.Contains(err.Error(), "\n") {
			t.Errorf("New panics with %v, want one line that says how to build", err)
		}
	}()
	host.New(nil, host.Options{})
}
