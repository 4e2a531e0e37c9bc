//go:build linux || darwin

package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps others from locking the folder. The system unlocks it when it is closed or this
// process ends, however it ends.
func lock(folder *os.File) error {
	err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errors.New("is in use already; want a folder for each node, and one process at a time")
	case err != nil:
		return fmt.Errorf("cannot be locked: %w; want a file system that has locks", err)
	}
	return nil
}
