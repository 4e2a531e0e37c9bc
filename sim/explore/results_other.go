//go:build !unix || aix || (solaris && !illumos)

package explore

// syncFolder does nothing: the standard library syncs no folders here.
func syncFolder(string) error { return nil }
