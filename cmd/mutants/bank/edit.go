// Package bank reads planted bugs, and sweeps seeds for them. A planted bug is an Edit of
// one file of this module; in a build with it a check should fail. An edit is a text, so a
// bug needs no branch and no flag in the code, and it quotes the lines that it replaces:
// when the code changes, the edit has to change with it, or is refused.
//
// The bank itself is scenarios/testdata/edits. Most of its bugs were found in the wild;
// each says where.
package bank

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An Edit plants a bug. Its text is an explanation in words, an empty line, and
// then
//
//	file protocol/abcast/isis.go
//	check the name of a check that reports it
//	check another one, any number of them
//	found -scenario concurrent -seed 17
//	--- stands
//	whole lines that occur exactly once in the file
//	--- instead
//	the lines that take their place, perhaps none
//	--- end
//
// The line found is a hint, and may be missing or outdated: a run that reports
// the bug, worth trying before a sweep.
type Edit struct {
	Name    string // of its file, without directory and .txt
	Why     string
	File    string   // from the root of the module, with slashes
	Checks  []string // none: whatever check may report it
	Found   string   // flags of a run, or ""
	Stands  string   // whole lines, like Instead
	Instead string
}

// Parse reads the text of an edit.
func Parse(name, text string) (*Edit, error) {
	e := &Edit{Name: name}
	bad := func(format string, args ...any) (*Edit, error) {
		return nil, fmt.Errorf("edit %s: %s", name, fmt.Sprintf(format, args...))
	}
	why, rest, ok1 := strings.Cut(text, "\n\n")
	head, rest, ok2 := strings.Cut(rest, "--- stands\n")
	stands, rest, ok3 := strings.Cut(rest, "--- instead\n")
	instead, rest, ok4 := strings.Cut(rest, "--- end\n")
	if !ok1 || !ok2 || !ok3 || !ok4 || rest != "" {
		return bad(`want words, an empty line, "file" and "check" lines, and the parts "--- stands", "--- instead" and "--- end"`)
	}
	e.Why, e.Stands, e.Instead = why, stands, instead
	for line := range strings.Lines(head) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case word == "file" && e.File == "":
			e.File = value
		case word == "found" && e.Found == "":
			e.Found = value
		case word == "check":
			e.Checks = append(e.Checks, value)
		default:
			return bad("line %q, want one of file, at most one of found, and any of check", line)
		}
	}
	switch {
	case e.Why == "":
		return bad("no explanation")
	case !filepath.IsLocal(filepath.FromSlash(e.File)):
		return bad("file %q, want one below the root of the module", e.File)
	case e.Stands == "":
		return bad("no lines that stand")
	case e.Stands == e.Instead:
		return bad("the same lines stand instead")
	}
	return e, nil
}

// Text returns the text that Parse reads.
func (e *Edit) Text() string {
	b := fmt.Appendf(nil, "%s\n\nfile %s\n", e.Why, e.File)
	for _, name := range e.Checks {
		b = fmt.Appendf(b, "check %s\n", name)
	}
	if e.Found != "" {
		b = fmt.Appendf(b, "found %s\n", e.Found)
	}
	return string(fmt.Appendf(b, "--- stands\n%s--- instead\n%s--- end\n", e.Stands, e.Instead))
}

// Load reads all edits of a folder, the files *.txt, by name.
func Load(dir string) ([]*Edit, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no edits *.txt in %s", dir)
	}
	var edits []*Edit
	for _, file := range files {
		text, failed := os.ReadFile(file)
		if failed != nil {
			return nil, failed
		}
		e, failed := Parse(strings.TrimSuffix(filepath.Base(file), ".txt"), string(text))
		if failed != nil {
			return nil, failed
		}
		edits = append(edits, e)
	}
	return edits, err
}

// Reports reports whether one of these violated checks is one that should report
// the bug.
func (e *Edit) Reports(checks []string) bool {
	return len(e.Checks) == 0 && len(checks) > 0 ||
		slices.ContainsFunc(checks, func(name string) bool { return slices.Contains(e.Checks, name) })
}

func (e *Edit) apply(text string) (string, error) {
	at, n := 0, 0
	for i := range text {
		if (i == 0 || text[i-1] == '\n') && strings.HasPrefix(text[i:], e.Stands) {
			at = i
			n++
		}
	}
	if n != 1 {
		return "", fmt.Errorf("edit %s: its lines stand %d times in %s, want once", e.Name, n, e.File)
	}
	return text[:at] + e.Instead + text[at+len(e.Stands):], nil
}

// Overlay writes into dir what makes the Go toolchain build the module at root
// with the edit: the argument of its flag -overlay.
func (e *Edit) Overlay(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	from := filepath.Join(root, filepath.FromSlash(e.File))
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	edited, err := e.apply(string(text))
	if err != nil {
		return "", err
	}
	to, list := filepath.Join(dir, "edited.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {from: to}})
	return list, errors.Join(err, os.WriteFile(to, []byte(edited), 0o666), os.WriteFile(list, replace, 0o666))
}
