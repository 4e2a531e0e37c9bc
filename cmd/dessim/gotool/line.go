package gotool

import (
	"slices"
	"strconv"
	"strings"

	"dessim/sim/host/overlay"
)

// line is a command line of the go command, as far as this package must understand it.
type line struct {
	sub       string
	chdir     []string // -C and its value, which come first
	args      []string // the words after these
	tags      []place  // of the values of -tags in args; the last one counts
	overlay   bool     // -overlay is given
	sanitizer string   // -race, -msan or -asan is given
	module    []string // -mod and -modfile
	packages  []string
}

// place is where the value of a flag stands: in args[word], from the given byte on.
type place struct{ word, from int }

// Flags of the go command that have a value: in the next word, unless it is joined by "=". Those in
// more are for one subcommand.
var (
	valued = strings.Fields("C asmflags buildmode compiler covermode coverpkg debug-actiongraph debug-runtime-trace debug-trace exec " +
		"gccgoflags gcflags installsuffix ldflags mod modfile o overlay p pgo pkgdir tags toolexec")
	more = map[string][]string{
		"list": strings.Fields("f reuse"),
		"vet":  strings.Fields("c fixtool printf.funcs unusedresult.funcs unusedresult.stringmethods vettool"),
		"test": strings.Fields("bench benchtime blockprofile blockprofilerate count coverprofile cpu cpuprofile fuzz fuzzcachedir fuzzminimizetime fuzztime " +
			"list memprofile memprofilerate mutexprofile mutexprofilefraction outputdir parallel run shuffle skip timeout trace vet"),
	}
	// alone are the flags of go test that have no value. Any other flag is the test's own.
	alone = strings.Fields("a artifacts asan benchmem buildvcs c cover failfast fullpath json linkshared modcacherw msan n race short trimpath v work x")
)

// takesValue reports whether a flag of a subcommand has a value.
func takesValue(sub, name string) bool {
	if sub == "test" {
		name = strings.TrimPrefix(name, "test.")
	}
	return slices.Contains(valued, name) || slices.Contains(more[sub], name)
}

// parse reads the words after a subcommand, or those of GOFLAGS.
func parse(sub string, args []string) *line {
	l := &line{sub: sub}
	if len(args) > 0 {
		name, _, joined := cutFlag(args[0])
		switch {
		case name == "C" && joined:
			l.chdir, args = args[:1], args[1:]
		case name == "C" && len(args) > 1:
			l.chdir, args = args[:2], args[2:]
		}
	}
	l.args = args
	if sub == "test" {
		l.parseTest()
	} else {
		l.parseFlags()
	}
	return l
}

// parseFlags reads flags up to the first word that is not a flag, and then packages.
func (l *line) parseFlags() {
	for i := 0; i < len(l.args); {
		switch name, _, _ := cutFlag(l.args[i]); {
		case l.args[i] == "--":
			l.listed(l.args[i+1:])
			return
		case name == "":
			l.listed(l.args[i:])
			return
		}
		i = l.take(i)
	}
}

// listed reads the words that follow all flags. Those after the package of go run are its program's.
func (l *line) listed(words []string) {
	l.packages = words
	if l.sub == "run" {
		n := 0
		for n < len(words) && strings.HasSuffix(words[n], ".go") {
			n++
		}
		l.packages = words[:min(max(n, 1), len(words))]
	}
}

// parseTest reads the words as go test does. Flags may also follow the packages. An unknown flag is the
// test's, and so are all words from the next one on that is neither a flag nor its value.
func (l *line) parseTest() {
	ended := false   // the list of packages
	listing := false // the last word was a package
	open := false    // the last word was an unknown flag, which this one may be the value of
	for i := 0; i < len(l.args); {
		name, _, joined := cutFlag(l.args[i])
		switch {
		case l.args[i] == "--", name == "args", name == "" && ended && !listing && !open:
			return
		case name == "" && ended && !listing:
			open = false
			i++
		case name == "":
			l.packages = append(l.packages, l.args[i])
			ended, listing = true, true
			i++
		default:
			listing, open = false, false
			if !takesValue("test", name) && !slices.Contains(alone, strings.TrimPrefix(name, "test.")) {
				ended, open = true, !joined
			}
			i = l.take(i)
		}
	}
}

// take reads the flag in a word, with its value, and returns the place of the next word.
func (l *line) take(i int) int {
	name, value, joined := cutFlag(l.args[i])
	at := place{i, len(l.args[i]) - len(value)}
	if !joined && takesValue(l.sub, name) {
		if i++; i == len(l.args) {
			return i // the go command complains of it
		}
		value, at = l.args[i], place{i, 0}
	}
	l.flag(name, value, joined, at)
	return i + 1
}

func (l *line) flag(name, value string, joined bool, at place) {
	switch name {
	case "tags":
		l.tags = append(l.tags, at)
	case "overlay":
		l.overlay = true
	case "mod", "modfile":
		l.module = append(l.module, "-"+name+"="+value)
	case "race", "msan", "asan":
		on := true
		if joined {
			on, _ = strconv.ParseBool(value)
		}
		if on {
			l.sanitizer = "-" + name
		}
	}
}

// cutFlag returns the name of a flag and the value that is joined to it. The name is "" if the
// word is no flag.
func cutFlag(word string) (name, value string, joined bool) {
	if len(word) < 2 || word[0] != '-' {
		return "", "", false
	}
	name = strings.TrimPrefix(word[1:], "-")
	return strings.Cut(name, "=")
}

// tagged returns the arguments with the tags added.
func (l *line) tagged(inherited *line, tags []string) []string {
	if len(l.tags) == 0 {
		return append(l.onlyTags(inherited, tags), l.args...)
	}
	args := slices.Clone(l.args)
	for _, at := range l.tags {
		word := args[at.word]
		args[at.word] = word[:at.from] + overlay.AddTags(word[at.from:], tags...)
	}
	return args
}

// onlyTags returns the flag with all tags.
func (l *line) onlyTags(inherited *line, tags []string) []string {
	for _, from := range []*line{l, inherited} {
		if n := len(from.tags); n > 0 {
			at := from.tags[n-1]
			return []string{"-tags=" + overlay.AddTags(from.args[at.word][at.from:], tags...)}
		}
	}
	return []string{"-tags=" + overlay.AddTags("", tags...)}
}
