// Package overlay writes the changes to the standard library that make ordinary Go code run exactly
// under the simulator: see package host. They are an overlay, for the go command's flag -overlay. The
// toolchain and its installation stay unmodified.
//
// A change replaces whole lines that occur exactly once in a file of a release of Go. Write refuses
// an installation with other lines there, and a release that is not in Releases. The changes are
// data: the folder edits has one file for each cause of nondeterminism, with the reason, and the
// folder added has the new files. Package ablation shows what each group is good for.
//
// Start with For in build.go, which a build calls.
package overlay

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Tag is the build tag that goes with the overlay. Without it, package host does not run nodes.
const Tag = "dessim_overlay"

// Releases are the releases of Go that the edits were tested with, the newest first.
var Releases = []string{"go1.27.4", "go1.26.11", "go1.26.8"}

//go:embed edits/*.txt
var editFiles embed.FS

//go:embed added/*.txt
var addedFiles embed.FS

// added are the new files, by their place below GOROOT/src. Each is left out with its group, without
// which it does not compile; those of os, runtime and syscall are for several groups.
var added = []struct{ file, text, group string }{
	{"net/dessim.go", "added/net.txt", "net"},
	{"net/http/dessim.go", "added/http.txt", "http"},
	{"net/rpc/dessim.go", "added/rpc.txt", "rpc"},
	{"os/dessim.go", "added/os.txt", ""},
	{"syscall/dessim.go", "added/syscall.txt", ""},
	{"runtime/dessim.go", "added/runtime.txt", ""},
}

// A Group is all edits for one cause.
type Group struct {
	Name  string
	Why   string
	Edits []Edit
}

// An Edit replaces whole lines of one file.
type Edit struct {
	Series  string // of releases: "go1.26"; "" is all
	File    string // below GOROOT/src, with slashes
	Stands  string // stands exactly once
	Instead string
}

// Groups returns the groups by name.
func Groups() ([]Group, error) {
	names, err := fs.Glob(editFiles, "edits/*.txt")
	var groups []Group
	for _, name := range names {
		text, failed := editFiles.ReadFile(name)
		g, bad := parse(strings.TrimSuffix(path.Base(name), ".txt"), string(text))
		err = errors.Join(err, failed, bad)
		groups = append(groups, g)
	}
	return groups, err
}

// parse reads a group: the reason and, after an empty line, the edits, each in this form:
//
//	file runtime/proc.go
//	--- stands
//	whole lines
//	--- instead
//	whole lines
//	--- end
//
// An edit for one series of releases begins with a line such as "series go1.26".
func parse(name, text string) (Group, error) {
	why, rest, _ := strings.Cut(text, "\n\n")
	g := Group{Name: name, Why: why}
	for rest != "" {
		head, after, ok1 := strings.Cut(rest, "--- stands\n")
		stands, after, ok2 := strings.Cut(after, "--- instead\n")
		instead, after, ok3 := strings.Cut(after, "--- end\n")
		series, file, ok4 := parseHead(head)
		if !ok1 || !ok2 || !ok3 || !ok4 || stands == "" {
			return g, fmt.Errorf(`edits %s: near %q: want "file F", perhaps after "series S" of a known release, "--- stands", "--- instead" and "--- end"`, name, firstLine(rest))
		}
		g.Edits = append(g.Edits, Edit{Series: series, File: file, Stands: stands, Instead: instead})
		rest = strings.TrimLeft(after, "\n")
	}
	if why == "" || len(g.Edits) == 0 {
		return g, fmt.Errorf("edits %s: no reason or no edit", name)
	}
	return g, nil
}

// parseHead reads the lines of an edit before its text.
func parseHead(head string) (series, file string, ok bool) {
	if rest, some := strings.CutPrefix(head, "series "); some {
		series, head, _ = strings.Cut(rest, "\n")
		if !slices.ContainsFunc(Releases, func(r string) bool { return seriesOf(r) == series }) {
			return "", "", false
		}
	}
	file, ok = strings.CutPrefix(head, "file ")
	file, one := strings.CutSuffix(file, "\n")
	return series, file, ok && one && file != "" && !strings.ContainsAny(file, " \n")
}

// seriesOf returns the series of a release, go1.26 for go1.26.8.
func seriesOf(version string) string { return version[:strings.LastIndexByte(version, '.')] }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// apply returns the text of the file with the edit, and false if its lines do not occur exactly once.
func (e *Edit) apply(text string) (string, bool) {
	at, n := 0, 0
	for i := 0; ; {
		j := strings.Index(text[i:], e.Stands)
		if j < 0 {
			break
		}
		i += j
		if i == 0 || text[i-1] == '\n' {
			at = i
			n++
		}
		i++
	}
	if n != 1 {
		return text, false
	}
	return text[:at] + e.Instead + text[at+len(e.Stands):], true
}

// A Release is a Go installation.
type Release struct {
	Version string // "go1.26.8"
	Root    string // GOROOT
}

// Write writes the overlay for a release into a new folder below dir, unless it is there, and
// returns the argument of -overlay. It leaves out the groups named in without, to show what each is
// good for. The folder's name follows from the release and the edits, so several versions can exist
// side by side. An interrupted Write leaves nothing that looks complete.
func Write(dir string, r Release, without ...string) (string, error) {
	files, err := texts(r, without)
	if err != nil {
		return "", err
	}
	into := filepath.Join(dir, r.Version+"-"+key(r, files))
	list := filepath.Join(into, "overlay.json")
	if _, err := os.Stat(list); err == nil {
		return list, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	unfinished, err := os.MkdirTemp(dir, "unfinished-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(unfinished)
	replace := make(map[string]string)
	for file, text := range files {
		flat := strings.ReplaceAll(file, "/", "_")
		if err := os.WriteFile(filepath.Join(unfinished, flat), []byte(text), 0o666); err != nil {
			return "", err
		}
		replace[filepath.Join(r.Root, "src", filepath.FromSlash(file))] = filepath.Join(into, flat)
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err == nil {
		err = os.WriteFile(filepath.Join(unfinished, "overlay.json"), text, 0o666)
	}
	if err != nil {
		return "", err
	}
	err = os.Rename(unfinished, into)
	if _, there := os.Stat(list); there == nil { // perhaps by another process
		return list, nil
	}
	return "", err
}

// key hashes what the overlay consists of.
func key(r Release, files map[string]string) string {
	h := sha256.New()
	fmt.Fprintln(h, r.Root)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintln(h, name, len(files[name]))
		h.Write([]byte(files[name]))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// texts returns the edited and the added files by their place below GOROOT/src.
func texts(r Release, without []string) (map[string]string, error) {
	if !slices.Contains(Releases, r.Version) {
		return nil, fmt.Errorf("the changes to the standard library are written for %s, not for %s", strings.Join(Releases, " and "), r.Version)
	}
	groups, err := Groups()
	if err != nil {
		return nil, err
	}
	for _, name := range without {
		if !slices.ContainsFunc(groups, func(g Group) bool { return g.Name == name }) {
			return nil, fmt.Errorf("no group of edits is called %q", name)
		}
	}
	files := make(map[string]string)
	for _, g := range groups {
		if slices.Contains(without, g.Name) {
			continue
		}
		for i := range g.Edits {
			if s := g.Edits[i].Series; s != "" && s != seriesOf(r.Version) {
				continue
			}
			if err := g.Edits[i].into(files, r, g.Name); err != nil {
				return nil, err
			}
		}
	}
	for _, a := range added {
		if slices.Contains(without, a.group) {
			continue
		}
		text, err := addedFiles.ReadFile(a.text)
		if err != nil {
			return nil, err
		}
		files[a.file] = strings.Replace(string(text), `"VERSION"`, strconv.Quote(Version()), 1)
	}
	return files, nil
}

// Version identifies the edits and the added files. Package host compares it with the version that a
// program was built with, since the two must match.
var Version = sync.OnceValue(func() string {
	h := sha256.New()
	for _, files := range []embed.FS{editFiles, addedFiles} {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := files.ReadFile(name)
			fmt.Fprintln(h, name, len(text))
			h.Write(text)
			return err
		})
		if err != nil {
			panic(err) // of files that are in the program
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
})

// into makes the edit in files, to which it adds the file if it is not there.
func (e *Edit) into(files map[string]string, r Release, group string) error {
	text, ok := files[e.File]
	if !ok {
		b, err := os.ReadFile(filepath.Join(r.Root, "src", filepath.FromSlash(e.File)))
		if err != nil {
			return cmp.Or(err, fs.ErrNotExist)
		}
		text = string(b)
	}
	edited, ok := e.apply(text)
	if !ok {
		return fmt.Errorf("%s of this %s is not that of the release: edit %s expects once the lines that begin with %q", e.File, r.Version, group, strings.TrimSpace(firstLine(e.Stands)))
	}
	files[e.File] = edited
	return nil
}
