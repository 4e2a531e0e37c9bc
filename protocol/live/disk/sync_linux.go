package disk

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes the content of a file durable, and its size, but not the time of its last
// change, which would cost another write.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}
