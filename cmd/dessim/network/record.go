package network

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/live/record"
)

// tapes are the recordings of a node and its client, which go on over restarts. nil records
// nothing.
type tapes struct {
	node, client *record.Writer
	files        []*os.File
}

func openTapes(s *settings, h *home, first protocol.NodeID) (*tapes, error) {
	dir, given := s.text("record")
	if !given {
		return nil, nil
	}
	if err := makeDir("record", dir); err != nil {
		return nil, err
	}
	t := new(tapes)
	x := insider{h.raw, first}
	if err := writeSecret(filepath.Join(dir, secretFile(h.id)), []byte(x.String()+"\n")); err != nil {
		return nil, cmdline.Refuse("record %s: %s", cmdline.Quote(dir), reason(err))
	}
	run := h.runLine()
	for _, x := range []struct {
		name string
		id   protocol.NodeID
		to   **record.Writer
	}{{"node", h.id, &t.node}, {"client", h.genesis.client(h.id), &t.client}} {
		path := filepath.Join(dir, fmt.Sprintf("%s-%v.rec", x.name, h.id))
		w, err := t.open(path, record.Header{Node: x.id, Run: run})
		if err != nil {
			return nil, errors.Join(cmdline.Refuse("record %s: %s", cmdline.Quote(path), reason(err)), t.close())
		}
		*x.to = w
	}
	return t, nil
}

// open opens a recording, and cuts off what a killed process left unfinished.
func (t *tapes) open(path string, h record.Header) (*record.Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	t.files = append(t.files, f)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	w, kept, err := record.Continue(f, text, h)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(int64(kept)); err != nil {
		return nil, err
	}
	_, err = f.Seek(int64(kept), 0)
	return w, err
}

// of returns the recording of the node, or of its client.
func (t *tapes) of(node bool) *record.Writer {
	switch {
	case t == nil:
		return nil
	case node:
		return t.node
	}
	return t.client
}

// follow returns a clock that goes on where the recordings end, since their time never goes
// back: what the node does when its clock does, it does unrecorded.
func (t *tapes) follow(c clock) (_ clock, note string) {
	if t == nil || t.node == nil {
		return c, ""
	}
	last := max(t.node.Last(), t.client.Last())
	if last >= lastDay {
		t.node, t.client = nil, nil
		return c, "the recordings have reached the latest time that there is, and are not continued"
	}
	c.begin = max(c.begin, last+1)
	return c, ""
}

func (t *tapes) close() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// makeDir makes the folder that a flag names, if there is none.
func makeDir(flag, dir string) error {
	if dir == "" {
		return cmdline.Refuse("%s \"\": want the name of a folder", flag)
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return cmdline.Refuse("%s %s: %s; want a folder, or a name whose parent exists", flag, cmdline.Quote(dir), reason(err))
	}
	return nil
}
