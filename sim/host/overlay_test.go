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

// goUnderOverlay returns a call of the go command on packages of a directory, with the overlay. It
// skips the test if there is none for this release of Go.
func goUnderOverlay(t *testing.T, dir string, packages ...string) *exec.Cmd {
	t.Helper()
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
	overlays := filepath.Join(filepath.Dir(env[2]), "dessim-overlay")
	release, err := overlay.Reach(overlays, overlay.Release{Version: env[0], Root: env[1]}, env[3])
	if err != nil {
		t.Fatal(err)
	}
	list, err := overlay.Write(overlays, release)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"test", "-count=1", "-tags", overlay.Tag, "-overlay", list}
	if testing.Short() {
		args = append(args, "-short")
	}
	c := exec.Command(filepath.Join(release.Root, "bin", "go"), append(args, packages...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOROOT="+release.Root, "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	return c
}

// The tests of this package that have the build tag need the overlay, so they are run by this one.
func TestProgramsUnderTheOverlay(t *testing.T) {
	if underOverlay {
		t.Skip("these are them")
	}
	if out, err := goUnderOverlay(t, ".", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nreproduce: dessim go test ./sim/host", err, out)
	} else if !bytes.Contains(out, []byte("ok")) {
		t.Errorf("no test ran:\n%s", out)
	}
}

// Libraries that make system calls are a module of their own.
func TestLibrariesUnderTheOverlay(t *testing.T) {
	if underOverlay || testing.Short() {
		t.Skip("-short, or these are them")
	}
	const dir = "testdata/libraries"
	need := exec.Command("go", "list", "-deps", "-test", "./...")
	need.Dir = dir
	need.Env = append(os.Environ(), "GOFLAGS=-tags="+overlay.Tag, "GOWORK=off", "GOPROXY=off")
	if out, err := need.CombinedOutput(); err != nil {
		t.Skipf("its modules are not here; go mod download gets them: %s", out)
	}
	c := goUnderOverlay(t, dir, "./...")
	c.Env = append(c.Env, "GOPROXY=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nreproduce: cd sim/host/testdata/libraries && dessim go test ./...", err, out)
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
