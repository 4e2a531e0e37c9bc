//go:build unix

package cmdline

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"dessim/scenarios"
	"dessim/sim/explore"
)

// busyTime gives the time that the processors spent on this process, which other
// processes disturb less than the time on the wall.
func busyTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benched = map[string]func(*scenarios.Params){
	"concurrent": func(p *scenarios.Params) { p.Nodes, p.Txs = 5, 10 },
	"crash":      func(*scenarios.Params) {},
}

func benchWorld(b *testing.B, name string) *explore.World {
	s := scenarios.Find(name)
	p := s.Defaults
	benched[name](&p)
	if err := s.Validate(&p); err != nil {
		b.Fatal(err)
	}
	return s.World(1, p)
}

// BenchmarkSweep makes one seed an operation.
func BenchmarkSweep(b *testing.B) {
	for _, name := range []string{"concurrent", "crash"} {
		for _, gc := range []int{100, sweepGC} {
			for _, j := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/gc=%d/j=%d", name, gc, j), func(b *testing.B) {
					w := benchWorld(b, name)
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

// BenchmarkRecording makes runs with and without a recorder.
func BenchmarkRecording(b *testing.B) {
	for _, name := range []string{"concurrent", "crash"} {
		for _, record := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/record=%v", name, record), func(b *testing.B) {
				w := benchWorld(b, name)
				defer debug.SetGCPercent(debug.SetGCPercent(sweepGC))
				begun := busyTime(b)
				for seed := range uint64(b.N) {
					w.Seed(seed+1, nil, record)
				}
				b.ReportMetric(float64(busyTime(b)-begun)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
