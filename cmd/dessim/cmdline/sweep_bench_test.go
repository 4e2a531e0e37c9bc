//go:build unix

package cmdline

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// busyTime returns the time that the processors spent on this process, which other
// processes disturb less than the time on the wall.
func busyTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benched = map[string]string{
	"concurrent": "-scenario concurrent -nodes 5 -txs 10",
	"crash":      "-scenario crash",
}

func benchScenario(b *testing.B, name string) (*scenario.Scenario, scenario.Params) {
	s, err := scenario.ParseSubject(scenarios.All(), benched[name])
	if err != nil {
		b.Fatal(err)
	}
	return s.Scenario, s.Params
}

// BenchmarkSweep makes one seed an operation.
func BenchmarkSweep(b *testing.B) {
	for _, name := range []string{"concurrent", "crash"} {
		for _, gc := range []int{100, sweepGC} {
			for _, j := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/gc=%d/j=%d", name, gc, j), func(b *testing.B) {
					s, p := benchScenario(b, name)
					w := s.World(1, p)
					defer debug.SetGCPercent(debug.SetGCPercent(gc))
					begun := busyTime(b)
					if _, err := explore.Sweep(b.Context(), w, explore.SweepOptions{From: 1, To: uint64(b.N), Workers: j}); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(busyTime(b)-begun)/float64(b.N), "cpu-ns/op")
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seeds/s")
				})
			}
		}
	}
}

// BenchmarkRecording makes each run plainly, with a recorder, with a recorder that is
// asked for the answers at the end, and with one that also knows the time, as run
// -record has it. One after the other, since a machine that is busy otherwise changes
// its pace within a second.
func BenchmarkRecording(b *testing.B) {
	for _, name := range []string{"concurrent", "crash"} {
		b.Run(name, func(b *testing.B) {
			s, p := benchScenario(b, name)
			defer debug.SetGCPercent(debug.SetGCPercent(sweepGC))
			record := func(seed uint64, list bool, clock *clock) {
				r := &source.Recorder{Source: source.Seed(seed)}
				var o scenario.Options
				if clock != nil {
					r.Clock, o.Observers = clock.now, []sim.Observer{clock}
				}
				s.Execute(seed, p, r, o)
				if list {
					r.Answers()
				}
			}
			ways := []func(seed uint64){
				func(seed uint64) { s.Execute(seed, p, source.Seed(seed), scenario.Options{}) },
				func(seed uint64) { record(seed, false, nil) },
				func(seed uint64) { record(seed, true, nil) },
				func(seed uint64) { record(seed, true, new(clock)) },
			}
			spent := make([]time.Duration, len(ways))
			for seed := range uint64(b.N) {
				for i := range ways {
					i = (i + int(seed)) % len(ways) // none is always the first
					begun := busyTime(b)
					ways[i](seed + 1)
					spent[i] += busyTime(b) - begun
				}
			}
			b.ReportMetric(float64(spent[0])/float64(b.N), "plain-cpu-ns/op")
			for i, unit := range []string{"", "recorded-more-%", "listed-more-%", "timed-more-%"} {
				if i > 0 {
					b.ReportMetric(100*(float64(spent[i])/float64(spent[0])-1), unit)
				}
			}
		})
	}
}

// stormyFailure returns the nth run of scenario crash that fails and has about 40
// faults. It fails in code without bugs: see failing. A failure of safety shows at
// once, one of liveness after all the time in which it could be made good.
func stormyFailure(b *testing.B, safety bool, nth int) (w *explore.World, o explore.Outcome, t *explore.Trial) {
	const manyEvents = 50_000
	s := scenarios.Find("crash")
	p := s.Defaults
	p.Faults, p.Fault = "crash,restart,pause,disk,cut,slow,lose,copy", "byzantine 1 replays 50% at 2s for 5s"
	if err := s.Validate(&p); err != nil {
		b.Fatal(err)
	}
	for seed := range uint64(1000) {
		w := s.World(seed, p)
		o, t := w.Seed(seed, nil, true)
		if n := len(t.Faults); o.Failed() && 38 <= n && n <= 44 && safety == (o.Sim.Events < manyEvents) {
			if nth--; nth == 0 {
				return w, o, t
			}
		}
	}
	b.Fatal("too few seeds fail")
	return nil, o, nil
}

// BenchmarkShrink shrinks runs of about 40 faults, and reports how many are left, after
// how many runs.
func BenchmarkShrink(b *testing.B) {
	for _, x := range []struct {
		name   string
		safety bool
		nth    int
	}{{"safety-1", true, 1}, {"safety-2", true, 2}, {"safety-3", true, 3}, {"liveness", false, 1}} {
		b.Run(x.name, func(b *testing.B) {
			w, was, t := stormyFailure(b, x.safety, x.nth)
			b.Logf("%q, %d events", was.Check(), was.Sim.Events)
			b.ResetTimer()
			o := explore.ShrinkOptions{Runs: explore.DefaultRuns, Workers: runtime.NumCPU()}
			var out explore.Shrunk
			begun := busyTime(b)
			for range b.N {
				var err error
				if out, err = explore.Shrink(b.Context(), w, t, o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((busyTime(b)-begun).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(len(t.Faults)), "faults-before")
			b.ReportMetric(float64(len(out.After.Faults)), "faults-after")
			b.ReportMetric(float64(len(out.After.Answers)), "answers-after")
			b.ReportMetric(float64(out.Runs), "runs")
		})
	}
}

// BenchmarkNamedAnswers takes single faults out of runs of about 40 that fail: each that
// shrinking does not need. Since faults and answers have names of their own, the rest
// stays as it was, and the run goes on failing, nearly always. It is no matter of time.
func BenchmarkNamedAnswers(b *testing.B) {
	for nth := 1; nth <= 6; nth++ {
		b.Run(fmt.Sprintf("failure-%d", nth), func(b *testing.B) {
			removed, fails := 0, 0
			w, was, t := stormyFailure(b, true, nth)
			for range b.N {
				out, err := explore.Shrink(b.Context(), w, t, explore.ShrinkOptions{Runs: explore.DefaultRuns / 4, Workers: runtime.NumCPU()})
				if err != nil {
					b.Fatal(err)
				}
				for i, f := range t.Faults {
					if f.Op == fault.Heal || slices.ContainsFunc(out.After.Faults, func(o fault.Fault) bool { return o.ID == f.ID }) {
						continue
					}
					less := *t
					less.Faults = slices.Delete(slices.Clone(t.Faults), i, i+1)
					removed++
					if w.Fails(&less, explore.Guard{Check: was.Check()}).Fails {
						fails++
					}
				}
			}
			b.ReportMetric(float64(removed)/float64(b.N), "faults-removed")
			b.ReportMetric(100*float64(fails)/float64(removed), "still-fails-%")
		})
	}
}
