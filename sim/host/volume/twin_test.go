package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dessim/protocol"
	"dessim/sim/host/volume"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// twin is the slow twin of a volume: a map from paths to what is there.
type twin map[string]*object

type object struct {
	mode   uint32
	data   []byte
	target string
}

func (o *object) is(kind uint32) bool { return o != nil && o.mode&volume.ModeType == kind }

func newTwin() twin { return twin{"": {mode: volume.ModeDir | 0o755}} }

func parent(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// at returns what is at a path, and the error of reaching it.
func (w twin) at(path string) (*object, error) {
	if path != "" {
		up, err := w.at(parent(path))
		if err == nil && !up.is(volume.ModeDir) {
			err = syscall.ENOTDIR
		}
		if err != nil {
			return nil, err
		}
	}
	if o := w[path]; o != nil {
		return o, nil
	}
	return nil, syscall.ENOENT
}

func (w twin) add(path string, o *object) error {
	switch _, err := w.at(path); {
	case err == nil:
		return syscall.EEXIST
	case w[path] != nil || err != syscall.ENOENT || w[parent(path)] == nil:
		return err
	}
	w[path] = o
	return nil
}

func (w twin) empty(path string) bool {
	for p := range w {
		if strings.HasPrefix(p, path+"/") {
			return false
		}
	}
	return true
}

func (w twin) remove(path string, dir bool) error {
	o, err := w.at(path)
	switch {
	case err != nil:
		return err
	case dir && !o.is(volume.ModeDir):
		return syscall.ENOTDIR
	case !dir && o.is(volume.ModeDir):
		return syscall.EISDIR
	case dir && !w.empty(path):
		return syscall.ENOTEMPTY
	}
	delete(w, path)
	return nil
}

func (w twin) link(from, to string) error {
	o, err := w.at(from)
	if err != nil {
		return err
	}
	if _, err := w.at(to); err == nil {
		return syscall.EEXIST
	} else if w[parent(to)] == nil || err != syscall.ENOENT {
		return err
	}
	if o.is(volume.ModeDir) {
		return syscall.EPERM
	}
	return w.add(to, o)
}

// take removes a subtree and returns it.
func (w twin) take(path string) map[string]*object {
	taken := make(map[string]*object)
	for p, o := range w {
		if rest, ok := strings.CutPrefix(p+"/", path+"/"); ok {
			taken[rest] = o
			delete(w, p)
		}
	}
	return taken
}

func (w twin) put(path string, tree map[string]*object) {
	for rest, o := range tree {
		w[strings.TrimSuffix(path+"/"+rest, "/")] = o
	}
}

func (w twin) rename(from, to string, flags uint32) error {
	if up, err := w.at(parent(from)); err != nil {
		return err
	} else if !up.is(volume.ModeDir) {
		return syscall.ENOTDIR
	}
	if up, err := w.at(parent(to)); err != nil {
		return err
	} else if !up.is(volume.ModeDir) {
		return syscall.ENOTDIR
	}
	a, err := w.at(from)
	if err != nil {
		return err
	}
	b := w[to]
	swap := flags == volume.Exchange
	switch {
	case b != nil && flags == volume.NoReplace:
		return syscall.EEXIST
	case b == nil && swap:
		return syscall.ENOENT
	case a == b:
		return nil
	case strings.HasPrefix(to, from+"/"), swap && strings.HasPrefix(from, to+"/"):
		return syscall.EINVAL
	case strings.HasPrefix(from, to+"/"):
		return syscall.ENOTEMPTY
	case b == nil || swap:
	case a.is(volume.ModeDir) && !b.is(volume.ModeDir):
		return syscall.ENOTDIR
	case !a.is(volume.ModeDir) && b.is(volume.ModeDir):
		return syscall.EISDIR
	case b.is(volume.ModeDir) && !w.empty(to):
		return syscall.ENOTEMPTY
	}
	x, y := w.take(from), w.take(to)
	w.put(to, x)
	if swap {
		w.put(from, y)
	}
	return nil
}

// String is as dump, without times and inodes.
func (w twin) String() string {
	var b strings.Builder
	for _, path := range w.sorted() {
		o, links := w[path], 0
		for p, other := range w {
			if other == o || o.is(volume.ModeDir) && other.is(volume.ModeDir) && p != "" && parent(p) == path {
				links++
			}
		}
		fmt.Fprintf(&b, "%s: %#o, ", max(path, "/"), o.mode)
		switch o.mode & volume.ModeType {
		case volume.ModeDir:
			fmt.Fprintf(&b, "%d links\n", links+1)
		case volume.ModeSymlink:
			fmt.Fprintf(&b, "%d links, to %q, <nil>\n", links, o.target)
		default:
			fmt.Fprintf(&b, "%d links, %d bytes: %s\n", links, len(o.data), spell(o.data))
		}
	}
	return b.String()
}

// sorted returns the paths as a walk meets them.
func (w twin) sorted() []string {
	paths := protocol.SortedKeys(w)
	slices.SortFunc(paths, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	return paths
}

var unseen = regexp.MustCompile(`, (times \d+ \d+|inode \d+)`)

// plain is a dump without times and inodes.
func plain(dump string) string { return unseen.ReplaceAllString(dump, "") }

// machine is a volume beside its twin.
type machine struct {
	model  volume.Model
	d      *disk
	v      *volume.Volume
	w      twin
	log    []string
	orphan map[volume.Ino]*object // held and perhaps without a name
}

// walk returns a directory and the name in it.
func walk(v *volume.Volume, path string) (volume.Ino, string, error) {
	parts := strings.Split(path, "/")[1:]
	dir := volume.Root
	for _, name := range parts[:len(parts)-1] {
		next, err := v.Lookup(dir, name)
		if err != nil {
			return 0, "", err
		}
		dir = next
	}
	_, err := v.Lookup(dir, ".")
	return dir, parts[len(parts)-1], err
}

func find(v *volume.Volume, path string) (volume.Ino, error) {
	if path == "" || path == "/" {
		return volume.Root, nil
	}
	dir, name, err := walk(v, path)
	if err != nil {
		return 0, err
	}
	return v.Lookup(dir, name)
}

func (m *machine) same(t *rapid.T, what string, got, want error) {
	m.log = append(m.log, what)
	if !errors.Is(got, want) {
		t.Fatalf("%s: %v, twin has %v\nafter\n%s\n%s", what, got, want, strings.Join(m.log, "\n"), m.w)
	}
}

func (m *machine) check(t *rapid.T) {
	if got, want := plain(dump(t, m.v)), m.w.String(); got != want {
		t.Fatalf("volume:\n%s\ntwin:\n%s\nafter\n%s", got, want, strings.Join(m.log, "\n"))
	}
	for i, o := range m.orphan {
		if got := contents(t, m.v, i); !bytes.Equal(got, o.data) {
			t.Fatalf("held inode %d: %s, twin has %s\nafter\n%s", i, spell(got), spell(o.data), strings.Join(m.log, "\n"))
		}
	}
}

var drawPath = rapid.Custom(func(t *rapid.T) string {
	return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "d", "e"}), 1, 3).Draw(t, "path"), "/")
})

func (m *machine) makes(t *rapid.T) {
	path, mode := drawPath.Draw(t, "path"), rapid.Uint32Range(0, 0o777).Draw(t, "mode")
	kind := rapid.SampledFrom([]uint32{volume.ModeRegular, volume.ModeDir, volume.ModeDir, volume.ModeSymlink}).Draw(t, "kind")
	o := &object{mode: kind | mode}
	dir, name, err := walk(m.v, path)
	switch {
	case err != nil:
	case kind == volume.ModeRegular:
		_, err = m.v.Create(dir, name, mode)
	case kind == volume.ModeDir:
		_, err = m.v.Mkdir(dir, name, mode)
	}
	if kind == volume.ModeSymlink {
		o.mode, o.target = kind|0o777, "somewhere"
		if err == nil {
			_, err = m.v.Symlink(dir, name, o.target)
		}
	}
	m.same(t, fmt.Sprintf("make %s %#o", path, o.mode), err, m.w.add(path, o))
}

func (m *machine) links(t *rapid.T) {
	from, to := drawPath.Draw(t, "from"), drawPath.Draw(t, "to")
	i, err := find(m.v, from)
	if err == nil {
		var dir volume.Ino
		var name string
		if dir, name, err = walk(m.v, to); err == nil {
			err = m.v.Link(i, dir, name)
		}
	}
	m.same(t, "link "+from+" "+to, err, m.w.link(from, to))
}

func (m *machine) removes(t *rapid.T) {
	path, isDir := drawPath.Draw(t, "path"), rapid.Bool().Draw(t, "dir")
	dir, name, err := walk(m.v, path)
	switch {
	case err != nil:
	case isDir:
		err = m.v.Rmdir(dir, name)
	default:
		err = m.v.Unlink(dir, name)
	}
	m.same(t, fmt.Sprintf("remove %s, directory %v", path, isDir), err, m.w.remove(path, isDir))
}

func (m *machine) renames(t *rapid.T) {
	from, to := drawPath.Draw(t, "from"), drawPath.Draw(t, "to")
	flags := rapid.SampledFrom([]uint32{0, 0, volume.NoReplace, volume.Exchange}).Draw(t, "flags")
	dir, name, err := walk(m.v, from)
	if err == nil {
		var toDir volume.Ino
		var toName string
		if toDir, toName, err = walk(m.v, to); err == nil {
			err = m.v.Rename(dir, name, toDir, toName, flags)
		}
	}
	m.same(t, fmt.Sprintf("rename %s %s %d", from, to, flags), err, m.w.rename(from, to, flags))
}

// drawOffset draws places where pages and sectors meet.
var drawOffset = rapid.Custom(func(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 512, 4096, 8192, 12288}).Draw(t, "near") + rapid.Int64Range(0, 600).Draw(t, "off")
})

// file draws a file and returns it, or the error of both.
func (m *machine) file(t *rapid.T, what string) (volume.Ino, *object, string) {
	path := drawPath.Draw(t, "path")
	i, err := find(m.v, path)
	o, want := m.w.at(path)
	m.same(t, what+" "+path, err, want)
	if err != nil || !o.is(volume.ModeRegular) {
		return 0, nil, path
	}
	return i, o, path
}

func (m *machine) writes(t *rapid.T) {
	i, o, _ := m.file(t, "write")
	if o == nil {
		return
	}
	off, size := drawOffset.Draw(t, "off"), rapid.SampledFrom([]int{1, 100, 512, 4096, 9000}).Draw(t, "size")
	p := bytes.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(t, "byte"))}, size)
	n, err := m.v.Write(i, p, off)
	m.same(t, fmt.Sprintf("  %d bytes at %d", n, off), err, nil)
	if grow := int(off) + size - len(o.data); grow > 0 {
		o.data = append(o.data, make([]byte, grow)...)
	}
	copy(o.data[off:], p)
}

func (m *machine) truncates(t *rapid.T) {
	i, o, _ := m.file(t, "truncate")
	if o == nil {
		return
	}
	size := drawOffset.Draw(t, "size")
	m.same(t, fmt.Sprintf("  to %d", size), m.v.Truncate(i, size), nil)
	o.data = append(o.data, make([]byte, max(0, int(size)-len(o.data)))...)[:size:size]
}

func (m *machine) reads(t *rapid.T) {
	i, o, _ := m.file(t, "read")
	if o == nil {
		return
	}
	off := drawOffset.Draw(t, "off")
	p := bytes.Repeat([]byte{'!'}, rapid.IntRange(0, 5000).Draw(t, "size"))
	n, err := m.v.Read(i, p, off)
	m.same(t, "  read", err, nil)
	want := o.data[min(int(off), len(o.data)):min(int(off)+len(p), len(o.data))]
	if !bytes.Equal(p[:n], want) {
		t.Fatalf("read at %d: %s, twin has %s", off, spell(p[:n]), spell(want))
	}
}

func (m *machine) holds(t *rapid.T) {
	i, o, _ := m.file(t, "hold")
	if o != nil && m.orphan[i] == nil {
		m.v.Hold(i)
		m.orphan[i] = o
	}
}

func (m *machine) releases(*rapid.T) {
	for _, i := range protocol.SortedKeys(m.orphan) {
		m.v.Release(i)
		delete(m.orphan, i)
		return
	}
}

func (m *machine) chmods(t *rapid.T) {
	i, o, path := m.file(t, "chmod")
	if o != nil {
		o.mode = volume.ModeRegular | rapid.Uint32Range(0, 0o777).Draw(t, "mode")
		m.same(t, "chmod "+path, m.v.Chmod(i, o.mode), nil)
	}
}

func (m *machine) pins(t *rapid.T) {
	i, o, path := m.file(t, "pin")
	if o == nil {
		return
	}
	b, err := m.v.Pin(i, int64(rapid.IntRange(1, 20000).Draw(t, "size")))
	m.same(t, "pin "+path, err, nil)
	if n := min(len(b), len(o.data)); !bytes.Equal(b[:n], o.data[:n]) || len(bytes.Trim(b[n:], "\x00")) > 0 {
		t.Fatalf("mapping: %s, twin has %s", spell(b), spell(o.data))
	}
	m.v.Unpin(i, b)
}

func (m *machine) syncs(t *rapid.T) {
	i, err := find(m.v, drawPath.Draw(t, "path"))
	if err == nil {
		m.d.flush(m.v, m.v.Pending(i, rapid.Bool().Draw(t, "data")))
	}
}

// compacts takes a snapshot if there is one to take, and discards what lies before it.
func (m *machine) compacts(*rapid.T) {
	m.d.flush(m.v, m.v.PendingAll())
	m.v.CompactAt(0)
	if i, ok := m.v.Compact(); ok {
		m.d.flush(m.v, []uint64{i})
		m.d.records = m.d.records[i-m.d.first:]
		m.d.first = i
		m.log = append(m.log, "compacted")
	}
}

// remounts ends the life with nothing lost.
func (m *machine) remounts(t *rapid.T) {
	before := dump(t, m.v)
	m.d = m.d.crash(func(int) int { return 1 << 30 })
	m.v, _ = m.d.mount(t, m.model)
	m.orphan = make(map[volume.Ino]*object)
	m.log = append(m.log, "remount")
	if after := dump(t, m.v); after != before {
		t.Fatalf("a mount of all records makes\n%s\nof\n%s\nafter\n%s", after, before, strings.Join(m.log, "\n"))
	}
}

func property(model volume.Model) func(*rapid.T) {
	return func(t *rapid.T) {
		m := &machine{model: model, d: &disk{}, w: newTwin(), orphan: make(map[volume.Ino]*object)}
		m.v, _ = m.d.mount(t, model)
		t.Repeat(map[string]func(*rapid.T){
			"":          m.check,
			"make":      m.makes,
			"link":      m.links,
			"remove":    m.removes,
			"rename":    m.renames,
			"write":     m.writes,
			"truncate":  m.truncates,
			"read":      m.reads,
			"hold":      m.holds,
			"release":   m.releases,
			"chmod":     m.chmods,
			"pin":       m.pins,
			"sync":      m.syncs,
			"compact":   m.compacts,
			"remount":   m.remounts,
			"make more": m.makes,
			"write on":  m.writes,
		})
	}
}

func TestAVolumeIsAMapFromPathsToBytes(t *testing.T) {
	for _, model := range []volume.Model{volume.Ordered, volume.POSIX} {
		t.Run(fmt.Sprint(model), func(t *testing.T) {
			rapid.Check(t, property(model))
			fixed.Check(t, 50, property(model))
		})
	}
}
