//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dessim/sim/host"
	"dessim/sim/host/volume"
)

// keeps has goroutines that write, rename, sync, lock and remove files at once. What it finds when it
// begins it says.
func keeps(ctx context.Context, h *host.Host) error {
	filepath.WalkDir("/", func(name string, d fs.DirEntry, err error) error {
		b, _ := os.ReadFile(name)
		say(h, "%q %v %d %x %v", name, d.Type(), len(b), hash(b), err)
		return nil
	})
	for i := range 4 {
		go func() {
			for n := 0; ; n++ {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
				if err := keep(i, n); err != nil && !allowed(err) {
					say(h, "%d: %v", i, err)
				}
			}
		}()
	}
	return wait(ctx)
}

func allowed(err error) bool {
	for _, e := range []error{syscall.ENOENT, syscall.EEXIST, syscall.EIO, syscall.ENOSPC, syscall.ENOTEMPTY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// keep does one thing with files that others use, too.
func keep(i, n int) error {
	dir := fmt.Sprint("/d", n%2)
	os.Mkdir(dir, 0o777)
	name := fmt.Sprint(dir, "/", rand.IntN(3))
	switch rand.IntN(5) {
	case 0:
		return put(name, strings.Repeat(fmt.Sprint(i), rand.IntN(10_000)), rand.IntN(2) == 0)
	case 1:
		return os.Rename(name, fmt.Sprint("/d", rand.IntN(2), "/", rand.IntN(3)))
	case 2:
		return os.Remove(name)
	case 3:
		return syncDir(dir)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	f.WriteString("appended")
	return f.Sync()
}

func TestANodeWithFilesCanBeCrashedAtAnyTime(t *testing.T) {
	for seed := range uint64(60) {
		faults := ""
		for i, how := range []string{"", " scattered", " torn"} {
			faults += fmt.Sprintf("crash 0 at %dus for 1ms%s; ", 30_000*(i+1)+int(seed)*173%20_000, how)
		}
		faults += "failsync 0 at 40ms; slowsync 0 by 20ms at 70ms for 10ms; full 0 at 100ms for 10ms; rot 0 at 90ms; order 0 at 0s for 1m; yield 0 10% at 0s for 1m"
		said := store(t, seed, faults, host.Options{Disk: host.DiskOptions{Model: volume.Model(seed % 3)}}, func(ctx context.Context, h *host.Host) error {
			ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			return keeps(ctx, h)
		})
		for _, line := range said.disk {
			if strings.Contains(line, "mounted") {
				t.Errorf("seed %d: %s", seed, line)
			}
		}
		for _, line := range said.outputs[0] {
			if strings.HasPrefix(line, "0: ") || strings.HasPrefix(line, "1: ") || strings.HasPrefix(line, "2: ") || strings.HasPrefix(line, "3: ") {
				t.Errorf("seed %d: goroutine %s", seed, line)
			}
		}
	}
}
