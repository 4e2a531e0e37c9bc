package volume

import "syscall"

// Create makes an empty regular file with the permissions of mode.
func (v *Volume) Create(dir Ino, name string, mode uint32) (Ino, error) {
	return v.create(dir, name, target{mode: ModeRegular | mode&0o7777})
}

// Mkdir makes an empty directory with the permissions of mode.
func (v *Volume) Mkdir(dir Ino, name string, mode uint32) (Ino, error) {
	return v.create(dir, name, target{mode: ModeDir | mode&0o7777})
}

// Symlink makes a symbolic link.
func (v *Volume) Symlink(dir Ino, name, to string) (Ino, error) {
	switch {
	case to == "":
		return 0, syscall.ENOENT
	case len(to) > MaxTarget:
		return 0, syscall.ENAMETOOLONG
	}
	return v.create(dir, name, target{mode: ModeSymlink | 0o777, link: to})
}

func (v *Volume) create(dir Ino, name string, t target) (Ino, error) {
	d, err := v.room(dir, name)
	if err != nil {
		return 0, err
	}
	t.ino = v.next
	v.next++
	now := v.c.Now()
	n := v.newNode(t, now)
	v.set(d, name, n)
	n.dataTouched = v.change(record{kind: kindCreate, now: now, to: t, place: place{dir, name}}, d, nil, n, nil)
	return t.ino, nil
}

// room returns the directory if a new entry may be made in it.
func (v *Volume) room(dir Ino, name string) (*node, error) {
	d, err := v.dir(dir)
	switch {
	case err != nil:
		return nil, err
	case name == "." || name == "..":
		return nil, syscall.EEXIST
	}
	if err := nameError(name); err != nil {
		return nil, err
	}
	switch {
	case d.entries[name] != nil:
		return nil, syscall.EEXIST
	case d.links == 0:
		return nil, syscall.ENOENT
	}
	return d, nil
}

// Link gives a file one more name.
func (v *Volume) Link(i Ino, dir Ino, name string) error {
	n := v.nodes[i]
	if n == nil {
		return syscall.ENOENT
	}
	d, err := v.room(dir, name)
	switch {
	case err != nil:
		return err
	case n.isDir():
		return syscall.EPERM
	case n.links == 0:
		return syscall.ENOENT
	case n.links >= MaxLinks:
		return syscall.EMLINK
	}
	path := n.path()
	v.set(d, name, n)
	v.change(record{kind: kindLink, now: v.c.Now(), to: n.target(), place: place{dir, name}, path: path}, d, nil, n, nil)
	return nil
}

// Unlink removes a name of a file or symbolic link.
func (v *Volume) Unlink(dir Ino, name string) error {
	if name == "." || name == ".." {
		return syscall.EISDIR
	}
	d, n, err := v.lookup(place{dir, name})
	switch {
	case err != nil:
		return err
	case n.isDir():
		return syscall.EISDIR
	}
	v.unlink(d, name, n)
	return nil
}

// Rmdir removes an empty directory.
func (v *Volume) Rmdir(dir Ino, name string) error {
	switch name {
	case ".":
		return syscall.EINVAL
	case "..":
		return syscall.ENOTEMPTY
	}
	d, n, err := v.lookup(place{dir, name})
	switch {
	case err != nil:
		return err
	case !n.isDir():
		return syscall.ENOTDIR
	case len(n.entries) > 0:
		return syscall.ENOTEMPTY
	}
	v.unlink(d, name, n)
	return nil
}

// lookup returns a directory, and the inode that a name in it refers to.
func (v *Volume) lookup(p place) (d, n *node, err error) {
	if d, err = v.dir(p.dir); err == nil {
		n, err = d.child(p.name)
	}
	return d, n, err
}

func (v *Volume) unlink(d *node, name string, n *node) {
	v.remove(d, name)
	v.change(record{kind: kindUnlink, now: v.c.Now(), to: n.target(), place: place{d.ino, name}}, d, nil, n, nil)
	n.handOver(d)
	v.forget(n)
}

// Rename moves a name, and replaces what has the new one, as renameat2 does. Flags are NoReplace and
// Exchange.
func (v *Volume) Rename(dir Ino, name string, toDir Ino, toName string, flags uint32) error {
	if flags&^(NoReplace|Exchange) != 0 || flags == NoReplace|Exchange {
		return syscall.EINVAL
	}
	d, n, to, old, err := v.ends(place{dir, name}, place{toDir, toName}, flags)
	if err != nil {
		return err
	}
	if err := renameError(d, n, to, old, flags&Exchange != 0); err != nil || n == old {
		return err
	}
	r := record{kind: kindRename, now: v.c.Now(), to: n.target(), place: place{dir, name}, second: place{toDir, toName}}
	v.remove(d, name)
	if flags&Exchange != 0 {
		r.kind, r.other = kindExchange, old.target()
		v.remove(to, toName)
		v.set(d, name, old)
	}
	v.set(to, toName, n)
	v.change(r, d, to, n, old)
	if old != nil {
		old.handOver(to)
		v.forget(old)
	}
	return nil
}

// ends finds the directories of a rename, the inode, and the one that has the new name.
func (v *Volume) ends(from, at place, flags uint32) (d, n, to, old *node, err error) {
	if d, err = v.dir(from.dir); err != nil {
		return
	}
	if to, err = v.dir(at.dir); err != nil {
		return
	}
	dots := func(name string) bool { return name == "." || name == ".." }
	switch {
	case dots(from.name):
		err = syscall.EBUSY
	case dots(at.name) && flags&NoReplace != 0:
		err = syscall.EEXIST
	case dots(at.name):
		err = syscall.EBUSY
	}
	if err != nil {
		return
	}
	if n, err = d.child(from.name); err != nil {
		return
	}
	old, err = to.child(at.name)
	switch {
	case err == syscall.ENOENT && at.name != "" && flags&Exchange == 0:
		err = nil
	case err == nil && flags&NoReplace != 0:
		err = syscall.EEXIST
	}
	return
}

// renameError returns the error if n, in directory d, must not take the place of old, which may be
// nil, in directory to.
func renameError(d, n, to, old *node, exchange bool) error {
	switch {
	case n == old:
		return nil
	case n.isDir() && to.within(n):
		return syscall.EINVAL
	case old != nil && d.within(old) && exchange:
		return syscall.EINVAL
	case old != nil && d.within(old):
		return syscall.ENOTEMPTY
	case to.links == 0:
		return syscall.ENOENT
	case old == nil || exchange:
		return nil
	case n.isDir() && !old.isDir():
		return syscall.ENOTDIR
	case !n.isDir() && old.isDir():
		return syscall.EISDIR
	case len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
	return nil
}

// within reports whether directory n is at or below top.
func (n *node) within(top *node) bool {
	for ; n != top; n = n.parent {
		if n.parent == n || n.links == 0 {
			return false
		}
	}
	return true
}
