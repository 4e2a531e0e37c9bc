//go:build linux && (amd64 || arm64)

package host

import (
	"io"
	"syscall"

	"dessim/sim/host/volume"
)

// mostAtOnce is how much one read or write does: MAX_RW_COUNT.
const mostAtOnce = 0x7ffff000

func (f *files) callRead(c *callArgs) (uintptr, syscall.Errno)   { return f.read(c.int(0), c.b[1], -1) }
func (f *files) callWrite(c *callArgs) (uintptr, syscall.Errno)  { return f.write(c.int(0), c.b[1], -1) }
func (f *files) callPread(c *callArgs) (uintptr, syscall.Errno)  { return f.readAt(c, c.long(3)) }
func (f *files) callPwrite(c *callArgs) (uintptr, syscall.Errno) { return f.writeAt(c, c.long(3)) }

// callPreadv2 is preadv2 without flags. Where preadv has an offset in two halves, 64-bit
// machines have it in the first.
func (f *files) callPreadv2(c *callArgs) (uintptr, syscall.Errno) {
	switch {
	case c.a[5] != 0:
		return 0, syscall.EOPNOTSUPP
	case c.long(3) == -1:
		return f.callRead(c)
	}
	return f.readAt(c, c.long(3))
}

func (f *files) callPwritev2(c *callArgs) (uintptr, syscall.Errno) {
	switch {
	case c.a[5] != 0:
		return 0, syscall.EOPNOTSUPP
	case c.long(3) == -1:
		return f.callWrite(c)
	}
	return f.writeAt(c, c.long(3))
}

func (f *files) readAt(c *callArgs, off int64) (uintptr, syscall.Errno) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	return f.read(c.int(0), c.b[1], off)
}

func (f *files) writeAt(c *callArgs, off int64) (uintptr, syscall.Errno) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	return f.write(c.int(0), c.b[1], off)
}

// read reads at an offset, or where the open file is if that is -1.
func (f *files) read(fd int, p []byte, off int64) (uintptr, syscall.Errno) {
	d, err := f.at(fd)
	switch {
	case err != 0:
		return 0, err
	case !d.readable():
		return 0, syscall.EBADF
	case d.standard:
		return 0, 0 // the end
	case d.socket != nil && off >= 0:
		return 0, syscall.ESPIPE
	case d.socket != nil && len(p) == 0:
		return 0, 0
	case d.socket != nil:
		return f.one(fd, receive, &message{Data: [][]byte{p}}, 0)
	case d.dir:
		return 0, syscall.EISDIR
	}
	at := off
	if off < 0 {
		at = d.off
	}
	n, failed := f.vol.Read(d.ino, p[:min(len(p), mostAtOnce)], at)
	if failed != nil && failed != io.EOF {
		return 0, errno(failed)
	}
	if off < 0 {
		d.off += int64(n)
	}
	return uintptr(n), 0
}

// write writes at an offset, or where the open file is if that is -1.
func (f *files) write(fd int, p []byte, off int64) (uintptr, syscall.Errno) {
	d, err := f.at(fd)
	switch {
	case err != 0:
		return 0, err
	case !d.writable():
		return 0, syscall.EBADF
	case d.standard:
		f.print(fd == 2, p)
		return uintptr(len(p)), 0
	case d.socket != nil && off >= 0:
		return 0, syscall.ESPIPE
	case d.socket != nil:
		return f.one(fd, send, &message{Data: [][]byte{p}}, 0)
	case len(p) == 0:
		return 0, 0
	}
	if err := f.change(); err != 0 {
		return 0, err
	}
	info, failed := f.vol.Stat(d.ino)
	if failed != nil {
		return 0, errno(failed)
	}
	at := off
	if off < 0 {
		at = d.off
	}
	if d.flags&syscall.O_APPEND != 0 { // pwrite appends, too, as on Linux
		at = info.Size
	}
	room, err := f.room(&info, at, min(len(p), mostAtOnce))
	if err != 0 {
		return 0, err
	}
	n, failed := f.vol.Write(d.ino, p[:room], at)
	if failed != nil {
		return 0, errno(failed)
	}
	if off < 0 {
		d.off = at + int64(n)
	}
	if d.flags&syscall.O_DSYNC != 0 { // O_SYNC has this bit, too
		if err := f.sync(d, d.flags&syscall.O_SYNC != syscall.O_SYNC); err != 0 {
			return 0, err
		}
	}
	return uintptr(n), 0
}

// room returns how many of n bytes to write at an offset the disk takes. What replaces data needs no
// room, nor what fallocate has reserved; the hole of a sparse file does.
func (f *files) room(info *volume.Info, at int64, n int) (int, syscall.Errno) {
	if at >= volume.MaxSize {
		return 0, syscall.EFBIG
	}
	n = int(min(int64(n), volume.MaxSize-at))
	free, bound := f.space()
	if at > info.Size {
		f.sparse[info.Ino] = true
	}
	if !bound {
		return n, 0
	}
	there := (info.Size + volume.PageSize - 1) / volume.PageSize * volume.PageSize
	if f.sparse[info.Ino] && info.Blocks*512 < there {
		there = 0
	}
	limit := max(there, at-at%volume.PageSize) + free - free%volume.PageSize
	if at >= limit {
		return 0, syscall.ENOSPC
	}
	return int(min(int64(n), limit-at)), 0
}

func (f *files) callLseek(c *callArgs) (uintptr, syscall.Errno) {
	d, err := f.at(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case d.standard || d.socket != nil:
		return 0, syscall.ESPIPE
	case d.flags&oPath != 0:
		return 0, syscall.EBADF
	}
	info, failed := f.vol.Stat(d.ino)
	if failed != nil {
		return 0, errno(failed)
	}
	to := c.long(1)
	switch c.int(2) {
	case io.SeekStart:
	case io.SeekCurrent:
		to += d.off
	case io.SeekEnd:
		to += info.Size
	case 3, 4: // SEEK_DATA, SEEK_HOLE: as a file system that has no holes
		if to < 0 || to >= info.Size {
			return 0, syscall.ENXIO
		}
		if c.int(2) == 4 {
			to = info.Size
		}
	default:
		return 0, syscall.EINVAL
	}
	if to < 0 {
		return 0, syscall.EINVAL
	}
	d.off = to
	if d.dir && to == 0 {
		d.entries = nil
	}
	return uintptr(to), 0
}

// writableFile returns the open file of a call that changes a regular file by its descriptor.
func (f *files) writableFile(fd int) (*openFile, syscall.Errno) {
	d, err := f.file(fd)
	switch {
	case err != 0:
		return nil, err
	case d.flags&oPath != 0:
		return nil, syscall.EBADF
	case d.dir || !d.writable():
		return nil, syscall.EINVAL
	}
	return d, f.change()
}

func (f *files) callFtruncate(c *callArgs) (uintptr, syscall.Errno) {
	d, err := f.writableFile(c.int(0))
	if err != 0 {
		return 0, err
	}
	return 0, f.truncate(d.ino, c.long(1))
}

func (f *files) callTruncate(c *callArgs) (uintptr, syscall.Errno) {
	if c.long(1) < 0 {
		return 0, syscall.EINVAL
	}
	s, err := f.find(atCwd, c.text(0), true)
	if err != 0 {
		return 0, err
	}
	info, failed := f.vol.Stat(s.ino)
	switch {
	case failed != nil:
		return 0, errno(failed)
	case info.Mode&volume.ModeType == volume.ModeDir:
		return 0, syscall.EISDIR
	}
	return 0, f.truncate(s.ino, c.long(1))
}

func (f *files) truncate(i volume.Ino, size int64) syscall.Errno {
	switch {
	case size < 0:
		return syscall.EINVAL
	case size > volume.MaxSize:
		return syscall.EFBIG
	}
	if err := f.change(); err != 0 {
		return err
	}
	info, err := f.vol.Stat(i)
	if err == nil && size > info.Size {
		f.sparse[i] = true
	}
	return errno(f.vol.Truncate(i, size))
}

// callFallocate reserves room, which here means that the file grows.
func (f *files) callFallocate(c *callArgs) (uintptr, syscall.Errno) {
	mode, off, n := c.int(1), c.long(2), c.long(3)
	d, err := f.file(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case !d.writable():
		return 0, syscall.EBADF
	case off < 0 || n <= 0:
		return 0, syscall.EINVAL
	case mode&^1 != 0: // all but FALLOC_FL_KEEP_SIZE
		return 0, syscall.EOPNOTSUPP
	case off+n > volume.MaxSize || off+n < 0:
		return 0, syscall.EFBIG
	}
	info, failed := f.vol.Stat(d.ino)
	if failed != nil {
		return 0, errno(failed)
	}
	if err := f.change(); err != 0 {
		return 0, err
	}
	if free, bound := f.space(); bound && free < off+n-info.Size {
		return 0, syscall.ENOSPC
	}
	if mode == 0 && off+n > info.Size {
		return 0, errno(f.vol.Truncate(d.ino, off+n))
	}
	return 0, 0
}
