package volume

import (
	"strings"
	"syscall"

	"dessim/protocol"
)

// node is an inode.
type node struct {
	ino          Ino
	mode         uint32
	links        uint32 // names; of a directory 1, or 0 once it is removed
	size         int64
	mtime, ctime int64
	link         string // target of a symbolic link
	holds        int

	// Its latest name: a file may have others. The root's parent is itself.
	parent *node
	name   string

	// Of a directory:
	entries map[string]*node
	subdirs uint32

	// Of a regular file. Missing pages are zeros. Each page is a slice of PageSize bytes, of a
	// mapping if the file has one that reaches so far.
	pages    map[int64][]byte
	mappings []*mapping
	extent   int64 // all pages have numbers below it

	unsynced
}

func (n *node) kind() uint32   { return n.mode & ModeType }
func (n *node) isDir() bool    { return n.kind() == ModeDir }
func (n *node) target() target { return target{n.ino, n.mode, n.link} }

func (v *Volume) newNode(t target, now int64) *node {
	n := &node{ino: t.ino, mode: t.mode, link: t.link, mtime: now, ctime: now}
	switch n.kind() {
	case ModeDir:
		n.entries = make(map[string]*node)
	case ModeSymlink:
		n.size = int64(len(t.link))
	}
	v.nodes[t.ino] = n
	return n
}

// set makes a name refer to n. A directory has one name, and loses the one that it had.
func (v *Volume) set(dir *node, name string, n *node) {
	v.remove(dir, name)
	if n.isDir() {
		if n.links > 0 && n.parent.entries[n.name] == n {
			v.remove(n.parent, n.name)
		}
		dir.subdirs++
	}
	n.parent, n.name = dir, name
	n.links++
	dir.entries[name] = n
}

// remove makes a name refer to nothing. The inode stays until forget.
func (v *Volume) remove(dir *node, name string) {
	n := dir.entries[name]
	if n == nil {
		return
	}
	delete(dir.entries, name)
	n.links--
	if n.isDir() {
		dir.subdirs--
	}
}

// forget frees an inode that can no longer be reached.
func (v *Volume) forget(n *node) {
	if n.links > 0 || n.holds > 0 || n.ino == Root {
		return
	}
	v.abandon(n)
	v.pages -= int64(len(n.pages))
	n.pages = nil
	delete(v.nodes, n.ino)
}

// path returns the path of the inode's latest name, or "" if it has none, or a long one.
func (n *node) path() string {
	path := ""
	for x := n; x.ino != Root; x = x.parent {
		if x.parent == nil || x.parent == x || len(path)+len(x.name) > maxPath {
			return ""
		}
		path = "/" + x.name + path
	}
	if path == "" {
		return "/"
	}
	return path[:min(len(path), maxPath)]
}

func nameError(name string) error {
	switch {
	case name == "":
		return syscall.ENOENT
	case len(name) > MaxName:
		return syscall.ENAMETOOLONG
	case name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return syscall.EINVAL
	}
	return nil
}

// dir returns a directory.
func (v *Volume) dir(i Ino) (*node, error) {
	n := v.nodes[i]
	if n == nil {
		return nil, syscall.ENOENT
	}
	if !n.isDir() {
		return nil, syscall.ENOTDIR
	}
	return n, nil
}

// Lookup returns the inode that a name in a directory refers to. It knows . and ..
func (v *Volume) Lookup(dir Ino, name string) (Ino, error) {
	d, err := v.dir(dir)
	if err != nil {
		return 0, err
	}
	switch name {
	case ".":
		return dir, nil
	case "..":
		return d.parent.ino, nil
	}
	n, err := d.child(name)
	if err != nil {
		return 0, err
	}
	return n.ino, nil
}

func (n *node) child(name string) (*node, error) {
	if err := nameError(name); err != nil {
		return nil, err
	}
	if c := n.entries[name]; c != nil {
		return c, nil
	}
	return nil, syscall.ENOENT
}

// Stat describes an inode.
func (v *Volume) Stat(i Ino) (Info, error) {
	n := v.nodes[i]
	if n == nil {
		return Info{}, syscall.ENOENT
	}
	info := Info{Ino: i, Mode: n.mode, Nlink: n.links, Size: n.size, Mtime: n.mtime, Ctime: n.ctime}
	info.Blocks = int64(len(n.pages)) * (PageSize / 512)
	if n.isDir() {
		info.Size, info.Blocks = PageSize, PageSize/512
		if n.links > 0 {
			info.Nlink = 2 + n.subdirs
		}
	}
	return info, nil
}

// Entries returns the names in a directory, sorted.
func (v *Volume) Entries(dir Ino) ([]Entry, error) {
	d, err := v.dir(dir)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(d.entries))
	for _, name := range protocol.SortedKeys(d.entries) {
		n := d.entries[name]
		list = append(list, Entry{Name: name, Ino: n.ino, Mode: n.kind()})
	}
	return list, nil
}

// Readlink returns the target of a symbolic link.
func (v *Volume) Readlink(i Ino) (string, error) {
	n := v.nodes[i]
	switch {
	case n == nil:
		return "", syscall.ENOENT
	case n.kind() != ModeSymlink:
		return "", syscall.EINVAL
	}
	return n.link, nil
}

// Hold keeps an inode alive for an open descriptor, even without a name. Each Hold needs one
// Release.
func (v *Volume) Hold(i Ino) {
	if n := v.nodes[i]; n != nil {
		n.holds++
	}
}

// Release undoes one Hold. An inode with neither name nor Hold is gone.
func (v *Volume) Release(i Ino) {
	if n := v.nodes[i]; n != nil && n.holds > 0 {
		n.holds--
		v.forget(n)
	}
}
