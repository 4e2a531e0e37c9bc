package host_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/host"
)

func TestADescriptionSaysWhereGoroutinesWait(t *testing.T) {
	s := run(t, 1, 1, func(ctx context.Context, h *host.Host) error {
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
	for _, want := range []string{
		"goroutines:\n",
		"host/describe_test.go:24 #1: sync.Mutex.Lock at host/describe_test.go:22\n",
		"host/describe_test.go:25 #1: sync.Mutex.Lock at host/describe_test.go:22\n",
		"main #1: sleep at host/describe_test.go:26\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the description lacks %q:\n%s", want, got)
		}
	}
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

var _ sim.Observer = (*said)(nil)
