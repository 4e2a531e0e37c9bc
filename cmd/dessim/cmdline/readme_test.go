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

// A README shows what commands print. A console block is a session: a shell runs the
// lines that begin with "$ ", in one scratch folder for the whole file, and the rest is
// their output. A block that begins with "```go " is the output of the command that
// follows on that line, at the root of the module; so the code that it shows is the code.
func TestReadmeShowsWhatTheCommandsPrint(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(bin, "dessim")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outsideProgram(t, "kvstore"), filepath.Join(bin, "kvstore")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"interleavings", "plainwal"} {
		if err := os.Symlink(hostedProgram(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{"README.md"}
	if *inFull {
		paths = append(paths, "protocol/abcast/README.md") // its comparisons are of hundreds of runs
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			checkReadme(t, filepath.Join(root, path), bin)
		})
	}
}

func checkReadme(t *testing.T, path, bin string) {
	was, dir := read(t, path), t.TempDir()
	const kvstore = "sim/simtest/testdata/kvstore" // a copy, since a failing go test writes into its module
	if err := os.CopyFS(filepath.Join(dir, kvstore), os.DirFS(filepath.Join(root, kvstore))); err != nil {
		t.Fatal(err)
	}
	mod := filepath.Join(dir, kvstore, "go.mod")
	write(t, mod, strings.Replace(read(t, mod), "../../../..", root, 1))
	const fence = "```"
	var now strings.Builder
	parts := strings.Split(was, fence)
	if len(parts)%2 == 0 || len(parts) < 3 {
		t.Fatalf("%s: want blocks that begin and end, and at least one", path)
	}
	for i, part := range parts {
		head, body, _ := strings.Cut(part, "\n")
		if i > 0 {
			now.WriteString(fence)
		}
		switch command, code := strings.CutPrefix(head, "go "); {
		case i%2 == 0:
			now.WriteString(part)
		case code:
			now.WriteString(head + "\n" + shell(t, bin, root, command))
		case head == "console":
			now.WriteString(head + "\n")
			for line := range strings.Lines(body) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					now.WriteString(line + shell(t, bin, dir, command))
				}
			}
		default:
			t.Errorf("%s: block %q: want console, or go and a command", path, head)
			now.WriteString(part)
		}
	}
	switch {
	case now.String() == was:
	case *update:
		write(t, path, now.String())
	default:
		t.Errorf("the commands of %s print something else now; if that is right:\ngo test ./cmd/dessim/cmdline -run Readme -full -update && git diff '*.md'", path)
	}
}

// shell runs one line and returns what it prints on both streams.
func shell(t *testing.T, bin, dir, command string) string {
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "DESSIM_SEED=", "DESSIM_SEEDS=", "DESSIM_REPLAY=")
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", strings.TrimSpace(command), err, out.String())
	}
	return out.String()
}
