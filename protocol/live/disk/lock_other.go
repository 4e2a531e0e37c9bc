//go:build !linux && !darwin

package disk

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func lock(*os.File) error {
	return fmt.Errorf("cannot be locked on %s; want linux or darwin: %w", runtime.GOOS, errors.ErrUnsupported)
}
