package explore

import (
	"errors"
	"fmt"
	"io"
)

// Span is seeds without a gap, both ends included.
type Span struct{ From, To uint64 }

// Merged is the results of shards as one.
type Merged struct {
	Header Header // that of the file which begins first
	SweepReport
	Covered []Span // the seeds, ascending; more than one if some are missing between them
	// Shards is how many different seeds the files that add something begin at. More
	// than one of a guided sweep are sweeps of their own, whose sum the report is: one
	// sweep of all these seeds would learn from the first what the second does without.
	Shards int
}

// ResultsFile is one to be merged.
type ResultsFile struct {
	Name string
	R    io.Reader
}

// FileError says what is wrong with one of the files.
type FileError struct {
	Name string
	Err  error
}

// Error tells it in one line.
func (e *FileError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Merge joins results files, in any order. Seeds that several of them have count
// once, and their results must be the same; it is a NotDeterministicError if they
// are not. Files without a whole line, of shards that never began, add nothing.
// Memory does not grow with the files: each is in the order of its seeds.
func Merge(files []ResultsFile) (*Merged, error) {
	var heads []*head
	for _, f := range files {
		h := &head{reader: newReader(f.Name, f.R)}
		switch err := h.readHeader(); {
		case errors.Is(err, errNoHeader):
			continue
		case err != nil:
			return nil, &FileError{f.Name, err}
		}
		heads = append(heads, h)
	}
	if len(heads) == 0 {
		return nil, errors.New("the files are empty; want some that sweeps wrote")
	}
	m := &Merged{Header: heads[0].header}
	for _, h := range heads {
		if differs := m.Header.differs(&h.header); differs != "" {
			return nil, &FileError{h.name, fmt.Errorf("has results of %s, as %q has", differs, heads[0].name)}
		}
		if err := h.advance(); err != nil {
			return nil, err
		}
	}
	begin := make(map[uint64]bool)
	for _, h := range heads {
		if h.header.From < m.Header.From {
			m.Header = h.header
		}
		if !h.over {
			begin[h.header.From] = true
		}
	}
	m.Shards = len(begin)
	if err := m.join(heads); err != nil {
		return nil, err
	}
	return m, nil
}

// head is a results file with the line that is its next.
type head struct {
	*reader
	line seedLine
	over bool
}

func (h *head) advance() (err error) {
	h.line, err = h.read()
	if errors.Is(err, io.EOF) {
		h.over, err = true, nil
	}
	if err != nil {
		return &FileError{h.name, err}
	}
	return nil
}

// join adds up the lines of all files in the order of their seeds.
func (m *Merged) join(heads []*head) error {
	t := newTally()
	for {
		var least *head
		for _, h := range heads {
			if !h.over && (least == nil || h.line.Seed < least.line.Seed) {
				least = h
			}
		}
		if least == nil {
			break
		}
		l, text := least.line, string(jsonLine(least.line))
		for _, h := range heads {
			if h.over || h.line.Seed != l.Seed {
				continue
			}
			if err := m.agree(least, h, &l, text); err != nil {
				return err
			}
			if err := h.advance(); err != nil {
				return err
			}
		}
		t.add(&l)
		m.cover(l.Seed)
	}
	m.SweepReport = t.conclude()
	m.Complete = len(m.Covered) == 1
	if n := len(m.Covered); n > 0 {
		m.Next = m.Covered[0].To + 1
	}
	return nil
}

// agree returns an error unless h has the line l of first, as text, too.
func (m *Merged) agree(first, h *head, l *seedLine, text string) error {
	if text == string(jsonLine(h.line)) {
		return nil
	}
	if m.Header.Strategy == Guided.String() && first.header.From != h.header.From {
		return &FileError{h.name, fmt.Errorf("has seed %d, as %q has, but began elsewhere; want shards of one guided sweep", l.Seed, first.name)}
	}
	say := func(l *seedLine) string {
		if l.Signature != "" {
			return fmt.Sprintf("%q with digest %s", l.Signature, l.Digest)
		}
		return fmt.Sprintf("%s with digest %s", l.Verdict, l.Digest)
	}
	return &NotDeterministicError{l.Seed, say(l), say(&h.line)}
}

func (m *Merged) cover(seed uint64) {
	if n := len(m.Covered); n > 0 && m.Covered[n-1].To+1 == seed {
		m.Covered[n-1].To = seed
		return
	}
	m.Covered = append(m.Covered, Span{seed, seed})
}
