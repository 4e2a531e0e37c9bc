package mutate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"dessim/sim/host/overlay"
)

// hostPackage makes nodes of ordinary Go programs, and needs the overlay of the standard library.
const hostPackage = "dessim/sim/host"

// toolchain is the go command for a build.
type toolchain struct {
	path    string
	env     []string          // beyond that of this process
	flags   []string          // of a build
	replace map[string]string // files, for -overlay
}

func usual() *toolchain { return &toolchain{path: "go"} }

// toolchainFor returns the toolchain for a build in a folder. Programs that host others are built as
// by the command dessim go build, but cgo is always off.
func toolchainFor(ctx context.Context, dir string, hosted bool) (*toolchain, error) {
	g := usual()
	if !hosted {
		return g, nil
	}
	text, err := g.run(ctx, dir, overlay.SettingsArgs...)
	if err != nil {
		return nil, err
	}
	var s overlay.Settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	b, err := overlay.For(s)
	if err != nil {
		return nil, err
	}
	g.path = cmp.Or(b.Go, g.path)
	g.env = append(b.Env, "CGO_ENABLED=0")
	g.flags = []string{"-tags=" + tagsWith(&s, overlay.Tag)}
	list, err := os.ReadFile(b.File)
	if err != nil {
		return nil, err
	}
	var parsed struct{ Replace map[string]string }
	err = json.Unmarshal(list, &parsed)
	g.replace = parsed.Replace
	return g, err
}

// tagsWith returns the tags of GOFLAGS, which the flag -tags would replace, and one more.
func tagsWith(s *overlay.Settings, tag string) string {
	tags := ""
	for _, word := range s.Flags() {
		if value, ok := strings.CutPrefix(strings.TrimLeft(word, "-"), "tags="); ok {
			tags = value // the last one counts
		}
	}
	return overlay.AddTags(tags, tag)
}

// run runs the go command in a folder. The error has the first line that is not a heading.
func (g *toolchain) run(ctx context.Context, dir string, args ...string) (string, error) {
	var failed bytes.Buffer
	c := exec.CommandContext(ctx, g.path, args...)
	c.Dir, c.Stderr = dir, &failed
	c.Env = append(os.Environ(), g.env...)
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
