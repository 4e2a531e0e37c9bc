//go:build unix

package gotool

import (
	"os"
	"os/signal"
	"syscall"

	"dessim/cmd/dessim/cmdline"
)

// become replaces this process by the go command, so signals and the exit code are its own.
func (v *invocation) become() error {
	// An ignored signal would stay ignored there. Package cmdline ignores SIGPIPE, which Reset does not
	// undo.
	signal.Reset()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := syscall.Exec(v.path, append([]string{"go"}, v.args...), v.env)
	return cmdline.Fail(cmdline.CodeIO, "starting %s: %v", v.path, err)
}
