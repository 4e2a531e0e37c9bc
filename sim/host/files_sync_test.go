//go:build dessim_overlay

package host_test

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"dessim/sim/host"
)

func TestASyncOfAllFilesThatFailsIsToldByTheNextFsync(t *testing.T) {
	syncfs := map[string]uintptr{"amd64": 306, "arm64": 267}[runtime.GOARCH] // package syscall lacks it
	n := store(t, 1, "failsync 0 at 1s; failsync 0 at 3s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		f, _ := os.Create("/f")
		g, _ := os.Create("/g")
		say(h, "%v %v", f.Sync(), g.Sync())
		time.Sleep(2 * time.Second)
		f.WriteString("lost")
		syscall.Sync()
		again, _ := os.Open("/f")
		say(h, "%v %v %v %v", f.Sync(), f.Sync(), again.Sync(), g.Sync())
		again, _ = os.Open("/f")
		say(h, "%v", again.Sync())
		time.Sleep(2 * time.Second)
		g.WriteString("lost")
		_, _, err := syscall.Syscall(syncfs, f.Fd(), 0, 0)
		say(h, "%v %v %v", err, f.Sync(), g.Sync())
		return wait(ctx)
	})
	const failed = "input/output error"
	expect(t, n.outputs, 0, "<nil> <nil>", "sync /f: "+failed+" <nil> sync /f: "+failed+" <nil>", "<nil>", failed+" <nil> sync /g: "+failed)
}
