package host

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"time"

	"dessim/protocol"
)

// Notes of what a Scheduler decided, for stories.
var (
	kindOrder = protocol.KindOf("go.order")
	kindYield = protocol.KindOf("go.yield")
	kindStall = protocol.KindOf("go.stall")

	kindPanics = protocol.KindOf("go.panics") // a goroutine panics, and a deferred call of it waits
	kindBusy   = protocol.KindOf("go.busy")   // goroutines rest that do not wait, so that time passes
	kindTurns  = protocol.KindOf("go.turns")  // the goroutines that ran in a step, in order
)

// mostTurns is how many turns of a step are reported.
const mostTurns = 64

// simTurn is a turn of a goroutine, laid out as in the runtime.
type simTurn struct {
	name  uint64
	begun [4]uintptr
}

// turns are printed as goroutines in the order in which they ran: "main > main.go:12/3fa > main".
type turns []simTurn

func (t turns) String() string {
	var b strings.Builder
	for i, x := range t {
		if i > 0 {
			b.WriteString(" > ")
		}
		b.WriteString(goroutine(x).String())
	}
	if len(t) == mostTurns {
		b.WriteString(" > ...")
	}
	return b.String()
}

// mostPassed is how often others may run before the goroutine that is first in the queue. While that
// waits, the question keeps its name, and so its answer: without a bound, it would wait for ever if
// the others spin until it runs.
const mostPassed = 64

// passing is how often others ran before a goroutine.
type passing struct {
	first, woken uint64
	times        int
}

// pick chooses which of the goroutines that are ready runs next: it returns an index into the queue.
// The question is named by the first of them, and by how often that was woken in the step.
func (l *life) pick() int {
	first, woken, begun := simQueued(0)
	if l.passed.first != first || l.passed.woken != woken {
		l.passed = passing{first: first, woken: woken}
	}
	if l.passed.times == mostPassed {
		l.passed.times = 0
		return 0
	}
	n := uint64(1)
	for {
		if name, _, _ := simQueued(int(n)); name == 0 {
			break
		}
		n++
	}
	var i int
	l.do(func(env *protocol.Env) {
		if i = int(env.Scheduler().Order(protocol.Hash2(first, woken), n)); i > 0 {
			l.passed.times++
			name, _, at := simQueued(i)
			env.Note(kindOrder, goroutine{name, at}, "runs before", goroutine{first, begun})
		}
	})
	return i
}

// before decides whether a goroutine gives its turn away before its operation of that number in the
// step, and for how many nanoseconds it stands still first. It is called on that goroutine.
func (l *life) before(name, operation uint64) (yields bool, stalls int64) {
	l.do(func(env *protocol.Env) {
		about := protocol.Hash2(name, operation)
		stall := env.Scheduler().Stall(about)
		yields, stalls = env.Scheduler().Yield(about), int64(stall)
		if !yields && stall == 0 {
			return
		}
		_, begun := simSelf()
		var at [16]uintptr
		n := runtime.Callers(2, at[:])
		if yields {
			env.Note(kindYield, goroutine{name, begun}, "yields", operationAt(at[:n]))
		}
		if stall > 0 {
			env.Note(kindStall, goroutine{name, begun}, "stalls for", stall.Round(time.Microsecond), operationAt(at[:n]))
		}
	})
	return yields, stalls
}

// goroutine is printed as the place where it was begun and the last digits of its name:
// "main.go:12/3fa".
type goroutine struct {
	name  uint64
	begun [4]uintptr
}

func (g goroutine) String() string {
	at := place(g.begun)
	if at == mainGoroutine {
		return at
	}
	return fmt.Sprintf("%s/%03x", at, g.name&0xfff)
}

// operationAt is the stack of an operation. It is printed as the innermost line that is not of the
// standard library, and what that calls: "at kv/main.go:20, before Mutex.Lock".
type operationAt []uintptr

func (stack operationAt) String() string {
	line, called := innermost(stack)
	return fmt.Sprintf("%s, before %s", line, called)
}

// lineAt is a stack, printed as "at main.go:20".
type lineAt []uintptr

func (stack lineAt) String() string {
	line, _ := innermost(stack)
	return line
}

// innermost returns the innermost line of a stack that is not of the standard library, as "at
// main.go:20", and what it calls.
func innermost(stack []uintptr) (line, called string) {
	frames := runtime.CallersFrames(stack)
	called = "the runtime"
	for {
		f, more := frames.Next()
		switch {
		case isHost(f.Function), f.Function == "runtime.simOperation":
		case isStandard(f.File):
			called = operation(f.Function)
		default:
			return fmt.Sprintf("at %s:%d", short(f.File), f.Line), called
		}
		if !more {
			return "in the standard library", called
		}
	}
}

// operation names a function of the standard library as a programmer thinks of it: "Mutex.Lock".
func operation(function string) string {
	if word, ok := operations[function]; ok {
		return word
	}
	_, name, _ := strings.Cut(path.Base(function), ".")
	return strings.NewReplacer("(*", "", ")", "").Replace(name)
}

var operations = map[string]string{
	"runtime.chansend1": "a send",
	"runtime.chanrecv1": "a receive",
	"runtime.chanrecv2": "a receive",
	"runtime.selectgo":  "a select",
}
