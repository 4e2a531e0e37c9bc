//go:build !js

package gotool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dessim/cmd/dessim/cmdline"
	"dessim/scenarios"
	"dessim/sim/host/overlay"
)

// The test binary is dessim if asDessim is set, and a stub of the go command if its name is go.
const asDessim = "DESSIM_GOTOOL_TEST"

func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "go":
		os.Exit(stub(os.Args[1:]))
	case os.Getenv(asDessim) != "":
		cmdline.Main(cmdline.Program{Name: "dessim", Scenarios: scenarios.All()[:1], Commands: []cmdline.Command{Command()}})
	}
	os.Exit(m.Run())
}

// Variables that tell the stub what to be.
const (
	stubEnv  = "STUB_ENV"  // what env -json prints
	stubCgo  = "STUB_CGO"  // packages that use cgo
	stubFail = "STUB_FAIL" // what go env says when it fails
	stubCode = "STUB_CODE" // exit code
	stubWait = "STUB_WAIT" // for a signal
)

// called is what the stub was called with.
type called struct {
	Args    []string
	Asked   []string // what go list was asked before, if it was
	Cgo     string
	Root    string // GOROOT
	Chain   string // GOTOOLCHAIN
	Dir     string
	Pid     int
	Ignored []string
	Stdin   string
}

// stub is a go command that prints how it was called.
func stub(args []string) int {
	asked := filepath.Join(filepath.Dir(os.Args[0]), "asked")
	switch {
	case slices.Contains(args, "-json") && args[0] == "env":
		if said := os.Getenv(stubFail); said != "" {
			fmt.Fprintln(os.Stderr, "go: to begin with\n"+said)
			return 1
		}
		fmt.Println(os.Getenv(stubEnv))
		return 0
	case slices.Contains(args, "-deps"):
		os.WriteFile(asked, []byte(strings.Join(args, "\n")), 0o666)
		fmt.Println(os.Getenv(stubCgo))
		return 0
	}
	c := called{Args: args, Cgo: os.Getenv("CGO_ENABLED"), Root: os.Getenv("GOROOT"), Chain: os.Getenv("GOTOOLCHAIN"), Pid: os.Getpid()}
	c.Dir, _ = os.Getwd()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE} {
		if signal.Ignored(s) {
			c.Ignored = append(c.Ignored, s.String())
		}
	}
	if text, err := os.ReadFile(asked); err == nil {
		c.Asked = strings.Split(string(text), "\n")
	}
	interrupts := make(chan os.Signal, 4)
	if os.Getenv(stubWait) != "" {
		signal.Notify(interrupts, os.Interrupt)
	} else {
		text, _ := io.ReadAll(os.Stdin)
		c.Stdin = string(text)
	}
	json.NewEncoder(os.Stdout).Encode(&c)
	if os.Getenv(stubWait) != "" {
		<-interrupts
		fmt.Println("interrupted")
	}
	code := 0
	fmt.Sscan(os.Getenv(stubCode), &code)
	return code
}

// kit is a folder with the stub, and its environment.
type kit struct {
	t     *testing.T
	dir   string
	env   []string
	cache string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{t: t, dir: t.TempDir()}
	k.cache = filepath.Join(k.dir, "cache")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(k.dir, "go"))
	}
	if err != nil {
		t.Fatal(err)
	}
	k.set("PATH", k.dir)
	k.set(asDessim, "1")
	k.set("CGO_ENABLED", "")
	k.says("GOVERSION", overlay.Releases[0])
	return k
}

func (k *kit) set(name, value string) { k.env = append(k.env, name+"="+value) }

// says has go env say something else than usual.
func (k *kit) says(pairs ...string) {
	m := map[string]string{"GOVERSION": overlay.Releases[0], "GOROOT": k.dir, "GOCACHE": filepath.Join(k.cache, "go-build"), "GOMODCACHE": filepath.Join(k.cache, "mod"), "GOFLAGS": "", "GOOS": "linux", "GOARCH": "amd64"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(m)
	k.set(stubEnv, string(text))
}

// installed has go env name a release that is here and that the edits fit.
func (k *kit) installed(pairs ...string) {
	k.t.Helper()
	for _, version := range overlay.Releases {
		cmd := exec.Command("go", "env", "GOROOT")
		cmd.Dir = k.dir // not a module
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOPROXY=off")
		if out, err := cmd.Output(); err == nil {
			k.says(append([]string{"GOVERSION", version, "GOROOT", strings.TrimSpace(string(out))}, pairs...)...)
			return
		}
	}
	k.t.Skipf("none of %v is here", overlay.Releases)
}

func (k *kit) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"go"}, args...)...)
	cmd.Env = append(os.Environ(), k.env...)
	cmd.Dir = k.dir
	return cmd
}

// result is what a command came to.
type result struct {
	code           int
	stdout, stderr string
}

func (k *kit) dessim(stdin string, args ...string) result {
	k.t.Helper()
	cmd := k.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		k.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// calls runs a command that must reach the stub, with a word in place of the overlay's path.
func (k *kit) calls(args ...string) (c called) {
	k.t.Helper()
	r := k.dessim("", args...)
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || r.code != 0 || r.stderr != "" {
		k.t.Fatalf("dessim go %q: %+v", args, r)
	}
	for i, arg := range c.Args {
		if file, ok := strings.CutPrefix(arg, "-overlay="); ok && strings.HasPrefix(file, filepath.Join(k.cache, "dessim-overlay")) {
			if _, err := os.Stat(file); err != nil {
				k.t.Errorf("no overlay: %v", err)
			}
			c.Args[i] = "-overlay=FILE"
		}
	}
	return c
}

func TestTheGoCommandGetsOverlayAndTag(t *testing.T) {
	k := newKit(t)
	k.installed("GOFLAGS", "-mod=mod -tags=c")
	for call, want := range map[string]string{
		"test":                      "test -overlay=FILE -tags=c,dessim_overlay",
		"test -run X ./... -v":      "test -overlay=FILE -tags=c,dessim_overlay -run X ./... -v",
		"run -tags a . -tags b":     "run -overlay=FILE -tags a,dessim_overlay . -tags b",
		"build -C sub -o x":         "build -C sub -overlay=FILE -tags=c,dessim_overlay -o x",
		"build -C=sub -tags=a":      "build -C=sub -overlay=FILE -tags=a,dessim_overlay",
		"vet ./...":                 "vet -overlay=FILE -tags=c,dessim_overlay ./...",
		"list -deps=false -f x":     "list -overlay=FILE -tags=c,dessim_overlay -deps=false -f x",
		"install":                   "install -overlay=FILE -tags=c,dessim_overlay",
		"test . -args -overlay=x":   "test -overlay=FILE -tags=c,dessim_overlay . -args -overlay=x",
		"mod tidy":                  "mod tidy",
		"env GOROOT":                "env GOROOT",
		"version":                   "version",
		"fmt -tags=a -overlay=x":    "fmt -tags=a -overlay=x",
		"help test":                 "help test",
		"test -h":                   "test -overlay=FILE -tags=c,dessim_overlay -h",
		"test -overlayed -race=no.": "test -overlay=FILE -tags=c,dessim_overlay -overlayed -race=no.",
	} {
		if c := k.calls(strings.Fields(call)...); strings.Join(c.Args, " ") != want {
			t.Errorf("dessim go %s calls go %q, want %s", call, c.Args, want)
		}
	}
}

func TestCgoIsOffUnlessItIsAskedFor(t *testing.T) {
	const pure = "-tags=dessim_overlay,netgo,osusergo"
	for _, x := range []struct{ cgo, call, goflags, want, tags, asked string }{
		{"", "test .", "", "0", "-tags=dessim_overlay", ""},
		{"0", "test .", "", "0", "-tags=dessim_overlay", ""},
		{"0", "test -race .", "", "1", pure, "list -deps F -test " + pure + " -- ."},
		{"", "run -race . -x", "", "1", pure, "list -deps F " + pure + " -- ."},
		{"", "build -C sub -mod=mod .", "-race", "1", pure, "list -C sub -deps F -mod=mod " + pure + " -- ."},
		{"1", "build", "", "1", pure, "list -deps F " + pure + " --"},
		{"1", "mod tidy", "", "1", "", ""},
	} {
		k := newKit(t)
		k.installed("GOFLAGS", x.goflags)
		k.set("CGO_ENABLED", x.cgo)
		c := k.calls(strings.Fields(x.call)...)
		for i, word := range c.Asked {
			if strings.Contains(word, "CgoFiles") {
				c.Asked = slices.Replace(c.Asked, i-1, i+1, "F")
				break
			}
		}
		if c.Cgo != x.want || x.tags != "" && !slices.Contains(c.Args, x.tags) || strings.Join(c.Asked, " ") != x.asked {
			t.Errorf("CGO_ENABLED=%s dessim go %s: %+v, want %+v", x.cgo, x.call, c, x)
		}
	}
}

// The go command refuses to replace files below the module cache, where GOTOOLCHAIN puts releases.
func TestAReleaseInTheModuleCacheIsReachedByALink(t *testing.T) {
	k := newKit(t)
	k.installed()
	var s overlay.Settings
	if err := json.Unmarshal([]byte(lookup(k.env, stubEnv)), &s); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(k.cache, "mod", "toolchain")
	err := os.MkdirAll(filepath.Join(root, "bin"), 0o777)
	for from, to := range map[string]string{filepath.Join(s.GOROOT, "src"): filepath.Join(root, "src"), filepath.Join(k.dir, "go"): filepath.Join(root, "bin", "go")} {
		err = errors.Join(err, os.Symlink(from, to))
	}
	if err != nil {
		t.Fatal(err)
	}
	k.says("GOVERSION", s.GOVERSION, "GOROOT", root)
	for range 2 {
		c := k.calls("test", ".")
		if to, err := os.Readlink(c.Root); err != nil || to != root || c.Chain != "local" {
			t.Errorf("GOROOT is %s, which leads to %s, %v, GOTOOLCHAIN is %s", c.Root, to, err, c.Chain)
		}
	}
}

func TestAllElseIsThatOfTheGoCommand(t *testing.T) {
	k := newKit(t)
	k.installed()
	k.set(stubCode, "7")
	for _, args := range [][]string{{"test", "."}, {"mod", "tidy"}} {
		var c called
		r := k.dessim("from stdin", args...)
		if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || r.code != 7 || c.Stdin != "from stdin" || len(c.Ignored) > 0 {
			t.Errorf("dessim go %q: %+v", args, r)
		}
		if here, err := filepath.EvalSymlinks(k.dir); err != nil || c.Dir != here {
			t.Errorf("runs in %s, want %s", c.Dir, here)
		}
	}
}

func TestAnInterruptReachesTheGoCommandAlone(t *testing.T) {
	k := newKit(t)
	k.installed()
	k.set(stubWait, "1")
	k.set(stubCode, "3")
	cmd := k.command("test", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var c called
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &c) != nil || c.Pid != cmd.Process.Pid {
		t.Errorf("%s: want the go command in place of process %d", lines.Text(), cmd.Process.Pid)
	}
	cmd.Process.Signal(os.Interrupt)
	if !lines.Scan() || lines.Text() != "interrupted" {
		t.Errorf("after an interrupt: %q", lines.Text())
	}
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("ends by %v, want exit code 3", cmd.ProcessState)
	}
}

func TestWhatCannotWorkIsRefusedInOneLine(t *testing.T) {
	newest := overlay.Releases[0]
	for _, x := range []struct {
		call  string
		says  []string // of go env
		set   []string // in the environment
		words string
	}{
		{call: "", words: "no subcommand|want dessim go with test, build"},
		{call: "tset .", words: `unknown subcommand "tset"|did you mean test?`},
		{call: "tidy", words: `unknown subcommand "tidy"|want test, build`},
		{call: "-race test", words: `unexpected argument "-race"|dessim go test`},
		{call: "test .", set: []string{"PATH", "/none"}, words: "no go command in PATH|" + newest},
		{call: "mod tidy", set: []string{"PATH", "/none"}, words: "no go command in PATH"},
		{call: "test .", set: []string{stubFail, "go: cannot find GOROOT"}, words: "the go command fails: go: cannot find GOROOT"},
		{call: "test .", set: []string{stubEnv, "?"}, words: "the go command fails"},
		{call: "test -overlay=x .", words: "-overlay is what dessim go adds"},
		{call: "test . -overlay x", words: "-overlay is what dessim go adds"},
		{call: "test .", says: []string{"GOFLAGS", "-v -overlay=x"}, words: "-overlay in GOFLAGS"},
		{call: "test .", says: []string{"GOOS", "darwin"}, words: "linux/amd64 and linux/arm64, not for darwin/amd64"},
		{call: "test .", says: []string{"GOARCH", "386"}, words: "not for linux/386"},
		{call: "test .", says: []string{"GOVERSION", "go1.25.3"}, words: newest + "|not for go1.25.3|GOTOOLCHAIN=" + newest + " dessim go test"},
		{call: "test .", says: []string{"GOVERSION", newest + " X:nodwarf5"}, words: "not for " + newest + " X:nodwarf5"},
		{call: "test .", says: []string{"GOCACHE", "off"}, words: `GOCACHE is "off"`},
		{call: "test .", says: []string{"GOROOT", "/none"}, words: "/none/src/|no such file"},
		{call: "test .", says: []string{"GOCACHE", "/proc/none/go-build"}, words: "/proc/none"},
		{call: "test -race .", set: []string{stubCgo, "example.com/sqlite\nexample.com/zlib"}, words: "package example.com/sqlite uses cgo|CGO_ENABLED=0"},
		{call: "build .", set: []string{stubCgo, "example.com/sqlite", "CGO_ENABLED", "1"}, words: "package example.com/sqlite uses cgo"},
	} {
		k := newKit(t)
		if strings.Contains(x.words, "/proc") || strings.Contains(x.words, "cgo") {
			k.installed(x.says...)
		} else {
			k.says(x.says...)
		}
		for i := 0; i < len(x.set); i += 2 {
			k.set(x.set[i], x.set[i+1])
		}
		r := k.dessim("", strings.Fields(x.call)...)
		if r.code != 2 || r.stdout != "" || !strings.HasPrefix(r.stderr, "dessim: ") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("dessim go %s: %+v, want 2 and one line", x.call, r)
		}
		for w := range strings.SplitSeq(x.words, "|") {
			if !strings.Contains(r.stderr, w) {
				t.Errorf("dessim go %s: %s, want %q", x.call, r.stderr, w)
			}
		}
	}
}

func TestHelpNamesTheReleases(t *testing.T) {
	k := newKit(t)
	r := k.dessim("", "-h")
	for _, w := range append([]string{"GOTOOLCHAIN=" + overlay.Releases[0], "dessim go test|build"}, overlay.Releases...) {
		if r.code != 0 || !strings.Contains(r.stdout, w) {
			t.Errorf("dessim go -h: %+v, want %q", r, w)
		}
	}
}
