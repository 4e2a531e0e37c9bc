package ablation

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"dessim/sim/host/overlay"
)

var full = flag.Bool("full", false, "leave out each group of edits in turn, in all releases of Go that are here, and run Go's own tests")

// without has the groups that no toy shows, and why.
var without = map[string]string{
	"base": "nothing compiles without it",
	"http": "nodes would share what net/http has for the process: see the tests of package host",
	"net":  "programs would have the sockets of the machine: see the tests of package host",
	"rpc":  "nodes would share the default server of net/rpc: see the tests of package host",
}

// release is a release of Go that is here.
type release struct {
	overlay.Release
	dir string // of overlays
}

// command returns a call of the go command of the release.
func (r *release) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(r.Root, "bin", "go"), args...)
	cmd.Env = append(os.Environ(), "GOROOT="+r.Root, "GOTOOLCHAIN=local", "CGO_ENABLED=0", "GOFLAGS=")
	return cmd
}

// open returns a release, or skips the test if it is not here.
func open(t *testing.T, version string) *release {
	t.Helper()
	cmd := exec.Command("go", "env", "-json", "GOVERSION", "GOROOT", "GOCACHE", "GOMODCACHE", "GOOS")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOPROXY=off") // what is not here is not downloaded
	cmd.Dir = t.TempDir()                                                 // not a module
	out, err := cmd.Output()
	var got struct{ GOVERSION, GOROOT, GOCACHE, GOMODCACHE, GOOS string }
	if err != nil || json.Unmarshal(out, &got) != nil || got.GOVERSION != version {
		t.Skipf("%s is not here; GOTOOLCHAIN=%s go version gets it", version, version)
	}
	if got.GOOS != "linux" {
		t.Skip("the overlay is for Linux")
	}
	r := &release{dir: filepath.Join(filepath.Dir(got.GOCACHE), "dessim-overlay")}
	if r.Release, err = overlay.Reach(r.dir, overlay.Release{Version: version, Root: got.GOROOT}, got.GOMODCACHE); err != nil {
		t.Fatal(err)
	}
	return r
}

// releases are those to try.
func releases() []string {
	if *full {
		return overlay.Releases
	}
	return overlay.Releases[len(overlay.Releases)-1:]
}

// build builds the toys without some groups. If that fails, it returns why.
func (r *release) build(t *testing.T, without ...string) (program, failed string) {
	t.Helper()
	list, err := overlay.Write(r.dir, r.Release, without...)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(t.TempDir(), "toys")
	out, err := r.command("build", "-buildvcs=false", "-overlay="+list, "-tags="+overlay.Tag, "-o", program, "./toys").CombinedOutput()
	if err != nil {
		return "", string(out)
	}
	return program, ""
}

// Runs of a toy: so many processes make so many runs each.
const processes, runs = 6, 8

// run runs a toy, on several numbers of processors, with few and many collections, and with and without
// instructions that only some processors have. It returns what its runs did, and why a process
// failed.
func run(t *testing.T, program, toy string) (did []string, failed string) {
	t.Helper()
	for i := range processes {
		cmd := exec.Command(program, toy, fmt.Sprint(runs))
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", i%3+1), fmt.Sprint("GOGC=", []int{100, 5}[i/3]), "GODEBUG="+[]string{"", "cpu.aes=off"}[i%2])
		if err := cmd.Run(); err != nil && failed == "" {
			failed = fmt.Sprintf("%v: %s", err, strings.TrimSpace(errs.String()))
		}
		did = append(did, strings.Split(strings.TrimSpace(out.String()), "\n")...)
	}
	return did, failed
}

// differing returns how many runs differ from the first.
func differing(did []string) (n int) {
	for _, d := range did {
		if d != did[0] {
			n++
		}
	}
	return n
}

// groups returns the names of the groups that a toy shows.
func groups(t *testing.T) (names []string, sizes map[string]int) {
	t.Helper()
	all, err := overlay.Groups()
	if err != nil {
		t.Fatal(err)
	}
	sizes = make(map[string]int)
	for _, g := range all {
		sizes[g.Name] = size(g)
		if without[g.Name] == "" {
			names = append(names, g.Name)
		}
	}
	return names, sizes
}

// size returns how many lines a group changes in one release.
func size(g overlay.Group) (n int) {
	series := ""
	for _, e := range g.Edits {
		if series = e.Series; series != "" && !strings.HasPrefix(overlay.Releases[0], series+".") {
			continue
		}
		stands := strings.Split(e.Stands, "\n")
		for line := range strings.SplitSeq(e.Instead, "\n") {
			if !slices.Contains(stands, line) {
				n++
			}
		}
	}
	return n
}

func TestRunsOfToysAreTheSameUnderTheOverlay(t *testing.T) {
	names, _ := groups(t)
	for _, version := range releases() {
		t.Run(version, func(t *testing.T) {
			program, failed := open(t, version).build(t)
			if failed != "" {
				t.Fatalf("%s", failed)
			}
			for _, name := range names {
				if did, failed := run(t, program, name); failed != "" || differing(did) > 0 {
					t.Errorf("toy %s: %s\n%q differ", name, failed, did)
				}
			}
		})
	}
}

func TestEachGroupIsWorthItsLines(t *testing.T) {
	if !*full {
		t.Skip("builds the standard library for each group: see -full")
	}
	names, sizes := groups(t)
	for _, version := range releases() {
		t.Run(version, func(t *testing.T) {
			r := open(t, version)
			var table strings.Builder
			w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "group\tlines\tof %d runs in %d processes differ without it\n", processes*runs, processes)
			for _, name := range names {
				program, failed := r.build(t, name)
				if failed != "" {
					t.Errorf("without group %s nothing compiles, so no toy shows what it is for:\n%s", name, failed)
					continue
				}
				did, failed := run(t, program, name)
				effect := fmt.Sprint(differing(did))
				if failed != "" {
					effect = "fails: " + firstLine(failed)
				}
				fmt.Fprintf(w, "%s\t%d\t%s\n", name, sizes[name], effect)
				if strings.Contains(failed, "no toy") || failed == "" && differing(did) == 0 {
					t.Errorf("no toy shows what group %s is for", name)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(without)) {
				fmt.Fprintf(w, "%s\t%d\t(%s)\n", name, sizes[name], without[name])
			}
			w.Flush()
			t.Logf("%s\n%s", version, table.String())
		})
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
