//go:build unix

package cmdline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const consoleFence = "```console\n"

// Each console block of the README is a session: lines that begin with "$ " are
// run by a shell, in one folder for the whole README; the rest is their output.
func TestReadmeShowsWhatTheCommandsPrint(t *testing.T) {
	const path = "../../../README.md"
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := filepath.Join(t.TempDir(), "bin"), t.TempDir()
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(bin, "dessim")); err != nil {
		t.Fatal(err)
	}
	outside(t, "build", "-o", filepath.Join(bin, "kvstore"), "./cmd/kvstore")
	var now strings.Builder
	blocks := strings.Split(string(was), consoleFence)
	now.WriteString(blocks[0])
	for _, block := range blocks[1:] {
		session, rest, ok := strings.Cut(block, "```")
		if !ok {
			t.Fatal("a console block of the README does not end")
		}
		now.WriteString(consoleFence)
		for line := range strings.Lines(session) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				now.WriteString(line + shell(t, bin, dir, command))
			}
		}
		now.WriteString("```" + rest)
	}
	if len(blocks) < 2 {
		t.Error("the README shows no command")
	}
	if now.String() == string(was) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(now.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the commands of the README print something else now; if that is right:\ngo test ./cmd/dessim/cmdline -run Readme -update && git diff README.md")
}

// shell runs one line of a session and gives what it prints on both streams.
func shell(t *testing.T, bin, dir, command string) string {
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", strings.TrimSpace(command), err, out.String())
	}
	return out.String()
}
