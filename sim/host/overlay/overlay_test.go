package overlay

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const edit = "file runtime/x.go\n--- stands\na\n--- instead\nb\n--- end\n"

func TestEditsAreReadStrictly(t *testing.T) {
	g, err := parse("x", "Why.\n\n"+edit+"\nseries "+seriesOf(Releases[0])+"\n"+edit)
	want := []Edit{{File: "runtime/x.go", Stands: "a\n", Instead: "b\n"}, {Series: seriesOf(Releases[0]), File: "runtime/x.go", Stands: "a\n", Instead: "b\n"}}
	if err != nil || g.Why != "Why." || !slices.Equal(g.Edits, want) {
		t.Errorf("%+v, %v", g, err)
	}
	for _, text := range []string{
		"", "Why.", "Why.\n\n", "\n\n" + edit,
		"Why.\n\nmore\n" + edit,
		"Why.\n\nseries go1.1\n" + edit,
		"Why.\n\nseries " + Releases[0] + "\n" + edit,
		"Why.\n\nseries \n" + edit,
		"Why.\n\n" + strings.Replace(edit, "file runtime/x.go\n", "", 1),
		"Why.\n\n" + strings.Replace(edit, "file runtime/x.go", "file ", 1),
		"Why.\n\n" + strings.Replace(edit, "file runtime/x.go", "file a b", 1),
		"Why.\n\n" + strings.Replace(edit, "file", "File", 1),
		"Why.\n\n" + strings.Replace(edit, "a\n", "", 1),
		"Why.\n\n" + strings.Replace(edit, "--- stands\n", "", 1),
		"Why.\n\n" + strings.Replace(edit, "--- instead\n", "", 1),
		"Why.\n\n" + strings.Replace(edit, "--- end\n", "", 1),
		"Why.\n\n" + edit + "more",
	} {
		if g, err := parse("x", text); err == nil || !strings.HasPrefix(err.Error(), "edits x: ") {
			t.Errorf("parse(%q) is %+v, %v; want an error", text, g, err)
		}
	}
}

func TestAnEditReplacesWholeLinesThatStandOnce(t *testing.T) {
	e := Edit{Stands: "\ta\n", Instead: "\tb\n\tc\n"}
	for text, want := range map[string]string{
		"\ta\nx\n": "\tb\n\tc\nx\n", "x\n\ta\n": "x\n\tb\n\tc\n", "\t\ta\n\ta\n": "\t\ta\n\tb\n\tc\n",
		"\ta\n\ta\n": "", "x\n": "", "": "", "x\ta\n": "", "\ta": "",
	} {
		got, ok := e.apply(text)
		if ok != (want != "") || ok && got != want || !ok && got != text {
			t.Errorf("apply(%q) is %q, %v; want %q", text, got, ok, want)
		}
	}
}

// installed returns the newest release that the edits are for and that is here.
func installed(t *testing.T) Release {
	t.Helper()
	for _, version := range Releases {
		cmd := exec.Command("go", "env", "GOROOT")
		cmd.Dir = t.TempDir() // not a module
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOPROXY=off")
		if out, err := cmd.Output(); err == nil {
			return Release{version, strings.TrimSpace(string(out))}
		}
	}
	t.Skipf("none of %v is here", Releases)
	return Release{}
}

// copyOf returns the release with a copy of the files that the edits change.
func copyOf(t *testing.T, r Release) Release {
	t.Helper()
	groups, err := Groups()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, g := range groups {
		for _, e := range g.Edits {
			if text, err := os.ReadFile(filepath.Join(r.Root, "src", e.File)); err == nil {
				put(t, filepath.Join(root, "src", e.File), string(text))
			}
		}
	}
	return Release{r.Version, root}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestWriteWritesEachOverlayOnce(t *testing.T) {
	r := installed(t)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	list, err := Write(dir, r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(list)
	var read struct{ Replace map[string]string }
	if err != nil || json.Unmarshal(text, &read) != nil || len(read.Replace) < 10 {
		t.Fatalf("%s: %v", text, err)
	}
	for from, to := range read.Replace {
		if _, err := os.Stat(to); err != nil || !strings.HasPrefix(from, r.Root) {
			t.Errorf("%s by %s: %v", from, to, err)
		}
	}
	before, _ := os.Stat(list)
	again, err := Write(dir, r)
	after, _ := os.Stat(again)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the second time writes %s after %s: %v", again, list, err)
	}
	other, err := Write(dir, r, "pool")
	if err != nil || filepath.Dir(other) == filepath.Dir(list) {
		t.Errorf("without a group it writes %s: %v", other, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "unfinished-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestWriteRefusesOtherTextReleasesAndGroups(t *testing.T) {
	r := copyOf(t, installed(t))
	dir := t.TempDir()
	if _, err := Write(dir, r); err != nil {
		t.Fatal(err)
	}
	refuses := func(r Release, without string, words ...string) {
		t.Helper()
		_, err := Write(dir, r, without)
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v, want %q", err, w)
			}
		}
	}
	refuses(r, "pol", `no group of edits is called "pol"`)
	refuses(Release{"go1.25.3", r.Root}, "pool", "written for", "not for go1.25.3")
	refuses(Release{r.Version, filepath.Join(r.Root, "none")}, "pool", "no such file")
	file := filepath.Join(r.Root, "src", "runtime", "select.go")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, strings.Replace(string(text), "cheaprandn(", "cheaprandm(", 1))
	refuses(r, "pool", "runtime/select.go of this "+r.Version, "edit select", `"j := cheaprandn(uint32(norder + 1))"`)
}

func TestAReleaseInTheModuleCacheIsReachedByALinkElsewhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for root, linked := range map[string]bool{"/mod/toolchain": true, "/mod": true, "/usr/go": false, "/model": false} {
		for range 2 {
			r, err := Reach(dir, Release{"go1.99.1", root}, "/mod")
			if err != nil || r.Version != "go1.99.1" || (r.Root != root) != linked {
				t.Errorf("%s is reached by %v: %v", root, r, err)
			}
			if to, err := os.Readlink(r.Root); linked && to != root {
				t.Errorf("%s leads to %s: %v", r.Root, to, err)
			}
		}
	}
}
