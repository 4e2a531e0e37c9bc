package volume_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/host/volume"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// This file has a second opinion on what a crash may leave. It knows operations and
// the rules of the package comment, but no record: a history is cut into units, the
// rules say which sets of units may be on the disk together, and each set is played on maps.

type unit struct {
	what   string // create, link, unlink, rename, truncate; piece, grow
	ino    volume.Ino
	mode   uint32
	from   spot
	to     spot // of a rename
	off    int  // piece: where
	bytes  []byte
	size   int // grow, truncate
	pieces int // grow: as many pieces before it
	safe   bool
}

type spot struct {
	dir  volume.Ino
	name string
}

func (u *unit) meta() bool { return u.what != "piece" && u.what != "grow" }

// world is what units make.
type world struct {
	entries map[spot]volume.Ino
	modes   map[volume.Ino]uint32
	data    map[volume.Ino][]byte // may go on after the end
	size    map[volume.Ino]int
}

// play applies the units that are on the disk, in their order. sizes replaces the size of a
// grow that is there in part.
func play(units []unit, there func(int) bool, sizes map[int]int) *world {
	w := &world{map[spot]volume.Ino{}, map[volume.Ino]uint32{volume.Root: volume.ModeDir | 0o755}, map[volume.Ino][]byte{}, map[volume.Ino]int{}}
	for k, u := range units {
		if !there(k) {
			continue
		}
		switch u.what {
		case "create", "link":
			w.put(u.from, u.ino, u.mode)
		case "unlink":
			delete(w.entries, u.from)
		case "rename":
			delete(w.entries, u.from)
			w.put(u.to, u.ino, u.mode)
		case "truncate":
			w.data[u.ino] = w.data[u.ino][:min(u.size, len(w.data[u.ino]))]
			w.size[u.ino] = u.size
		case "piece":
			b := w.data[u.ino]
			b = append(b[:len(b):len(b)], make([]byte, max(0, u.off+len(u.bytes)-len(b)))...)
			copy(b[u.off:], u.bytes)
			w.data[u.ino] = b
		case "grow":
			size, ok := sizes[k]
			if !ok {
				size = u.size
			}
			w.size[u.ino] = max(w.size[u.ino], size)
		}
	}
	return w
}

// put makes an entry. A directory is only where it was put last.
func (w *world) put(at spot, i volume.Ino, mode uint32) {
	if mode&volume.ModeType == volume.ModeDir {
		maps.DeleteFunc(w.entries, func(_ spot, other volume.Ino) bool { return other == i })
	}
	w.entries[at] = i
	w.modes[i] = mode
}

// String is as dump, without times and inodes.
func (w *world) String() string {
	names := make(map[volume.Ino][]string)
	for at := range w.entries {
		names[at.dir] = append(names[at.dir], at.name)
	}
	links := make(map[volume.Ino]int)
	var lines []func(b *strings.Builder)
	var walk func(path string, i volume.Ino)
	walk = func(path string, i volume.Ino) {
		links[i]++
		mode := w.modes[i]
		lines = append(lines, func(b *strings.Builder) {
			if mode&volume.ModeType == volume.ModeDir {
				fmt.Fprintf(b, "%s: %#o, %d links\n", path, mode, links[i]+1)
				return
			}
			data := append(slices.Clone(w.data[i]), make([]byte, max(0, w.size[i]-len(w.data[i])))...)[:w.size[i]]
			fmt.Fprintf(b, "%s: %#o, %d links, %d bytes: %s\n", path, mode, links[i], w.size[i], spell(data))
		})
		slices.Sort(names[i])
		for _, name := range names[i] {
			child := w.entries[spot{i, name}]
			if w.modes[child]&volume.ModeType == volume.ModeDir {
				links[i]++
			}
			walk(strings.TrimSuffix(path, "/")+"/"+name, child)
		}
	}
	walk("/", volume.Root)
	var b strings.Builder
	for _, line := range lines {
		line(&b)
	}
	return b.String()
}

// history is a volume and the units of what was done to it.
type history struct {
	d     *disk
	v     *volume.Volume
	model volume.Model
	units []unit
	log   []string
}

func (h *history) now() *world { return play(h.units, func(int) bool { return true }, nil) }

func (h *history) write(i volume.Ino, off int, p []byte) {
	size, pieces := h.now().size[i], 0
	for pos := off; pos < off+len(p); pieces++ {
		stop := min((pos/4096+1)*4096, off+len(p))
		h.units = append(h.units, unit{what: "piece", ino: i, off: pos, bytes: p[pos-off : stop-off]})
		pos = stop
	}
	if off+len(p) > size {
		h.units = append(h.units, unit{what: "grow", ino: i, size: off + len(p), pieces: pieces})
	}
}

// of reports whether an fsync of an inode is about a metadata unit; under POSIX
// a file's names are not its own business.
func (u *unit) of(i volume.Ino, replaced map[*unit]volume.Ino, data bool) bool {
	entry := u.what != "truncate"
	inDir := entry && (u.from.dir == i || u.what == "rename" && u.to.dir == i)
	if data {
		return inDir || u.ino == i && (u.what == "truncate" || u.what == "create")
	}
	return inDir || u.ino == i || replaced[u] == i
}

// sync marks what an fsync makes safe by the rules.
func (h *history) sync(i volume.Ino, data bool) {
	replaced := h.replaced()
	until := -1
	for k := range h.units {
		u := &h.units[k]
		switch {
		case !u.meta() && u.ino == i:
			u.safe = true
			if !data || u.what == "grow" {
				until = k // an earlier operation is in the same transaction or before it
			}
		case u.meta() && h.model == volume.Ordered && u.of(i, replaced, data):
			until = k
		case u.meta() && h.model == volume.POSIX:
			entry := u.what != "truncate"
			if entry && (u.from.dir == i || u.what == "rename" && u.to.dir == i) || !entry && u.ino == i {
				u.safe = true
			}
		}
	}
	if h.model == volume.Ordered {
		for k := range until + 1 {
			if h.units[k].meta() {
				h.units[k].safe = true
			}
		}
	}
}

// replaced returns what each rename replaced.
func (h *history) replaced() map[*unit]volume.Ino {
	found := make(map[*unit]volume.Ino)
	for k := range h.units {
		if u := &h.units[k]; u.what == "rename" {
			found[u] = play(h.units[:k], func(int) bool { return true }, nil).entries[u.to]
		}
	}
	return found
}

// allowed returns the states that a crash may leave, with a set of units for each.
func (h *history) allowed() map[string]string {
	states := make(map[string]string)
	if h.model == volume.Ordered {
		h.ordered(states)
		return states
	}
	free := h.unsafe(func(*unit) bool { return true })
	for bits := range 1 << len(free) {
		there := func(k int) bool {
			at := slices.Index(free, k)
			return at < 0 || bits>>at&1 > 0
		}
		states[play(h.units, there, nil).String()] = h.name(there)
	}
	return states
}

func (h *history) unsafe(which func(*unit) bool) []int {
	var found []int
	for k := range h.units {
		if u := &h.units[k]; !u.safe && which(u) {
			found = append(found, k)
		}
	}
	return found
}

func (h *history) name(there func(int) bool) string {
	var parts []string
	for k, u := range h.units {
		if there(k) {
			parts = append(parts, fmt.Sprintf("%d:%s", k, u.what))
		}
	}
	return strings.Join(parts, " ")
}

// ordered adds all states under Ordered: a prefix of the metadata, and of each set of
// pieces those that are the prefix of a page's history, with any growth that they allow.
func (h *history) ordered(states map[string]string) {
	metas := h.unsafe((*unit).meta)
	pieces := h.unsafe(func(u *unit) bool { return u.what == "piece" })
	grows := h.unsafe(func(u *unit) bool { return u.what == "grow" })
	for kept := range len(metas) + 1 {
		meta := func(k int) bool { return !slices.Contains(metas[kept:], k) }
		for bits := range 1 << len(pieces) {
			there := func(k int) bool {
				at := slices.Index(pieces, k)
				return at < 0 || bits>>at&1 > 0
			}
			if !slices.ContainsFunc(pieces, func(k int) bool { return there(k) && !h.pageAllows(k, meta, there) }) {
				h.growths(grows, meta, there, states)
			}
		}
	}
}

// pageAllows reports whether the truncations before a piece are there, and the pieces of its page
// since the last one that dropped the page.
func (h *history) pageAllows(k int, meta, there func(int) bool) bool {
	piece := h.units[k]
	for j := k - 1; j >= 0; j-- {
		u := h.units[j]
		switch {
		case u.ino != piece.ino:
		case u.what == "truncate" && !meta(j):
			return false
		case u.what == "truncate" && u.size <= piece.off/4096*4096:
			// What is below it does not matter to the page.
			return h.truncationsBefore(j, piece.ino, meta)
		case u.what == "piece" && u.off/4096 == piece.off/4096 && !there(j):
			return false
		}
	}
	return true
}

func (h *history) truncationsBefore(k int, i volume.Ino, meta func(int) bool) bool {
	for j := range k {
		if u := h.units[j]; u.what == "truncate" && u.ino == i && !meta(j) {
			return false
		}
	}
	return true
}

// growths adds the states of one choice of metadata and pieces: each growth may be there if
// those before it are, since the last truncation, and its data, and all earlier metadata. With a
// part of its data, a growth may be there in part.
func (h *history) growths(grows []int, meta, there func(int) bool, states map[string]string) {
	for bits := range 1 << len(grows) {
		sizes := make(map[int]int)
		grown := func(k int) bool {
			at := slices.Index(grows, k)
			return at < 0 || bits>>at&1 > 0
		}
		if slices.ContainsFunc(grows, func(k int) bool { return grown(k) && !h.mayGrow(k, meta, there, grown, sizes) }) {
			continue
		}
		all := func(k int) bool {
			switch {
			case h.units[k].meta():
				return meta(k)
			case h.units[k].what == "piece":
				return there(k)
			}
			return grown(k)
		}
		states[play(h.units, all, sizes).String()] = h.name(all)
	}
}

func (h *history) mayGrow(k int, meta, there, grown func(int) bool, sizes map[int]int) bool {
	u, first := h.units[k], k-h.units[k].pieces
	n := 0
	for n < u.pieces && there(first+n) {
		n++
	}
	if n == 0 {
		return false
	}
	if n < u.pieces {
		last := h.units[first+n-1]
		sizes[k] = last.off + len(last.bytes)
	}
	for j := k - 1; j >= 0; j-- {
		if h.units[j].meta() && !meta(j) {
			return false
		}
	}
	for j := k - 1; j >= 0; j-- {
		b := h.units[j]
		switch {
		case b.ino != u.ino:
		case b.what == "truncate":
			return true
		case b.what == "grow" && (!grown(j) || !h.full(j, there)):
			return false
		}
	}
	return true
}

func (h *history) full(k int, there func(int) bool) bool {
	for j := k - h.units[k].pieces; j < k; j++ {
		if !there(j) {
			return false
		}
	}
	return true
}

// mounted returns the states that the volume makes of all subsets of the unsafe records.
func (h *history) mounted(t *rapid.T) map[string]string {
	states := make(map[string]string)
	free := h.d.unsafe()
	for bits := range 1 << len(free) {
		after := h.d.crash(func(position int) int {
			if bits>>slices.Index(free, position)&1 > 0 {
				return 1 << 30
			}
			return -1
		})
		v, _ := after.mount(t, h.model)
		state := dump(t, v)
		again, _ := after.mount(t, h.model)
		if second := dump(t, again); second != state {
			t.Fatalf("the second mount makes\n%s\nof\n%s\nrecords\n%s", second, state, after)
		}
		states[plain(state)] = after.String()
	}
	return states
}

// step does one drawn operation, if it can be done.
func (h *history) step(t *rapid.T) {
	spots := []spot{{volume.Root, "f"}, {volume.Root, "g"}, {2, "f"}, {2, "g"}, {volume.Root, "d"}, {volume.Root, "e"}}
	w := h.now()
	what := rapid.SampledFrom([]string{"create", "write", "write", "append", "truncate", "rename", "rename", "unlink", "link", "fsync", "fdatasync", "fsyncdir"}).Draw(t, "op")
	if what != "create" && what != "fsyncdir" {
		spots = slices.DeleteFunc(spots, func(s spot) bool { return w.entries[s] == 0 })
	}
	at := rapid.SampledFrom(spots).Draw(t, "at")
	i, mode := w.entries[at], w.modes[w.entries[at]]
	file := i != 0 && mode&volume.ModeType == volume.ModeRegular
	spots = []spot{{volume.Root, "f"}, {volume.Root, "g"}, {2, "f"}, {2, "g"}, {volume.Root, "e"}}
	to := rapid.SampledFrom(spots).Draw(t, "to")
	done := what
	var err error
	switch what {
	case "create":
		i, err = h.v.Create(at.dir, at.name, 0o644)
		h.add(err, unit{what: "create", ino: i, mode: volume.ModeRegular | 0o644, from: at})
	case "write", "append":
		off := rapid.SampledFrom([]int{0, 10, 4096, 4000, 8190}).Draw(t, "off")
		if what == "append" {
			off = w.size[i]
		}
		p := bytes.Repeat([]byte{byte('a' + len(h.log))}, rapid.SampledFrom([]int{5, 100, 4096, 5000}).Draw(t, "n"))
		if file {
			_, err = h.v.Write(i, p, int64(off))
			h.write(i, off, p)
			done = fmt.Sprintf("write %d at %d", len(p), off)
		}
	case "truncate":
		size := rapid.SampledFrom([]int{0, 7, 4096, 4200, 9000}).Draw(t, "size")
		if file && size != w.size[i] {
			err = h.v.Truncate(i, int64(size))
			h.add(err, unit{what: "truncate", ino: i, size: size})
			done = fmt.Sprintf("truncate to %d", size)
		}
	case "rename":
		if err = h.v.Rename(at.dir, at.name, to.dir, to.name, 0); w.entries[to] != i {
			h.add(err, unit{what: "rename", ino: i, mode: mode, from: at, to: to})
		}
		done = fmt.Sprintf("rename to %v", to)
	case "unlink":
		err = h.v.Unlink(at.dir, at.name)
		h.add(err, unit{what: "unlink", ino: i, from: at})
	case "link":
		if i != 0 {
			err = h.v.Link(i, to.dir, to.name)
			h.add(err, unit{what: "link", ino: i, mode: mode, from: to})
		}
	case "fsync", "fdatasync", "fsyncdir":
		if what == "fsyncdir" {
			i = at.dir
		}
		if i != 0 {
			h.d.flush(h.v, h.v.Pending(i, what == "fdatasync"))
			h.sync(i, what == "fdatasync")
		}
	}
	h.log = append(h.log, fmt.Sprintf("%s of %v, inode %d: %v", done, at, i, err))
}

func (h *history) add(err error, u unit) {
	if err == nil {
		h.units = append(h.units, u)
	}
}

// newHistory begins with a directory d and a file f that are safe.
func newHistory(t *rapid.T, model volume.Model) *history {
	h := &history{d: &disk{}, model: model}
	h.v, _ = h.d.mount(t, model)
	d, _ := h.v.Mkdir(volume.Root, "d", 0o755)
	f, _ := h.v.Create(volume.Root, "f", 0o644)
	h.units = append(h.units, unit{what: "create", ino: d, mode: volume.ModeDir | 0o755, from: spot{volume.Root, "d"}},
		unit{what: "create", ino: f, mode: volume.ModeRegular | 0o644, from: spot{volume.Root, "f"}})
	old := bytes.Repeat([]byte{'o'}, 4100)
	if _, err := h.v.Write(f, old, 0); err != nil {
		t.Fatalf("%v", err)
	}
	h.write(f, 0, old)
	for k := range h.units {
		h.units[k].safe = true
	}
	h.d.flush(h.v, h.v.PendingAll())
	return h
}

func allowed(model volume.Model, states *int) func(*rapid.T) {
	return func(t *rapid.T) {
		h := newHistory(t, model)
		for n := rapid.IntRange(3, 10).Draw(t, "ops"); n > 0 && len(h.d.unsafe()) < 7; n-- {
			h.step(t)
		}
		if len(h.d.unsafe()) > 9 {
			return // too many
		}
		got, want := h.mounted(t), h.allowed()
		*states += len(want)
		for _, state := range protocol.SortedKeys(got) {
			if want[state] == "" {
				t.Fatalf("the rules do not allow\n%s\nof\n%s\nafter\n%s", state, got[state], strings.Join(h.log, "\n"))
			}
		}
		for _, state := range protocol.SortedKeys(want) {
			if got[state] == "" {
				t.Fatalf("no crash makes\n%s\nas the units\n%s\nwould, of\n%s\nafter\n%s", state, want[state], h.d, strings.Join(h.log, "\n"))
			}
		}
	}
}

func TestACrashLeavesWhatTheModelAllows(t *testing.T) {
	for _, model := range []volume.Model{volume.Ordered, volume.POSIX} {
		t.Run(model.String(), func(t *testing.T) {
			states := 0
			rapid.Check(t, allowed(model, new(int)))
			fixed.Check(t, 100, allowed(model, &states))
			if states < 400 {
				t.Errorf("vacuous: %d states", states)
			}
		})
	}
}
