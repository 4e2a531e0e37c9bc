package volume

import "dessim/protocol"

// A snapshot is worth its bytes when the records before it have this length, and several times its
// own length.
const (
	worthCompacting = 1 << 18
	worthTimes      = 3
)

// Compact persists a snapshot of the volume as one record and returns its index, if
// nothing is pending and the records since the last snapshot are long enough. The caller flushes it,
// calls Flushed or Failed, and may discard all records before it once it is safe.
//
// After a failed flush of data, Compact persists nothing until the pages in question are written
// again: the disk may lack what memory has.
func (v *Volume) Compact() (index uint64, ok bool) {
	long := v.logged >= max(v.worth, worthTimes*(v.pages*PageSize+128*int64(len(v.nodes)))) || v.worth == 0
	if v.waiting > 0 || v.bad > 0 || !long {
		return 0, false
	}
	before := v.logged
	r := v.snapshot()
	p := v.persist(&r)
	v.loggedBefore = before
	return p.index, true
}

// snapshot returns the volume as a record. Inodes without a name are not part of it.
func (v *Volume) snapshot() record {
	r := record{kind: kindSnapshot, meta: v.meta, now: v.c.Now(), to: target{ino: v.next}}
	c := coder{writing: true}
	for _, i := range protocol.SortedKeys(v.nodes) {
		n := v.nodes[i]
		if n.links == 0 {
			continue
		}
		c.node(n)
		size, count := n.size, uint64(len(n.pages))
		c.number(&count)
		for _, number := range n.numbers(0) {
			c.signed(&number)
			r.payload = append(r.payload, n.pages[number][:min(PageSize, size-number*PageSize)]...)
		}
		count = uint64(len(n.entries))
		c.number(&count)
		for _, name := range protocol.SortedKeys(n.entries) {
			at := place{n.entries[name].ino, name}
			c.place(&at)
		}
	}
	r.header = c.buf
	return r
}

// node reads or writes what a snapshot has of an inode itself.
func (c *coder) node(n *node) {
	t := n.target()
	c.inode(&t.ino)
	c.rest(&t)
	c.signed(&n.size)
	c.signed(&n.mtime)
	c.signed(&n.ctime)
	n.ino, n.mode, n.link = t.ino, t.mode, t.link
}

// snapshot replaces the volume by the one that the record describes.
func (l *loader) snapshot(r *record) error {
	v := l.v
	v.clear()
	l.begin(r.epoch)
	l.seq, l.meta = r.seq, r.meta
	c := coder{buf: r.header}
	type name struct {
		dir *node
		place
	}
	var names []name
	payload := r.payload
	for len(c.buf) > 0 && !c.bad {
		var n node
		c.node(&n)
		var err error
		if payload, err = v.load(&c, &n, payload); err != nil {
			return err
		}
		var count uint64
		for c.number(&count); count > 0 && !c.bad; count-- {
			var p place
			c.place(&p)
			names = append(names, name{v.nodes[n.ino], p})
		}
	}
	if c.bad || len(payload) > 0 {
		return errDamaged
	}
	for _, p := range names {
		n := v.nodes[p.place.dir]
		if n == nil || n.ino == Root || !p.dir.isDir() {
			return errDamaged
		}
		v.set(p.dir, p.name, n)
	}
	v.next = max(v.next, r.to.ino)
	l.moved = true
	return nil
}

// load makes one inode of a snapshot and returns the rest of the payload.
func (v *Volume) load(c *coder, said *node, payload []byte) ([]byte, error) {
	var count uint64
	c.number(&count)
	root := said.ino == Root
	if c.bad || said.ino == 0 || root != (v.nodes[said.ino] != nil) || root && !said.isDir() ||
		said.size < 0 || said.size > MaxSize || count > 0 && said.kind() != ModeRegular {
		return nil, errDamaged
	}
	n := v.nodes[Root]
	if !root {
		n = v.newNode(said.target(), 0)
		n.parent = n
		v.next = max(v.next, n.ino+1)
	}
	n.mode, n.size, n.mtime, n.ctime = said.mode, said.size, said.mtime, said.ctime
	for ; count > 0; count-- {
		var number int64
		c.signed(&number)
		if c.bad || number < n.extent || number >= (n.size+PageSize-1)/PageSize {
			return nil, errDamaged
		}
		piece := min(PageSize, n.size-number*PageSize)
		if int64(len(payload)) < piece {
			return nil, errDamaged
		}
		v.store(n, payload[:piece], number*PageSize)
		payload = payload[piece:]
	}
	return payload, nil
}
