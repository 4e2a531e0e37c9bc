package sim

import (
	"sync/atomic"
	"testing"
	"time"
)

// Whoever rouses may have been stopped before it did, and mean an earlier sleep.
func TestAWakeUpOfAnEarlierSleepEndsNoLaterOne(t *testing.T) {
	var ready atomic.Bool
	b := bed{wake: make(chan struct{}, 1)}
	up := make(chan struct{})
	go func() {
		b.until(ready.Load, 10)
		close(up)
	}()
	for range 3 {
		for !b.asleep.Load() {
			time.Sleep(time.Microsecond)
		}
		b.rouse()
	}
	select {
	case <-up:
		t.Fatal("awake, and what it waits for has not happened")
	case <-time.After(10 * time.Millisecond):
	}
	ready.Store(true)
	b.rouse()
	<-up
}
