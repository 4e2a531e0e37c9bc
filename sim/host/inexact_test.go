//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"dessim/sim/host"
)

func TestARangeOverAMapOfPointersIsNoted(t *testing.T) {
	var at int
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		small, large := map[*int]int{}, map[*int]int{}
		named := map[int]int{}
		for i := range 20 {
			large[new(int)] = i
			named[i] = i
			if i < 8 {
				small[new(int)] = i
			}
		}
		for range small {
		}
		for range named {
		}
		time.Sleep(time.Second)
		at = line() + 1
		for range large {
		}
		return nil
	})
	compare(t, got, "0s n0 life 1",
		fmt.Sprintf("1s n0 go.inexact: ranges over a map whose order may follow from addresses at host/inexact_test.go:%d", at),
		"1s n0 go.exit: the program returned")
}

func TestFinalizersOfAProgramNeverRun(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		ran := make(chan string, 2)
		for range 10 {
			x, y := new([100]int), new([100]int)
			runtime.SetFinalizer(x, func(*[100]int) { ran <- "a finalizer" })
			runtime.AddCleanup(y, func(int) { ran <- "a cleanup" }, 1)
		}
		for range 5 {
			runtime.GC()
			time.Sleep(time.Second)
		}
		select {
		case s := <-ran:
			tell(h, s)
		default:
		}
		return nil
	})
	if strings.Contains(strings.Join(got, "\n"), " a ") {
		t.Error(got)
	}
}
