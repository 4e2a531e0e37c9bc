package scenarios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An edit plants a bug. It is a text file of an explanation in words, an empty
// line, and then
//
//	file protocol/abcast/isis.go
//	check the name of a check that reports it
//	check another one, any number of them
//	--- stands
//	whole lines that occur exactly once in the file
//	--- instead
//	the lines that take their place, perhaps none
//	--- end
//
// Lines that no longer stand, or stand twice, are an error: when the code moves
// on, the edit has to move with it.
type edit struct {
	name    string // of its file, without directory and .txt
	why     string
	file    string // from the root of the module, with slashes
	checks  []string
	stands  string // whole lines, like instead
	instead string
}

// parseEdit reads the text of an edit.
func parseEdit(name, text string) (*edit, error) {
	e := &edit{name: name}
	bad := func(format string, args ...any) (*edit, error) {
		return nil, fmt.Errorf("edit %s: %s", name, fmt.Sprintf(format, args...))
	}
	why, rest, ok1 := strings.Cut(text, "\n\n")
	head, rest, ok2 := strings.Cut(rest, "--- stands\n")
	stands, rest, ok3 := strings.Cut(rest, "--- instead\n")
	instead, rest, ok4 := strings.Cut(rest, "--- end\n")
	if !ok1 || !ok2 || !ok3 || !ok4 || rest != "" {
		return bad(`want words, an empty line, "file" and "check" lines, and the parts "--- stands", "--- instead" and "--- end"`)
	}
	e.why, e.stands, e.instead = why, stands, instead
	for line := range strings.Lines(head) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case word == "file" && e.file == "":
			e.file = value
		case word == "check":
			e.checks = append(e.checks, value)
		default:
			return bad("line %q, want one of file and any of check", line)
		}
	}
	switch {
	case e.why == "":
		return bad("no explanation")
	case !filepath.IsLocal(filepath.FromSlash(e.file)):
		return bad("file %q, want one below the root of the module", e.file)
	case len(e.checks) == 0:
		return bad("no check that reports it")
	case e.stands == "":
		return bad("no lines that stand")
	case e.stands == e.instead:
		return bad("the same lines stand instead")
	}
	return e, nil
}

// apply gives the edited text of its file.
func (e *edit) apply(text string) (string, error) {
	at, n := 0, 0
	for i := range text {
		if (i == 0 || text[i-1] == '\n') && strings.HasPrefix(text[i:], e.stands) {
			at = i
			n++
		}
	}
	if n != 1 {
		return "", fmt.Errorf("edit %s: its lines stand %d times in %s, want once", e.name, n, e.file)
	}
	return text[:at] + e.instead + text[at+len(e.stands):], nil
}

// overlay writes into dir what makes the Go toolchain build the module at root
// with the edit: the argument of its flag -overlay.
func (e *edit) overlay(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	from := filepath.Join(root, filepath.FromSlash(e.file))
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

// loadEdits reads all edits of testdata/edits, by name.
func loadEdits(t *testing.T) []*edit {
	t.Helper()
	files, err := filepath.Glob("testdata/edits/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no edits: %v", err)
	}
	var edits []*edit
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := parseEdit(strings.TrimSuffix(filepath.Base(file), ".txt"), string(text))
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, e)
	}
	return edits
}

func findEdit(t *testing.T, name string) *edit {
	t.Helper()
	for _, e := range loadEdits(t) {
		if e.name == name {
			return e
		}
	}
	t.Fatalf("no edit %s", name)
	return nil
}

func TestAnEditThatDoesNotMatchExactlyOnceIsRefused(t *testing.T) {
	e := &edit{name: "e", file: "x.go", stands: "\tb()\n", instead: "\tc()\n"}
	for text, want := range map[string]string{
		"a()\n\tb()\nd()\n":   "a()\n\tc()\nd()\n",
		"\tb()\n":             "\tc()\n",
		"a()\n":               "edit e: its lines stand 0 times in x.go, want once",
		"":                    "edit e: its lines stand 0 times in x.go, want once",
		"if x {\n\t\tb()\n}":  "edit e: its lines stand 0 times in x.go, want once", // no whole line
		"\tb() // why\n":      "edit e: its lines stand 0 times in x.go, want once",
		"\tb()\nb()\n\tb()\n": "edit e: its lines stand 2 times in x.go, want once",
	} {
		got, err := e.apply(text)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	twice := &edit{name: "e", file: "x.go", stands: "a\na\n", instead: "b\n"}
	if got, err := twice.apply("a\na\na\n"); err == nil {
		t.Errorf("lines that overlap themselves became %q", got)
	}
}

func TestAnEditThatLacksAPartIsRefused(t *testing.T) {
	const good = "Why.\n\nfile a/b.go\ncheck c: d\n--- stands\nx\n--- instead\n--- end\n"
	e, err := parseEdit("e", good)
	if err != nil {
		t.Fatal(err)
	}
	if e.why != "Why." || e.file != "a/b.go" || len(e.checks) != 1 || e.checks[0] != "c: d" || e.stands != "x\n" || e.instead != "" {
		t.Errorf("read %+v", e)
	}
	for _, cut := range []string{"Why.", "\n\n", "file a/b.go\n", "check c: d\n", "--- stands\n", "\nx", "--- instead\n", "--- end\n"} {
		if e, err := parseEdit("e", strings.Replace(good, cut, "", 1)); err == nil {
			t.Errorf("without %q it is read as %+v", cut, e)
		}
	}
	for old, with := range map[string]string{
		"a/b.go": "../b.go", "check": "chekc", "--- instead\n": "--- instead\nx\n", "--- end\n": "--- end\nmore\n", "file a/b.go\n": "file a/b.go\nfile c.go\n",
	} {
		if e, err := parseEdit("e", strings.Replace(good, old, with, 1)); err == nil {
			t.Errorf("with %q for %q it is read as %+v", with, old, e)
		}
	}
}
