package host

import (
	"fmt"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Describe lists the goroutines of the program: where each was begun, why it waits, and where. So
// a deadlock can be seen in a report.
func (n *node) Describe(b []byte) []byte {
	l := n.life
	if l == nil || l.ended {
		return append(b, "goroutines: none\n"...)
	}
	var all []string
	l.events <- event{kind: asked, do: func() {
		simWaiting(func(name uint64, begun uintptr, reason string, stack []uintptr) {
			all = append(all, fmt.Sprintf("%s: %s %s", place(begun), reason, within(stack)))
		})
	}}
	<-l.done
	slices.Sort(all)
	b = append(b, "goroutines:\n"...)
	for i, line := range all {
		begun, state, _ := strings.Cut(line, ": ")
		nth := 1 // of those that were begun there
		for j := i; j > 0 && strings.HasPrefix(all[j-1], begun+": "); j-- {
			nth++
		}
		b = fmt.Appendf(b, "  %s #%d: %s\n", begun, nth, state)
	}
	return b
}

// place returns where a go statement stands: "kv/store.go:41".
func place(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if strings.HasPrefix(f.Function, "dessim/sim/host.") {
		return "main"
	}
	return fmt.Sprintf("%s:%d", short(f.File), f.Line)
}

// within returns the innermost line of a stack that is not of the standard library, or else the
// outermost function of that: "at kv/store.go:41".
func within(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	last := ""
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "":
		case isStandard(f.File):
			last = f.Function
		case strings.HasPrefix(f.Function, "dessim/sim/host.(*life)"):
		default:
			return fmt.Sprintf("at %s:%d", short(f.File), f.Line)
		}
		if !more {
			return "in " + last
		}
	}
}

// isStandard reports whether a file is of the standard library.
func isStandard(file string) bool { return strings.HasPrefix(file, standard()) }

// standard is the folder of the standard library's packages.
var standard = sync.OnceValue(func() string {
	file, _ := runtime.FuncForPC(reflect.ValueOf(strings.Cut).Pointer()).FileLine(0)
	return strings.TrimSuffix(file, "strings/strings.go")
})

// short returns the last two elements of a path.
func short(file string) string {
	dir, name := path.Split(file)
	return path.Join(path.Base(dir), name)
}
