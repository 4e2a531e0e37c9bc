package volume

import "fmt"

// operation applies a change of metadata.
func (l *loader) operation(r *record) error {
	switch r.kind {
	case kindTruncate:
		n, err := l.file(r)
		if err != nil {
			return err
		}
		l.v.cut(n, r.at)
		n.size, n.mtime, n.ctime = r.at, r.now, r.now
		return nil
	case kindMode, kindTimes:
		return l.attribute(r)
	}
	l.moved = true
	from, err := l.directory(r.place.dir, r)
	if err != nil {
		return err
	}
	to := from
	if r.second.dir != 0 {
		if to, err = l.directory(r.second.dir, r); err != nil {
			return err
		}
	}
	n, err := l.inode(r.to, r)
	if err != nil {
		return err
	}
	n.ctime = r.now
	v := l.v
	switch r.kind {
	case kindCreate, kindLink:
		v.set(from, r.place.name, n)
	case kindUnlink:
		v.remove(from, r.place.name)
	case kindRename:
		if old := to.entries[r.second.name]; old != nil {
			old.ctime = r.now
		}
		v.remove(from, r.place.name)
		v.set(to, r.second.name, n)
	case kindExchange:
		other, err := l.inode(r.other, r)
		if err != nil {
			return err
		}
		other.ctime = r.now
		v.remove(from, r.place.name)
		v.remove(to, r.second.name)
		v.set(from, r.place.name, other)
		v.set(to, r.second.name, n)
	}
	for _, d := range [...]*node{from, to} {
		d.mtime, d.ctime = r.now, r.now
	}
	return nil
}

// attribute applies a change of mode or times.
func (l *loader) attribute(r *record) error {
	n, err := l.inode(r.to, r)
	if err != nil {
		return err
	}
	n.ctime = r.now
	if r.kind == kindTimes {
		n.mtime = r.at
	} else {
		n.mode = r.to.mode
	}
	return nil
}

// file returns the regular file of a record. Under POSIX the operation that made it may be lost, and a
// later record may name it.
func (l *loader) file(r *record) (*node, error) {
	l.edited[r.to.ino] = struct{}{}
	return l.guess(target{ino: r.to.ino, mode: ModeRegular | 0o644}, r)
}

// directory returns the directory of an entry, even if the operation that made it is lost.
func (l *loader) directory(i Ino, r *record) (*node, error) {
	return l.guess(target{ino: i, mode: ModeDir | 0o755}, r)
}

// guess returns an inode of which the record says the type alone.
func (l *loader) guess(t target, r *record) (*node, error) {
	known := l.v.nodes[t.ino]
	if known != nil && known.kind() == t.mode&ModeType {
		return known, nil
	}
	n, err := l.inode(t, r)
	l.guessed[t.ino] = struct{}{}
	return n, err
}

// inode returns the inode that an entry refers to. It makes it from the entry if the operation that
// made it is lost.
func (l *loader) inode(t target, r *record) (*node, error) {
	v, n := l.v, l.v.nodes[t.ino]
	switch {
	case n == nil:
		l.moved = true // finish drops it if no name leads to it then
		n = v.newNode(t, r.now)
		n.parent = n
		v.next = max(v.next, t.ino+1)
	case n.kind() != t.mode&ModeType:
		return nil, fmt.Errorf("takes inode %d for what it is not", t.ino)
	}
	if _, ok := l.guessed[t.ino]; ok {
		delete(l.guessed, t.ino)
		n.mode = t.mode
	}
	return n, nil
}
