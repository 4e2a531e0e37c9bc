package overlay

import "path/filepath"

// SettingsArgs are the arguments of the go command that print Settings, as JSON.
var SettingsArgs = []string{"env", "-json", "GOVERSION", "GOROOT", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOOS", "GOARCH"}

// Settings are what the go command says where a build is made, so that a toolchain line in go.mod
// counts.
type Settings struct {
	GOVERSION, GOROOT, GOCACHE, GOMODCACHE, GOFLAGS, GOOS, GOARCH string
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
