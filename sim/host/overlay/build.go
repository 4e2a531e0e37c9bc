package overlay

import (
	"path/filepath"
	"strings"
)

// SettingsArgs are the arguments of the go command that print Settings, as JSON.
var SettingsArgs = []string{"env", "-json", "GOVERSION", "GOROOT", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOOS", "GOARCH"}

// Settings are what the go command says where a build is made, so that a toolchain line in go.mod
// counts.
type Settings struct {
	GOVERSION, GOROOT, GOCACHE, GOMODCACHE, GOFLAGS, GOOS, GOARCH string
}

// Flags returns the words of GOFLAGS, split as the go command does: at spaces outside of quotes. A word
// without its closing quote is left out: the go command reports it.
func (s *Settings) Flags() (words []string) {
	const spaces = " \t\n\r"
	text := s.GOFLAGS
	for {
		text = strings.TrimLeft(text, spaces)
		if text == "" {
			return words
		}
		ends, from := spaces, 0
		if text[0] == '\'' || text[0] == '"' {
			ends, from = text[:1], 1
		}
		n := strings.IndexAny(text[from:], ends)
		switch {
		case n >= 0:
			words = append(words, text[from:from+n])
			text = text[from+n+1:]
		case from > 0:
			return words
		default:
			return append(words, text)
		}
	}
}

// AddTags adds tags to a value of -tags. Tags are separated by commas, or by spaces as in old releases.
func AddTags(value string, tags ...string) string {
	sep := ","
	if strings.ContainsAny(value, " '") {
		sep = " "
	}
	if value != "" {
		value += sep
	}
	return value + strings.Join(tags, sep)
}

// A Build is what a build with the overlay needs, beside Tag.
type Build struct {
	File string   // the argument of -overlay
	Go   string   // the go command that must be called; "" is the one that printed the settings
	Env  []string // the variables, NAME=VALUE, that it must be called with
}

// For writes the overlay for the release in use, beside the build cache.
func For(s Settings) (Build, error) {
	dir := filepath.Join(filepath.Dir(s.GOCACHE), "dessim-overlay")
	r := Release{Version: s.GOVERSION, Root: s.GOROOT}
	at, err := Reach(dir, r, s.GOMODCACHE)
	if err != nil {
		return Build{}, err
	}
	file, err := Write(dir, at)
	b := Build{File: file}
	if at != r {
		b.Go = filepath.Join(at.Root, "bin", "go")
		b.Env = []string{"GOROOT=" + at.Root, "GOTOOLCHAIN=local"}
	}
	return b, err
}
