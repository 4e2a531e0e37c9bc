package cmdline

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// inherit gives a process that is about to start a file beside the standard ones, and returns
// its number there.
func inherit(cmd *exec.Cmd, f *os.File) string {
	h := syscall.Handle(f.Fd())
	// If this fails, so does the start of the process.
	_ = syscall.SetHandleInformation(h, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT)
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{h}}
	return strconv.FormatUint(uint64(h), 10)
}
