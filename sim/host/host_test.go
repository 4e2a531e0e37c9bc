//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/host"
	"dessim/sim/source"
)

var kindDid = protocol.KindOf("did")

// busy has goroutines, channels, timers, locks, maps and random numbers.
func busy(ctx context.Context, h *host.Host) error {
	var mu sync.Mutex
	seen := map[string]int{}
	todo, done := make(chan int), make(chan string)
	for w := range 5 {
		go func() {
			for d := range todo {
				time.Sleep(time.Duration(d+rand.IntN(3)) * time.Millisecond)
				mu.Lock()
				seen[fmt.Sprint("worker", w, d)]++
				mu.Unlock()
				select {
				case done <- fmt.Sprint(w, ":", d):
				case <-time.After(time.Second):
				}
			}
		}()
	}
	go func() {
		for i := range 200 {
			todo <- i % 7
		}
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	for n := 0; n < 200; {
		select {
		case s := <-done:
			h.Output(kindDid, []byte(s))
			n++
		case at := <-tick.C:
			h.Output(kindDid, fmt.Append(nil, at))
		}
	}
	mu.Lock()
	for k, n := range seen {
		h.Output(kindDid, fmt.Append(nil, k, n))
	}
	mu.Unlock()
	return nil
}

func run(t testing.TB, seed uint64, nodes int, p host.Program) *sim.Sim {
	s, err := sim.New(sim.Plan{
		Nodes: nodes,
		Node:  func(protocol.NodeID) protocol.Node { return host.New(p, host.Options{}) },
		Link:  sim.Link{Delay: time.Millisecond},
		Until: protocol.Time(time.Minute),
	}, source.Seed(seed))
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return s
}

func TestABusyProgramRunsTheSameAgain(t *testing.T) {
	first := run(t, 1, 3, busy)
	for i := range 50 {
		if again := run(t, 1, 3, busy); again.Digest() != first.Digest() {
			t.Fatalf("run %d has digest %v, the first had %v", i, again.Digest(), first.Digest())
		}
	}
	if other := run(t, 2, 3, busy); other.Digest() == first.Digest() {
		t.Errorf("seeds 1 and 2 both have digest %v", other.Digest())
	}
	t.Log(first.Digest(), first.Events())
}
