//go:build unix || windows

package cmdline

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreBrokenPipe lets a write to a closed pipe fail. Otherwise it kills the process, which
// leaves temporary files.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// hangups returns SIGHUP, unless the process ignores it, as under nohup.
func hangups() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return nil
	}
	return []os.Signal{syscall.SIGHUP}
}
