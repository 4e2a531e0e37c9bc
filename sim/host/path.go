//go:build linux && (amd64 || arm64)

package host

import (
	"errors"
	"io"
	"path"
	"strings"
	"syscall"

	"dessim/sim/host/volume"
)

const (
	mostPath  = 4096 // PATH_MAX
	mostLinks = 40   // symbolic links that one path leads over
)

// Flags of calls that take a path, which package syscall lacks.
const (
	atCwd             = -100
	atSymlinkNoFollow = 0x100
	atRemoveDir       = 0x200
	atSymlinkFollow   = 0x400
	atEmptyPath       = 0x1000
)

// spot is where a path leads: a name in a directory. ino is 0 if the directory lacks it.
type spot struct {
	dir   volume.Ino
	name  string
	ino   volume.Ino
	slash bool // ends in a slash, so it is a directory if it is anything
}

// special reports whether the name cannot be made or removed.
func (s *spot) special() bool { return s.name == "." || s.name == ".." }

// errno returns the error of a volume as a number.
func errno(err error) syscall.Errno {
	var n syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &n):
		return n
	case err == io.EOF:
		return 0
	}
	return syscall.EIO
}

// walk follows a path from a directory. A symbolic link at its end is followed if follow says so.
func (f *files) walk(from volume.Ino, name string, follow bool) (spot, syscall.Errno) {
	switch {
	case name == "":
		return spot{}, syscall.ENOENT
	case len(name) >= mostPath:
		return spot{}, syscall.ENAMETOOLONG
	}
	cur, rest, links := from, name, 0
	if rest[0] == '/' {
		cur = volume.Root
	}
	for {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return spot{dir: cur, name: ".", ino: cur}, 0
		}
		s, after := spot{dir: cur}, ""
		s.name, after, s.slash = strings.Cut(rest, "/")
		after = strings.TrimLeft(after, "/")
		last := after == ""
		if len(s.name) > volume.MaxName {
			return s, syscall.ENAMETOOLONG
		}
		var mode uint32
		var err syscall.Errno
		if s.ino, mode, err = f.child(cur, s.name); err != 0 {
			if err == syscall.ENOENT && last {
				return s, 0
			}
			return s, err
		}
		switch {
		case mode == volume.ModeSymlink && (!last || follow || s.slash):
			if links++; links > mostLinks {
				return s, syscall.ELOOP
			}
			target, err := f.vol.Readlink(s.ino)
			if err != nil {
				return s, errno(err)
			}
			if target[0] == '/' {
				cur = volume.Root
			}
			rest = target
			if s.slash {
				rest += "/" + after
			}
		case mode != volume.ModeDir && s.slash:
			return s, syscall.ENOTDIR
		case last:
			return s, 0
		default:
			cur, rest = s.ino, after
		}
	}
}

// child returns the inode of a name in a directory, and its type.
func (f *files) child(dir volume.Ino, name string) (volume.Ino, uint32, syscall.Errno) {
	ino, err := f.vol.Lookup(dir, name)
	if err != nil {
		return 0, 0, errno(err)
	}
	info, err := f.vol.Stat(ino)
	return ino, info.Mode & volume.ModeType, errno(err)
}

// find is seek for a path that must exist.
func (f *files) find(dirfd int, name string, follow bool) (spot, syscall.Errno) {
	s, err := f.seek(dirfd, name, follow)
	if err == 0 && s.ino == 0 {
		err = syscall.ENOENT
	}
	return s, err
}

// seek is walk for a path that is relative to an open directory.
func (f *files) seek(dirfd int, name string, follow bool) (spot, syscall.Errno) {
	if err := f.ready(); err != 0 {
		return spot{}, err
	}
	from := f.cwd
	if dirfd != atCwd && !strings.HasPrefix(name, "/") {
		d, err := f.at(dirfd)
		switch {
		case err != 0:
			return spot{}, err
		case !d.dir:
			return spot{}, syscall.ENOTDIR
		}
		from = d.ino
	}
	return f.walk(from, name, follow)
}

// target is find for calls whose flags may say that the path is empty, and the open file meant.
func (f *files) target(dirfd int, name string, flags int) (volume.Ino, syscall.Errno) {
	if name == "" && flags&atEmptyPath != 0 {
		if dirfd == atCwd {
			return f.cwd, f.ready()
		}
		d, err := f.file(dirfd)
		if err != 0 {
			return 0, err
		}
		return d.ino, 0
	}
	s, err := f.find(dirfd, name, flags&atSymlinkNoFollow == 0)
	return s.ino, err
}

// whole returns a path from the root, for people.
func (f *files) whole(dirfd int, name string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	from := "/"
	if dirfd != atCwd {
		if d, err := f.at(dirfd); err == 0 {
			from = d.path
		}
	} else if p, ok := f.pathOf(f.cwd); ok {
		from = p
	}
	return path.Join(from, name)
}

// pathOf returns the path of a directory, and false if it has none any more.
func (f *files) pathOf(dir volume.Ino) (string, bool) {
	name := ""
	for dir != volume.Root {
		parent, err := f.vol.Lookup(dir, "..")
		if err != nil {
			return "", false
		}
		entries, _ := f.vol.Entries(parent)
		found := false
		for _, e := range entries {
			if e.Ino == dir {
				name, found = "/"+e.Name+name, true
			}
		}
		if !found {
			return "", false
		}
		dir = parent
	}
	if name == "" {
		name = "/"
	}
	return name, true
}

func (f *files) callGetcwd(c *callArgs) (uintptr, syscall.Errno) {
	if err := f.ready(); err != 0 {
		return 0, err
	}
	name, ok := f.pathOf(f.cwd)
	switch {
	case !ok:
		return 0, syscall.ENOENT
	case len(name)+1 > len(c.b[0]):
		return 0, syscall.ERANGE
	}
	n := copy(c.b[0], name)
	c.b[0][n] = 0
	return uintptr(n + 1), 0
}

func (f *files) callChdir(c *callArgs) (uintptr, syscall.Errno) {
	s, err := f.find(atCwd, c.text(0), true)
	if err != 0 {
		return 0, err
	}
	return 0, f.chdir(s.ino)
}

func (f *files) callFchdir(c *callArgs) (uintptr, syscall.Errno) {
	d, err := f.file(c.int(0))
	if err != 0 {
		return 0, err
	}
	return 0, f.chdir(d.ino)
}

func (f *files) chdir(i volume.Ino) syscall.Errno {
	if info, err := f.vol.Stat(i); err != nil || info.Mode&volume.ModeType != volume.ModeDir {
		return syscall.ENOTDIR
	}
	f.vol.Hold(i)
	if f.cwd != volume.Root {
		f.vol.Release(f.cwd)
	}
	f.cwd = i
	return 0
}

func (f *files) callUmask(c *callArgs) (uintptr, syscall.Errno) {
	old := f.umask
	f.umask = uint32(c.a[0]) & 0o777
	return uintptr(old), 0
}
