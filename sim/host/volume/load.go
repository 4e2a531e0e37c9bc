package volume

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"dessim/protocol"
)

// loader replays records. It judges a life by the records that are left of it, so every later mount
// judges it in the same way.
type loader struct {
	v       *Volume
	epoch   uint32
	seq     uint64 // the last one
	meta    uint64 // Ordered: operations on metadata up to this one are replayed
	gap     bool   // Ordered: the next one is missing, so no later one counts
	moved   bool   // entries changed in this epoch
	recent  []written
	pages   map[pageKey]uint64 // Ordered: seq of the last record that counts
	sizes   map[Ino]uint64
	edited  map[Ino]struct{} // files with data in this epoch
	guessed map[Ino]struct{} // inodes whose mode no record has said yet
	torn    uint64           // records without a header since the last one with a header
	notes   []note
}

type pageKey struct {
	ino  Ino
	page int64
}

// written is a data record that counts and is whole.
type written struct {
	ino Ino
	seq uint64
	end int64
}

type note struct {
	what string
	ino  Ino
	why  string
}

// Mount replays the records that survived, oldest first, and returns the volume that they make. Its
// second result says what the last life lost, as far as records show it: one line for each
// operation that is torn, dropped or missing. The error names a record that no crash can leave. The
// records are borrowed until Mount returns.
//
// An empty volume has a root directory and nothing else.
func Mount(records iter.Seq2[uint64, []byte], c Config) (*Volume, []string, error) {
	if c.Epoch == 0 {
		return nil, nil, errors.New("volume: lives are numbered from 1, this one has number 0")
	}
	v := &Volume{c: c, pend: make(map[uint64]*pending), worth: worthCompacting}
	v.clear()
	l := &loader{v: v}
	l.begin(0)
	for index, rec := range records {
		if err := l.replay(rec); err != nil {
			return nil, nil, fmt.Errorf("volume: record %d %w", index, err)
		}
		v.logged += int64(len(rec))
	}
	paths := l.finish()
	lines := make([]string, 0, len(l.notes))
	for _, n := range l.notes {
		now := ""
		if path := paths[n.ino]; path != "" && !strings.HasSuffix(n.what, word(path)) {
			now = " (now " + path + ")"
		}
		lines = append(lines, n.what+now+": "+n.why)
	}
	return v, lines, nil
}

// clear makes the volume empty.
func (v *Volume) clear() {
	v.nodes, v.pages, v.logged = make(map[Ino]*node), 0, 0
	root := v.newNode(target{ino: Root, mode: ModeDir | 0o755}, 0)
	root.parent, root.links = root, 1
	v.next = max(v.next, Root+1)
}

// begin starts a life.
func (l *loader) begin(epoch uint32) {
	l.epoch, l.seq, l.meta, l.gap, l.moved, l.recent = epoch, 0, 0, false, false, nil
	l.pages, l.sizes, l.edited = make(map[pageKey]uint64), make(map[Ino]uint64), make(map[Ino]struct{})
	l.guessed, l.torn = make(map[Ino]struct{}), 0
}

func (l *loader) ordered() bool { return l.v.c.Model == Ordered }

// note keeps a line about the last life.
func (l *loader) note(r *record, why string) {
	if r.epoch+1 == l.v.c.Epoch {
		l.notes = append(l.notes, note{r.describe(), r.to.ino, why})
	}
}

// replay applies one record.
func (l *loader) replay(rec []byte) error {
	r, err := decode(rec)
	if err == errTorn {
		l.torn++
		if l.epoch+1 == l.v.c.Epoch {
			l.notes = append(l.notes, note{what: Describe(rec), why: "it did not happen"})
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.enter(&r); err != nil {
		return err
	}
	l.v.next = max(l.v.next, r.to.ino+1, r.other.ino+1)
	switch {
	case r.kind == kindData:
		err = l.data(&r)
	case r.kind == kindSnapshot && r.torn:
		l.note(&r, "torn, it did not happen")
	case r.kind == kindSnapshot:
		err = l.snapshot(&r)
	case r.kind == kindSize:
		err = l.size(&r)
	case !l.ordered():
		err = l.operation(&r)
	default:
		if r.meta != l.meta+1 {
			l.gap = true
		}
		if l.gap {
			l.note(&r, "dropped, since an earlier operation is lost")
			break
		}
		l.meta = r.meta
		err = l.operation(&r)
	}
	if r.kind != kindData {
		l.recent = l.recent[:0]
	}
	return err
}

// enter checks that the record follows those before it.
func (l *loader) enter(r *record) error {
	if r.epoch >= l.v.c.Epoch {
		return fmt.Errorf("is of life %d, this is life %d", r.epoch, l.v.c.Epoch)
	}
	if r.epoch < l.epoch {
		return fmt.Errorf("is of life %d, after one of life %d", r.epoch, l.epoch)
	}
	if r.epoch > l.epoch {
		l.finish()
		l.begin(r.epoch)
	}
	if r.seq <= l.seq {
		return fmt.Errorf("is number %d of its life, after number %d", r.seq, l.seq)
	}
	if missing := r.seq - l.seq - 1; missing > l.torn && r.kind != kindSnapshot {
		l.note(r, fmt.Sprintf("directly before it, %d lost", missing-l.torn))
	}
	l.seq, l.torn = r.seq, 0
	return nil
}

// data applies the part of a write to one page that survived.
func (l *loader) data(r *record) error {
	if r.at%PageSize+int64(r.full) > PageSize || r.full == 0 || r.at+int64(r.full) > MaxSize {
		return errDamaged
	}
	key := pageKey{r.to.ino, r.at / PageSize}
	if l.ordered() && (r.meta > l.meta || r.prev > 0 && l.pages[key] != r.prev) {
		l.note(r, "dropped, since an earlier operation on it is lost")
		return nil
	}
	n, err := l.file(r)
	if err != nil {
		return err
	}
	payload := r.payload
	if r.torn {
		keep := (r.at+int64(len(payload)))/SectorSize*SectorSize - r.at
		payload = payload[:max(0, keep)]
		l.note(r, fmt.Sprintf("torn after %d bytes", len(payload)))
	} else {
		l.pages[key] = r.seq
		l.recent = append(l.recent, written{n.ino, r.seq, r.at + int64(r.full)})
	}
	if len(payload) > 0 {
		l.v.store(n, payload, r.at)
		n.mtime, n.ctime = r.now, r.now
	}
	return nil
}

// size applies the growth of a file: under Ordered, as far as its data survived.
func (l *loader) size(r *record) error {
	n, err := l.file(r)
	if err != nil {
		return err
	}
	size := r.at
	if l.ordered() {
		if r.meta > l.meta || r.prev > 0 && l.sizes[n.ino] != r.prev {
			l.note(r, "dropped, since an earlier operation on it is lost")
			return nil
		}
		whole := l.whole(r)
		if uint64(len(whole)) < r.count {
			if len(whole) == 0 {
				l.note(r, "dropped, since its data is lost")
				return nil
			}
			size = whole[len(whole)-1].end
			l.note(r, fmt.Sprintf("the size is %d, since data after it is lost", max(n.size, size)))
		} else {
			l.sizes[n.ino] = r.seq
		}
	}
	n.size = max(n.size, size)
	n.mtime, n.ctime = r.now, r.now
	return nil
}

// whole returns the data records of a write up to the first that is missing or torn.
func (l *loader) whole(r *record) []written {
	if r.count >= r.seq {
		return nil
	}
	first, from := r.seq-r.count, 0
	for from < len(l.recent) && l.recent[from].seq < first {
		from++
	}
	found := l.recent[from:]
	for k, w := range found {
		if w.ino != r.to.ino || w.seq != first+uint64(k) {
			return found[:k]
		}
	}
	return found
}

// finish ends a life as the mount after it does: it drops data after the ends of files, and inodes that
// no name leads to, so no later operation can bring them back. It returns a path for each inode.
func (l *loader) finish() map[Ino]string {
	v := l.v
	for _, i := range protocol.SortedKeys(l.edited) {
		if n := v.nodes[i]; n != nil && n.kind() == ModeRegular {
			v.cut(n, n.size)
		}
	}
	if !l.moved && len(l.notes) == 0 {
		return nil
	}
	paths := map[Ino]string{Root: "/"}
	links := make(map[Ino]uint32)
	for dirs := []*node{v.nodes[Root]}; len(dirs) > 0; dirs = dirs[1:] {
		for _, name := range protocol.SortedKeys(dirs[0].entries) {
			n := dirs[0].entries[name]
			links[n.ino]++
			if links[n.ino] > 1 {
				continue
			}
			paths[n.ino] = strings.TrimSuffix(paths[dirs[0].ino], "/") + "/" + name
			if n.isDir() {
				dirs = append(dirs, n)
			}
		}
	}
	for _, i := range protocol.SortedKeys(v.nodes) {
		if n := v.nodes[i]; i != Root {
			n.links = links[i]
			v.forget(n)
		}
	}
	return paths
}
