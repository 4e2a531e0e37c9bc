//go:build dessim_overlay

package host_test

import (
	"context"
	"os"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/host"
	"dessim/sim/source"
)

// measure runs an operation on a file b.N times. The timer is not touched by the program, whose
// clock is that of its node.
func measure(b *testing.B, operation func(f *os.File, i int)) {
	s, err := sim.New(sim.Plan{
		Nodes: 1,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(func(ctx context.Context, h *host.Host) error {
				f, err := os.Create("/f")
				if err != nil {
					b.Error(err)
					return nil
				}
				for i := range b.N {
					operation(f, i)
				}
				return nil
			}, host.Options{})
		},
		Link:  plain,
		Disk:  sim.Disk{Sync: time.Microsecond},
		Until: protocol.Time(24 * time.Hour),
	}, source.Seed(1))
	if err != nil {
		b.Fatal(err)
	}
	s.Run()
}

func BenchmarkWriteOfAPage(b *testing.B) {
	page := make([]byte, 4096)
	measure(b, func(f *os.File, i int) {
		f.WriteAt(page, int64(i%1000)*4096)
		if i%100 == 99 {
			f.Sync()
		}
	})
}

func BenchmarkAppendAndSync(b *testing.B) {
	record := make([]byte, 200)
	measure(b, func(f *os.File, i int) {
		f.Write(record)
		f.Sync()
		if i%10_000 == 0 {
			f.Truncate(0)
			f.Seek(0, 0)
		}
	})
}

func BenchmarkReadOfAPage(b *testing.B) {
	page := make([]byte, 4096)
	measure(b, func(f *os.File, i int) {
		if i == 0 {
			f.Write(page)
		}
		f.ReadAt(page, 0)
	})
}

func BenchmarkStat(b *testing.B) {
	measure(b, func(f *os.File, i int) { os.Stat("/f") })
}
