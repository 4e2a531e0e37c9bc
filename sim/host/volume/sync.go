package volume

import (
	"cmp"
	"slices"

	"dessim/protocol"
)

// unsynced is what an inode knows of its records that are not safe.
type unsynced struct {
	data     []*pending         // waiting records of data and sizes, oldest first
	ops      []*pending         // POSIX: waiting operations that an fsync of it makes safe, oldest first
	last     map[int64]*pending // the last record of a page that is in data
	lastSize *pending           // the last size record that is in data
	bad      map[int64]struct{} // pages that count as clean since a flush failed, but are not on the disk

	// Numbers of metadata operations:
	touched     uint64 // the last one that an fsync makes safe
	dataTouched uint64 // the last one that an fdatasync makes safe
	cutMeta     uint64 // the last truncation
	marked      bool   // in the list of changed inodes of a Flushed or Failed
}

type state uint8

const (
	waiting state = iota
	safe
	failed
)

// pending is a record that is not safe.
type pending struct {
	index      uint64
	seq        uint64
	meta       uint64
	node, more *node // whose lists have it: two, for some operations under POSIX
	page       int64 // of data
	kind       kind
	state      state
}

// persist writes a record. Its result is nil if the record is safe at once.
func (v *Volume) persist(r *record) *pending {
	v.seq++
	r.epoch, r.seq = v.c.Epoch, v.seq
	if r.kind != kindSnapshot {
		r.path = cmp.Or(r.path, v.pathOf(r.to.ino))
		r.placeIn, r.secondIn = v.pathOf(r.place.dir), v.pathOf(r.second.dir)
	}
	v.scratch = r.appendHeader(v.scratch[:0], len(r.payload))
	header := len(v.scratch)
	v.scratch = append(v.scratch, r.payload...)
	v.logged += int64(len(v.scratch))
	index := v.c.Persist(v.scratch, header)
	if v.c.Model == Synced && r.kind != kindSnapshot {
		return nil
	}
	p := &pending{index: index, seq: r.seq, meta: r.meta, kind: r.kind}
	v.pend[index] = p
	v.waiting++
	return p
}

// pathOf returns the path of an inode, or "".
func (v *Volume) pathOf(i Ino) string {
	if n := v.nodes[i]; n != nil {
		return n.path()
	}
	return ""
}

// change persists an operation on metadata and returns its number. dir and to are the directories that
// it changes, n and other the inodes that it renames, replaces or alters. All but one may be nil.
func (v *Volume) change(r record, dir, to, n, other *node) uint64 {
	v.meta++
	r.meta = v.meta
	for _, x := range [...]*node{dir, to, n, other} {
		if x != nil {
			x.touched, x.ctime = v.meta, r.now
		}
	}
	for _, x := range [...]*node{dir, to} {
		if x != nil {
			x.dataTouched, x.mtime = v.meta, r.now // entries are a directory's data
		}
	}
	p := v.persist(&r)
	switch {
	case p == nil:
	case v.c.Model == Ordered:
		v.metas = append(v.metas, p)
	case dir == nil:
		p.node = n
		n.ops = append(n.ops, p)
	default:
		p.node = dir
		dir.ops = append(dir.ops, p)
		if to != nil && to != dir {
			p.more = to
			to.ops = append(to.ops, p)
		}
	}
	return v.meta
}

// changeData persists the bytes of a page from pos to stop. size is the file's size after the write.
func (v *Volume) changeData(n *node, pos, stop, size, now int64) {
	number := pos / PageSize
	first, end := number*PageSize, min((number+1)*PageSize, size)
	if _, ok := n.bad[number]; ok { // the page is dirty again, and all of it is written
		pos, stop = first, end
		delete(n.bad, number)
		v.bad--
	}
	r := record{kind: kindData, meta: n.cutMeta, now: now, to: target{ino: n.ino}, at: pos}
	r.payload = n.pages[number][pos-first : stop-first]
	if p := n.last[number]; p != nil && (pos > first || stop < end) {
		r.prev = p.seq
	}
	if p := v.persist(&r); p != nil {
		p.node, p.page = n, number
		n.data = append(n.data, p)
		if n.last == nil {
			n.last = make(map[int64]*pending)
		}
		n.last[number] = p
	}
}

// changeSize persists that the file has grown by a write of count data records.
func (v *Volume) changeSize(n *node, count uint64, now int64) {
	r := record{kind: kindSize, meta: v.meta, now: now, to: target{ino: n.ino}, at: n.size, count: count}
	if n.lastSize != nil && count > 0 {
		r.prev = n.lastSize.seq
	}
	n.touched, n.dataTouched = v.meta, v.meta // a sync of it includes the operations before it
	if p := v.persist(&r); p != nil {
		p.node = n
		n.data = append(n.data, p)
		n.lastSize = p
	}
}

// cutSync forgets the records of pages that a truncation drops.
func (v *Volume) cutSync(n *node, size int64) {
	first := (size + PageSize - 1) / PageSize
	for _, number := range protocol.SortedKeys(n.last) {
		if number >= first {
			delete(n.last, number)
		}
	}
	for _, number := range protocol.SortedKeys(n.bad) {
		if number >= first {
			delete(n.bad, number)
			v.bad--
		}
	}
	n.lastSize = nil
}

// handOver adds the pending operations of an inode without a name to those of the directory that had its
// last name, so an fsync of the directory makes them safe: the inode may never be synced again.
func (n *node) handOver(dir *node) {
	if n.links > 0 {
		return
	}
	for _, p := range n.ops {
		switch {
		case p.node == dir || p.more == dir:
			continue
		case p.more == nil:
			p.more = dir
		case p.node == n:
			p.node = dir
		default:
			p.more = dir
		}
		dir.ops = append(dir.ops, p)
	}
}

// abandon forgets the unsynced data of an inode that is freed.
func (v *Volume) abandon(n *node) {
	for _, p := range n.data {
		delete(v.pend, p.index)
		v.waiting--
	}
	v.bad -= len(n.bad)
	n.data, n.last, n.lastSize, n.bad = nil, nil, nil, nil
}

// Pending returns the records that an fsync of an inode has to make safe under the model, ascending,
// including those of a flush under way. If data is set, it is for an fdatasync.
func (v *Volume) Pending(i Ino, data bool) []uint64 {
	n := v.nodes[i]
	if n == nil {
		return nil
	}
	var found []uint64
	for _, p := range n.data {
		found = append(found, p.index)
	}
	for _, p := range n.ops {
		if !data || p.kind != kindMode && p.kind != kindTimes {
			found = append(found, p.index)
		}
	}
	until := n.touched
	if data {
		until = n.dataTouched
	}
	for _, p := range v.metas {
		if p.meta > until {
			break
		}
		found = append(found, p.index)
	}
	slices.Sort(found)
	return found
}

// PendingAll returns the records that a sync has to make safe, ascending.
func (v *Volume) PendingAll() []uint64 {
	var found []uint64
	for _, index := range protocol.SortedKeys(v.pend) {
		if p := v.pend[index]; p.state == waiting && p.kind != kindSnapshot {
			found = append(found, index)
		}
	}
	return found
}

// Flushed notes that these records are safe.
func (v *Volume) Flushed(records []uint64) {
	var changed []*node
	for _, index := range records {
		p := v.pend[index]
		if p == nil {
			continue
		}
		delete(v.pend, index)
		v.waiting--
		p.state = safe
		if p.kind == kindSnapshot {
			v.logged -= v.loggedBefore
		}
		changed = p.mark(changed)
	}
	for len(v.metas) > 0 && v.metas[0].state == safe {
		v.metas = v.metas[1:]
	}
	v.settle(changed)
}

// mark adds the inodes whose lists have the record to changed.
func (p *pending) mark(changed []*node) []*node {
	for _, n := range [...]*node{p.node, p.more} {
		if n != nil && !n.marked {
			n.marked = true
			changed = append(changed, n)
		}
	}
	return changed
}

// settle removes the records that no longer wait from the lists.
func (v *Volume) settle(changed []*node) {
	done := func(p *pending) bool { return p.state != waiting }
	for _, n := range changed {
		n.marked = false
		for _, p := range n.data {
			if p.state != waiting && n.last[p.page] == p {
				delete(n.last, p.page)
			}
		}
		if n.lastSize != nil && n.lastSize.state != waiting {
			n.lastSize = nil
		}
		n.data = slices.DeleteFunc(n.data, done)
		n.ops = slices.DeleteFunc(n.ops, done)
	}
}

// Failed notes that a flush of these records failed. As on Linux, the data among them counts as clean
// from then on: no later sync writes it, until a write touches the same page. Operations on metadata
// stay pending. Failed may persist records, and returns the files whose data is concerned.
func (v *Volume) Failed(records []uint64) (files []Ino) {
	var changed []*node
	var lost []*pending
	for _, index := range records {
		p := v.pend[index]
		if p == nil || p.kind.numbered() {
			continue
		}
		delete(v.pend, index)
		v.waiting--
		p.state = failed
		lost = append(lost, p)
		changed = p.mark(changed)
	}
	v.settle(changed)
	now := v.c.Now()
	for _, n := range changed {
		v.fail(n, lost, now)
		files = append(files, n.ino)
	}
	return files
}

// fail does what Linux does with pages that could not be written. A page that was written to again
// meanwhile is dirty, so all of it will be written. The new size reaches the disk with the next
// transaction, although data below it did not.
func (v *Volume) fail(n *node, lost []*pending, now int64) {
	grew := false
	for _, p := range lost {
		switch {
		case p.node != n:
		case p.kind == kindSize:
			grew = true
		case n.pages[p.page] == nil: // cut off meanwhile
		default:
			if n.bad == nil {
				n.bad = make(map[int64]struct{})
			}
			if _, ok := n.bad[p.page]; !ok {
				n.bad[p.page] = struct{}{}
				v.bad++
			}
		}
	}
	for _, number := range protocol.SortedKeys(n.bad) {
		if n.last[number] != nil {
			v.changeData(n, number*PageSize, number*PageSize, n.size, now)
		}
	}
	if grew {
		v.changeSize(n, 0, now)
	}
}
