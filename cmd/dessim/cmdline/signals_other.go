//go:build !unix && !windows

package cmdline

import "os"

func ignoreBrokenPipe() {}

func hangups() []os.Signal { return nil }
