package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dessim/protocol/live/disk/disktest"
)

var _ disktest.Disk = (*Disk)(nil)

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// temp returns an empty folder, for a test or one case of many in it: in memory, if it can,
// where syncs take no time.
func temp(t *testing.T, f tb) string {
	f.Helper()
	parent := t.TempDir()
	if dir, err := os.MkdirTemp("/dev/shm", "disk"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		parent = dir
	}
	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		f.Fatal(err)
	}
	return dir
}

func mustOpen(t tb, dir string, o Options) *Disk {
	t.Helper()
	d, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// found begins an incarnation on the folder and returns it and what it finds.
func found(dir string, o Options) (n uint32, records []disktest.Record, err error) {
	d, err := Open(dir, o)
	if err != nil {
		return 0, nil, err
	}
	defer d.Close()
	if n, err = d.Begin(); err != nil {
		return 0, nil, err
	}
	return n, disktest.Read(d.Records()), nil
}

// files returns the content of each file in the folder.
func files(t tb, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// folder makes a folder with these files.
func folder(t tb, dir string, all map[string][]byte) {
	t.Helper()
	err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o777))
	for name, b := range all {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// replace changes what a file has. To truncate it first would make a sync of each change.
func replace(t tb, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, 0)
	if err := errors.Join(err, f.Truncate(int64(len(b))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// with returns the files with one of them changed.
func with(all map[string][]byte, name string, change func(b []byte) []byte) map[string][]byte {
	changed := make(map[string][]byte)
	for n, b := range all {
		changed[n] = b
	}
	changed[name] = change(bytes.Clone(all[name]))
	return changed
}

// isDamage reports whether the error is a DamageError of one line.
func isDamage(err error) bool {
	var damage *DamageError
	return errors.As(err, &damage) && !bytes.Contains([]byte(err.Error()), []byte("\n"))
}
