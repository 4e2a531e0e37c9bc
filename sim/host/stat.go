//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"dessim/sim/host/volume"
)

// Calls that ask for what a file is like, and set it.

const device = 1 // the number of the node's only one

func (f *files) callStat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.stat(atCwd, c.text(0), 0, c.b[1])
}
func (f *files) callLstat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.stat(atCwd, c.text(0), atSymlinkNoFollow, c.b[1])
}

func (f *files) callFstatat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.stat(c.int(0), c.text(1), c.int(3), c.b[2])
}

func (f *files) stat(dirfd int, name string, flags int, to []byte) syscall.Errno {
	if name == "" && flags&atEmptyPath != 0 && dirfd >= 0 {
		return f.fstat(dirfd, to)
	}
	i, err := f.target(dirfd, name, flags)
	if err != 0 {
		return err
	}
	info, failed := f.vol.Stat(i)
	putStat(to, &info)
	return errno(failed)
}

func (f *files) callFstat(c *callArgs) (uintptr, syscall.Errno) { return 0, f.fstat(c.int(0), c.b[1]) }

func (f *files) fstat(fd int, to []byte) syscall.Errno {
	d, err := f.at(fd)
	if err != 0 {
		return err
	}
	info, err := f.info(d)
	putStat(to, &info)
	return err
}

// info describes an open file or socket. The standard ones are pipes.
func (f *files) info(d *openFile) (volume.Info, syscall.Errno) {
	if d.standard {
		return volume.Info{Mode: syscall.S_IFIFO | 0o600, Nlink: 1}, 0
	}
	if d.socket != nil {
		return volume.Info{Mode: syscall.S_IFSOCK | 0o777, Nlink: 1}, 0
	}
	info, err := f.vol.Stat(d.ino)
	return info, errno(err)
}

// putStat writes a struct stat.
func putStat(to []byte, info *volume.Info) {
	s := syscall.Stat_t{Ino: uint64(info.Ino), Mode: info.Mode, Size: info.Size, Blocks: info.Blocks, Dev: device}
	setLinks(&s, info.Nlink)
	s.Blksize = volume.PageSize
	s.Mtim = syscall.NsecToTimespec(info.Mtime)
	s.Atim = s.Mtim
	s.Ctim = syscall.NsecToTimespec(info.Ctime)
	copy(to, unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s)))
}

// callStatx is statx.
func (f *files) callStatx(c *callArgs) (uintptr, syscall.Errno) {
	var info volume.Info
	dirfd, name, flags := c.int(0), c.text(1), c.int(2)
	var err syscall.Errno
	if d, bad := f.at(dirfd); name == "" && flags&atEmptyPath != 0 && bad == 0 {
		info, err = f.info(d)
	} else {
		var i volume.Ino
		if i, err = f.target(dirfd, name, flags); err == 0 {
			var failed error
			info, failed = f.vol.Stat(i)
			err = errno(failed)
		}
	}
	if err != 0 {
		return 0, err
	}
	p, n := c.b[4], binary.NativeEndian
	clear(p)
	n.PutUint32(p[0:], 0x7ff) // STATX_BASIC_STATS
	n.PutUint32(p[4:], volume.PageSize)
	n.PutUint32(p[16:], info.Nlink)
	n.PutUint16(p[28:], uint16(info.Mode))
	n.PutUint64(p[32:], uint64(info.Ino))
	n.PutUint64(p[40:], uint64(info.Size))
	n.PutUint64(p[48:], uint64(info.Blocks))
	putTime(p[64:], info.Mtime) // of access
	putTime(p[96:], info.Ctime)
	putTime(p[112:], info.Mtime)
	n.PutUint32(p[140:], device)
	return 0, 0
}

func putTime(to []byte, t int64) {
	s := syscall.NsecToTimespec(t)
	binary.NativeEndian.PutUint64(to, uint64(s.Sec))
	binary.NativeEndian.PutUint32(to[8:], uint32(s.Nsec))
}

func (f *files) callAccess(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.access(atCwd, c.text(0), uint32(c.a[1]), 0)
}

func (f *files) callFaccessat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.access(c.int(0), c.text(1), uint32(c.a[2]), 0)
}

func (f *files) callFaccessat2(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.access(c.int(0), c.text(1), uint32(c.a[2]), c.int(3))
}

// access is that of root, who may read and write everything.
func (f *files) access(dirfd int, name string, mode uint32, flags int) syscall.Errno {
	i, err := f.target(dirfd, name, flags)
	if err != 0 {
		return err
	}
	info, failed := f.vol.Stat(i)
	if failed == nil && mode&1 != 0 && info.Mode&0o111 == 0 {
		return syscall.EACCES
	}
	return errno(failed)
}

func (f *files) callChmod(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.chmod(atCwd, c.text(0), uint32(c.a[1]), 0)
}

func (f *files) callFchmodat(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.chmod(c.int(0), c.text(1), uint32(c.a[2]), 0)
}

func (f *files) callFchmodat2(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.chmod(c.int(0), c.text(1), uint32(c.a[2]), c.int(3))
}

func (f *files) callFchmod(c *callArgs) (uintptr, syscall.Errno) {
	return 0, f.chmod(c.int(0), "", uint32(c.a[1]), atEmptyPath)
}

func (f *files) chmod(dirfd int, name string, mode uint32, flags int) syscall.Errno {
	i, err := f.target(dirfd, name, flags)
	if err != 0 {
		return err
	}
	if info, _ := f.vol.Stat(i); info.Mode&volume.ModeType == volume.ModeSymlink {
		return syscall.EOPNOTSUPP
	}
	if err := f.change(); err != 0 {
		return err
	}
	return errno(f.vol.Chmod(i, mode&0o7777))
}

// Files have no owner: any owner is accepted, and forgotten.

func (f *files) callChown(c *callArgs) (uintptr, syscall.Errno) {
	_, err := f.target(atCwd, c.text(0), 0)
	return 0, err
}

func (f *files) callLchown(c *callArgs) (uintptr, syscall.Errno) {
	_, err := f.target(atCwd, c.text(0), atSymlinkNoFollow)
	return 0, err
}

func (f *files) callFchown(c *callArgs) (uintptr, syscall.Errno) {
	_, err := f.file(c.int(0))
	return 0, err
}

func (f *files) callFchownat(c *callArgs) (uintptr, syscall.Errno) {
	_, err := f.target(c.int(0), c.text(1), c.int(4))
	return 0, err
}

// callUtimensat sets times. The node keeps the time of modification only.
func (f *files) callUtimensat(c *callArgs) (uintptr, syscall.Errno) {
	const (
		now  = 1<<30 - 1
		omit = 1<<30 - 2
	)
	flags := c.int(3)
	if c.b[1] == nil { // futimens
		flags |= atEmptyPath
	}
	i, err := f.target(c.int(0), c.text(1), flags)
	if err != 0 {
		return 0, err
	}
	mtime := f.now()
	if times := c.b[2]; times != nil {
		sec, nsec := int64(binary.NativeEndian.Uint64(times[16:])), int64(binary.NativeEndian.Uint64(times[24:]))
		switch {
		case nsec == omit:
			return 0, 0
		case nsec == now:
		case nsec < 0 || nsec >= int64(time.Second):
			return 0, syscall.EINVAL
		default:
			mtime = sec*int64(time.Second) + nsec
		}
	}
	if err := f.change(); err != 0 {
		return 0, err
	}
	return 0, errno(f.vol.SetTimes(i, mtime))
}

func (f *files) callStatfs(c *callArgs) (uintptr, syscall.Errno) {
	if _, err := f.find(atCwd, c.text(0), true); err != 0 {
		return 0, err
	}
	f.statfs(c.b[1])
	return 0, 0
}

func (f *files) callFstatfs(c *callArgs) (uintptr, syscall.Errno) {
	if _, err := f.file(c.int(0)); err != 0 {
		return 0, err
	}
	f.statfs(c.b[1])
	return 0, 0
}

// statfs describes the file system: as ext4, of 1 TiB if it has no bound.
func (f *files) statfs(to []byte) {
	size := f.options.Capacity
	if size <= 0 {
		size = 1 << 40
	}
	free := max(size-f.vol.Used(), 0)
	if left, bound := f.space(); bound {
		free = min(free, left)
	}
	s := syscall.Statfs_t{Type: 0xef53, Bsize: volume.PageSize, Frsize: volume.PageSize, Namelen: volume.MaxName, Files: 1 << 24, Ffree: 1 << 23}
	s.Blocks = uint64(size / volume.PageSize)
	s.Bfree = uint64(free / volume.PageSize)
	s.Bavail = s.Bfree
	copy(to, unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s)))
}
