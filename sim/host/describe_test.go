//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/host"
)

func TestADescriptionSaysWhereGoroutinesWait(t *testing.T) {
	var first int
	s := run(t, 1, 1, func(ctx context.Context, h *host.Host) error {
		first = line()
		var a, b sync.Mutex
		lock := func(x, y *sync.Mutex) {
			x.Lock()
			time.Sleep(time.Second)
			y.Lock()
		}
		go lock(&a, &b)
		go lock(&b, &a)
		time.Sleep(time.Hour)
		return nil
	})
	got := string(s.Node(0).(protocol.Describer).Describe(nil))
	at := func(n int) string { return fmt.Sprintf("host/describe_test.go:%d", first+n) }
	for _, want := range []string{
		"goroutines:\n",
		"  " + at(7) + " #1: sync.Mutex.Lock at " + at(5) + "\n",
		"  " + at(8) + " #1: sync.Mutex.Lock at " + at(5) + "\n",
		"  main #1: sleep at " + at(9) + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the description lacks %q:\n%s", want, got)
		}
	}
}

// A panic ends nothing before all deferred calls have returned.
func TestADescriptionSaysWhichGoroutinePanics(t *testing.T) {
	first := line()
	s := run(t, 1, 1, func(ctx context.Context, h *host.Host) error {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { defer wg.Wait(); defer func() { _ = recover() }(); panic("recovered") }()
		go func() {
			defer wg.Wait()
			defer func() { panic("in a deferred call\nand more") }()
			var none []int
			_ = none[len(h.Name())]
		}()
		go func() {
			defer wg.Wait()
			runtime.Goexit()
		}()
		go func() {
			defer func() {
				_ = recover()
				wg.Wait()
			}()
			panic("recovered by what waits")
		}()
		go func() {
			defer func() {
				defer func() {
					_ = recover()
					wg.Wait()
				}()
				panic("likewise")
			}()
			panic("not recovered")
		}()
		wg.Wait()
		return nil
	})
	got := string(s.Node(0).(protocol.Describer).Describe(nil))
	at := func(n int) string { return fmt.Sprintf("host/describe_test.go:%d", first+n) }
	want := "goroutines:\n" +
		"  " + at(4) + " #1: sync.WaitGroup.Wait at " + at(4) + "\n" +
		"  " + at(5) + " #1: panics (in a deferred call), and in a deferred call, sync.WaitGroup.Wait at " + at(7) + "\n" +
		"  " + at(11) + " #1: sync.WaitGroup.Wait at " + at(13) + "\n" +
		"  " + at(15) + " #1: sync.WaitGroup.Wait at " + at(18) + "\n" +
		"  " + at(22) + " #1: panics (not recovered), and in a deferred call, sync.WaitGroup.Wait at " + at(26) + "\n" +
		"  main #1: sync.WaitGroup.Wait at " + at(32) + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// line returns the line that calls it.
func line() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

// A runtime that forgets a node thereby ends its goroutines.
func TestLivesThatAreOverLeaveNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(200) {
		run(t, seed, 3, func(ctx context.Context, h *host.Host) error {
			for range 10 {
				go func() { select {} }()
				go func() { time.Sleep(time.Hour) }()
			}
			select {}
		})
	}
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before+50 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before 200 runs with 63 each", runtime.NumGoroutine(), before)
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

// The panic is told when it begins, once, and those that are recovered before their goroutine waits are not.
func TestAPanicWhoseDeferredCallWaitsIsANote(t *testing.T) {
	s := runUnder(t, 1, "", func(ctx context.Context, h *host.Host) error {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Wait()
			panic("late")
		}()
		func() {
			defer func() { _ = recover() }()
			panic("early")
		}()
		for range 3 {
			time.Sleep(time.Second)
		}
		return nil
	})
	told := 0
	for _, line := range s.lines {
		if strings.Contains(line, "panics") {
			told++
			if !strings.Contains(line, " panics (late), and a deferred call waits: sync.WaitGroup.Wait at host/describe_test.go:") || !strings.Contains(line, "0s") {
				t.Errorf("told: %s", line)
			}
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once: %v", told, s.lines)
	}
}
