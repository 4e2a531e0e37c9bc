package cmdline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dessim/sim/source"
)

// pending is a file that gets its name when it is complete. A pipe, a device or any other
// file that is not regular is written directly.
type pending struct {
	flag   string // that names it
	path   string
	f      *os.File
	w      *bufio.Writer
	direct bool
}

// outputs are the files that a command writes. No two of them are one, and none is what
// the command reads, or its standard output.
type outputs struct {
	stdout io.Writer
	reads  *replay // what the command reads, or nil
	opened []*pending
}

// outputs returns the files that a command which reads x, or nil, is about to write.
func (t *tool) outputs(x *replay) *outputs { return &outputs{stdout: t.stdout, reads: x} }

// open opens the file that a flag names, or refuses it.
func (o *outputs) open(x *flag) (*pending, error) {
	p := &pending{flag: x.name, path: x.text}
	if x.text == "" || x.text == "-" {
		return nil, refuse("%s %s: want the name of a file", x.name, quote(x.text))
	}
	for _, other := range o.opened {
		if sameName(other.path, x.text) {
			return nil, refuse("%s %s: -%s writes there; want two files", x.name, quote(x.text), other.flag)
		}
	}
	now, err := os.Stat(x.text)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = p.create(0o666)
	case err != nil:
	case now.IsDir():
		err = errors.New("is a folder")
	case o.busy(now):
		err = errors.New("the command already uses it")
	case !now.Mode().IsRegular():
		p.direct = true
		p.f, err = os.OpenFile(x.text, os.O_WRONLY, 0)
	default:
		err = p.replace(now.Mode().Perm())
	}
	if err != nil {
		return nil, refuse("%s %s: %s; want a writable file", x.name, quote(x.text), reason(err))
	}
	p.w = bufio.NewWriterSize(p.f, 1<<16)
	o.opened = append(o.opened, p)
	return p, nil
}

// openReplay opens a replay file that no flag names. A file that is there already is
// replaced only if it is a replay file.
func (o *outputs) openReplay(path string) (*pending, error) {
	text, _, err := readAll(path, maxReplay)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("no replay file was written: %s: %s", quote(path), reason(err))
	case !source.IsFile(text):
		return nil, fmt.Errorf("no replay file was written: %s exists and is not one; want another name by -record", quote(path))
	}
	p, err := o.open(&flag{name: "record", text: path})
	if err != nil {
		return nil, fmt.Errorf("no replay file was written: %w", err)
	}
	return p, nil
}

// busy reports whether the file is stdout or what the command reads.
func (o *outputs) busy(now fs.FileInfo) bool {
	if out, ok := o.stdout.(*os.File); ok {
		if at, err := out.Stat(); err == nil && os.SameFile(at, now) && !isNull(now) {
			return true
		}
	}
	return o.reads != nil && os.SameFile(o.reads.info, now)
}

func isNull(now fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, now)
}

func sameName(a, b string) bool {
	x, err := filepath.Abs(a)
	y, err2 := filepath.Abs(b)
	return err == nil && err2 == nil && x == y
}

// replace prepares to replace a file: the one that a link leads to, with its permissions,
// and only if it is writable.
func (p *pending) replace(mode fs.FileMode) error {
	f, err := os.OpenFile(p.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if p.path, err = filepath.EvalSymlinks(p.path); err != nil {
		return err
	}
	return p.create(mode)
}

// create makes the temporary file beside the final one, since a rename cannot cross file
// systems. os.CreateTemp would make it private.
func (p *pending) create(mode fs.FileMode) (err error) {
	dir, base := filepath.Split(p.path)
	for i := range 10000 {
		name := fmt.Sprintf("%s.%.200s.%d-%d.tmp", dir, base, os.Getpid(), i)
		p.f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

func (p *pending) Write(b []byte) (int, error) { return p.w.Write(b) }

// commit completes the file and gives it its name. On nil it does nothing.
func (p *pending) commit() error {
	if p == nil {
		return nil
	}
	f := p.f
	err := p.w.Flush()
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil && !p.direct {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return &exit{exitIO, fmt.Sprintf("%s %s: %s", p.flag, quote(p.path), reason(err))}
	}
	p.f = nil
	return nil
}

// discard removes the file, unless it was committed. On nil it does nothing.
func (p *pending) discard() {
	if p == nil || p.f == nil {
		return
	}
	p.f.Close()
	if !p.direct {
		os.Remove(p.f.Name())
	}
	p.f = nil
}

// folder is the folder of -logs. Its files are written in a folder within, and moved when
// all are complete.
type folder struct {
	path  string
	stage string
	made  bool // it did not exist
}

// openFolder makes the folder that a flag names, or refuses it.
func openFolder(x *flag) (*folder, error) {
	d := &folder{path: x.text}
	now, err := os.Stat(x.text)
	switch {
	case x.text == "":
		err = errors.New("is not a name")
	case errors.Is(err, fs.ErrNotExist):
		err = os.Mkdir(x.text, 0o777)
		d.made = err == nil
	case err == nil && !now.IsDir():
		err = errors.New("is a file")
	}
	if err == nil {
		d.stage, err = os.MkdirTemp(d.path, ".dessim-*.tmp")
	}
	if err != nil {
		d.discard()
		return nil, refuse("%s %s: %s; want a writable folder whose parent exists", x.name, quote(x.text), reason(err))
	}
	return d, nil
}

// discard removes what was not committed, and the folder if it did not exist.
func (d *folder) discard() {
	if d == nil {
		return
	}
	if d.stage != "" {
		os.RemoveAll(d.stage)
	}
	if d.made {
		os.Remove(d.path) // which fails, as it should, unless it is empty
	}
}

// put writes one file into the stage.
func (d *folder) put(name string, text []byte) error {
	return os.WriteFile(filepath.Join(d.stage, name), text, 0o666)
}

// publish moves the files out of the stage.
func (d *folder) publish(names []string) error {
	for _, name := range names {
		if err := os.Rename(filepath.Join(d.stage, name), filepath.Join(d.path, name)); err != nil {
			return err
		}
	}
	d.made = false
	return nil
}

// readAll reads a file of at most limit bytes.
func readAll(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes, too many for a replay file", limit)
	}
	return b, info, err
}
