//go:build unix

package main

import (
	"fmt"
	"runtime"
	"time"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// threadPairs is how often runs on one thread and on several take turns. The least times
// count: whatever else the machine does only adds to them.
const threadPairs = 3

// onThreads is a load of which the figure is how many times faster it is on several threads:
// wall time, in one process.
func onThreads(name string, threads int, run func(o options, threads int) (time.Duration, string, error)) *testCase {
	return &testCase{
		name:    fmt.Sprintf("%s/threads=%d", name, threads),
		figures: []figure{{"speed-up", "times one thread", 1}},
		long:    true,
		measure: func(o options) (map[string]float64, error) {
			if n := runtime.NumCPU(); n < threads {
				return nil, fmt.Errorf("%d threads want as many cores, and there are %d", threads, n)
			}
			var least [2]time.Duration
			digest := ""
			for range threadPairs {
				for i, n := range [...]int{1, threads} {
					took, d, err := run(o, n)
					switch {
					case err != nil:
						return nil, err
					case digest != "" && d != digest:
						return nil, fmt.Errorf("the digest on %d threads is %s, want %s", n, d, digest)
					case least[i] == 0 || took < least[i]:
						least[i] = took
					}
					digest = d
				}
			}
			return map[string]float64{"speed-up": least[0].Seconds() / least[1].Seconds()}, nil
		},
	}
}

// pholdOn runs PHOLD until a virtual time, by which about that many events have happened, and
// leaves out the beginning.
func pholdOn(p phold) func(o options, threads int) (time.Duration, string, error) {
	return func(o options, threads int) (time.Duration, string, error) {
		plan := p.plan()
		plan.Threads = threads
		s, err := sim.New(plan, source.Seed(1))
		if err != nil {
			return 0, "", err
		}
		s.Advance(p.nodes + max(p.nodes*p.load, 200_000))
		began, before := time.Now(), s.Events()
		s.Advance(o.events)
		took := time.Since(began)
		per := float64(took) / float64(s.Events()-before)
		for end := uint64(p.nodes + 2*max(p.nodes*p.load, 200_000) + 2*o.events); s.Events() < end; { // where digests compare
			s.Step()
		}
		return time.Duration(per * float64(o.events)), s.Digest().String(), nil
	}
}

// bootstrapOn runs the scenario with its checks.
func bootstrapOn(nodes int) func(o options, threads int) (time.Duration, string, error) {
	return func(_ options, threads int) (time.Duration, string, error) {
		flags := fmt.Sprintf("-scenario bootstrap -nodes %d", nodes)
		s, err := scenario.ParseSubject(scenarios.All(), flags)
		if err != nil {
			return 0, "", err
		}
		runtime.GC()
		began := time.Now()
		r, _ := s.Scenario.Execute(1, s.Params, source.Seed(1), scenario.Options{Threads: threads})
		took := time.Since(began)
		if r.Verdict != check.Pass {
			return 0, "", fmt.Errorf("%s: %s %s", flags, r.Verdict, r.Failure)
		}
		return took, r.Sim.Digest.String(), nil
	}
}
