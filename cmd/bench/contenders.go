//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// contender is a simulator that cases are measured on.
type contender interface {
	name() string
	enters(c *testCase) bool
	// measure measures c once, in a process of its own.
	measure(c *testCase, o options) (map[string]float64, error)
}

// dessim measures itself: by this program in a new process, and by package sim's benchmark
// for the queue, which only that package can reach.
type dessim struct {
	self       string
	benchmarks string // the test binary of package sim, or ""
}

func newDessim(dir string, cases []*testCase) (*dessim, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d := &dessim{self: self}
	for _, c := range cases {
		if c.queue != nil && d.benchmarks == "" {
			d.benchmarks = filepath.Join(dir, "sim.test")
			if _, err := output(exec.Command("go", "test", "-c", "-o", d.benchmarks, "dessim/sim")); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func (d *dessim) name() string          { return "dessim" }
func (d *dessim) enters(*testCase) bool { return true }

var cpuPerOp = regexp.MustCompile(`\s([0-9.e+]+) cpu-ns/op`)

func (d *dessim) measure(c *testCase, o options) (map[string]float64, error) {
	if c.queue != nil {
		out, err := output(exec.Command(d.benchmarks, c.queue.flags(o.events)...))
		if err != nil {
			return nil, err
		}
		return find(out, "op", cpuPerOp)
	}
	figures, _, err := runChild(exec.Command(d.self, childArgs(c.name, o)...))
	return figures, err
}

// childArgs returns the arguments for a child, perhaps of another revision.
func childArgs(name string, o options) []string {
	return []string{"-measure=" + name, "-events=" + strconv.Itoa(o.events), "-quick=" + strconv.FormatBool(o.quick)}
}

// runChild returns the figures that a child prints, and the digest if it prints one.
func runChild(cmd *exec.Cmd) (figures map[string]float64, digest string, err error) {
	out, err := output(cmd)
	if err != nil {
		return nil, "", err
	}
	figures = map[string]float64{}
	for line := range strings.Lines(out) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "digest" {
			digest = text
		} else if figures[name], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, "", fmt.Errorf("it printed %q: %w", line, err)
		}
	}
	return figures, digest, nil
}

// peer is another simulator, with the same PHOLD.
type peer struct {
	title, folder string
	needs         string // what to install
	build         func(dir, exe string) *exec.Cmd
	run           func(dir, exe string, p phold, events int) *exec.Cmd
	slower        int // approximate factor to dessim: it is measured on that many times fewer events

	dir, exe string
}

// allPeers is the table of README.md in the folder of the peers.
func allPeers() []*peer {
	c := func(library string) func(dir, exe string) *exec.Cmd {
		return func(dir, exe string) *exec.Cmd {
			return exec.Command("g++", "-O3", "-march=native", "-std=c++17", filepath.Join(dir, "phold.cc"), "-o", exe, "-l"+library)
		}
	}
	return []*peer{
		{
			title: "fast", folder: "gophold", slower: 1,
			build: func(_, exe string) *exec.Cmd { return exec.Command("go", "build", "-o", exe, ".") },
			run: func(_, exe string, p phold, events int) *exec.Cmd {
				return exec.Command(exe, append([]string{"fast"}, append(p.words(events), "1")...)...)
			},
		},
		{
			title: "ns-3", folder: "ns3", needs: "libns3-dev", slower: 1, build: c("ns3-core"),
			run: func(_, exe string, p phold, events int) *exec.Cmd {
				return exec.Command(exe, append(p.words(events), "PriorityQueue")...)
			},
		},
		{
			title: "SimGrid", folder: "simgrid", needs: "libsimgrid-dev", slower: 4, build: c("simgrid"),
			run: func(_, exe string, p phold, events int) *exec.Cmd {
				small := []string{"--cfg=contexts/stack-size:16", "--cfg=contexts/guard-size:0", "--log=root.thresh:error"}
				return exec.Command(exe, append(append([]string{"timer"}, p.words(events)...), small...)...)
			},
		},
		{
			title: "SimPy", folder: "simpy", needs: "python3-simpy3", slower: 10,
			build: func(string, string) *exec.Cmd { return exec.Command("/usr/bin/python3", "-c", "import simpy") },
			run: func(dir, _ string, p phold, events int) *exec.Cmd {
				return exec.Command("/usr/bin/python3", append([]string{filepath.Join(dir, "phold.py"), "callback"}, p.words(events)...)...)
			},
		},
		{
			title: "synctest", folder: "synctest", slower: 4,
			build: func(_, exe string) *exec.Cmd { return exec.Command("go", "test", "-c", "-o", exe, ".") },
			run: func(_, exe string, p phold, events int) *exec.Cmd {
				cmd := exec.Command(exe, "-test.run=Phold")
				cmd.Env = append(os.Environ(), "MODE=afterfunc", fmt.Sprintf("N=%d", p.nodes), fmt.Sprintf("M=%d", p.load), fmt.Sprintf("E=%d", events))
				return cmd
			},
		},
	}
}

// words returns the load as arguments of a peer's command line.
func (p *phold) words(events int) []string {
	return []string{strconv.Itoa(p.nodes), strconv.Itoa(p.load), strconv.Itoa(events)}
}

// buildPeers builds the peers in folder into scratch, and reports those that it cannot build.
func buildPeers(folder, scratch string, progress io.Writer) (list []contender) {
	for _, p := range allPeers() {
		p.exe = filepath.Join(scratch, p.folder)
		dir, err := filepath.Abs(filepath.Join(folder, p.folder))
		if err == nil {
			p.dir = dir
			cmd := p.build(dir, p.exe)
			cmd.Dir = dir
			_, err = output(cmd)
		}
		if err != nil {
			what, _, _ := strings.Cut(err.Error(), "\n")
			if p.needs != "" {
				what += " (Debian package " + p.needs + ")"
			}
			fmt.Fprintf(progress, "without %s: %s\n", p.title, what)
			continue
		}
		list = append(list, p)
	}
	return list
}

func (p *peer) name() string            { return p.title }
func (p *peer) enters(c *testCase) bool { return c.phold != nil }

var eventsPerSecond = regexp.MustCompile(`\sev/s=([0-9.e+]+)`)

func (p *peer) measure(c *testCase, o options) (map[string]float64, error) {
	out, err := output(p.run(p.dir, p.exe, *c.phold, o.events/p.slower))
	if err != nil {
		return nil, err
	}
	return find(out, "events", eventsPerSecond)
}

// find returns the figure whose number is the expression's group.
func find(out, figure string, number *regexp.Regexp) (map[string]float64, error) {
	m := number.FindStringSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("it printed no %v: %q", number, out)
	}
	value, err := strconv.ParseFloat(m[1], 64)
	return map[string]float64{figure: value}, err
}

// output runs cmd to the end and returns its stdout. The error includes its stderr.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		why := strings.TrimSpace(stderr.String() + stdout.String())
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, why)
	}
	return stdout.String(), nil
}
