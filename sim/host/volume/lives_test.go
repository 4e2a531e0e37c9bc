package volume_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"dessim/sim/host/volume"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// lives is a volume over several crashes, with what the program may rely on.
type lives struct {
	model  volume.Model
	d      *disk
	v      *volume.Volume
	stable map[string][]byte // files that are synced, and their directory too, and not touched since
	broken map[string]bool   // some fsync failed, and not all was written again since
	log    []string
	seen   map[string]int

	meanwhile bool // there was a write while the last fsync was under way
}

func (l *lives) say(format string, args ...any) {
	l.log = append(l.log, fmt.Sprintf(format, args...))
}

var lifeNames = []string{"a", "b", "c"}

// write creates a file if need be and writes to it.
func (l *lives) write(t *rapid.T) {
	name := rapid.SampledFrom(lifeNames).Draw(t, "name")
	i, err := l.v.Lookup(volume.Root, name)
	if err != nil {
		if i, err = l.v.Create(volume.Root, name, 0o600); err != nil {
			t.Fatalf("create %s: %v", name, err)
		}
	}
	p := bytes.Repeat([]byte{byte('a' + len(l.log)%26)}, rapid.SampledFrom([]int{1, 300, 512, 4096, 10000}).Draw(t, "n"))
	off := rapid.SampledFrom([]int64{0, 100, 512, 4096, 4097, 12000}).Draw(t, "off")
	if _, err := l.v.Write(i, p, off); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
	delete(l.stable, name)
	l.say("write %s: %d at %d", name, len(p), off)
}

// rewrite replaces a whole file in the way that is safe under all models.
func (l *lives) rewrite(t *rapid.T) {
	name := rapid.SampledFrom(lifeNames).Draw(t, "name")
	p := bytes.Repeat([]byte{byte('A' + len(l.log)%26)}, rapid.SampledFrom([]int{1, 4096, 10000}).Draw(t, "n"))
	_ = l.v.Unlink(volume.Root, "tmp")
	i, err := l.v.Create(volume.Root, "tmp", 0o600)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if _, err := l.v.Write(i, p, 0); err != nil {
		t.Fatalf("write: %v", err)
	}
	l.meanwhile = false
	if !l.fsync(t, i, false) || l.meanwhile {
		return
	}
	if err := l.v.Rename(volume.Root, "tmp", volume.Root, name, 0); err != nil {
		t.Fatalf("rename: %v", err)
	}
	delete(l.stable, name)
	delete(l.broken, name)
	l.say("rewrite %s: %d", name, len(p))
	if l.fsync(t, volume.Root, false) {
		l.stable[name] = p
	}
}

func (l *lives) truncate(t *rapid.T) {
	name := rapid.SampledFrom(lifeNames).Draw(t, "name")
	if i, err := l.v.Lookup(volume.Root, name); err == nil {
		size := rapid.SampledFrom([]int64{0, 200, 4096, 9000}).Draw(t, "size")
		if err := l.v.Truncate(i, size); err != nil {
			t.Fatalf("truncate %s: %v", name, err)
		}
		delete(l.stable, name)
		l.say("truncate %s to %d", name, size)
	}
}

// fsync flushes what is pending, and fails now and then.
func (l *lives) fsync(t *rapid.T, i volume.Ino, data bool) bool {
	records := l.v.Pending(i, data)
	if info, err := l.v.Stat(i); err == nil && info.Mode&volume.ModeType == volume.ModeRegular && rapid.IntRange(0, 3).Draw(t, "meanwhile") == 3 {
		if _, err := l.v.Write(i, []byte("!!!"), info.Size/2); err != nil {
			t.Fatalf("write: %v", err)
		}
		l.say("meanwhile a write at %d", info.Size/2)
		l.seen["meanwhile"]++
		l.meanwhile = true
	}
	if rapid.IntRange(0, 2).Draw(t, "fails") == 2 {
		l.v.Failed(records)
		l.say("fsync of inode %d fails: %d", i, records)
		l.seen["failed fsync"]++
		return false
	}
	l.d.flush(l.v, records)
	l.say("fsync of inode %d: %d", i, records)
	return true
}

// sync fsyncs a file and the directory.
func (l *lives) sync(t *rapid.T) {
	l.syncFile(t, rapid.SampledFrom(lifeNames).Draw(t, "name"))
}

func (l *lives) syncFile(t *rapid.T, name string) {
	i, err := l.v.Lookup(volume.Root, name)
	if err != nil {
		return
	}
	l.meanwhile = false
	if !l.fsync(t, i, rapid.Bool().Draw(t, "data")) {
		l.broken[name] = true
		delete(l.stable, name)
		return
	}
	touched := l.meanwhile
	if touched {
		delete(l.stable, name)
	}
	if l.fsync(t, volume.Root, false) && !l.broken[name] && !touched {
		l.stable[name] = contents(t, l.v, i)
	}
}

// again writes a whole file again, as one has to after a failed fsync, and syncs it.
func (l *lives) again(t *rapid.T) {
	for _, name := range lifeNames {
		i, err := l.v.Lookup(volume.Root, name)
		if err != nil || !l.broken[name] {
			continue
		}
		b := contents(t, l.v, i)
		for off := 0; off < len(b); off += 4096 { // a byte a page will do
			_, err = l.v.Write(i, b[off:off+1], int64(off))
		}
		l.say("write %s again: %v", name, err)
		delete(l.broken, name)
		l.seen["written again"]++
		l.syncFile(t, name)
		return
	}
}

func (l *lives) compact(*rapid.T) {
	l.d.flush(l.v, l.v.PendingAll())
	l.v.CompactAt(0)
	if i, ok := l.v.Compact(); ok {
		l.d.flush(l.v, []uint64{i})
		l.d.records = l.d.records[i-l.d.first:]
		l.d.first = i
		l.seen["snapshot"]++
	}
}

// crash loses, keeps and tears what is not safe, and mounts twice.
func (l *lives) crash(t *rapid.T) {
	records := l.d
	l.d = l.d.crash(func(position int) int {
		size := len(records.records[position].bytes)
		switch rapid.IntRange(0, 3).Draw(t, "fate") {
		case 0:
			return -1
		case 1:
			l.seen["torn"]++
			return rapid.IntRange(0, size-1).Draw(t, "left")
		}
		return size
	})
	v, _ := l.d.mount(t, l.model)
	first := dump(t, v)
	l.v, _ = l.d.mount(t, l.model)
	if second := dump(t, l.v); second != first {
		t.Fatalf("the second mount makes\n%s\nof\n%s\nrecords\n%s", second, first, l.d)
	}
	for name, want := range l.stable {
		i, err := l.v.Lookup(volume.Root, name)
		if err != nil {
			t.Fatalf("%s was synced, now: %v\n%s\nafter\n%s", name, err, l.d, strings.Join(l.log, "\n"))
		}
		if got := contents(t, l.v, i); !bytes.Equal(got, want) {
			t.Fatalf("%s has %s, synced was %s\n%s\nafter\n%s", name, spell(got), spell(want), l.d, strings.Join(l.log, "\n"))
		}
	}
	if len(l.stable) > 0 {
		l.seen["stable"]++
	}
	clear(l.broken) // what is on the disk is on the disk
	l.say("crash:\n%s", first)
}

// remount loses nothing, so it changes nothing.
func (l *lives) remount(t *rapid.T) {
	before := dump(t, l.v)
	l.d = l.d.crash(func(int) int { return 1 << 30 })
	l.v, _ = l.d.mount(t, l.model)
	if after := dump(t, l.v); after != before && l.seen["failed fsync"] == 0 {
		t.Fatalf("a mount of all records makes\n%s\nof\n%s\nafter\n%s\n%s", after, before, strings.Join(l.log, "\n"), l.d)
	}
	clear(l.broken)
}

func survives(model volume.Model, seen map[string]int) func(*rapid.T) {
	return func(t *rapid.T) {
		l := &lives{model: model, d: &disk{}, stable: map[string][]byte{}, broken: map[string]bool{}, seen: map[string]int{}}
		defer func() {
			for _, what := range []string{"failed fsync", "written again", "snapshot", "torn", "stable", "meanwhile"} {
				seen[what] += l.seen[what]
			}
		}()
		l.v, _ = l.d.mount(t, model)
		t.Repeat(map[string]func(*rapid.T){
			"write": l.write, "write more": l.write, "rewrite": l.rewrite, "truncate": l.truncate, "sync": l.sync,
			"sync more": l.sync, "again": l.again, "compact": l.compact, "crash": l.crash, "crash too": l.crash, "remount": l.remount,
		})
	}
}

func TestWhatIsSyncedSurvivesCrashes(t *testing.T) {
	for _, model := range []volume.Model{volume.Ordered, volume.POSIX} {
		t.Run(model.String(), func(t *testing.T) {
			seen := make(map[string]int)
			rapid.Check(t, survives(model, maps.Clone(seen)))
			fixed.Check(t, 50, survives(model, seen))
			for _, what := range []string{"failed fsync", "written again", "snapshot", "torn", "stable", "meanwhile"} {
				if seen[what] == 0 {
					t.Errorf("vacuous: no %s", what)
				}
			}
		})
	}
}
