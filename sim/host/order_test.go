//go:build dessim_overlay

package host_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
)

// counter loses an update if a turn changes hands between the two locks.
func counter(ctx context.Context, h *host.Host) error {
	var mu sync.Mutex
	total, want := 0, 0
	for {
		if _, err := h.Input(ctx); err != nil {
			return err
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				mu.Lock()
				n := total
				mu.Unlock()
				mu.Lock()
				total = n + 1
				mu.Unlock()
			})
		}
		wg.Wait()
		if want += 3; total != want {
			tell(h, "lost")
			total = want
		}
	}
}

// lost returns how many updates were lost, and the answers.
func lost(t *testing.T, p host.Program, src protocol.Source, faults string) (*said, []source.Answer) {
	t.Helper()
	fs, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	plan := sim.Plan{
		Nodes:  1,
		Node:   func(protocol.NodeID) protocol.Node { return host.New(p, host.Options{}) },
		Link:   sim.Link{Delay: 1},
		Faults: fs,
		Until:  protocol.Time(time.Minute),
	}
	for i := range 20 {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i + 1), At: protocol.Time(i+1) * protocol.Time(time.Second)})
	}
	w := new(said)
	r := &source.Recorder{Source: src}
	s, err := sim.New(plan, r, w)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return w, r.Answers()
}

func TestALostUpdateIsFoundByYieldsAndShrinksToFewAnswers(t *testing.T) {
	const faults = "yield 0 20% at 0s for 1m; order 0 at 0s for 1m"
	if w, _ := lost(t, counter, source.Seed(1), ""); len(w.lines) > 1 {
		t.Fatalf("by arrival, updates are lost: %v", w.lines)
	}
	w, answers := lost(t, counter, source.Seed(1), faults)
	if !w.has("lost") {
		t.Fatalf("with %q, no update of seed 1 is lost", faults)
	}
	for size := len(answers); size > 0; size /= 2 {
		for i := 0; i+size <= len(answers); {
			less := append(append([]source.Answer(nil), answers[:i]...), answers[i+size:]...)
			if w, _ := lost(t, counter, source.NewReplay(less), faults); w.has("lost") {
				answers = less
			} else {
				i += size
			}
		}
	}
	w, _ = lost(t, counter, source.NewReplay(answers), faults)
	if story := strings.Join(w.lines, "\n"); !strings.Contains(story, " yields at host/order_test.go:") || !strings.Contains(story, ", before Mutex.Lock") {
		t.Errorf("the story does not say where a goroutine gave its turn away:\n%s", story)
	}
	if len(answers) > 3 {
		t.Errorf("shrunk to %d answers, want at most 3: %v", len(answers), answers)
	}
}

// A request that is read before the next one comes, and written after it.
func TestAGoroutineThatStandsStillIsOvertakenByALaterStep(t *testing.T) {
	overtaken := func(ctx context.Context, h *host.Host) error {
		var mu sync.Mutex
		total := 0
		for i := 1; ; i++ {
			if _, err := h.Input(ctx); err != nil {
				return err
			}
			go func() {
				begun := time.Now()
				mu.Lock()
				n := total
				mu.Unlock()
				mu.Lock()
				total = n + 1
				if total != i {
					tell(h, "lost after "+time.Since(begun).Truncate(time.Second).String())
					total = i
				}
				mu.Unlock()
			}()
		}
	}
	for faults, want := range map[string]bool{
		"yield 0 20% at 0s for 1m; order 0 at 0s for 1m": false, // each input is a step of its own
		"stall 0 20% by 3s at 0s for 1m":                 true,
	} {
		found := false
		for seed := range uint64(20) {
			w, _ := lost(t, overtaken, source.Seed(seed), faults)
			found = found || w.has("lost after 2s")
			if w.has("lost") && !want {
				t.Errorf("seed %d: an update is lost with %q", seed, faults)
			}
			if text := strings.Join(w.lines, "\n"); want && !strings.Contains(text, "s at host/order_test.go:") {
				t.Errorf("seed %d: no note says for how long a goroutine stands still, and where:\n%s", seed, text)
			}
		}
		if found != want {
			t.Errorf("with %q, found: %v", faults, found)
		}
	}
}

// Each of three goroutines is asked about its first operation, though others stand still by then.
func TestAGoroutineBothYieldsAndStandsStillBeforeAnOperation(t *testing.T) {
	for seed := range uint64(5) {
		s := runUnder(t, seed, "yield 0 100% at 0s for 1m; stall 0 100% by 1s at 0s for 1m", func(ctx context.Context, h *host.Host) error {
			for range 3 {
				go func() {
					var mu sync.Mutex
					begun := time.Now()
					mu.Lock()
					if time.Since(begun) == 0 {
						tell(h, "goes on at once")
					}
					mu.Unlock()
				}()
			}
			time.Sleep(time.Minute / 2)
			return nil
		})
		yields, stalls := 0, 0
		for _, line := range s.lines {
			if strings.HasPrefix(line, "0s ") && strings.Contains(line, " yields at host/order_test.go:") {
				yields++
			}
			if strings.HasPrefix(line, "0s ") && strings.Contains(line, " stalls for ") {
				stalls++
			}
		}
		if yields != 3 || stalls != 3 || s.has("goes on at once") {
			t.Errorf("seed %d: %d goroutines yield and %d stall, want 3 each, and none may go on at once:\n%s", seed, yields, stalls, strings.Join(s.lines, "\n"))
		}
	}
}

// Others go on while goroutines spin, if they do so with operations, and whatever the order.
func TestGoroutinesThatSpinLetOthersGoOn(t *testing.T) {
	spin := func(ctx context.Context, h *host.Host) error {
		var mu sync.Mutex
		ready := false
		closed, stop := make(chan struct{}), make(chan struct{})
		close(closed)
		go func() {
			mu.Lock()
			ready = true
			mu.Unlock()
			close(stop)
		}()
		for spins := true; spins; {
			mu.Lock()
			spins = !ready
			mu.Unlock()
		}
		tell(h, "locks")
		for spins := true; spins; {
			select {
			case <-stop:
				spins = false
			case <-closed:
			}
		}
		tell(h, "selects")
		return nil
	}
	compare(t, watch(t, "", host.Options{}, spin), "0s n0 life 1", "0s n0 locks", "0s n0 selects", "0s n0 go.exit: the program returned")
	for seed := range uint64(30) {
		s := runUnder(t, seed, "order 0 at 0s for 1m", func(ctx context.Context, h *host.Host) error {
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { _ = spin(ctx, h) })
			}
			wg.Wait()
			return nil
		})
		if !s.has("go.exit: the program returned") {
			t.Errorf("seed %d: the program does not return: %v", seed, s.lines)
		}
	}
}

// runUnder returns what a program does under faults.
func runUnder(t *testing.T, seed uint64, faults string, p host.Program) *said {
	t.Helper()
	fs, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	w := new(said)
	s, err := sim.New(sim.Plan{
		Nodes:  1,
		Node:   func(protocol.NodeID) protocol.Node { return host.New(p, host.Options{}) },
		Link:   sim.Link{Delay: 1},
		Faults: fs,
		Until:  protocol.Time(time.Minute),
	}, source.Seed(seed), w)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return w
}
