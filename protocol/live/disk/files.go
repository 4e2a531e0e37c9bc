package disk

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// What changes files is here, each change behind allow, so that tests can have any of them
// fail, or look at the files just before.

// allow asks the probe of a test before anything is done.
func (d *Disk) allow(op, path string, b []byte) error {
	if d.probe == nil {
		return nil
	}
	return d.probe(op, path, b)
}

func (d *Disk) write(s *segment, b []byte, at int64) error {
	if err := d.allow("write", s.f.Name(), b); err != nil {
		return err
	}
	_, err := s.f.WriteAt(b, at)
	return err
}

func (d *Disk) sync(f *os.File) error {
	if err := d.allow("sync", f.Name(), nil); err != nil {
		return err
	}
	return syncData(f)
}

func (d *Disk) truncate(s *segment, size int64) error {
	if err := d.allow("truncate", s.f.Name(), nil); err != nil {
		return err
	}
	return s.f.Truncate(size)
}

func (d *Disk) remove(path string) error {
	if err := d.allow("remove", path, nil); err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// file makes a file of that content durable under its name. What a killed process left under
// the temporary name goes.
func (d *Disk) file(path string, content []byte, mode fs.FileMode) error {
	temporary := path + ".new"
	if err := d.remove(temporary); err != nil {
		return err
	}
	if err := d.allow("create", temporary, nil); err != nil {
		return err
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err = d.write(&segment{f: f}, content, 0); err == nil {
		err = d.sync(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := d.allow("rename", path, nil); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	if err := d.allow("folder", d.dir, nil); err != nil {
		return err
	}
	return d.folder.Sync()
}

// create makes the segment of that number, for what there is.
func (d *Disk) create(number uint64) (segment, error) {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	h := header{binary.LittleEndian.Uint64(salt[:]), d.state, d.o.Owner}
	b := appendFrame(nil, kindSegment, number, 0, h.append(nil))
	if err := d.file(d.path(number), b, 0o666); err != nil {
		return segment{}, err
	}
	f, err := os.OpenFile(d.path(number), os.O_WRONLY, 0)
	if err != nil {
		return segment{}, err
	}
	return segment{number, h.salt, h.state.next, int64(len(b)), f}, nil
}

// makeFolder makes a folder, and those above it, durable. One that is there is made
// durable all the same: whoever made it may have been killed before.
func makeFolder(dir string) error {
	parent := filepath.Dir(filepath.Clean(dir))
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeFolder(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o777)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	above, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer above.Close()
	return above.Sync()
}
