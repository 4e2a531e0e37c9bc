package watch

import (
	"bytes"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// mostFrames bounds the lines of a place: the rest is recursion, or of no interest.
const mostFrames = 5

// frame is a line of a stack.
type frame struct {
	pkg      string // import path
	function string // without the package
	file     string
	line     string
}

// String returns the place as "kv/store.go:41 (*Store).Receive": import path and file, since
// the paths of a machine are private, and would differ between two of them.
func (f *frame) String() string {
	return path.Join(f.folder(), path.Base(f.file)) + ":" + f.line + " " + f.function
}

// folder is the import path. A main package has none but in the record of the build.
func (f *frame) folder() string {
	if strings.HasSuffix(f.file, "_test.go") {
		return strings.TrimSuffix(f.pkg, "_test")
	}
	if f.pkg != "main" {
		return f.pkg
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "command-line-arguments" {
		return ""
	}
	return info.Path
}

// tools are the packages whose code runs nodes, and is not of them.
var tools = []string{"dessim/protocol", "dessim/sim", "dessim/sim/watch", "dessim/sim/traitor", "dessim/sim/explore", "dessim/sim/scenario", "dessim/sim/check",
	"dessim/sim/cryptorand", "dessim/sim/cryptorand/internal/first", "dessim/sim/host"}

// foreign reports whether the line is of no interest to the author of the node.
func (f *frame) foreign() bool {
	return strings.HasSuffix(f.function, "-fm") || slices.Contains(tools, f.pkg) && !strings.HasSuffix(f.file, "_test.go") || f.standard()
}

// standard reports whether the line is of the standard library.
func (f *frame) standard() bool {
	if root := standardRoot(); root != "" {
		return strings.HasPrefix(f.file, root)
	}
	// Built with -trimpath: a file of another module has its version in the path.
	first, _, _ := strings.Cut(f.pkg, "/")
	if f.file != f.pkg+"/"+path.Base(f.file) || strings.Contains(first, ".") {
		return false
	}
	info, ok := debug.ReadBuildInfo()
	return !ok || f.pkg != info.Main.Path && !strings.HasPrefix(f.pkg, info.Main.Path+"/")
}

// standardRoot is the folder of the standard library's packages, or "" if paths are trimmed.
var standardRoot = sync.OnceValue(func() string {
	const file = "runtime/debug/stack.go"
	for _, f := range parse(debug.Stack()) {
		if root, ok := strings.CutSuffix(f.file, file); ok {
			return root
		}
	}
	return ""
})

// Frames returns the first lines of a stack, in the form of debug.Stack, that are neither of
// the standard library nor of the simulator, the innermost first. Equal programs give equal
// texts on all machines.
func Frames(stack []byte) []string {
	var out []string
	for _, f := range parse(stack) {
		if f.pkg == "dessim/sim" && f.function == "(*Sim).Advance" {
			break // what follows called the run
		}
		if !f.foreign() && len(out) < mostFrames {
			out = append(out, f.String())
		}
	}
	return out
}

// Callers returns a line for each of the Frames but the first, which stands in the sentence
// before them: "called at kv/store.go:41 (*Store).Receive".
func Callers(frames []string) (lines []string) {
	for _, f := range frames[min(len(frames), 1):] {
		lines = append(lines, "called at "+f)
	}
	return lines
}

// parse reads the lines of one goroutine: pairs of a call and, after a tab, its place.
func parse(stack []byte) (all []frame) {
	var call string
	for text := range strings.Lines(string(stack)) {
		text = strings.TrimSuffix(text, "\n")
		place, indented := strings.CutPrefix(text, "\t")
		if !indented {
			call = text
			continue
		}
		place, _, _ = strings.Cut(place, " +0x")
		file, line, _ := cutLast(place, ":")
		name, _, called := cutLast(call, "(")
		if !called || strings.HasPrefix(call, "created by ") {
			continue
		}
		dot := strings.LastIndexByte(name, '/') + 1
		dot += strings.IndexByte(name[dot:], '.')
		if dot > 0 && dot < len(name) && name[dot] == '.' {
			pkg := strings.ReplaceAll(name[:dot], "%2e", ".")
			all = append(all, frame{pkg, name[dot+1:], file, line})
		}
	}
	return all
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// stackOf returns the stack of a goroutine: see goroutine. One that waits for a hosted program
// (package host) has that of the program's goroutine that runs.
func stackOf(id string) []byte {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	var asked, hosted []byte
	for part := range bytes.SplitSeq(b, []byte("\n\n")) {
		head, _, _ := bytes.Cut(part, []byte("\n"))
		switch {
		case bytes.HasPrefix(part, []byte(id)):
			asked = part
		case bytes.Contains(head, []byte("[run")) && bytes.Contains(head, []byte("synctest bubble")): // running, or runnable
			hosted = part
		}
	}
	if hosted != nil && bytes.Contains(asked, []byte("dessim/sim/host.(*life).step(")) {
		return hosted
	}
	return asked
}
