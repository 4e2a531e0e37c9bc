package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// DamageError says that synced data is damaged or missing, so that the node must not
// start again: without its past, or with a wrong one, it would break its promises.
type DamageError struct {
	Path   string // of the file
	Offset int64  // in the file
	What   string // what is wrong there
}

// Error says in one line which file it is, where, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("disk: synced data is lost: file %s, offset %d: %s; this node must not start again: put the file back as it was, or have a new node with an empty folder take its place",
		e.Path, e.Offset, e.What)
}

// state is what the frames so far amount to.
type state struct {
	incarnation uint32 // the latest
	next        uint64 // index of the next record
	floor       uint64 // the first index that is kept
}

// contents are what a segment has.
type contents struct {
	number  uint64
	path    string
	header  header
	b       []byte
	state   state    // at its end
	records []record // with their masks
	batch   int64    // where its last write begins
	size    int64    // without an unfinished write
	ended   bool
}

// recover reads the log, cuts off an unfinished write, makes the rest durable, and deletes
// what is not needed.
func (d *Disk) recover() error {
	d.state, d.forget, d.older, d.buf, d.records = state{}, 0, nil, nil, nil
	numbers, err := d.numbers()
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		d.log, err = d.create(1)
		return err
	}
	parts, err := d.parts(numbers)
	if err != nil {
		return err
	}
	if err := d.adopt(parts[len(parts)-1]); err != nil {
		return err
	}
	d.keep(parts)
	for _, n := range numbers {
		if n < parts[0].number {
			if err := d.remove(d.path(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep goes on with what the segments have.
func (d *Disk) keep(parts []*contents) {
	last := parts[len(parts)-1]
	d.state = last.state
	for _, c := range parts {
		if c != last {
			d.older = append(d.older, segment{number: c.number, first: c.header.state.next})
		}
		for _, r := range c.records {
			if r.index >= d.floor {
				masked(r.body, c.header.salt, r.index)
				d.records = append(d.records, r)
			}
		}
	}
}

// numbers returns those of the segments there are, in order.
func (d *Disk) numbers() (list []uint64, err error) {
	entries, err := os.ReadDir(d.dir)
	for _, e := range entries {
		digits, _ := strings.CutPrefix(e.Name(), "log-")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err == nil && filepath.Base(d.path(n)) == e.Name() {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, err
}

// parts reads the segments that are needed: the last one, and those before it that have
// records from the floor on.
func (d *Disk) parts(numbers []uint64) ([]*contents, error) {
	last, err := d.last(numbers)
	if err != nil {
		return nil, err
	}
	parts := []*contents{last}
	for first := last; first.header.state.next > last.state.floor; first = parts[0] {
		n := first.number - 1
		if !slices.Contains(numbers, n) {
			return nil, &DamageError{d.path(n), 0, fmt.Sprintf("is missing, with records up to %d", first.header.state.next-1)}
		}
		c, err := d.read(n)
		if err != nil {
			return nil, err
		}
		if !c.ended || c.state != first.header.state {
			return nil, c.damage(c.size, "does not end where file "+first.path+" begins")
		}
		parts = slices.Insert(parts, 0, c)
	}
	return parts, nil
}

// last reads the segment that is to be written to. If the newest one is empty and the one
// before it has no end, that one goes on: see rotate.
func (d *Disk) last(numbers []uint64) (*contents, error) {
	n := numbers[len(numbers)-1]
	newest, err := d.read(n)
	if err != nil {
		return nil, err
	}
	if newest.batch == 0 && slices.Contains(numbers, n-1) {
		before, err := d.read(n - 1)
		if err != nil || !before.ended {
			return before, err
		}
	}
	if newest.ended {
		return nil, &DamageError{d.path(n + 1), 0, fmt.Sprintf("is missing, with records from %d on", newest.state.next)}
	}
	return newest, nil
}

func (c *contents) damage(at int64, what string) error { return &DamageError{c.path, at, what} }

// read reads a segment, up to an unfinished write. Only the last one may have such, and only
// the others have an end.
func (d *Disk) read(number uint64) (*contents, error) {
	c := &contents{number: number, path: d.path(number)}
	var err error
	if c.b, err = os.ReadFile(c.path); err != nil {
		return nil, err
	}
	h, body, ok := cutFrame(c.b, 0)
	if !ok || h.kind != kindSegment || h.number != number || len(body) == 0 {
		return nil, c.damage(0, "does not begin as this file of a log does")
	}
	if body[0] != version {
		return nil, fmt.Errorf("file %s has version %d of the format; want %d", c.path, body[0], version)
	}
	if c.header, ok = cutHeader(body); !ok {
		return nil, c.damage(0, "has a header that is too short")
	}
	if c.header.owner != d.o.Owner {
		return nil, fmt.Errorf("holds the records of %q; want those of %q", c.header.owner, d.o.Owner)
	}
	c.state, c.size = c.header.state, h.size()
	for c.size < int64(len(c.b)) {
		rest := c.b[c.size:]
		h, body, ok := cutFrame(rest, c.size)
		if !ok && unfinished(c.b, c.size) {
			return c, nil
		}
		if !ok {
			return nil, c.damage(c.size, fmt.Sprintf("a checksum fails, after record %d", int64(c.state.next)-1))
		}
		if c.ended || !c.take(h, body) {
			return nil, c.damage(c.size, fmt.Sprintf("frame %q of number %d does not follow from those before it", h.kind, h.number))
		}
		c.batch = int64(h.start)
		c.size += h.size()
	}
	return c, nil
}

// take adds a frame to what the segment has, and reports whether it may come next.
func (c *contents) take(h head, body []byte) bool {
	s := &c.state
	switch h.kind {
	case kindBegin:
		s.incarnation++
		return h.number == uint64(s.incarnation)
	case kindRecord:
		c.records = append(c.records, record{s.next, body})
		s.next++
		return h.number == s.next-1
	case kindDiscard:
		grows := h.number > s.floor && h.number <= s.next
		s.floor = h.number
		return grows
	case kindEnd:
		c.ended = true
		return h.number == c.number+1
	}
	return false
}

// adopt goes on with a segment, without its unfinished write. Its last write is made again: if
// its sync failed, or was never made, the system may show it without the disk having it, and
// may not write it by itself.
func (d *Disk) adopt(c *contents) error {
	f, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	d.log = segment{c.number, c.header.salt, c.header.state.next, c.size, f}
	if c.size < int64(len(c.b)) {
		if err := d.truncate(&d.log, c.size); err != nil {
			return err
		}
	}
	if err := d.write(&d.log, c.b[c.batch:c.size], c.batch); err != nil {
		return err
	}
	return d.sync(f)
}
