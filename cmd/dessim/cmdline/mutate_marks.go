package cmdline

import (
	"errors"
	"os"
	"slices"
	"strings"

	"dessim/sim/files"
)

// mark is a line of the file of equivalent mutants.
type mark struct{ id, reason string }

// readMarks reads a file of equivalent mutants. Empty lines, and those that begin with #,
// count for nothing.
func readMarks(path string) (all []mark, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, refuse("equivalent %s: %s", quote(path), files.Reason(err))
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if n := strings.Count(id, ":"); n > 3 || n == 2 || strings.TrimSpace(reason) == "" {
			return nil, refuse("equivalent %s: line %d is %s; want FILE:FUNCTION:RULE:NTH, FILE:FUNCTION or FILE, and a reason", quote(path), number, quote(line))
		}
		if slices.ContainsFunc(all, func(m mark) bool { return m.id == id }) {
			return nil, refuse("equivalent %s: line %d marks %s again", quote(path), number, plain(id))
		}
		all = append(all, mark{id, strings.TrimSpace(reason)})
	}
	return all, nil
}

// mark fills the rows, without what is left out, and marks those that are equivalent.
func (m *mutation) mark() error {
	if len(m.pkg.Mutants) == 0 {
		return errors.New("no rule finds a place in the package; want one with nodes")
	}
	met := make(map[string]bool)
	for _, x := range m.pkg.Mutants {
		row := mutant{Mutant: x}
		out := false
		for _, k := range m.marks {
			if k.id != x.ID() && !strings.HasPrefix(x.ID(), k.id+":") {
				continue
			}
			met[k.id] = true
			if k.id == x.ID() {
				row.reason = k.reason
			} else {
				out = true
			}
		}
		if !out {
			m.rows = append(m.rows, row)
		}
	}
	for _, k := range m.marks {
		if !met[k.id] {
			return refuse("equivalent: %s is no mutant of %s; remove the line, or mend it", plain(k.id), m.pkg.Path)
		}
	}
	return nil
}
