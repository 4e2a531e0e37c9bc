//go:build unix

package explore

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps two processes from appending to one file. The system unlocks it when
// the process ends, however it ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another process is writing to it")
	}
	return nil // some network file systems have no locks
}
