//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"strings"
	"syscall"

	"dessim/sim/host/volume"
)

func (f *files) callOpen(c *callArgs) (uintptr, syscall.Errno) {
	return f.open(atCwd, c.text(0), c.int(1), uint32(c.a[2]))
}

func (f *files) callCreat(c *callArgs) (uintptr, syscall.Errno) {
	return f.open(atCwd, c.text(0), syscall.O_CREAT|syscall.O_WRONLY|syscall.O_TRUNC, uint32(c.a[1]))
}

func (f *files) callOpenat(c *callArgs) (uintptr, syscall.Errno) {
	return f.open(c.int(0), c.text(1), c.int(2), uint32(c.a[3]))
}

// callOpenat2 is openat2 without the flags that limit how a path is resolved.
func (f *files) callOpenat2(c *callArgs) (uintptr, syscall.Errno) {
	how := c.b[2]
	if len(how) < 24 {
		return 0, syscall.EINVAL
	}
	if binary.NativeEndian.Uint64(how[16:]) != 0 {
		f.noteOnce("a simulated node's openat2 does not limit how a path is resolved")
		return 0, syscall.ENOSYS
	}
	return f.open(c.int(0), c.text(1), int(binary.NativeEndian.Uint64(how)), uint32(binary.NativeEndian.Uint64(how[8:])))
}

func (f *files) open(dirfd int, name string, flags int, mode uint32) (uintptr, syscall.Errno) {
	switch {
	case flags&oPath != 0:
		flags &= oPath | syscall.O_DIRECTORY | syscall.O_NOFOLLOW | syscall.O_CLOEXEC
	case flags&oTmpfile != 0:
		f.noteOnce("a simulated node's open does not serve O_TMPFILE")
		return 0, syscall.EOPNOTSUPP
	case flags&syscall.O_DIRECT != 0:
		f.noteOnce("a simulated node's open does not serve O_DIRECT")
		return 0, syscall.EINVAL
	case flags&syscall.O_ACCMODE == syscall.O_ACCMODE, flags&syscall.O_CREAT != 0 && flags&syscall.O_DIRECTORY != 0:
		return 0, syscall.EINVAL
	}
	if len(f.descriptors) >= mostDescriptors {
		return 0, syscall.EMFILE
	}
	if trimmed := strings.TrimRight(name, "/"); flags&syscall.O_CREAT != 0 && trimmed != name {
		if _, err := f.seek(dirfd, trimmed, false); err != 0 && trimmed != "" {
			return 0, err
		}
		return 0, syscall.EISDIR
	}
	exclusive := flags&syscall.O_CREAT != 0 && flags&syscall.O_EXCL != 0
	s, err := f.seek(dirfd, name, flags&syscall.O_NOFOLLOW == 0 && !exclusive)
	if err != 0 {
		return 0, err
	}
	d := &openFile{ino: s.ino, path: f.whole(dirfd, name), flags: flags}
	switch {
	case s.ino == 0:
		if d.ino, err = f.create(s, flags, mode); err != 0 {
			return 0, err
		}
	case exclusive:
		return 0, syscall.EEXIST
	default:
		if err := f.opened(d); err != 0 {
			return 0, err
		}
	}
	if d.errors = f.errors[d.ino]; f.unreported[d.ino] {
		d.errors--
	}
	fd, err := f.add(d, 0, flags&syscall.O_CLOEXEC != 0)
	if err == 0 {
		f.vol.Hold(d.ino)
	}
	return uintptr(fd), err
}

// create makes the file that an open asks for.
func (f *files) create(s spot, flags int, mode uint32) (volume.Ino, syscall.Errno) {
	switch {
	case flags&syscall.O_CREAT == 0:
		return 0, syscall.ENOENT
	case s.slash:
		return 0, syscall.EISDIR
	}
	if err := f.make(); err != 0 {
		return 0, err
	}
	ino, err := f.vol.Create(s.dir, s.name, mode&0o7777&^f.umask)
	return ino, errno(err)
}

// make is called before a new name is made.
func (f *files) make() syscall.Errno {
	if err := f.change(); err != 0 {
		return err
	}
	if free, bound := f.space(); bound && free < volume.PageSize {
		return syscall.ENOSPC
	}
	return 0
}

// opened checks that an existing file can be opened as asked, and truncates it for O_TRUNC.
func (f *files) opened(d *openFile) syscall.Errno {
	info, err := f.vol.Stat(d.ino)
	if err != nil {
		return errno(err)
	}
	kind := info.Mode & volume.ModeType
	d.dir = kind == volume.ModeDir
	switch {
	case d.flags&syscall.O_DIRECTORY != 0 && !d.dir:
		return syscall.ENOTDIR
	case kind == volume.ModeSymlink && d.flags&oPath == 0:
		return syscall.ELOOP
	case d.dir && (d.flags&syscall.O_ACCMODE != syscall.O_RDONLY || d.flags&(syscall.O_CREAT|syscall.O_TRUNC) != 0):
		return syscall.EISDIR
	case d.flags&syscall.O_TRUNC != 0 && info.Size > 0:
		return f.truncate(d.ino, 0)
	}
	return 0
}
