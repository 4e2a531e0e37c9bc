//go:build !unix

package explore

import "os"

// lock does nothing: the standard library locks no files here.
func lock(*os.File) error { return nil }

// syncFolder does nothing: the standard library syncs no folders here.
func syncFolder(string) error { return nil }
