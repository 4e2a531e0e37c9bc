package cmdline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dessim/sim/files"
	"dessim/sim/source"
)

// standard is the name of standard output, as a file that a flag names.
const standard = "-"

// outputs are the files that a command writes. No two of them are one, and none is what
// the command reads. If one is standard output, what the command prints goes to stderr.
type outputs struct {
	*tool
	reads  *replay  // what the command reads, or nil
	taken  []string // other files that it reads or writes
	opened []*output
}

// output is one of them.
type output struct {
	*files.File
	*tool
	flag string // that names it
}

// outputs returns the files that a command which reads x, or nil, is about to write.
func (t *tool) outputs(x *replay) *outputs { return &outputs{tool: t, reads: x} }

// open opens the file that a flag names, or refuses it.
func (o *outputs) open(x *flag) (*output, error) {
	if x.text == "" {
		return nil, refuse("%s %s: want the name of a file, or - for standard output", x.name, quote(x.text))
	}
	for _, other := range o.taken {
		if sameName(other, x.text) {
			return nil, refuse("%s %s: the command already uses it; want two files", x.name, quote(x.text))
		}
	}
	for _, other := range o.opened {
		if sameName(other.Path(), x.text) {
			return nil, refuse("%s %s: -%s writes there; want two files", x.name, quote(x.text), other.flag)
		}
	}
	p := &output{tool: o.tool, flag: x.name}
	if x.text == standard {
		p.File = files.Stream(o.stdout, standard)
		o.piped, o.paint = true, false
	} else {
		err := o.inUse(x.text)
		if err == nil {
			p.File, err = files.Create(x.text)
		}
		if err != nil {
			return nil, refuse("%s %s: %s; want a writable file", x.name, quote(x.text), files.Reason(err))
		}
	}
	o.opened = append(o.opened, p)
	return p, nil
}

// openReplay opens a replay file that no flag names. A file that is there already is
// replaced only if it is a replay file.
func (o *outputs) openReplay(path string) (*output, error) {
	text, _, err := readAll(path, maxReplay)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("no replay file was written: %s: %s", quote(path), files.Reason(err))
	case !source.IsFile(text):
		return nil, fmt.Errorf("no replay file was written: %s exists and is not one; want another name by -record", quote(path))
	}
	p, err := o.open(&flag{name: "record", text: path})
	if err != nil {
		return nil, fmt.Errorf("no replay file was written: %w", err)
	}
	return p, nil
}

// inUse returns an error if the file is stdout, or what the command reads.
func (o *outputs) inUse(path string) error {
	now, err := os.Stat(path)
	if err != nil {
		return nil // files.Create says why
	}
	if out, ok := o.stdout.(*os.File); ok {
		if at, err := out.Stat(); err == nil && os.SameFile(at, now) && !isNull(now) {
			return errors.New("is standard output, whose name is -")
		}
	}
	used := o.reads != nil && os.SameFile(o.reads.info, now)
	for _, other := range o.taken {
		info, err := os.Stat(other)
		used = used || err == nil && os.SameFile(info, now)
	}
	if used {
		return errors.New("the command already uses it")
	}
	return nil
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

// commit completes the file and returns its path. If it cannot be written, commit says so and
// returns "". On nil it does nothing.
func (p *output) commit() string {
	if p == nil {
		return ""
	}
	path, err := p.Commit()
	if err != nil {
		p.lost("%s %s: %s", p.flag, quote(p.Path()), files.Reason(err))
	}
	return path
}

// discard removes the file, unless it was committed. On nil it does nothing.
func (p *output) discard() {
	if p != nil {
		p.Discard()
	}
}

// openFolder makes the folder that a flag names, or refuses it.
func openFolder(x *flag) (*files.Folder, error) {
	if x.text == standard {
		return nil, refuse("%s %s: want the name of a folder", x.name, quote(x.text))
	}
	d, err := files.OpenFolder(x.text)
	if err != nil {
		return nil, refuse("%s %s: %s; want a writable folder whose parent exists", x.name, quote(x.text), files.Reason(err))
	}
	return d, nil
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
