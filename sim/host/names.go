//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"strings"
	"syscall"

	"dessim/sim/host/volume"
)

// Calls that make, move and remove names.

func (f *files) callMkdir(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.mkdir(atCwd, c.text(0), uint32(c.a[1]))
}

func (f *files) callMkdirat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.mkdir(c.int(0), c.text(1), uint32(c.a[2]))
}

func (f *files) mkdir(dirfd int, name string, mode uint32) syscall.Errno {
	s, err := f.vacant(dirfd, name, true)
	if err != 0 {
		return err
	}
	_, failed := f.vol.Mkdir(s.dir, s.name, mode&0o1777&^f.umask)
	return errno(failed)
}

// vacant returns where a name is to be made, and an error if it exists. No link is followed there, not
// even before a slash, which only the name of a directory may have.
func (f *files) vacant(dirfd int, name string, dir bool) (spot, syscall.Errno) {
	trimmed := strings.TrimRight(name, "/")
	if trimmed == "" && name != "" {
		return spot{}, syscall.EEXIST
	}
	s, err := f.seek(dirfd, trimmed, false)
	switch {
	case err != 0:
		return s, err
	case s.ino != 0 || s.special():
		return s, syscall.EEXIST
	case trimmed != name && !dir:
		return s, syscall.ENOENT
	}
	return s, f.make()
}

func (f *files) callUnlink(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.unlink(atCwd, c.text(0))
}

func (f *files) callRmdir(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.rmdir(atCwd, c.text(0))
}

func (f *files) callUnlinkat(c *callArgs) (uintptr, syscall.Errno) {
	switch c.int(2) {
	case 0:
		return 0, f.unlink(c.int(0), c.text(1))
	case atRemoveDir:
		return 0, f.rmdir(c.int(0), c.text(1))
	}
	return 0, syscall.EINVAL
}

func (f *files) unlink(dirfd int, name string) syscall.Errno {
	trimmed := strings.TrimRight(name, "/") // no link is followed, not even before a slash
	if trimmed == "" && name != "" {
		return syscall.EISDIR
	}
	s, err := f.find(dirfd, trimmed, false)
	switch {
	case err != 0:
		return err
	case s.special():
		return syscall.EISDIR
	}
	switch info, _ := f.vol.Stat(s.ino); {
	case info.Mode&volume.ModeType == volume.ModeDir:
		return syscall.EISDIR
	case trimmed != name:
		return syscall.ENOTDIR
	}
	if err := f.change(); err != 0 {
		return err
	}
	return errno(f.vol.Unlink(s.dir, s.name))
}

func (f *files) rmdir(dirfd int, name string) syscall.Errno {
	trimmed := strings.TrimRight(name, "/")
	if trimmed == "" && name != "" {
		return syscall.EBUSY
	}
	s, err := f.find(dirfd, trimmed, false)
	switch {
	case err != 0:
		return err
	case s.name == ".":
		return syscall.EINVAL
	case s.name == "..":
		return syscall.ENOTEMPTY
	}
	if err := f.change(); err != 0 {
		return err
	}
	return errno(f.vol.Rmdir(s.dir, s.name))
}

func (f *files) callRename(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.rename(atCwd, c.text(0), atCwd, c.text(1), 0)
}

func (f *files) callRenameat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.rename(c.int(0), c.text(1), c.int(2), c.text(3), 0)
}

func (f *files) callRenameat2(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.rename(c.int(0), c.text(1), c.int(2), c.text(3), uint32(c.a[4]))
}

func (f *files) rename(fromfd int, from string, tofd int, to string, flags uint32) syscall.Errno {
	if flags&^(volume.NoReplace|volume.Exchange) != 0 || flags == volume.NoReplace|volume.Exchange {
		return syscall.EINVAL
	}
	a, err := f.seek(fromfd, strings.TrimRight(from, "/"), false)
	if err != 0 {
		return err
	}
	b, err := f.seek(tofd, strings.TrimRight(to, "/"), false)
	switch {
	case err != 0:
		return err
	case a.special() || b.special():
		return syscall.EBUSY
	case a.ino == 0:
		return syscall.ENOENT
	}
	info, _ := f.vol.Stat(a.ino)
	if dir := info.Mode&volume.ModeType == volume.ModeDir; !dir && (strings.HasSuffix(from, "/") || strings.HasSuffix(to, "/")) {
		return syscall.ENOTDIR
	}
	if err := f.change(); err != 0 {
		return err
	}
	return errno(f.vol.Rename(a.dir, a.name, b.dir, b.name, flags))
}

func (f *files) callLink(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.link(atCwd, c.text(0), atCwd, c.text(1), 0)
}

func (f *files) callLinkat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.link(c.int(0), c.text(1), c.int(2), c.text(3), c.int(4))
}

func (f *files) link(fromfd int, from string, tofd int, to string, flags int) syscall.Errno {
	if flags&^(atSymlinkFollow|atEmptyPath) != 0 {
		return syscall.EINVAL
	}
	if flags&atSymlinkFollow == 0 {
		flags |= atSymlinkNoFollow
	}
	i, err := f.target(fromfd, from, flags)
	if err != 0 {
		return err
	}
	s, err := f.vacant(tofd, to, false)
	if err != 0 {
		return err
	}
	return errno(f.vol.Link(i, s.dir, s.name))
}

func (f *files) callSymlink(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.symlink(c.text(0), atCwd, c.text(1))
}

func (f *files) callSymlinkat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.symlink(c.text(0), c.int(1), c.text(2))
}

func (f *files) symlink(target string, dirfd int, name string) syscall.Errno {
	if target == "" {
		return syscall.ENOENT
	}
	s, err := f.vacant(dirfd, name, false)
	if err != 0 {
		return err
	}
	_, failed := f.vol.Symlink(s.dir, s.name, target)
	return errno(failed)
}

func (f *files) callReadlink(c *callArgs) (uintptr, syscall.Errno) {
	return f.readlink(atCwd, c.text(0), c.b[1])
}

func (f *files) callReadlinkat(c *callArgs) (uintptr, syscall.Errno) {
	return f.readlink(c.int(0), c.text(1), c.b[2])
}

func (f *files) readlink(dirfd int, name string, p []byte) (uintptr, syscall.Errno) {
	i, err := f.target(dirfd, name, atSymlinkNoFollow|atEmptyPath)
	switch {
	case err != 0:
		return 0, err
	case name == "" && dirfd == atCwd:
		return 0, syscall.ENOENT
	case len(p) == 0:
		return 0, syscall.EINVAL
	}
	target, failed := f.vol.Readlink(i)
	return uintptr(copy(p, target)), errno(failed)
}

// callGetdents64 reads a directory. Its entries are those at the first read, or at the first read
// after a seek to 0.
func (f *files) callGetdents64(c *callArgs) (uintptr, syscall.Errno) {
	d, err := f.file(c.int(0))
	switch {
	case err == syscall.EINVAL || err == 0 && !d.dir:
		return 0, syscall.ENOTDIR
	case err != 0:
		return 0, err
	case d.flags&oPath != 0:
		return 0, syscall.EBADF
	}
	if d.entries == nil {
		if err := f.list(d); err != 0 {
			return 0, err
		}
	}
	p, n := c.b[1], 0
	for d.off < int64(len(d.entries)) {
		e := &d.entries[d.off]
		size := (19 + len(e.Name) + 1 + 7) / 8 * 8
		if n+size > len(p) {
			if n == 0 {
				return 0, syscall.EINVAL
			}
			break
		}
		d.off++
		r := p[n : n+size]
		clear(r)
		binary.NativeEndian.PutUint64(r, uint64(e.Ino))
		binary.NativeEndian.PutUint64(r[8:], uint64(d.off))
		binary.NativeEndian.PutUint16(r[16:], uint16(size))
		r[18] = byte(e.Mode & volume.ModeType >> 12) // DT_DIR and others are S_IFDIR and others, shifted
		copy(r[19:], e.Name)
		n += size
	}
	return uintptr(n), 0
}

// list notes the entries of a directory.
func (f *files) list(d *openFile) syscall.Errno {
	entries, err := f.vol.Entries(d.ino)
	if err != nil {
		return errno(err)
	}
	parent, err := f.vol.Lookup(d.ino, "..")
	if err != nil {
		parent = d.ino
	}
	d.entries = append([]volume.Entry{{Name: ".", Ino: d.ino, Mode: volume.ModeDir}, {Name: "..", Ino: parent, Mode: volume.ModeDir}}, entries...)
	return 0
}
