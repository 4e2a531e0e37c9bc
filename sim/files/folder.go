package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is a folder of files that appear when all are complete. Other files in it stay as
// they are.
type Folder struct {
	path  string
	stage string // the folder within that holds the files until then
	hold  *os.File
	made  bool // it did not exist
}

// OpenFolder begins the files of the folder of that path, and makes it if its parent exists.
func OpenFolder(path string) (*Folder, error) {
	d := &Folder{path: path}
	now, err := os.Stat(path)
	switch {
	case path == "":
		err = errors.New("is not a name")
	case errors.Is(err, fs.ErrNotExist):
		err = os.Mkdir(path, 0o777)
		d.made = err == nil
	case err == nil && !now.IsDir():
		err = errors.New("is a file")
	}
	if err == nil {
		d.stage, d.hold, err = temporary(path, func(name string) error { return os.Mkdir(name, 0o700) }, func() {})
	}
	if err != nil {
		d.Discard()
		return nil, err
	}
	return d, nil
}

// Path returns the folder's path.
func (d *Folder) Path() string { return d.path }

// Put writes one file, which Publish then moves to its place.
func (d *Folder) Put(name string, text []byte) error {
	return os.WriteFile(filepath.Join(d.stage, name), text, 0o666)
}

// Publish moves the files of these names, which Put has written, to their places.
func (d *Folder) Publish(names []string) error {
	for _, name := range names {
		if err := os.Rename(filepath.Join(d.stage, name), filepath.Join(d.path, name)); err != nil {
			return err
		}
		d.made = false
	}
	return nil
}

// Discard removes what was not published, and the folder if it did not exist. On nil it does
// nothing.
func (d *Folder) Discard() {
	if d == nil {
		return
	}
	if d.stage != "" {
		os.RemoveAll(d.stage)
	}
	if d.hold != nil {
		d.hold.Close()
		d.hold = nil
	}
	if d.made {
		os.Remove(d.path) // which fails, as it should, unless it is empty
	}
}
