package volume

import (
	"slices"
	"syscall"

	"dessim/protocol"
)

// regular returns a regular file.
func (v *Volume) regular(i Ino) (*node, error) {
	n := v.nodes[i]
	switch {
	case n == nil:
		return nil, syscall.ENOENT
	case n.isDir():
		return nil, syscall.EISDIR
	case n.kind() != ModeRegular:
		return nil, syscall.EINVAL
	}
	return n, nil
}

// Read fills p from offset off of a regular file. At and after the end it returns 0.
func (v *Volume) Read(i Ino, p []byte, off int64) (int, error) {
	n, err := v.regular(i)
	switch {
	case err != nil:
		return 0, err
	case off < 0:
		return 0, syscall.EINVAL
	case off >= n.size:
		return 0, nil
	}
	p = p[:min(int64(len(p)), n.size-off)]
	for rest := p; len(rest) > 0; {
		within := off % PageSize
		piece := rest[:min(int64(len(rest)), PageSize-within)]
		if page := n.pages[off/PageSize]; page != nil {
			copy(piece, page[within:])
		} else {
			clear(piece)
		}
		rest, off = rest[len(piece):], off+int64(len(piece))
	}
	return len(p), nil
}

// Write writes p at offset off of a regular file, which grows if necessary. It returns EFBIG if off is
// at or beyond MaxSize; a write across MaxSize is short.
func (v *Volume) Write(i Ino, p []byte, off int64) (int, error) {
	n, err := v.regular(i)
	switch {
	case err != nil:
		return 0, err
	case off < 0:
		return 0, syscall.EINVAL
	case len(p) == 0:
		return 0, nil
	case off >= MaxSize:
		return 0, syscall.EFBIG
	}
	p = p[:min(int64(len(p)), MaxSize-off)]
	end, now := off+int64(len(p)), v.c.Now()
	size, count := max(n.size, end), uint64(0)
	for pos := off; pos < end; count++ {
		stop := min(end, (pos/PageSize+1)*PageSize)
		v.store(n, p[pos-off:stop-off], pos)
		v.changeData(n, pos, stop, size, now)
		pos = stop
	}
	if size > n.size {
		n.size = size
		v.changeSize(n, count, now)
	}
	n.mtime, n.ctime = now, now
	n.touched = v.meta
	return len(p), nil
}

// store puts bytes of one page into it.
func (v *Volume) store(n *node, p []byte, off int64) {
	page := n.pages[off/PageSize]
	if page == nil {
		page = v.newPage(n, off/PageSize)
	}
	copy(page[off%PageSize:], p)
	for _, m := range n.mappings {
		m.follow(p, off)
	}
}

func (v *Volume) newPage(n *node, number int64) []byte {
	page := n.memory(number)
	if page == nil {
		page = make([]byte, PageSize)
	}
	if n.pages == nil {
		n.pages = make(map[int64][]byte)
	}
	n.pages[number] = page
	n.extent = max(n.extent, number+1)
	v.pages++
	return page
}

// Truncate sets the size of a regular file. Added bytes read as zeros and take no room.
func (v *Volume) Truncate(i Ino, size int64) error {
	n, err := v.regular(i)
	switch {
	case size < 0:
		return syscall.EINVAL
	case err != nil:
		return err
	case size > MaxSize:
		return syscall.EFBIG
	case size == n.size: // ext4 touches the times alone
		return v.SetTimes(i, v.c.Now())
	}
	now := v.c.Now()
	v.cut(n, size)
	n.size, n.mtime = size, now
	v.cutSync(n, size)
	n.cutMeta = v.change(record{kind: kindTruncate, now: now, to: target{ino: i}, at: size}, nil, nil, n, nil)
	n.dataTouched = n.cutMeta
	return nil
}

// cut drops data at and after size.
func (v *Volume) cut(n *node, size int64) {
	first := (size + PageSize - 1) / PageSize
	for _, number := range n.numbers(first) {
		clear(n.pages[number]) // it may be part of a mapping
		delete(n.pages, number)
		v.pages--
	}
	n.extent = min(n.extent, first)
	if page := n.pages[size/PageSize]; page != nil && size%PageSize > 0 {
		clear(page[size%PageSize:])
	}
	for _, m := range n.mappings {
		m.cut(size)
	}
}

// numbers returns the numbers of the pages from first on, ascending.
func (n *node) numbers(first int64) []int64 {
	if n.extent-first < int64(len(n.pages)/8) {
		var found []int64 // few pages of many, as when a log drops its tail
		for number := first; number < n.extent; number++ {
			if n.pages[number] != nil {
				found = append(found, number)
			}
		}
		return found
	}
	all := protocol.SortedKeys(n.pages)
	at, _ := slices.BinarySearch(all, first)
	return all[at:]
}

// Chmod sets the permissions of an inode.
func (v *Volume) Chmod(i Ino, mode uint32) error {
	n := v.nodes[i]
	if n == nil {
		return syscall.ENOENT
	}
	n.mode = n.kind() | mode&0o7777
	v.change(record{kind: kindMode, now: v.c.Now(), to: n.target()}, nil, nil, n, nil)
	return nil
}

// SetTimes sets the modification time of an inode.
func (v *Volume) SetTimes(i Ino, mtime int64) error {
	n := v.nodes[i]
	if n == nil {
		return syscall.ENOENT
	}
	v.change(record{kind: kindTimes, now: v.c.Now(), to: n.target(), at: mtime}, nil, nil, n, nil)
	n.mtime = mtime
	return nil
}

// Used returns how many bytes the volume holds, in whole pages, for statfs.
func (v *Volume) Used() int64 {
	return (v.pages + int64(len(v.nodes))) * PageSize
}
