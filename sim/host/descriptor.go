//go:build linux && (amd64 || arm64)

package host

import (
	"fmt"
	"syscall"

	"dessim/protocol"
	"dessim/sim/host/volume"
)

const (
	firstDescriptor = 1 << 24 // higher than any real one
	mostDescriptors = 1 << 16 // of a life
	descriptorLives = 30_000  // lives that have numbers of their own
)

// firstOf returns the first descriptor of a life. So a descriptor that a package variable keeps from
// another life is not valid in this one.
func firstOf(id protocol.NodeID, incarnation uint32) int {
	return firstDescriptor + int((uint64(id)*64+uint64(incarnation))%descriptorLives)*mostDescriptors
}

// Flags of open that package syscall does not have on all machines, or has as 0.
const (
	oPath      = 0x200000
	oTmpfile   = 0x400000
	oLargefile = 0x8000 // as fcntl shows it
)

// openFile is what descriptors refer to: the one that open returned, and those that dup made of it.
type openFile struct {
	ino      volume.Ino
	path     string // as it was opened
	flags    int
	refs     int
	off      int64
	errors   uint64 // failed flushes of the file that it knows of
	dir      bool
	entries  []volume.Entry // of a directory, from its first read on
	standard bool           // standard input, output or error
	socket   raw            // or nil; nothing else but path and flags is used then
}

// descriptor is one number of an open file.
type descriptor struct {
	*openFile
	closeOnExec bool
}

func (d *openFile) readable() bool {
	return d.flags&(syscall.O_ACCMODE|oPath) != syscall.O_WRONLY && d.flags&oPath == 0
}
func (d *openFile) writable() bool {
	return d.flags&syscall.O_ACCMODE != syscall.O_RDONLY && d.flags&oPath == 0
}

// standardFiles are descriptors 0, 1 and 2.
var standardFiles = [3]openFile{{standard: true, path: "stdin"}, {standard: true, path: "stdout", flags: syscall.O_WRONLY}, {standard: true, path: "stderr", flags: syscall.O_WRONLY}}

// at returns the open file of a number.
func (f *files) at(fd int) (*openFile, syscall.Errno) {
	if fd >= 0 && fd < len(standardFiles) {
		return &standardFiles[fd], 0
	}
	if d, ok := f.descriptors[fd]; ok {
		return d.openFile, 0
	}
	return nil, syscall.EBADF
}

// file returns the open file of a number that must be one of the volume's.
func (f *files) file(fd int) (*openFile, syscall.Errno) {
	d, err := f.at(fd)
	if err == 0 && (d.standard || d.socket != nil) {
		return nil, syscall.EINVAL
	}
	return d, err
}

// add gives an open file the lowest free number, at least least.
func (f *files) add(d *openFile, least int, closeOnExec bool) (int, syscall.Errno) {
	if len(f.descriptors) >= mostDescriptors {
		return 0, syscall.EMFILE
	}
	fd := max(least, f.free)
	for f.taken(fd) {
		fd++
	}
	if fd >= f.first+mostDescriptors {
		return 0, syscall.EMFILE
	}
	f.descriptors[fd] = descriptor{d, closeOnExec}
	d.refs++
	if least <= f.free {
		f.free = fd + 1
	}
	return fd, 0
}

func (f *files) taken(fd int) bool {
	_, ok := f.descriptors[fd]
	return ok
}

// close forgets a number.
func (f *files) close(fd int) syscall.Errno {
	d, ok := f.descriptors[fd]
	if !ok {
		if fd >= 0 && fd < len(standardFiles) {
			return 0
		}
		return syscall.EBADF
	}
	delete(f.descriptors, fd)
	f.free = min(f.free, fd)
	f.unlockAll(d.ino, nil) // of the process's, as POSIX has it
	f.unref(d.openFile)
	return 0
}

// unref takes one reference from an open file, and closes it with the last.
func (f *files) unref(d *openFile) {
	switch d.refs--; {
	case d.refs > 0:
	case d.socket != nil:
		d.socket.common().number = 0
	default:
		f.unlockAll(d.ino, d)
		f.vol.Release(d.ino)
	}
}

func (f *files) callClose(c *callArgs) (uintptr, syscall.Errno) { return 0, f.close(c.int(0)) }

// callCloseRange is close_range.
func (f *files) callCloseRange(c *callArgs) (uintptr, syscall.Errno) {
	first, last := uint64(uint32(c.a[0])), uint64(uint32(c.a[1]))
	if first > last {
		return 0, syscall.EINVAL
	}
	for fd := max(first, uint64(f.first)); fd <= min(last, uint64(f.first)+mostDescriptors); fd++ {
		switch d, ok := f.descriptors[int(fd)]; {
		case !ok:
		case c.int(2)&4 != 0: // CLOSE_RANGE_CLOEXEC
			f.descriptors[int(fd)] = descriptor{d.openFile, true}
		default:
			f.close(int(fd))
		}
	}
	return 0, 0
}

func (f *files) callDup(c *callArgs) (uintptr, syscall.Errno) { return f.dup(c.int(0), 0, false) }

// original returns the open file of a number that is to be duplicated.
func (f *files) original(fd int) (*openFile, syscall.Errno) {
	if d, err := f.at(fd); err == 0 && d.socket != nil {
		f.noteOnce("a simulated node's dup makes no second descriptor of a socket")
		return nil, syscall.EOPNOTSUPP
	}
	return f.file(fd)
}

func (f *files) dup(fd, least int, closeOnExec bool) (uintptr, syscall.Errno) {
	d, err := f.original(fd)
	if err != 0 {
		return 0, err
	}
	n, err := f.add(d, least, closeOnExec)
	return uintptr(n), err
}

// callDup3 is dup3, and dup2.
func (f *files) callDup3(c *callArgs) (uintptr, syscall.Errno) {
	from, to := c.int(0), c.int(1)
	d, err := f.original(from)
	switch {
	case err != 0:
		return 0, err
	case from == to:
		return 0, syscall.EINVAL
	case to < f.first || to >= f.first+mostDescriptors:
		f.noteOnce("a simulated node's dup3 makes no descriptor of a real file's number")
		return 0, syscall.EBADF
	}
	d.refs++ // so that it stays
	if f.taken(to) {
		f.close(to)
	}
	f.descriptors[to] = descriptor{d, c.int(2)&syscall.O_CLOEXEC != 0}
	return uintptr(to), 0
}

func (f *files) callDup2(c *callArgs) (uintptr, syscall.Errno) {
	if _, err := f.file(c.int(0)); c.int(0) == c.int(1) {
		return c.a[1], err
	}
	return f.callDup3(&callArgs{a: [6]uintptr{c.a[0], c.a[1]}})
}

// settable are the flags that F_SETFL sets.
const settable = syscall.O_APPEND | syscall.O_NONBLOCK | syscall.O_ASYNC | syscall.O_NOATIME

// fcntl serves all commands but those for locks, which are in lock.go.
func (f *files) fcntl(c *callArgs) (uintptr, syscall.Errno) {
	fd, arg := c.int(0), c.int(2)
	d, err := f.at(fd)
	if err != 0 {
		return 0, err
	}
	switch cmd := c.int(1); {
	case cmd == syscall.F_GETFL && d.socket != nil:
		return uintptr(d.flags), 0
	case cmd == syscall.F_GETFL:
		return uintptr(d.flags&^(syscall.O_CREAT|syscall.O_EXCL|syscall.O_TRUNC|syscall.O_CLOEXEC|syscall.O_NOCTTY) | oLargefile), 0
	case cmd == syscall.F_GETFD:
		if d := f.descriptors[fd]; d.closeOnExec {
			return syscall.FD_CLOEXEC, 0
		}
		return 0, 0
	case d.standard:
		if cmd == syscall.F_SETFL || cmd == syscall.F_SETFD {
			return 0, 0
		}
		return 0, syscall.EINVAL
	case cmd == syscall.F_SETFL && d.socket != nil:
		return 0, 0 // no call waits
	case cmd == syscall.F_SETFL:
		d.flags = d.flags&^settable | arg&settable
		return 0, 0
	case cmd == syscall.F_SETFD:
		f.descriptors[fd] = descriptor{d, arg&syscall.FD_CLOEXEC != 0}
		return 0, 0
	case cmd == syscall.F_DUPFD || cmd == syscall.F_DUPFD_CLOEXEC:
		return f.dup(fd, arg, cmd == syscall.F_DUPFD_CLOEXEC)
	case isLock(cmd) && d.socket == nil:
		return 0, f.fcntlLock(d, cmd, c.b[2])
	}
	return 0, syscall.EINVAL
}

// describe lists what is open, and what is locked, for people.
func (f *files) describe() (lines []string) {
	defer f.unlock(f.lock())
	for _, fd := range protocol.SortedKeys(f.descriptors) {
		d := f.descriptors[fd]
		var state string
		switch {
		case d.socket != nil:
			state = "to read and write"
		case d.dir:
			state = "a directory"
		case d.readable() && d.writable():
			state = fmt.Sprintf("to read and write, at %d", d.off)
		case d.writable():
			state = fmt.Sprintf("to write, at %d", d.off)
		case d.readable():
			state = fmt.Sprintf("to read, at %d", d.off)
		default:
			state = "for its path"
		}
		lines = append(lines, fmt.Sprintf("%d %s: %s", fd-f.first, d.path, state))
	}
	for _, l := range f.locks {
		lines = append(lines, l.String())
	}
	return lines
}
