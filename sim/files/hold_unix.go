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
	if !isAt(f, name) {
		f.Close()
		return nil, false
	}
	return f, true
}

// isAt reports whether the path is still that of the open file. Before f was locked, its owner
// could give it another name, and the path to another file.
func isAt(f *os.File, path string) bool {
	now, err := os.Lstat(path)
	at, err2 := f.Stat()
	return err == nil && err2 == nil && os.SameFile(now, at)
}

// removeDead removes a file or folder that no process holds.
func removeDead(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := Lock(f); err == nil && isAt(f, path) {
		os.RemoveAll(path)
	}
}
