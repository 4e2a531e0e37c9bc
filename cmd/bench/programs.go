//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// program is a load of which the nodes come from a module of sim/simtest/testdata: a sweep with
// one worker.
type program struct {
	module   string
	pkg      string // of its main function
	scenario string
	hosted   bool // nodes are ordinary Go programs, and not state machines
}

// hostedAndNot are three servers of Raft, as an ordinary library with its own sockets, and as a state machine.
var hostedAndNot = []program{
	{module: "hashiraft", pkg: "./cmd/hashiraft", scenario: "hashiraft", hosted: true},
	{module: "raft36", pkg: ".", scenario: "log"},
}

func (p program) testCase() *testCase {
	return &testCase{
		name:    "programs/" + p.module,
		figures: []figure{{"seeds", "seeds/s", 1}, {"event", "us/event", 1e-6}},
		long:    true,
		measure: func(o options) (map[string]float64, error) {
			seeds := 100
			if o.quick {
				seeds = 3
			}
			return p.sweep(seeds)
		},
	}
}

func (p program) sweep(seeds int) (map[string]float64, error) {
	dir, err := os.MkdirTemp("", "dessim-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	exe, err := p.build(dir)
	if err != nil {
		return nil, err
	}
	results := filepath.Join(dir, "results.jsonl")
	cmd := exec.Command(exe, "sweep", "-scenario", p.scenario, "-seeds", fmt.Sprintf("1-%d", seeds), "-j", "1", "-results", results, "-out", dir)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %v: %s", p.module, err, out)
	}
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	events, err := eventsIn(results)
	if err != nil {
		return nil, err
	}
	return map[string]float64{"seeds": float64(seeds) / took.Seconds(), "event": took.Seconds() / float64(events)}, nil
}

// build builds the program as its README would have it.
func (p program) build(dir string) (exe string, err error) {
	goCommand := []string{"go"}
	if p.hosted {
		goCommand = []string{filepath.Join(dir, "dessim"), "go"}
		if out, err := exec.Command("go", "build", "-o", goCommand[0], "./cmd/dessim").CombinedOutput(); err != nil {
			return "", fmt.Errorf("building dessim: %v: %s", err, out)
		}
	}
	exe = filepath.Join(dir, p.module)
	cmd := exec.Command(goCommand[0], append(goCommand[1:], "build", "-o", exe, p.pkg)...)
	cmd.Dir = filepath.Join("sim", "simtest", "testdata", p.module)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %v: %s", p.module, err, out)
	}
	return exe, nil
}

// eventsIn adds up the events of a sweep's results.
func eventsIn(file string) (events uint64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var seed struct{ Events uint64 }
		if err := json.Unmarshal(lines.Bytes(), &seed); err != nil {
			return 0, err
		}
		events += seed.Events
	}
	if events == 0 && lines.Err() == nil {
		return 0, fmt.Errorf("%s has no events", file)
	}
	return events, lines.Err()
}
