//go:build !unix || aix || (solaris && !illumos)

package files

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Lock locks nothing: the standard library locks no files here.
func Lock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }

// take holds nothing: a temporary name has the process's number.
func take(string) (hold *os.File, ours bool) { return nil, true }

// removeDead removes a file or folder whose process has ended. Only on Windows does
// os.FindProcess say so.
func removeDead(path string) {
	if runtime.GOOS != "windows" {
		return
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), temporaryPrefix), "-")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		os.RemoveAll(path)
		return
	}
	p.Release()
}
