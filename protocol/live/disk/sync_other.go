//go:build !linux

package disk

import "os"

// syncData makes the content of a file durable. On Darwin, Sync also empties the cache of the
// drive.
func syncData(f *os.File) error { return f.Sync() }
