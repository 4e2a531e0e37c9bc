package host

import (
	"fmt"
	"runtime"
	"strings"

	"dessim/protocol"
)

// Failure is the value with which a step panics if the program panicked, exited or returned an error.
type Failure struct {
	Why   string
	stack []byte
}

// Error returns what the program did.
func (f *Failure) Error() string { return f.Why }

// NodeStack returns the stack of the goroutine that failed, in the form of debug.Stack.
func (f *Failure) NodeStack() []byte { return f.stack }

// withoutBubbles rewords fatal errors of the runtime that speak of synctest's bubbles. The usual cause
// is a channel that nodes share through a variable of a package.
var withoutBubbles = strings.NewReplacer(
	"from outside bubble", "from outside the life that made it",
	"from multiple synctest bubbles", "from several lives",
	"from inside and outside synctest bubble", "from inside and outside a life",
	"synctest ", "")

// over ends a life whose program has ended.
func (l *life) over(env *protocol.Env, o outcome) {
	l.ended = true
	if l.timer != 0 {
		env.CancelTimer(alarm)
	}
	why, bad := "the program returned", !l.options.ExitCrashes && l.options.RestartAfter == 0
	switch {
	case o.panicked:
		why, bad = withoutBubbles.Replace(fmt.Sprint(o.why)), !l.options.PanicCrashes || !o.own
	case l.host.err != nil:
		why += ": " + l.host.err.Error()
	case !l.host.returned:
		why = fmt.Sprintf("the program called os.Exit(%v)", o.why)
		bad = bad && o.why != 0
	default:
		bad = false
	}
	if o.panicked && !bad {
		why = "the program panicked: " + why
	}
	env.Note(kindExit, why)
	if bad {
		panic(&Failure{Why: why, stack: stackText(o.stack)})
	}
	if l.host.err != nil || !l.host.returned {
		l.again(env)
	}
}

// stackText writes a stack as debug.Stack does, without what differs from run to run.
func stackText(pcs []uintptr) []byte {
	var b []byte
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			b = fmt.Appendf(b, "%s(...)\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b
		}
	}
}

// again sets the timer that starts the program again, if Options.RestartAfter asks for it.
func (l *life) again(env *protocol.Env) {
	if l.options.RestartAfter > 0 && !l.files.ofPrograms() {
		l.restarts = true
		env.SetTimer(l.options.RestartAfter, alarm)
	}
}

// goOn takes over what outlives the last process of the life: the machine's files, and the numbers of
// connections.
func (l *life) goOn(last *life) {
	l.process = last.process + 1
	l.net.conns, l.net.next = last.net.conns, last.net.next // which peers may still know
	l.files = last.files
	l.files.goOn(l)
}
