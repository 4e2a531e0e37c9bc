package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Main returns the folder of the main package of a program of that name: cmd/NAME in the
// module of the package, or else the module's own folder.
func (p *Package) Main(name string) string {
	dir := filepath.Join(p.Root, "cmd", name)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return p.Root
}

// Build builds a program from its main package, with all mutants. In dir it may leave what
// the toolchain reads. Run it with EnvOn and EnvReached.
func (p *Package) Build(ctx context.Context, dir, main, exe string) error {
	list, err := p.goCommand(ctx, main, "list", "-deps", "-f", "{{.Name}} {{.ImportPath}}", ".")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(list), "\n")
	switch last := lines[len(lines)-1]; { // the package itself
	case !strings.HasPrefix(last, "main "):
		return fmt.Errorf("%s is no main package", main)
	case !slices.Contains(lines, p.name+" "+p.Path):
		return fmt.Errorf("the program in %s does not use package %s", main, p.Path)
	}
	overlay, err := p.write(dir)
	if err != nil {
		return err
	}
	_, err = p.goCommand(ctx, main, "build", "-ldflags=-s -w", "-overlay", overlay, "-o", exe, ".")
	return err
}

// BuildTest builds the tests of the package, with all mutants. It reports whether there are any.
func (p *Package) BuildTest(ctx context.Context, dir, exe string) (bool, error) {
	overlay, err := p.write(dir)
	if err != nil {
		return false, err
	}
	if _, err := p.goCommand(ctx, p.Dir, "test", "-c", "-vet=off", "-overlay", overlay, "-o", exe, "."); err != nil {
		return false, err
	}
	_, err = os.Stat(exe)
	return err == nil, nil
}

// goCommand runs the toolchain in a folder. The error has the first line that says something.
func (p *Package) goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	var failed bytes.Buffer
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Stderr = dir, &failed
	out, err := c.Output()
	for line := range strings.Lines(failed.String()) {
		if err != nil && !strings.HasPrefix(line, "#") {
			err = errors.New(strings.TrimSpace(line))
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return string(out), nil
}

// write writes the rewritten package into dir, and returns the argument of -overlay.
func (p *Package) write(dir string) (string, error) {
	if err := p.taken(); err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for path, text := range p.overlay() {
		to := filepath.Join(dir, "mutants-"+filepath.Base(path))
		replace[path] = to
		if err := os.WriteFile(to, []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	list := filepath.Join(dir, "mutants.json")
	return list, errors.Join(err, os.WriteFile(list, text, 0o666))
}

// Reached reads which runs reached the place of each mutant, by its number: see EnvReached.
// What was reached while the process had named no run has the name "".
func Reached(path string) (map[int][]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	reached := make(map[int][]string)
	for line := range strings.Lines(string(text)) {
		number, run, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, bad := strconv.Atoi(number)
		err = errors.Join(err, bad)
		if !slices.Contains(reached[n], run) {
			reached[n] = append(reached[n], run)
		}
	}
	return reached, err
}

// Mirror makes a folder like the package's, for its tests to run in: it is reached by the
// same path from a copy of the module's root, and files there are links to the package's.
// So tests find what they read; what they write into testdata stays in the mirror.
func (p *Package) Mirror(dir string) (string, error) {
	rel, err := filepath.Rel(p.Root, p.Dir)
	if err != nil {
		return "", err
	}
	from, to := p.Root, filepath.Join(dir, "module")
	if rel != "." {
		for _, name := range strings.Split(rel, string(filepath.Separator)) {
			if err := link(from, to, name); err != nil {
				return "", err
			}
			from, to = filepath.Join(from, name), filepath.Join(to, name)
		}
	}
	if err := link(from, to, "testdata"); err != nil {
		return "", err
	}
	testdata := filepath.Join(from, "testdata")
	if _, err := os.Stat(testdata); err != nil {
		return to, os.Mkdir(filepath.Join(to, "testdata"), 0o777)
	}
	return to, os.CopyFS(filepath.Join(to, "testdata"), os.DirFS(testdata))
}

// link makes a folder that has links to the entries of another one, but for one of them.
func link(from, to, but string) error {
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		if e.Name() != but {
			err = errors.Join(err, os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
		}
	}
	return err
}
