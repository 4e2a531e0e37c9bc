//go:build dessim_overlay

package host_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/sim/host"
)

// A disk that is full has room again only later. A program that tries without a pause, each time by another
// goroutine, sees that.
func TestTimePassesForAProgramThatNeverWaits(t *testing.T) {
	got := watch(t, "full 0 at 1s for 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		start := time.Now()
		time.Sleep(1900 * time.Millisecond)
		var mu sync.Mutex
		for failed := true; failed; {
			done := make(chan bool)
			go func() {
				mu.Lock()
				defer mu.Unlock()
				done <- os.WriteFile("a", []byte("a"), 0o600) != nil
			}()
			failed = <-done
		}
		after := time.Since(start)
		tell(h, after > 2*time.Second && after < 3*time.Second)
		<-ctx.Done()
		return nil
	})
	busy := 0
	got = slices.DeleteFunc(got, func(line string) bool {
		is := strings.Contains(line, "go.busy")
		if is {
			busy++
		}
		return is
	})
	if busy == 0 || busy > 6 {
		t.Errorf("that the node is busy is noted %d times; want it after 1ms, and then after four times as long each time", busy)
	}
	if len(got) != 2 || !strings.HasSuffix(got[1], "n0 true") {
		t.Errorf("%q; want the file written soon after there is room", got)
	}
}
