package disk

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestASecondProcessIsRefusedWithTheFoldersName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	second := func() string {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childHolds+"="+dir)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := second(); got != "<nil>\n" {
		t.Fatalf("an unused folder: %s", got)
	}
	d := mustOpen(t, dir, Options{})
	want := "disk: folder " + dir + " is in use already; want a folder for each node, and one process at a time\n"
	if got := second(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("one process opens the folder twice")
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got := second(); got != "<nil>\n" {
		t.Errorf("after Close: %s", got)
	}
}

func TestAFolderOfAnotherOwnerIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ owner, want string }{
		{"node 1 of abcd", ""},
		{"node 2 of abcd", `holds the records of "node 1 of abcd"; want those of "node 2 of abcd"`},
		{"", `want those of ""`},
		{"node 1 of abcd", ""},
		{strings.Repeat("x", MaxOwner+1), "has 1025 bytes; want at most 1024"},
	} {
		_, _, err := found(dir, Options{Owner: test.owner})
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir)) {
			t.Errorf("owner %.20q: %v, want %q", test.owner, err, test.want)
		}
	}
}

func TestAnotherVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := found(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	b := (&header{}).append(nil)
	b[0] = version + 1
	replace(t, filepath.Join(dir, "log-0000000001"), appendFrame(nil, kindSegment, 1, 0, b))
	if _, _, err := found(dir, Options{}); err == nil || !strings.Contains(err.Error(), "has version 2 of the format; want 1") {
		t.Errorf("got %v", err)
	}
}

func TestCallsOutOfTurnAreRefused(t *testing.T) {
	d := mustOpen(t, t.TempDir(), Options{})
	for _, err := range []error{d.Append(nil), d.Sync(), d.Crash()} {
		if !errors.Is(err, errBegin) {
			t.Errorf("before Begin: %v", err)
		}
	}
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Begin(); err == nil {
		t.Error("an incarnation begins within another")
	}
	if err := d.Append(make([]byte, MaxRecord+1)); err == nil || !strings.Contains(err.Error(), "record 0 has 268435457 bytes; want at most 268435456") {
		t.Errorf("a long record: %v", err)
	}
	if err := errors.Join(d.Append(nil), d.Sync(), d.Close()); err != nil {
		t.Error(err)
	}
	_, beginning := d.Begin()
	_, key := d.Key()
	for _, err := range []error{d.Append(nil), d.Sync(), d.Crash(), beginning, key} {
		if !errors.Is(err, errClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// A sync is one write and one flush, whatever it has to do, and nothing without anything to do.
func TestASyncIsOneWriteAndOneFlush(t *testing.T) {
	d := mustOpen(t, t.TempDir(), Options{})
	defer d.Close()
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	var calls []string
	d.probe = func(op, _ string, _ []byte) error {
		calls = append(calls, op)
		return nil
	}
	for i := range 5 {
		if err := d.Append(make([]byte, 10000*i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, change := range []func(){func() { d.Discard(3) }, func() { d.Discard(2) }, func() { d.Discard(4) }, func() {}} {
		want := []string{"write", "sync"}
		if i%2 == 1 {
			want = nil
		}
		calls = nil
		change()
		if err := d.Sync(); err != nil || !slices.Equal(calls, want) {
			t.Errorf("sync %d makes the calls %q, %v; want %q", i, calls, err, want)
		}
	}
}

func TestAKeyIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	key := func() ([KeySize]byte, error) {
		d := mustOpen(t, dir, Options{})
		defer d.Close()
		return d.Key()
	}
	first, err := key()
	if err != nil || first == [KeySize]byte{} {
		t.Fatalf("got %x, %v", first, err)
	}
	if _, _, err := found(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if again, err := key(); err != nil || again != first {
		t.Errorf("got %x, %v; then %x", first, err, again)
	}
	now, err := os.Stat(path)
	if err != nil || now.Mode() != 0o600 {
		t.Errorf("the key's file has mode %v, %v; want 0600", now.Mode(), err)
	}
	refused := func(what, want string, change error) {
		t.Helper()
		if _, err := key(); change != nil || err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", what, change, err, want)
		}
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
		refused("a mode", "others can read", os.Chmod(path, mode))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[rand.IntN(len(b))] ^= 1
	refused("damage", "fails its checksum", errors.Join(os.WriteFile(path, b, 0o600), os.Chmod(path, 0o600)))
	refused("a short key", "fails its checksum", os.Truncate(path, 31))
	refused("an empty key", "fails its checksum", os.Truncate(path, 0))
	refused("a lost key", "is missing, and the node has begun before", os.Remove(path))
}

// Until it has its name, a key is not there: whatever call fails, the next one to ask gets a
// whole key.
func TestAKeyIsNeverHalfWritten(t *testing.T) {
	for bad, done := 0, false; !done; bad++ {
		dir, calls := t.TempDir(), 0
		d := mustOpen(t, dir, Options{})
		d.probe = func(op, path string, b []byte) error {
			if calls++; calls-1 != bad {
				return nil
			}
			if op == "write" {
				half(t, path, b)
			}
			return errPlanted
		}
		first, err := d.Key()
		done = err == nil
		if !done && !errors.Is(err, errPlanted) {
			t.Fatal(err)
		}
		d.probe = nil
		key, err := d.Key()
		again, err2 := d.Key()
		if err := errors.Join(err, err2, d.Close()); err != nil || key != again || done && key != first || key == [KeySize]byte{} {
			t.Fatalf("after call %d failed: %x, then %x and %x, %v", bad, first, key, again, err)
		}
		if done && bad < 5 {
			t.Errorf("vacuous: %d calls", bad)
		}
	}
}
