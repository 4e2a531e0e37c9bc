package scenarios_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

const digestsFile = "testdata/digests.txt"

// pinned is a line of testdata/digests.txt.
type pinned struct {
	subject
	answers string // who answers: seed, benign or replay
	digest  sim.Digest
}

func parsePinned(line string) (p pinned, err error) {
	head, flags, _ := strings.Cut(line, " -")
	if _, err := fmt.Sscanf(head, "%s %x %x %x", &p.answers, &p.digest.Decisions, &p.digest.Network, &p.digest.Outputs); err != nil {
		return p, fmt.Errorf("%q: %w", line, err)
	}
	if !slices.Contains([]string{"seed", "benign", "replay"}, p.answers) {
		return p, fmt.Errorf("%q: nobody answers", line)
	}
	p.subject, err = parseSubject("-" + flags)
	return p, err
}

// line returns p as parsePinned reads it.
func (p *pinned) line() string {
	return fmt.Sprintf("%-9s  %016x  %016x  %016x  %v", p.answers, p.digest.Decisions, p.digest.Network, p.digest.Outputs, p.subject)
}

// measure runs it.
func (p *pinned) measure() sim.Digest {
	var src protocol.Source
	switch p.answers {
	case "benign":
		src = protocol.Benign{}
	case "replay":
		recorder := &source.Recorder{Source: source.Seed(p.Seed)}
		p.run(recorder)
		src = source.NewReplay(recorder.Answers())
	}
	r := p.run(src)
	if r.Failure != "" {
		panic(r.Failure)
	}
	return r.Sim.Digest
}

// changed tells what is new about a digest, or "".
func (p *pinned) changed(got sim.Digest) string {
	var b []byte
	layer := func(name, means string, got, want uint64) {
		if got != want {
			b = fmt.Appendf(b, "%s %016x, pinned %016x: %s\n", name, got, want, means)
		}
	}
	layer("decisions", "other questions, or other answers", got.Decisions, p.digest.Decisions)
	layer("network", "nodes consumed other events, or at other times", got.Network, p.digest.Network)
	layer("outputs", "nodes made other things final", got.Outputs, p.digest.Outputs)
	if b == nil {
		return ""
	}
	return string(fmt.Appendf(b, "run: go run ./cmd/dessim %v (answers: %s)\n"+
		"if this is meant: go test ./scenarios -run Digests -update, and give the reason in the commit", p.subject, p.answers))
}

// loadPinned reads the file, and gives its comments too.
func loadPinned(t *testing.T) (comments string, rows []pinned) {
	t.Helper()
	text, err := os.ReadFile(digestsFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			comments += line
			continue
		}
		p, err := parsePinned(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p)
	}
	return comments, rows
}

func writePinned(t *testing.T, text string, rows []pinned) {
	t.Helper()
	for i := range rows {
		rows[i].digest = rows[i].measure()
		text += rows[i].line() + "\n"
	}
	if err := os.WriteFile(digestsFile, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// here matches the subtests that judge the process they run in, one run after the other.
const here = "^TestDigestsStayAsPinned$/^alone$"

func TestDigestsStayAsPinned(t *testing.T) {
	comments, rows := loadPinned(t)
	if *update {
		writePinned(t, comments, rows)
		return
	}
	if len(rows) < 10 {
		t.Errorf("%d pinned runs, want at least 10", len(rows))
	}
	alone := t.Run("alone", func(t *testing.T) {
		for i := range rows {
			t.Run(rowName(i), func(t *testing.T) { rows[i].expect(t, rows[i].measure()) })
		}
	})
	if !alone {
		return // the others would say the same
	}
	t.Run("together", func(t *testing.T) {
		t.Run("reversed", func(t *testing.T) {
			for i := range rows {
				p := &rows[len(rows)-1-i]
				p.expect(t, p.measure())
			}
		})
		for _, procs := range []int{1, 2} {
			t.Run(fmt.Sprintf("at once, GOMAXPROCS=%d", procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				for i, got := range atOnce(rows) {
					rows[i].expect(t, got)
				}
			})
		}
	})
	t.Run("in a process each", func(t *testing.T) {
		for i := range rows {
			only := "^TestDigestsStayAsPinned$/^alone$/^" + rowName(i) + "$"
			runTests(t, []string{os.Args[0]}, []string{fmt.Sprintf("GOMAXPROCS=%d", 1+i%2)}, only)
		}
	})
}

func rowName(i int) string { return fmt.Sprintf("row%d", i+1) }

func (p *pinned) expect(t *testing.T, got sim.Digest) {
	t.Helper()
	if what := p.changed(got); what != "" {
		t.Error(what)
	}
}

// atOnce runs all rows side by side.
func atOnce(rows []pinned) []sim.Digest {
	got := make([]sim.Digest, len(rows))
	var wait sync.WaitGroup
	for i := range rows {
		wait.Go(func() { got[i] = rows[i].measure() })
	}
	wait.Wait()
	return got
}

var passed = regexp.MustCompile(`(?m)^ +--- PASS: TestDigestsStayAsPinned/`)

// runTests runs the tests that match only in another process, which command
// begins.
func runTests(t *testing.T, command, env []string, only string) {
	t.Helper()
	c := exec.Command(command[0], append(command[1:len(command):len(command)], "-test.run="+only, "-test.v")...)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil || !passed.Match(out) {
		t.Errorf("%s %s: %v, or no test ran\n%s", strings.Join(env, " "), c, err, out)
	}
}

// machine is what a test binary can be built for.
type machine struct {
	env  []string // of the Go toolchain
	exec []string // command that runs its binaries here, if they do not run by themselves
	need []string // flags of /proc/cpuinfo
}

// machinesVar, if set, names more machines for which the digests must be the same, with
// the command that runs their programs here: "arm64=qemu-aarch64 js/wasm=go_js_wasm_exec".
const machinesVar = "DESSIM_MACHINES"

// machines returns those of this processor, and those that the variable names.
func machines(t *testing.T) []machine {
	var list []machine
	if runtime.GOARCH == "amd64" && runtime.GOOS == "linux" {
		list = []machine{
			{env: []string{"GOARCH=amd64", "GOAMD64=v1"}},
			{env: []string{"GOARCH=amd64", "GOAMD64=v3"}, need: []string{"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}},
			{env: []string{"GOARCH=386"}},
		}
	} else {
		t.Logf("GOAMD64=v1, v3 and GOARCH=386 need linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	for _, more := range strings.Fields(os.Getenv(machinesVar)) {
		name, command, ok := strings.Cut(more, "=")
		if !ok {
			t.Fatalf("%s: %q, want GOARCH=COMMAND or GOOS/GOARCH=COMMAND", machinesVar, more)
		}
		system, arch, ok := strings.Cut(name, "/")
		if !ok {
			system, arch = runtime.GOOS, name
		}
		list = append(list, machine{env: []string{"GOOS=" + system, "GOARCH=" + arch}, exec: []string{command}})
	}
	return list
}

// lacks returns the flags that this machine's processor lacks.
func (m *machine) lacks() (list []string) {
	if len(m.need) == 0 {
		return nil
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m.need
	}
	has := strings.Fields(string(text))
	for _, flag := range m.need {
		if !slices.Contains(has, flag) {
			list = append(list, flag)
		}
	}
	return list
}

func TestDigestsAreTheSameOnOtherMachines(t *testing.T) {
	if _, set := os.LookupEnv(machinesVar); !set {
		t.Skipf("builds the standard library for each machine, which takes minutes: make machines, or set %s", machinesVar)
	}
	for _, m := range machines(t) {
		t.Run(strings.Join(m.env, ","), func(t *testing.T) {
			if flags := m.lacks(); flags != nil {
				t.Skipf("this processor lacks %s", strings.Join(flags, ", "))
			}
			binary := filepath.Join(t.TempDir(), "machine.test")
			build(t, m.env, "test", "-c", "-ldflags=-s -w", "-o", binary, "./scenarios")
			if len(m.exec) == 0 && errors.Is(exec.Command(binary, "-test.list=^$").Run(), syscall.ENOEXEC) {
				t.Skip("the kernel of this machine runs no programs of this kind")
			}
			runTests(t, append(slices.Clone(m.exec), binary), nil, here)
		})
	}
}
