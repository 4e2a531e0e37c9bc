//go:build !unix

package gotool

import (
	"os"
	"os/exec"

	"dessim/cmd/dessim/cmdline"
)

// become runs the go command, and exits as it does. An interrupt reaches it without this process.
func (v *invocation) become() error {
	cmd := exec.Command(v.path, v.args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = v.env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return cmdline.Fail(cmdline.CodeIO, "starting %s: %v", v.path, err)
	}
	os.Exit(cmd.ProcessState.ExitCode())
	return nil
}
