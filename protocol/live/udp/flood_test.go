package udp

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dessim/protocol"
)

var (
	floodDatagrams = flag.Int("udp.flood", 20_000, "rubbish datagrams that are sent to one node")
	floodFor       = flag.Duration("udp.flood.for", 200*time.Millisecond, "time in which they are sent")
)

// flood sends n rubbish datagrams evenly over a time, from one socket: noise, frames of
// another network, frames as a member would send them, and queries of the DHT.
func flood(t testing.TB, to netip.AddrPort, n int, over time.Duration) {
	conn := listen(t, "127.0.0.1:0")
	defer conn.Close()
	noise := make([]byte, frameLen)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	noise[0] = 0
	other := frame{network: 1, incarnation: 1, seq: 1, count: 1, body: noise[:100]}
	forged := frame{network: thisNetwork, incarnation: 1, seq: 1, count: 3, body: noise[:fragmentLen]}
	kinds := [][]byte{noise, noise[:40], other.append(nil), forged.append(nil), []byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")}
	start := time.Now()
	for i := range n {
		if wait := over*time.Duration(i)/time.Duration(n) - time.Since(start); wait > time.Millisecond {
			time.Sleep(wait)
		}
		_, _ = conn.WriteToUDPAddrPort(kinds[i%len(kinds)], to)
	}
}

// resident returns the bytes of memory that the process has, or 0 if the system does not
// tell as Linux does.
func resident() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize()
}

// A flood of rubbish costs a node bounded memory, and the messages of members still
// arrive. The figures for a million datagrams in ten seconds:
//
//	go test ./protocol/live/udp -run Flood -v -udp.flood 1000000 -udp.flood.for 10s
func TestAFloodOfRubbishLeavesMembersServed(t *testing.T) {
	var honest, strangers atomic.Int64
	nodes := network(t, 2, func(_ int, c *Config) {
		c.Receive = func(from protocol.NodeID, _ uint32, _ uint64, _ []byte) {
			if from == 1 {
				honest.Add(1)
			} else {
				strangers.Add(1)
			}
		}
	})
	victim, sender := nodes[0], nodes[1]
	eventually(t, "a member's message has arrived", func() bool { return honest.Load() > 0 }, func() { sender.Send(0, 1, nil) })
	runtime.GC()
	before, most := resident(), 0
	start, first := time.Now(), honest.Load()
	over := make(chan struct{})
	go func() {
		defer close(over)
		flood(t, victim.addr(), *floodDatagrams, *floodFor)
	}()
	sent := 0
	for flooding := true; flooding; {
		select {
		case <-over:
			flooding = false
		case <-time.After(time.Millisecond):
			sent++
			sender.Send(0, uint64(sent), message(sent, 200))
			if sent%100 == 1 {
				most = max(most, resident())
			}
		}
	}
	took := time.Since(start)
	s := victim.Stats()
	arrived := honest.Load() - first
	t.Logf("%d rubbish datagrams in %v: %d were read; of %d honest messages %d arrived, and resident memory grew by %.1f MiB",
		*floodDatagrams, took.Round(time.Millisecond), s.ReceivedDatagrams-s.Delivered, sent, arrived, float64(most-before)/(1<<20))
	eventually(t, "a member's message has arrived", func() bool { return honest.Load() > first }, func() { sender.Send(0, 1, nil) })
	rate := DefaultLimits(2).Strangers.Datagrams
	if got, bound := strangers.Load(), int64(rate)+int64(float64(rate)*time.Since(victim.began).Seconds()); got > bound {
		t.Errorf("%d datagrams of strangers were accepted, want at most %d", got, bound)
	}
	if s.Unknown == 0 || *floodDatagrams > 10*rate && s.Strangers == 0 {
		t.Errorf("no rubbish was refused: %+v", s)
	}
	if most-before > 32<<20 {
		t.Errorf("a flood made resident memory grow from %d to %d bytes", before, most)
	}
}

// BenchmarkSend sends messages of 200 bytes, and 64 KiB, over loopback; messages/s is
// what arrives.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{200, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var arrived atomic.Int64
			nodes := network(b, 2, func(_ int, c *Config) {
				c.Receive = func(protocol.NodeID, uint32, uint64, []byte) { arrived.Add(1) }
				c.Limits.Member = Rate{Datagrams: maxRate, Bytes: maxRate}
			})
			msg := message(1, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			seq := uint64(0)
			for b.Loop() {
				seq++
				nodes[1].Send(0, seq, msg)
			}
			b.ReportMetric(float64(arrived.Load())/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(100*float64(arrived.Load())/float64(seq), "%arrived")
		})
	}
}
