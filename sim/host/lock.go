//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"syscall"

	"dessim/sim/host/volume"
)

// Commands of fcntl for locks that belong to an open file, which package syscall lacks.
const (
	ofdGetlk  = 36
	ofdSetlk  = 37
	ofdSetlkw = 38
)

// isLock reports whether a command of fcntl is for a lock.
func isLock(cmd int) bool {
	switch cmd {
	case syscall.F_GETLK, syscall.F_SETLK, syscall.F_SETLKW, ofdGetlk, ofdSetlk, ofdSetlkw:
		return true
	}
	return false
}

// lockOf is a lock on bytes of a file, or by flock on all of it. The owner is an open file, or nil
// for the process. A node is one process, so locks of the process never wait for each other.
type lockOf struct {
	ino        volume.Ino
	owner      *openFile
	begin, end int64 // end is not in it
	exclusive  bool
	flock      bool
}

// locks are those of a node that are held.
type locks []lockOf

// against reports whether two locks cannot be held at once.
func (l *lockOf) against(o *lockOf) bool {
	return l.ino == o.ino && l.flock == o.flock && l.owner != o.owner && (l.exclusive || o.exclusive) && l.begin < o.end && o.begin < l.end
}

// conflict returns a lock that a new one has to wait for, or nil.
func (h locks) conflict(l *lockOf) *lockOf {
	for i := range h {
		if h[i].against(l) {
			return &h[i]
		}
	}
	return nil
}

// clear takes the bytes of l from what its owner has locked.
func (h *locks) clear(l *lockOf) {
	var rest []lockOf
	*h = slices.DeleteFunc(*h, func(o lockOf) bool {
		if o.ino != l.ino || o.owner != l.owner || o.flock != l.flock || o.begin >= l.end || l.begin >= o.end {
			return false
		}
		if before := o; o.begin < l.begin {
			before.end = l.begin
			rest = append(rest, before)
		}
		if after := o; o.end > l.end {
			after.begin = l.end
			rest = append(rest, after)
		}
		return true
	})
	*h = append(*h, rest...)
}

// unlockAll gives up the locks on a file that an owner has.
func (f *files) unlockAll(i volume.Ino, owner *openFile) {
	n := len(f.locks)
	f.locks = slices.DeleteFunc(f.locks, func(l lockOf) bool { return l.ino == i && l.owner == owner })
	if len(f.locks) != n {
		f.wakeLockers()
	}
}

func (f *files) wakeLockers() {
	if f.unlocked != nil {
		f.unlocked.Broadcast()
	}
}

// take takes a lock, or fails with EAGAIN if it would have to wait and must not.
func (f *files) take(l lockOf, d *openFile, waits bool) syscall.Errno {
	if f.locks.conflict(&l) != nil {
		if !waits {
			return syscall.EAGAIN
		}
		if f.unlocked == nil {
			f.unlocked = sync.NewCond(&f.Mutex)
		}
		d.refs++ // so that it stays
		f.wait(f.unlocked, "waits for a lock of "+d.path, func() bool { return f.locks.conflict(&l) == nil })
		if d.refs == 1 {
			f.unref(d) // it has been closed meanwhile
			return 0
		}
		d.refs--
	}
	f.locks.clear(&l)
	f.locks = append(f.locks, l)
	f.wakeLockers() // it may be a weaker one now
	return 0
}

func (f *files) callFlock(c *callArgs) (uintptr, syscall.Errno) {
	d, err := f.file(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case d.flags&oPath != 0:
		return 0, syscall.EBADF
	}
	how := c.int(1)
	l := lockOf{ino: d.ino, owner: d, end: math.MaxInt64, flock: true}
	switch how &^ syscall.LOCK_NB {
	case syscall.LOCK_UN:
		f.locks.clear(&l)
		f.wakeLockers()
		return 0, 0
	case syscall.LOCK_EX:
		l.exclusive = true
	case syscall.LOCK_SH:
	default:
		return 0, syscall.EINVAL
	}
	// A lock that changes is given up first, so another that waits for it may be taken before.
	f.locks.clear(&l)
	f.wakeLockers()
	return 0, f.take(l, d, how&syscall.LOCK_NB == 0)
}

// fcntlLock is fcntl with a struct flock.
func (f *files) fcntlLock(d *openFile, cmd int, arg []byte) syscall.Errno {
	if len(arg) < 32 {
		return syscall.EFAULT
	}
	l, err := f.parseLock(d, arg)
	if err != 0 {
		return err
	}
	switch cmd {
	case ofdGetlk, ofdSetlk, ofdSetlkw:
		l.owner = d
		if binary.NativeEndian.Uint32(arg[24:]) != 0 {
			return syscall.EINVAL
		}
	}
	kind := binary.NativeEndian.Uint16(arg)
	switch {
	case cmd == syscall.F_GETLK || cmd == ofdGetlk:
		f.tellLock(&l, arg)
		return 0
	case kind == syscall.F_UNLCK:
		f.locks.clear(&l)
		f.wakeLockers()
		return 0
	case l.exclusive && !d.writable() || !l.exclusive && !d.readable():
		return syscall.EBADF
	}
	return f.take(l, d, cmd == syscall.F_SETLKW || cmd == ofdSetlkw)
}

// parseLock reads a struct flock of a 64-bit machine.
func (f *files) parseLock(d *openFile, arg []byte) (lockOf, syscall.Errno) {
	l := lockOf{ino: d.ino}
	switch int16(binary.NativeEndian.Uint16(arg)) {
	case syscall.F_WRLCK:
		l.exclusive = true
	case syscall.F_RDLCK, syscall.F_UNLCK:
	default:
		return l, syscall.EINVAL
	}
	start, length := int64(binary.NativeEndian.Uint64(arg[8:])), int64(binary.NativeEndian.Uint64(arg[16:]))
	switch binary.NativeEndian.Uint16(arg[2:]) {
	case 0:
	case 1:
		start += d.off
	case 2:
		info, err := f.vol.Stat(d.ino)
		if err != nil {
			return l, errno(err)
		}
		start += info.Size
	default:
		return l, syscall.EINVAL
	}
	l.begin, l.end = start, start+length
	switch {
	case length == 0:
		l.end = math.MaxInt64
	case length < 0:
		l.begin, l.end = l.end, l.begin
	}
	if l.begin < 0 || l.end <= l.begin {
		return l, syscall.EINVAL
	}
	return l, 0
}

// tellLock writes which lock another one would wait for, as F_GETLK does.
func (f *files) tellLock(l *lockOf, arg []byte) {
	o := f.locks.conflict(l)
	if o == nil {
		binary.NativeEndian.PutUint16(arg, syscall.F_UNLCK)
		return
	}
	kind, process, length := uint16(syscall.F_RDLCK), int32(-1), o.end-o.begin
	if o.exclusive {
		kind = syscall.F_WRLCK
	}
	if o.owner == nil {
		process = 1
	}
	if o.end == math.MaxInt64 {
		length = 0
	}
	binary.NativeEndian.PutUint16(arg, kind)
	binary.NativeEndian.PutUint16(arg[2:], 0)
	binary.NativeEndian.PutUint64(arg[8:], uint64(o.begin))
	binary.NativeEndian.PutUint64(arg[16:], uint64(length))
	binary.NativeEndian.PutUint32(arg[24:], uint32(process))
}

// String describes a lock for people.
func (l *lockOf) String() string {
	kind, owner := "shared", "the process"
	if l.exclusive {
		kind = "exclusive"
	}
	if l.owner != nil {
		owner = l.owner.path
	}
	if l.end == math.MaxInt64 {
		return fmt.Sprintf("locked from %d on, %s, by %s, inode %d", l.begin, kind, owner, l.ino)
	}
	return fmt.Sprintf("locked from %d to %d, %s, by %s, inode %d", l.begin, l.end, kind, owner, l.ino)
}
