//go:build unix && !aix && (!solaris || illumos)

package files

import (
	"errors"
	"os"
	"syscall"
)

// Lock keeps other processes from locking the file. The system unlocks it when this process
// closes it or ends, however it ends. If held, another process has locked it. Any other
// error means that there are no locks here, as on some network file systems.
func Lock(f *os.File) (held bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK), err
}

// take locks a file or folder of a temporary name, and reports whether it still belongs to
// this process: until it is locked, another process can take it for one left behind. hold is
// nil where there are no locks; none is ever removed there.
func take(name string) (hold *os.File, ours bool) {
	f, err := os.Open(name)
	if err != nil {
		return nil, !os.IsNotExist(err)
	}
	held, err := Lock(f)
	if err != nil {
		f.Close()
		return nil, !held
	}
	now, err := os.Stat(name)
	at, err2 := f.Stat()
	if err != nil || err2 != nil || !os.SameFile(now, at) {
		f.Close()
		return nil, false
	}
	return f, true
}

// removeDead removes a file or folder that no process holds.
func removeDead(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := Lock(f); err == nil {
		os.RemoveAll(path)
	}
}
