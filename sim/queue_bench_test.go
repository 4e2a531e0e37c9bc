//go:build unix

package sim

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"dessim/protocol"
)

// BenchmarkQueue is the hold model: pop the least, push one later. The names give
// how the delays are distributed and the number of pending events; cmd/bench asks
// for them, and reads the CPU time.
func BenchmarkQueue(b *testing.B) {
	type after func(x uint64) protocol.Time
	exp := func(x uint64) protocol.Time { return 1e8 + protocol.Time(quantile(expQuantiles, x>>32, 1e9)) }
	constant := func(uint64) protocol.Time { return 1e8 }
	dists := []struct {
		name        string
		first, then after
	}{
		{"exp", exp, exp},
		{"tied", constant, constant},
		{"1ms-ticks", exp, func(x uint64) protocol.Time { return exp(x) / 1e6 * 1e6 }},
		{"constant", func(x uint64) protocol.Time { return protocol.Time(1 + (x>>32)*1e8>>32) }, constant},
		{"hour-timers", exp, func(x uint64) protocol.Time {
			if x%10 == 0 {
				return 3600e9
			}
			return 1e8 + protocol.Time(quantile(expQuantiles, x>>32, 5e7))
		}},
	}
	for _, d := range dists {
		for tens, pending := 2, 100; tens <= 7; tens, pending = tens+1, pending*10 {
			b.Run(fmt.Sprintf("%s/pending=1e%d", d.name, tens), func(b *testing.B) {
				rig := newQueueRig(1024)
				seq := uint64(0)
				push := func(now protocol.Time, after after) {
					seq++
					x := protocol.Hash2(seq, 1)
					rig.push(twinEvent{at: now + after(x), dst: uint32(x & 1023), seq: seq})
				}
				for range pending {
					push(0, d.first)
				}
				hold := func() {
					e, _ := rig.pop(protocol.MaxTime)
					push(e.at, d.then)
				}
				for range pending {
					hold()
				}
				began := cpuTime()
				for b.Loop() {
					hold()
				}
				b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// cpuTime returns the CPU time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
