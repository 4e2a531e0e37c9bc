//go:build linux && (amd64 || arm64)

package host

import (
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"dessim/sim/host/volume"
)

// imageFile is a file, directory or symbolic link of DiskOptions.Image.
type imageFile struct {
	name string
	mode fs.FileMode
	data []byte // or the target of a link
}

// readImage reads the files of an image, directories before what is in them. It must not be called by
// a goroutine of the program, whose files are those of its node.
func readImage(image fs.FS) (files []imageFile) {
	if image == nil {
		return nil
	}
	err := fs.WalkDir(image, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		file := imageFile{name: name, mode: info.Mode()}
		switch {
		case d.IsDir():
		case file.mode&fs.ModeSymlink != 0:
			target, failed := fs.ReadLink(image, name)
			file.data, err = []byte(target), failed
		case file.mode.IsRegular():
			file.data, err = fs.ReadFile(image, name)
		default:
			err = fmt.Errorf("%s is neither a file, nor a directory, nor a symbolic link", name)
		}
		files = append(files, file)
		return err
	})
	if err != nil {
		panic(fmt.Errorf("host: the image of the disk: %w", err))
	}
	return files
}

// install makes the files of a new volume: /tmp, and the image.
func (f *files) install() {
	_, err := f.vol.Mkdir(volume.Root, "tmp", 0o777|syscall.S_ISVTX)
	for i := range f.image {
		if err == nil {
			err = f.installOne(&f.image[i])
		}
	}
	if err != nil {
		f.note("the image is not whole: " + err.Error())
	}
}

func (f *files) installOne(file *imageFile) error {
	s, no := f.walk(volume.Root, path.Dir(file.name), true)
	if no != 0 {
		return no
	}
	base, mode := path.Base(file.name), uint32(file.mode.Perm())
	var err error
	switch {
	case file.mode.IsDir():
		if _, err = f.vol.Mkdir(s.ino, base, mode|0o700); err == syscall.EEXIST { // tmp
			err = nil
		}
	case file.mode&fs.ModeSymlink != 0:
		_, err = f.vol.Symlink(s.ino, base, string(file.data))
	default:
		var ino volume.Ino
		if ino, err = f.vol.Create(s.ino, base, mode); err == nil && len(file.data) > 0 {
			_, err = f.vol.Write(ino, file.data, 0)
		}
	}
	return err
}
