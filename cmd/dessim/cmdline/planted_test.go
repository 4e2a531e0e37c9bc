//go:build unix

package cmdline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// plants are edits of source files, each of a text that its file has once. One program has
// all of them, since a build takes longer than most tests; in it, planted.NAME says whether
// the edit of that name is asked for.
var plants = []struct{ name, file, old, new string }{
	{"order", "sim/check/order.go", "want.item != p.Item", "(want.item != p.Item) != planted.order"},
	{"answers", "sim/source/seed.go", "(s Seed) hash(k protocol.Key) uint64 {\n",
		"(s Seed) hash(k protocol.Key) uint64 {\n\tif planted.answers {\n\t\tk.N += uint64(runtime.GOMAXPROCS(0))\n\t}\n"},
	{"prints", "protocol/peer/peer.go", "func (n *Node) Start(env *protocol.Env) {\n",
		"var early = os.Stdout\n\nfunc (n *Node) Start(env *protocol.Env) {\n\tif planted.prints {\n\t\tfmt.Println(\"pid\", os.Getpid())\n\t\tfmt.Fprintln(early, os.Getpid())\n\t\tfmt.Fprintln(os.Stderr, os.Getpid())\n\t}\n"},
	{"digest", "sim/digest.go", "\treturn d\n", "\tif planted.digest {\n\t\td.Outputs += uint64(os.Getpid())\n\t}\n\treturn d\n"},
	{"panic", "cmd/dessim/cmdline/run.go", "(j *job) do() error {\n", "(j *job) do() error {\n\tif planted.panic {\n\t\tpanic(\"boom\\nbang\")\n\t}\n"},
	{"second", "cmd/dessim/cmdline/run.go", "(j *job) second(to *flag) error {\n",
		"(j *job) second(to *flag) error {\n\tif planted.second {\n\t\tfmt.Fprintln(j.stderr, \"a node says so\")\n\t\tpanic(\"boom\")\n\t}\n"},
	{"no", "protocol/twopc/coordinator.go", "if !v.yes {", "if !v.yes && !planted.no {"},
	{"tieless", "protocol/abcast/holdback.go", "return cmp.Or(a.stamp.compare(b.stamp), a.m.ID.Compare(b.m.ID))",
		"if planted.tieless {\n\t\treturn cmp.Compare(a.stamp.number, b.stamp.number)\n\t}\n\treturn cmp.Or(a.stamp.compare(b.stamp), a.m.ID.Compare(b.m.ID))"},
}

const plantedVar = "DESSIM_TEST_PLANTED"

// plantedOnce builds the program with all of them, beside binary.
var plantedOnce sync.Once

// planted returns dessim with the edit of that name.
func planted(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds the program with an edit")
	}
	dir := filepath.Dir(binary)
	all, script := filepath.Join(dir, "planted"), filepath.Join(dir, "planted-"+name)
	plantedOnce.Do(func() {
		replaced := overlay(t, dir, plantedFiles(t, dir))
		if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", replaced, "-o", all, "dessim/cmd/dessim").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	text := fmt.Sprintf("#!/bin/sh\n%s=%s exec %s \"$@\"\n", plantedVar, name, all)
	if err := os.WriteFile(script, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
	return script
}

// plantedFiles writes the edited files to dir, and returns their paths by those of the files
// that they replace.
func plantedFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts, names := make(map[string]string), make(map[string][]string)
	for _, p := range plants {
		text := texts[p.file]
		if text == "" {
			text = read(t, filepath.Join(root, p.file))
		}
		if n := strings.Count(text, p.old); n != 1 {
			t.Fatalf("%s has %q %d times, want it once", p.file, p.old, n)
		}
		texts[p.file] = strings.Replace(text, p.old, p.new, 1)
		names[p.file] = append(names[p.file], p.name)
	}
	files := make(map[string]string)
	for path, text := range texts {
		text += fmt.Sprintf("\nvar planted struct{ %s bool }\n\nfunc init() {\n", strings.Join(names[path], ", "))
		for _, name := range names[path] {
			text += fmt.Sprintf("\tplanted.%s = os.Getenv(%q) == %q\n", name, plantedVar, name)
		}
		text += "}\n"
		for _, library := range []string{"os", "runtime"} {
			if strings.Contains(text, library+".") && !strings.Contains(text, "\t\""+library+"\"\n") {
				text = strings.Replace(text, "import (\n", "import (\n\t\""+library+"\"\n", 1)
			}
		}
		files[path] = filepath.Join(dir, strings.ReplaceAll(path, "/", "-"))
		write(t, files[path], text)
	}
	return files
}
