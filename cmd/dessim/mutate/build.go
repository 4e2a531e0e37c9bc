package mutate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// Build builds a program from its main package, with all mutants. It writes the files that the go
// command reads into dir. Run the program with EnvOn and reached.Env. If it makes nodes of ordinary Go
// programs, it is built as by dessim go build, and Hosted is set.
func (p *Package) Build(ctx context.Context, dir, main, exe string) error {
	list, err := usual().run(ctx, main, "list", "-deps", "-f", "{{.Name}} {{.ImportPath}}", ".")
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
	p.Hosted = slices.Contains(lines, "host "+hostPackage)
	g, err := toolchainFor(ctx, main, p.Hosted)
	if err != nil {
		return err
	}
	overlay, err := p.write(dir, g.replace, false)
	if err != nil {
		return err
	}
	_, err = g.run(ctx, main, slices.Concat([]string{"build"}, g.flags, []string{"-ldflags=-s -w", "-overlay", overlay, "-o", exe, "."})...)
	return err
}

// BuildTest builds the tests of the package, with all mutants. It reports whether there are tests.
func (p *Package) BuildTest(ctx context.Context, dir, exe string) (bool, error) {
	list, err := usual().run(ctx, p.Dir, "list", "-deps", "-test", ".")
	if err != nil {
		return false, err
	}
	g, err := toolchainFor(ctx, p.Dir, slices.Contains(strings.Split(list, "\n"), hostPackage))
	if err != nil {
		return false, err
	}
	overlay, err := p.write(dir, g.replace, true)
	if err != nil {
		return false, err
	}
	if _, err := g.run(ctx, p.Dir, slices.Concat([]string{"test"}, g.flags, []string{"-c", "-vet=off", "-overlay", overlay, "-o", exe, "."})...); err != nil {
		return false, err
	}
	_, err = os.Stat(exe)
	return err == nil, nil
}

// write writes the rewritten package into dir, and returns the argument of -overlay, which also has
// the files of replace.
func (p *Package) write(dir string, replace map[string]string, tests bool) (string, error) {
	if err := p.taken(); err != nil {
		return "", err
	}
	all, prefix := maps.Clone(replace), "mutants-"
	if all == nil {
		all = make(map[string]string)
	}
	if tests {
		prefix = "tests-"
	}
	for path, text := range p.overlay(tests) {
		to := filepath.Join(dir, prefix+filepath.Base(path))
		all[path] = to
		if err := os.WriteFile(to, []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": all})
	list := filepath.Join(dir, prefix+"overlay.json")
	return list, errors.Join(err, os.WriteFile(list, text, 0o666))
}

// Mirror makes a folder like the package's, for its tests to run in. It has the same path below a copy
// of the module's root, and its files are links to the package's. So tests find the files that they
// read, and files that they write into testdata stay in the mirror.
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

// link makes a folder with links to the entries of another one, except one of them.
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
