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

// Describe lists the goroutines of the program (where each was begun, why it waits, and where), and
// the open files and locks. So a report shows a deadlock.
func (n *node) Describe(b []byte) []byte {
	l := n.life
	if l == nil || l.ended {
		return append(b, "goroutines: none\n"...)
	}
	var all, open []string
	l.events <- event{kind: asked, do: func() {
		open = l.files.describe()
		simWaiting(func(name uint64, begun [4]uintptr, reason string, panics any, stack []uintptr) {
			if what, ok := l.files.waitsFor(name); ok {
				reason = what
			}
			reason = plain(reason)
			if panics != nil {
				reason = fmt.Sprintf("panics (%s), and in a deferred call, %s", firstLine(panics), reason)
			}
			all = append(all, fmt.Sprintf("%s: %s %s", place(begun), reason, lineAt(stack)))
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
	if len(open) > 0 {
		b = append(b, "files:\n"...)
	}
	for _, line := range open {
		b = fmt.Appendf(b, "  %s\n", line)
	}
	return b
}

// plain returns why a goroutine waits, without what package synctest adds.
func plain(reason string) string { return strings.TrimSuffix(reason, " (durable)") }

func firstLine(v any) string {
	line, _, _ := strings.Cut(fmt.Sprint(v), "\n")
	return line
}

// panicking is a goroutine that panics while a deferred call of it waits. The panic has no effect
// until that call returns, which may be never.
type panicking struct {
	goroutine
	with, waits string
	at          []uintptr
}

func (p *panicking) String() string {
	return fmt.Sprintf("%v panics (%s), and a deferred call waits: %s %s", p.goroutine, p.with, p.waits, lineAt(p.at))
}

// panicking returns those that were not reported before.
func (l *life) panicking() (found []panicking) {
	simWaiting(func(name uint64, begun [4]uintptr, reason string, panics any, stack []uintptr) {
		if panics == nil || l.panics[name] {
			return
		}
		if l.panics == nil {
			l.panics = make(map[uint64]bool)
		}
		l.panics[name] = true
		found = append(found, panicking{goroutine{name, begun}, firstLine(panics), plain(reason), stack})
	})
	return found
}

// place returns where a goroutine was begun: "kv/store.go:41". That is the innermost line outside of
// the standard library, so for WaitGroup.Go it is the line of the call. Without such
// a line it is the innermost line outside of the runtime.
func place(begun [4]uintptr) string {
	frames := runtime.CallersFrames(begun[:])
	var standard runtime.Frame
	for {
		f, more := frames.Next()
		switch {
		case isHost(f.Function):
			return mainGoroutine
		case f.Function != "" && !isStandard(f.File):
			return fmt.Sprintf("%s:%d", short(f.File), f.Line)
		case standard.Function == "" && !strings.HasPrefix(f.Function, "runtime."):
			standard = f
		}
		if !more {
			return fmt.Sprintf("%s:%d", short(standard.File), standard.Line)
		}
	}
}

// mainGoroutine stands for where the first goroutine of a program was begun.
const mainGoroutine = "main"

// isHost reports whether a function is of this package.
func isHost(function string) bool { return strings.HasPrefix(function, "dessim/sim/host.") }

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
