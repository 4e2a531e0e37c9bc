//go:build unix && !aix && (!solaris || illumos)

package explore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// syncFolder makes the names of new files in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a folder can be writable but not readable
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil // some network file systems sync no folders
}
