//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// testCase is one load. One measurement yields all its figures.
type testCase struct {
	name    string
	figures []figure
	long    bool // takes seconds, however few the events
	phold   *phold
	queue   *queue
	measure func(o options) (map[string]float64, error)
}

// figure is a line of the table.
type figure struct {
	name, unit string
	scale      float64 // of the unit, such as 1e6 for "million"
}

// allCases returns every load, in the order of the table.
func allCases() []*testCase {
	var list []*testCase
	for _, nodes := range []int{100, 1000, 10_000, 100_000} {
		for _, load := range []int{1, 16} {
			list = append(list, pholdCase(phold{nodes: nodes, load: load}))
		}
	}
	list = append(list, concurrentEvents(100, 1000), concurrentSeeds(5, 10), bootstrap(10_000),
		onThreads(pholdName(100_000, 16), 2, pholdOn(phold{nodes: 100_000, load: 16})),
		onThreads("bootstrap/nodes=10000", 2, bootstrapOn(10_000)))
	for _, p := range hostedAndNot {
		list = append(list, p.testCase())
	}
	for _, dist := range queueDists {
		for tens := queueLeast; tens <= queueMost; tens++ {
			list = append(list, &testCase{
				name:    queueName(dist, tens),
				figures: []figure{{"op", "ns", 1}},
				long:    tens >= 6,
				queue:   &queue{dist, tens},
			})
		}
	}
	return list
}

// queue is a load of package sim's BenchmarkQueue.
type queue struct {
	dist string // how delays are distributed
	tens int    // 10 to that power are pending
}

var queueDists = []string{"exp", "tied", "1ms-ticks", "constant", "hour-timers"}

const queueLeast, queueMost = 2, 7

func queueName(dist string, tens int) string { return fmt.Sprintf("queue/%s/pending=1e%d", dist, tens) }

// flags returns flags of the test binary. Operations are a multiple of the pending events,
// since the first of tied events bears the cost of all.
func (q *queue) flags(operations int) []string {
	pending := 1
	for range q.tens {
		pending *= 10
	}
	rounds := (operations + pending - 1) / pending
	return []string{
		"-test.run=^$",
		fmt.Sprintf("-test.bench=^BenchmarkQueue$/^%s$/^pending=1e%d$", q.dist, q.tens),
		fmt.Sprintf("-test.benchtime=%dx", rounds*pending),
	}
}

func pholdCase(p phold) *testCase {
	return &testCase{
		name:    pholdName(p.nodes, p.load),
		figures: []figure{{"events", "M events/s", 1e6}, {"memory", "bytes/pending", 1}},
		long:    p.nodes*p.load > 100_000,
		phold:   &p,
		measure: func(o options) (map[string]float64, error) { return p.measure(o.events) },
	}
}

func concurrentEvents(nodes, txs int) *testCase {
	return &testCase{
		name:    fmt.Sprintf("concurrent/nodes=%d/txs=%d", nodes, txs),
		figures: []figure{{"events", "M events/s", 1e6}, {"seconds", "s", 1}},
		long:    true,
		measure: func(options) (map[string]float64, error) {
			began := cpuTime()
			r, err := execute(fmt.Sprintf("-scenario concurrent -nodes %d -txs %d", nodes, txs), 1)
			seconds := (cpuTime() - began).Seconds()
			return map[string]float64{"events": float64(r.Sim.Events) / seconds, "seconds": seconds}, err
		},
	}
}

// concurrentSeeds runs with the profiler on, which costs less than 1%.
func concurrentSeeds(nodes, txs int) *testCase {
	return &testCase{
		name:    fmt.Sprintf("concurrent/nodes=%d/txs=%d", nodes, txs),
		figures: []figure{{"seeds", "seeds/s", 1}, {"signatures", "% signatures", 0.01}},
		measure: func(o options) (map[string]float64, error) {
			seeds := 1000
			if o.quick {
				seeds = 10
			}
			var seconds float64
			share, err := profiled(signing, func() error {
				began := cpuTime()
				for seed := range seeds {
					if _, err := execute(fmt.Sprintf("-scenario concurrent -nodes %d -txs %d", nodes, txs), uint64(seed+1)); err != nil {
						return err
					}
				}
				seconds = (cpuTime() - began).Seconds()
				return nil
			})
			return map[string]float64{"seeds": float64(seeds) / seconds, "signatures": share}, err
		},
	}
}

func bootstrap(nodes int) *testCase {
	return &testCase{
		name:    fmt.Sprintf("bootstrap/nodes=%d", nodes),
		figures: []figure{{"seconds", "s", 1}, {"peak", "MB peak", 1e6}},
		long:    true,
		measure: func(options) (map[string]float64, error) {
			began := cpuTime()
			_, err := execute(fmt.Sprintf("-scenario bootstrap -nodes %d", nodes), 1)
			return map[string]float64{"seconds": (cpuTime() - began).Seconds(), "peak": peakMemory()}, err
		},
	}
}

// execute runs a scenario, which must pass: a run that fails early would look fast.
func execute(flags string, seed uint64) (scenario.Report, error) {
	s, err := scenario.ParseSubject(scenarios.All(), flags)
	if err != nil {
		return scenario.Report{}, err
	}
	r, _ := s.Scenario.Execute(seed, s.Params, source.Seed(seed), scenario.Options{})
	if r.Verdict != check.Pass {
		return r, fmt.Errorf("%s, seed %d: %s %s", flags, seed, r.Verdict, r.Failure)
	}
	return r, nil
}

// measure warms up until the pending events have spread and memory has grown, then counts
// events per second. Memory is the heap that the simulation and its nodes use.
func (p *phold) measure(events int) (map[string]float64, error) {
	before := heap()
	s, err := sim.New(p.plan(), source.Seed(1))
	if err != nil {
		return nil, err
	}
	s.Advance(p.nodes + max(p.nodes*p.load, 200_000))
	began := cpuTime()
	s.Advance(events)
	seconds := (cpuTime() - began).Seconds()
	p.digest = s.Digest().String()
	figures := map[string]float64{"events": float64(events) / seconds}
	if pending := p.nodes * p.load; pending >= 100_000 { // below that, other things weigh more
		figures["memory"] = (heap() - before) / float64(pending)
	}
	runtime.KeepAlive(s)
	return figures, nil
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// signing are the functions in which keys are made, and signatures made and
// verified. None of them calls another.
var signing = []string{
	"dessim/protocol/ledger.keyOf",
	"dessim/protocol/ledger.Key.Sign",
	"dessim/protocol/ledger.(*claim).valid",
}

// profiled runs f under the profiler and returns the share of samples in the named
// functions and in what they call.
func profiled(functions []string, f func() error) (share float64, err error) {
	file, err := os.CreateTemp("", "dessim-bench-*.pprof")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := profileTo(file.Name(), f); err != nil {
		return 0, err
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodefraction=0", "-nodecount=1000000", file.Name()).Output()
	if err != nil {
		return 0, fmt.Errorf("go tool pprof: %w", err)
	}
	return cumulative(string(top), functions)
}

// profileTo runs f, and writes a CPU profile of that to a file, unless its name is empty.
func profileTo(name string, f func() error) error {
	if name == "" {
		return f()
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// cumulative adds up the column cum% of what pprof -top -cum printed. A function
// without a sample has no line.
func cumulative(top string, functions []string) (share float64, err error) {
	header := false
	for line := range strings.Lines(top) {
		words := strings.Fields(line) // flat, flat%, sum%, cum, cum%, function
		header = header || len(words) == 5 && words[4] == "cum%"
		if !header || len(words) < 6 {
			continue
		}
		for _, f := range functions {
			if words[5] == f {
				percent, err := strconv.ParseFloat(strings.TrimSuffix(words[4], "%"), 64)
				if err != nil {
					return 0, fmt.Errorf("go tool pprof: %q: %w", line, err)
				}
				share += percent / 100
			}
		}
	}
	if !header {
		return 0, errors.New("go tool pprof: no table with the column cum%")
	}
	return share, nil
}

// cpuTime returns the user and system time of this process.
func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory returns the greatest resident size of this process so far, in bytes.
func peakMemory() float64 {
	u := usage()
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return float64(u.Maxrss)
	}
	return float64(u.Maxrss) * 1024
}

func usage() (u syscall.Rusage) {
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprintf("bench: this process has no usage: %v", err))
	}
	return u
}
