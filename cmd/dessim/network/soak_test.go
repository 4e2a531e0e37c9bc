//go:build linux || darwin

package network

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"testing"
	"time"
)

var rounds = flag.Int("network.rounds", 0, "rounds of the soak of eight processes in each order")

var mayBe = regexp.MustCompile(`-id (\d+\.\d+)`)

// carryOut has a transfer made, once, whatever becomes of its node meanwhile: whoever has an id
// asks for the outcome, and begins another one only if that says there will be none.
func (x *testnet) carryOut(parties []int, amount int) {
	from := parties[0]
	id := ""
	for end := time.Now().Add(10 * long); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		args := []string{"transfer", "-timeout", "20s"}
		if id == "" {
			args = append(args, "-to", fmt.Sprint(parties[1]), "-witness", fmt.Sprint(parties[2]), "-amount", fmt.Sprint(amount))
		} else {
			args = append(args, "-id", id)
		}
		r := x.ctl(from, args...)
		m := mayBe.FindStringSubmatch(r.stderr)
		switch {
		case r.code == 0:
			return
		case r.code == 1: // it was refused, or has not begun and will not
			id = ""
		case m != nil:
			id = m[1]
		}
	}
	x.t.Errorf("a transfer of %d by %v has no outcome", amount, parties)
}

// Each round, 200 transfers are made on lossy links, while one node after the other is killed.
func TestEightProcessesLoseNoTransferAndMakeNoneTwice(t *testing.T) {
	if *rounds == 0 {
		t.Skip("want -network.rounds")
	}
	const nodes, transfers, workers = 8, 200, 4
	for round := range *rounds {
		for _, order := range orders() {
			t.Run(fmt.Sprintf("%s/%d", order, round), func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(round), 1))
				x := newTestnet(t, nodes, order)
				x.as = lossy
				for i := range nodes {
					x.start(i, "")
				}
				x.eventually("together", x.together)
				began := time.Now()
				work := make(chan []int, transfers)
				for range transfers {
					work <- random.Perm(nodes)[:3]
				}
				close(work)
				var group sync.WaitGroup
				for range workers {
					group.Go(func() {
						for parties := range work {
							x.carryOut(parties, 1+parties[0])
						}
					})
				}
				done := make(chan struct{})
				go func() {
					group.Wait()
					close(done)
				}()
				kills := x.killInTurn(random, done)
				x.eventually("together again", x.together)
				x.eventually("of one ledger", func(all []map[string]any) bool { return agreed(all, transfers) })
				t.Logf("%d transfers, %d kills in %v", transfers, kills, time.Since(began).Round(time.Second))
				x.stop()
			})
		}
	}
}

// killInTurn kills a node at random, and starts it again, until done.
func (x *testnet) killInTurn(random *rand.Rand, done <-chan struct{}) (kills int) {
	for {
		select {
		case <-done:
			return kills
		case <-time.After(time.Duration(random.IntN(3000)) * time.Millisecond):
		}
		i := random.IntN(len(x.nodes))
		x.kill(i)
		kills++
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
		x.start(i, "")
	}
}
