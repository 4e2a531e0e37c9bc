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
