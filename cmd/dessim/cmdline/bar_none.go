//go:build !((unix && !aix) || windows)

package cmdline

import "io"

// bar shows nothing.
type bar struct{}

func newBar(io.Writer, int64, func(at, total int64) string, func(at, total int64) string) *bar {
	return &bar{}
}

func (*bar) move(int64) {}
func (*bar) remove()    {}
