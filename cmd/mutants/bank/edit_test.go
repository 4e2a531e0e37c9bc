package bank

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnEditThatDoesNotMatchExactlyOnceIsRefused(t *testing.T) {
	e := &Edit{Name: "e", File: "x.go", Stands: "\tb()\n", Instead: "\tc()\n"}
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
	twice := &Edit{Name: "e", File: "x.go", Stands: "a\na\n", Instead: "b\n"}
	if got, err := twice.apply("a\na\na\n"); err == nil {
		t.Errorf("lines that overlap themselves became %q", got)
	}
}

const good = "Why.\n\nfile a/b.go\ncheck c: d\ncheck e\nfound -scenario s -seed 7\n--- stands\nx\n--- instead\n--- end\n"

func TestAnEditIsReadAsItIsWritten(t *testing.T) {
	e, err := Parse("e", good)
	if err != nil {
		t.Fatal(err)
	}
	if e.Why != "Why." || e.File != "a/b.go" || !slices.Equal(e.Checks, []string{"c: d", "e"}) ||
		e.Found != "-scenario s -seed 7" || e.Stands != "x\n" || e.Instead != "" {
		t.Errorf("read %+v", e)
	}
	if got := e.Text(); got != good {
		t.Errorf("written again it is %q, want %q", got, good)
	}
	bare := strings.NewReplacer("check c: d\n", "", "check e\n", "", "found -scenario s -seed 7\n", "").Replace(good)
	if e, err = Parse("e", bare); err != nil || e.Text() != bare {
		t.Errorf("%q is read as %+v: %v", bare, e, err)
	}
}

func TestAnEditThatLacksAPartIsRefused(t *testing.T) {
	for _, cut := range []string{"Why.", "\n\n", "file a/b.go\n", "--- stands\n", "\nx", "--- instead\n", "--- end\n"} {
		if e, err := Parse("e", strings.Replace(good, cut, "", 1)); err == nil {
			t.Errorf("without %q it is read as %+v", cut, e)
		}
	}
	for old, with := range map[string]string{
		"a/b.go": "../b.go", "check": "chekc", "--- instead\n": "--- instead\nx\n", "--- end\n": "--- end\nmore\n",
		"file a/b.go\n": "file a/b.go\nfile c.go\n", "found": "found x\nfound",
	} {
		if e, err := Parse("e", strings.Replace(good, old, with, 1)); err == nil {
			t.Errorf("with %q for %q it is read as %+v", with, old, e)
		}
	}
}

func TestOnlyAViolatedCheckThatTheEditNamesReportsIt(t *testing.T) {
	e := &Edit{Checks: []string{"a", "b"}}
	if !e.Reports([]string{"x", "b"}) || e.Reports([]string{"x"}) || e.Reports(nil) {
		t.Errorf("%q is reported by the wrong checks", e.Checks)
	}
	if e.Checks = nil; !e.Reports([]string{"x"}) || e.Reports(nil) {
		t.Error("an edit that names no check is not reported by any")
	}
}

func TestAFolderIsReadWholeOrRefused(t *testing.T) {
	dir := t.TempDir()
	if edits, err := Load(dir); err == nil {
		t.Errorf("an empty folder has %d edits", len(edits))
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("b.txt", good)
	write("a.txt", good)
	write("README", "no edit")
	edits, err := Load(dir)
	if err != nil || len(edits) != 2 || edits[0].Name != "a" || edits[1].Name != "b" {
		t.Errorf("read %+v: %v", edits, err)
	}
	write("c.txt", "no edit")
	if edits, err := Load(dir); err == nil {
		t.Errorf("a folder with a bad edit has %d edits", len(edits))
	}
}
