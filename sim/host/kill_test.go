//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
)

// waits has goroutines that wait in every way there is, and wake each other.
func waits(ctx context.Context, h *host.Host) error {
	var mu sync.Mutex
	var rw sync.RWMutex
	cond := sync.NewCond(&mu)
	turn := 0
	words, results := make(chan string), make(chan string, 3)
	work := func(i int) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(20))*time.Millisecond)
		defer cancel()
		next, stop := iter.Pull(func(yield func(int) bool) {
			for n := range 5 {
				time.Sleep(time.Millisecond)
				if !yield(n) {
					return
				}
			}
		})
		defer stop()
		mu.Lock()
		for turn%7 != i {
			cond.Wait()
		}
		turn++
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Microsecond) // others wait for the lock
		cond.Broadcast()
		mu.Unlock()
		rw.RLock()
		n, _ := next()
		m, _ := next()
		rw.RUnlock()
		var wg sync.WaitGroup
		for k := range 3 {
			wg.Go(func() {
				rw.Lock()
				defer rw.Unlock()
				select {
				case words <- fmt.Sprint(i, k, n, m):
				case <-ctx.Done():
				}
			})
		}
		wg.Wait()
		results <- fmt.Sprint("worker ", i)
	}
	for i := range 7 {
		go func() {
			for {
				work(i)
			}
		}()
	}
	for {
		select {
		case s := <-words:
			h.Output(kindDid, []byte(s))
		case s := <-results:
			h.Output(kindDid, []byte(s))
		}
	}
}

// A node is crashed at any time, twice. What it was is gone, and the lives of other nodes and later runs,
// which use its goroutines' memory again, are as they would be.
func TestANodeCanBeCrashedAtAnyTime(t *testing.T) {
	digest := func(seed uint64) sim.Digest {
		at := 1 + seed*173%30_000
		fs, err := fault.Parse(fmt.Sprintf("crash 0 at %dus for 5ms; crash 0 at %dus for 1ms", at, at+7777))
		if err != nil {
			t.Fatal(err)
		}
		s, err := sim.New(sim.Plan{
			Nodes:  2,
			Node:   func(protocol.NodeID) protocol.Node { return host.New(waits, host.Options{}) },
			Link:   sim.Link{Delay: time.Millisecond},
			Faults: fs,
			Until:  protocol.Time(50 * time.Millisecond),
		}, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		return s.Digest()
	}
	var first []sim.Digest
	for seed := range uint64(150) {
		first = append(first, digest(seed))
	}
	for seed := range uint64(150) {
		if again := digest(seed); again != first[seed] {
			t.Errorf("seed %d: digest %v, and %v in the first run", seed, again, first[seed])
		}
	}
}
