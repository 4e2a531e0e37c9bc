package explore

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// Merged holds the results of several files as one.
type Merged struct {
	Header Header // of the file with the first seed
	SweepReport
	// Unknown names the files that do not say which seeds they are of, since an older
	// version wrote them: seeds that are missing there may go unnoticed.
	Unknown []string
	// Shards is how many different first seeds the files with results have. If a guided
	// sweep has more than one, the report is the sum of sweeps that learned separately.
	Shards int
}

// ResultsFile is a file to merge.
type ResultsFile struct {
	Name string
	R    io.Reader
}

// FileError is an error in one of the files.
type FileError struct {
	Name string
	Err  error
}

// Error returns one line.
func (e *FileError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Merge joins results files, in any order. A seed that is in several of them counts once;
// if its results differ, the error is a NotDeterministicError. A file without a whole line,
// of a shard that never began, adds nothing. Memory does not grow with the files, which are
// in the order of their seeds. The report covers the range from the first seed that was asked for in
// any file to the last; SweepReport.Missing has those of them that were not run.
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
		return nil, errors.New("the files are empty; want results of sweeps")
	}
	m := &Merged{Header: heads[0].header}
	for _, h := range heads {
		if differs := m.Header.differs(&h.header); differs != "" {
			return nil, &FileError{h.name, fmt.Errorf("has results of %s as in %q", differs, heads[0].name)}
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

// head is a results file and its next line.
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

// join adds up the lines of all files, in the order of their seeds.
func (m *Merged) join(heads []*head) error {
	t := newTally(m.Header.Checks)
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
	}
	m.SweepReport = t.conclude(m.asked(heads))
	m.Complete = m.Seeds > 0 && len(m.Missing()) == 0
	if len(m.Covered) > 0 {
		m.Next = m.Covered[0].To + 1
	}
	return nil
}

// asked returns the range of all seeds that the files are of. Their headers are the last now.
func (m *Merged) asked(heads []*head) Span {
	asked := Span{math.MaxUint64, 0}
	for _, h := range heads {
		if seeds := h.header.Seeds; seeds != nil {
			asked = Span{min(asked.From, seeds.From), max(asked.To, seeds.To)}
		} else {
			m.Unknown = append(m.Unknown, h.name)
		}
	}
	return asked
}

// agree returns an error unless the line of h equals l, the line of first, whose text is text.
func (m *Merged) agree(first, h *head, l *seedLine, text string) error {
	if text == string(jsonLine(h.line)) {
		return nil
	}
	if m.Header.Strategy == Guided.String() && first.header.From != h.header.From {
		return &FileError{h.name, fmt.Errorf("repeats seed %d of %q but begins at another seed; want shards of one guided sweep", l.Seed, first.name)}
	}
	return &NotDeterministicError{Seed: l.Seed, First: l.came(), Second: h.line.came()}
}
