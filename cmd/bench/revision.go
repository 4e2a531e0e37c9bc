//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// revision is one side of a comparison: the programs built from one tree. The comparison
// uses only what other revisions have as well: the flags of dessim sweep, and the child
// mode of bench, whose flags and output must therefore not change.
type revision struct {
	Name   string `json:"name"`   // as the user wrote it, or "working tree"
	Commit string `json:"commit"` // for the working tree, its base commit, with -dirty if files differ

	side          string           // base or new
	dir           string           // for the files that its programs write
	dessim, bench string           // paths of the programs
	failed        map[string]error // why a program could not be built
}

// programs are built from each tree.
var programs = []string{"dessim", "bench"}

// command returns a command that an interrupt ends.
func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// moduleRoot returns the folder of the module that the working directory is in.
func moduleRoot(ctx context.Context) (string, error) {
	text, err := output(command(ctx, "", "go", "env", "GOMOD"))
	if err != nil {
		return "", err
	}
	if file := strings.TrimSpace(text); filepath.Base(file) == "go.mod" {
		return filepath.Dir(file), nil
	}
	return "", usageError("-base: the working directory is in no module")
}

// findRevision returns the commit that name means in the checkout at root.
func findRevision(ctx context.Context, root, name string) (string, error) {
	if _, err := output(command(ctx, root, "git", "rev-parse", "--git-dir")); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", err
		}
		return "", usagef("-base %s: %s is not a git checkout", name, root)
	}
	hash, err := output(command(ctx, root, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"))
	if err != nil {
		return "", usagef("-base %s: no such revision", name)
	}
	return strings.TrimSpace(hash), nil
}

// baseRevision unpacks a commit into a folder of scratch and builds it. The checkout
// stays as it is: git archive, unlike git worktree, leaves no record in it.
func baseRevision(ctx context.Context, root, name, commit, scratch string) (*revision, error) {
	r := &revision{Name: name, Commit: commit, side: "base", dir: filepath.Join(scratch, "base")}
	source := filepath.Join(r.dir, "source")
	if err := os.MkdirAll(source, 0o700); err != nil {
		return nil, err
	}
	archive := filepath.Join(r.dir, "source.tar")
	if _, err := output(command(ctx, root, "git", "archive", "--format=tar", "-o", archive, commit)); err != nil {
		return nil, err
	}
	if _, err := output(command(ctx, source, "tar", "-xf", archive)); err != nil {
		return nil, err
	}
	r.build(ctx, source)
	return r, nil
}

// newRevision builds the working tree as it is.
func newRevision(ctx context.Context, root, scratch string) (*revision, error) {
	r := &revision{Name: "working tree", side: "new", dir: filepath.Join(scratch, "new")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, err
	}
	commit, err := output(command(ctx, root, "git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"))
	if err != nil {
		return nil, err
	}
	r.Commit = strings.TrimSpace(commit)
	r.build(ctx, root)
	return r, nil
}

// buildFlags keep paths and revisions out of the programs: equal sources make equal programs.
var buildFlags = []string{"-trimpath", "-buildvcs=false"}

// build builds the programs, and records those that fail.
func (r *revision) build(ctx context.Context, source string) {
	r.failed = map[string]error{}
	for _, p := range programs {
		exe := filepath.Join(r.dir, p)
		if _, err := output(command(ctx, source, "go", slices.Concat([]string{"build"}, buildFlags, []string{"-o", exe, "./cmd/" + p})...)); err != nil {
			r.failed[p] = fmt.Errorf("%s: cmd/%s cannot be built: %w", r.side, p, err)
		}
	}
	r.dessim, r.bench = filepath.Join(r.dir, "dessim"), filepath.Join(r.dir, "bench")
}

// oneLine returns the first line of the error's text. The name of a package, which the go
// command prints above what the compiler says, does not count as a line.
func oneLine(err error) string {
	line, rest, _ := strings.Cut(err.Error(), "\n")
	if before, _, found := strings.Cut(line, "# "); found {
		line, _, _ = strings.Cut(rest, "\n")
		line = before + line
	}
	return line
}
