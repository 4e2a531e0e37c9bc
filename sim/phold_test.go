//go:build unix

package sim_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"dessim/sim"
	"dessim/sim/phold"
	"dessim/sim/source"
)

// cpuTime returns the CPU time of this process, which the load of the machine
// disturbs less than the wall clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPHOLD counts events per second of CPU time with nodes x messages pending, through
// the public Node, Env and Source, digest on.
func BenchmarkPHOLD(b *testing.B) {
	for _, nodes := range []int{100, 1000, 10_000, 100_000} {
		for _, load := range []int{1, 16} {
			b.Run(fmt.Sprintf("nodes=%d/messages=%d", nodes, load), func(b *testing.B) {
				s, err := sim.New(phold.Load{Nodes: nodes, Messages: load}.Plan(), source.Seed(1))
				if err != nil {
					b.Fatal(err)
				}
				for range max(nodes*load, 200_000) + nodes {
					s.Step()
				}
				b.ReportAllocs()
				b.ResetTimer()
				began := cpuTime()
				for range b.N {
					s.Step()
				}
				b.ReportMetric(float64(b.N)/(cpuTime()-began).Seconds(), "events/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
