package disk

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"dessim/protocol/live/disk/disktest"
)

// A small file system in memory fills up, in the middle of a write. What was synced is there at
// the next Begin, once there is room.
func TestAFullDiskKeepsWhatWasSynced(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("none", mount, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
	for _, segment := range []int64{1 << 20, 20000, 1} {
		dir := filepath.Join(mount, "node")
		o := Options{Segment: segment}
		d, twin := mustOpen(t, dir, o), new(disktest.Twin)
		err := disktest.Step(d, twin, disktest.Op{Do: 'c'}, false)
		for i := 0; err == nil; i++ {
			err = errors.Join(disktest.Step(d, twin, disktest.Op{Do: 'a', Rec: make([]byte, 1000+i)}, true), disktest.Step(d, twin, disktest.Op{Do: 's'}, true))
		}
		if !errors.Is(err, syscall.ENOSPC) || !errors.Is(d.Sync(), syscall.ENOSPC) {
			t.Fatalf("segments of %d: got %v, then %v; want ENOSPC", segment, err, d.Sync())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("none", mount, "tmpfs", syscall.MS_REMOUNT, "size=256k"); err != nil {
			t.Fatal(err)
		}
		n, records, err := found(dir, o)
		if err == nil {
			err = twin.Begin(n, records)
		}
		if err != nil || len(records) < 5 {
			t.Fatalf("segments of %d: found %d records, %v", segment, len(records), err)
		}
		folder(t, dir, nil)
		if err := syscall.Mount("none", mount, "tmpfs", syscall.MS_REMOUNT, "size=64k"); err != nil {
			t.Fatal(err)
		}
	}
}
