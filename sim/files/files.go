// Package files writes the files of dessim, and names them. A file appears under its name
// when it is complete, and replaces an older one. Until then it has a temporary name beside
// the final one; what a killed process leaves behind under such a name is removed by the next
// that writes in the folder.
//
// Only Commit and Write return the path of a file, and only once it is written. A program
// that prints no other paths claims no file that is not there.
package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file that is being written. A pipe, a device or any other file that is not
// regular is written directly.
type File struct {
	path   string // the final one
	w      *bufio.Writer
	f      *os.File // nil of a stream, and at the end
	hold   *os.File // says that this process lives, or nil
	direct bool
}

const bufferSize = 1 << 16

// Create begins the file of that path, in a folder that exists. It refuses a path that could
// not be written in the end.
func Create(path string) (*File, error) {
	f := &File{path: path}
	now, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = f.create(0o666)
	case err != nil:
	case now.IsDir():
		err = errors.New("is a folder")
	case !now.Mode().IsRegular():
		f.direct = true
		f.f, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		err = f.replace(now.Mode().Perm())
	}
	if err != nil {
		return nil, err
	}
	f.w = bufio.NewWriterSize(f.f, bufferSize)
	return f, nil
}

// Stream returns a File that writes to w, which it does not close. Its Path is path.
func Stream(w io.Writer, path string) *File {
	return &File{path: path, direct: true, w: bufio.NewWriterSize(w, bufferSize)}
}

// replace prepares to replace a file: the one that a link leads to, with its permissions,
// and only if it is writable.
func (f *File) replace(mode fs.FileMode) error {
	now, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := now.Close(); err != nil {
		return err
	}
	if f.path, err = filepath.EvalSymlinks(f.path); err != nil {
		return err
	}
	return f.create(mode)
}

// create makes the temporary file beside the final one, since a rename cannot cross file
// systems. os.CreateTemp would make it private.
func (f *File) create(mode fs.FileMode) (err error) {
	_, f.hold, err = temporary(filepath.Dir(f.path), func(name string) (err error) {
		f.f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		return err
	}, func() { f.f.Close() })
	return err
}

// Private leaves the file to its owner alone. It is called before anything secret is written. A
// stream, or a file that is written in place, stays as it is.
func (f *File) Private() error {
	if f.f == nil || f.direct {
		return nil
	}
	return f.f.Chmod(0o600)
}

// Path returns the path at which the file will be. Whether it is there only Commit says.
func (f *File) Path() string { return f.path }

// Direct reports whether the file is none that Commit can replace, such as a pipe: what is
// written to it cannot be written again.
func (f *File) Direct() bool { return f.direct }

// Write writes to the file.
func (f *File) Write(b []byte) (int, error) { return f.w.Write(b) }

// Commit completes the file, gives it its name, and returns its path. After an error there is
// no file, and no path.
func (f *File) Commit() (path string, err error) {
	err = f.w.Flush()
	if f.f == nil { // a stream
		if err != nil {
			return "", err
		}
		return f.path, nil
	}
	if closing := f.f.Close(); err == nil {
		err = closing
	}
	if err == nil && !f.direct {
		err = os.Rename(f.f.Name(), f.path)
	}
	if err != nil {
		f.remove()
		return "", err
	}
	f.end()
	return f.path, nil
}

// Discard removes the file, unless it was committed. On nil it does nothing.
func (f *File) Discard() {
	if f == nil {
		return
	}
	if f.direct {
		f.w.Flush() // a reader at the other end has had the rest
	}
	if f.f == nil {
		return
	}
	f.f.Close()
	f.remove()
}

func (f *File) remove() {
	if !f.direct {
		os.Remove(f.f.Name())
	}
	f.end()
}

func (f *File) end() {
	f.f = nil
	if f.hold != nil {
		f.hold.Close()
		f.hold = nil
	}
}

// Write writes a whole file, and returns its path if it could.
func Write(path string, text []byte) (string, error) {
	f, err := Create(path)
	if err != nil {
		return "", err
	}
	if _, err := f.Write(text); err != nil {
		f.Discard()
		return "", err
	}
	return f.Commit()
}

// Probe returns an error if no file can be made in the folder.
func Probe(dir string) error {
	f := &File{path: filepath.Join(dir, "probe")}
	if err := f.create(0o666); err != nil {
		return err
	}
	f.f.Close()
	f.remove()
	return nil
}

// Reason returns what is wrong with a file, without its name, which may contain anything.
func Reason(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return fmt.Sprint(err)
}
