//go:build !windows

package cmdline

import (
	"os"
	"os/exec"
	"strconv"
)

// inherit gives a process that is about to start a file beside the standard ones, and returns
// its number there.
func inherit(cmd *exec.Cmd, f *os.File) string {
	const standard = 3
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	return strconv.Itoa(standard + len(cmd.ExtraFiles) - 1)
}
