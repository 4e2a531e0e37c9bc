package cmdline

import (
	"runtime"
	"runtime/debug"
)

// version returns the module's version, or the revision it was built from, and Go's.
func version() string {
	what := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		what = buildVersion(info)
	}
	return what + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

func buildVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, changed := "(devel)", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return revision + changed
}
