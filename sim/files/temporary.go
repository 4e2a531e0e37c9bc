package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A temporary name is ".dessim-PID-N.tmp".
const (
	temporaryPrefix = ".dessim-"
	temporarySuffix = ".tmp"
)

// temporary makes a file or a folder of a temporary name in dir, by begin, after it has
// removed what killed processes left there. If another process takes the new one for one left
// behind, before hold says otherwise, it calls undo and begins again.
func temporary(dir string, begin func(name string) error, undo func()) (name string, hold *os.File, err error) {
	removeLeft(dir)
	const tries = 10_000
	for i := range tries {
		name = filepath.Join(dir, fmt.Sprintf("%s%d-%d%s", temporaryPrefix, os.Getpid(), i, temporarySuffix))
		if err = begin(name); errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		hold, ours := take(name)
		if ours {
			return name, hold, nil
		}
		undo()
		err = fs.ErrExist // another process took it
	}
	return "", nil, err
}

// removeLeft removes the temporary files and folders in dir of processes that have ended.
// What cannot be told from that of a process that lives stays.
func removeLeft(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if !strings.HasPrefix(name, temporaryPrefix) || !strings.HasSuffix(name, temporarySuffix) {
			continue
		}
		path := filepath.Join(dir, name)
		if now, err := os.Lstat(path); err == nil && (now.Mode().IsRegular() || now.IsDir()) {
			removeDead(path)
		}
	}
}
