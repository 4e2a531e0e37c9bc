package host

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/sim/host/volume"
)

// epoch is the bubble's time when the node's clock is at 0: the start of the year 2000, in
// nanoseconds since 1970. Package testing/synctest begins there, too.
const epoch = 946_684_800_000_000_000

// alarm is the tag of the one timer that a node has: it is set to the first timer of its bubble.
const alarm = 1

// node is a protocol.Node that hosts a program. Nothing else keeps its life reachable: once a runtime
// forgets the node, because it crashed or the run is over, the collector ends the life's goroutines.
type node struct {
	program Program
	options Options
	life    *life
	cleanup runtime.Cleanup // of life
	files   []imageFile     // of Options.Disk.Image, once they have been read
}

// image returns the files of a new disk.
func (n *node) image() []imageFile {
	if n.files == nil {
		n.files = readImage(n.options.Disk.Image)
	}
	return n.files
}

// Start begins a life.
func (n *node) Start(env *protocol.Env) { n.begin(env, nil) }

// begin begins a life or, if its last process has ended, the next process of the life.
func (n *node) begin(env *protocol.Env, last *life) {
	l := &life{options: n.options, events: make(chan event), done: make(chan outcome)}
	l.host = Host{life: l, id: env.ID(), incarnation: env.Incarnation()}
	l.net = newNetwork(l)
	if last == nil {
		l.host.records = ownRecords(env)
		l.files = newFiles(l, n.image())
	} else {
		l.goOn(last)
		n.cleanup.Stop()
		last.end()
	}
	l.net.files = l.files
	seed := protocol.Hash3(n.options.Salt^saltOfRand^l.process, uint64(env.ID())<<32|uint64(env.Incarnation()), env.Choose(kindRand, 1<<32))
	go simRun(func() { l.drive(seed) })
	n.life = l
	n.cleanup = runtime.AddCleanup(n, (*life).end, l)
	program := n.program
	l.step(env, event{kind: began, do: func() {
		if last == nil {
			l.files.begin(env)
		}
		simGuest(true)
		go l.main(program)
		simGuest(false)
	}})
}

// ownRecords returns the records that survived, unless they are those of files.
func ownRecords(env *protocol.Env) (list [][]byte) {
	for _, r := range env.Records() {
		if volume.IsRecord(r) {
			break // and so are all
		}
		list = append(list, bytes.Clone(r))
	}
	return list
}

// Receive hands a message to the program.
func (n *node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	n.life.step(env, event{kind: received, from: from, msg: msg})
}

// Timeout fires the program's timers that are due, or starts a program again that has ended.
func (n *node) Timeout(env *protocol.Env, _ uint64) {
	if n.life.restarts {
		n.begin(env, n.life)
		return
	}
	n.life.step(env, event{kind: fired})
}

// Flushed wakes the goroutine of the program that waits for the flush.
func (n *node) Flushed(env *protocol.Env, tag uint64, failed bool) {
	if n.life.restarts {
		n.life.setEnv(env) // what failed may have records that tell so
		defer n.life.setEnv(nil)
		n.life.files.settled(tag, failed)
		return
	}
	n.life.step(env, event{kind: flushed, tag: tag, failed: failed})
}

// life is one incarnation of a hosted program: a bubble, and a driver in it that runs the
// bubble step by step. While a step lasts, Host's methods are called by the goroutine of the bubble
// that has the turn, so by one at a time.
type life struct {
	options Options
	host    Host
	net     *network
	files   *files
	events  chan event    // closed at the end
	done    chan outcome  // of each event
	mu      sync.Mutex    // of env: there is one turn, but the race detector does not know
	env     *protocol.Env // of the step under way
	timer   int64         // the bubble's time at which the node's timer fires, or 0
	ended   bool
	process uint64 // how many processes of this life have ended
	// restarts is set when the timer is for the next process of this life.
	restarts bool
	inexact  bool            // a map was ranged over whose order may follow from addresses
	owned    map[string]any  // see Own
	passed   passing         // in the step
	panics   map[uint64]bool // goroutines that wait though they panic, by name
	lines    [2]bytes.Buffer // begun lines of stdout and stderr
}

// event is what one step consumes.
type event struct {
	kind      eventKind
	do        func()
	from      protocol.NodeID
	msg       []byte
	tag       uint64 // of a flush
	failed    bool
	name      uint64 // of the step
	now       int64  // the bubble's time
	offset    int64  // of the wall clock
	disturbed bool   // the order is not by arrival alone
	observed  bool   // turns are reported
}

type eventKind uint8

const (
	began eventKind = iota
	received
	fired
	flushed
	asked // for a description: do runs between steps
)

// outcome is what a step led to.
type outcome struct {
	next     int64 // the bubble's next timer, or 0
	ended    bool
	panicked bool
	own      bool // the panic is the program's, not the runtime's
	why      any
	stack    []uintptr
	ranged   []uintptr // where a map was ranged over whose order may follow from addresses
	turns    turns     // if the event is observed
	panics   []panicking
	rested   time.Duration // how long goroutines rest that did too much
}

// step has the bubble consume an event at the time of env, and run until all its goroutines wait.
func (l *life) step(env *protocol.Env, e event) {
	if l.ended {
		return
	}
	l.setEnv(env)
	e.now = epoch + int64(env.Steady())
	e.offset = int64(env.Now() - env.Steady())
	e.name = env.StepName()
	e.disturbed, e.observed = env.Scheduler() != nil, env.Observed()
	l.events <- e
	o := <-l.done
	l.setEnv(nil)
	if len(o.ranged) > 0 && o.ranged[0] != 0 {
		env.Note(kindInexact, "ranges over a map whose order may follow from addresses", lineAt(o.ranged))
	}
	for i := range o.panics {
		env.Note(kindPanics, &o.panics[i])
	}
	if o.rested > 0 {
		env.Note(kindBusy, "goroutines do so much that time passes:", o.rested)
	}
	if len(o.turns) > 1 {
		env.Note(kindTurns, o.turns)
	}
	if o.ended {
		l.over(env, o)
		return
	}
	switch {
	case o.next == l.timer:
	case o.next == 0:
		env.CancelTimer(alarm)
	default:
		env.SetTimer(time.Duration(max(o.next-e.now, 1)), alarm)
	}
	l.timer = o.next
}

// drive is the bubble's driver.
func (l *life) drive(seed uint64) {
	simBegin(seed, l, l.before)
	for e := range l.events {
		if e.kind == asked {
			e.do()
			l.done <- outcome{}
			continue
		}
		simSetTime(e.name, e.now, e.offset)
		simDisturb(e.disturbed)
		if e.observed {
			simLog(mostTurns)
		}
		l.net.advance(e.now)
		switch {
		case e.kind == began:
			e.do()
		case e.kind == received && e.from == protocol.Outside:
			l.host.input.put(bytes.Clone(e.msg))
		case e.kind == received:
			l.net.receive(e.from, e.msg)
		case e.kind == flushed:
			l.files.flushed(e.tag, e.failed)
		}
		l.passed = passing{}
		for simWait() {
			simGrant(l.pick())
		}
		var o outcome
		if e.observed {
			o.turns = simLog(0)
		}
		o.rested = time.Duration(simRested())
		if simPanics() {
			o.panics = l.panicking()
		}
		if !l.inexact {
			stack := simRanged()
			l.inexact, o.ranged = stack[0] != 0, stack[:]
		}
		o.ended, o.panicked, o.own, o.why, o.stack = simEnded()
		if o.ended {
			l.net.exit()
		} else {
			l.net.finish()
			o.next = earlier(simNextTimer(), l.net.due())
		}
		l.done <- o
	}
	simKill()
}

// Own returns the life's own value in the place of a package variable that nodes would share; make
// makes it the first time. The files that the overlay adds to packages call it.
func (l *life) Own(name string, make func() any) any {
	own, ok := l.owned[name]
	if !ok {
		own = make()
		if l.owned == nil {
			l.owned = map[string]any{}
		}
		l.owned[name] = own
	}
	return own
}

// earlier returns the earlier of two times, of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (l *life) setEnv(env *protocol.Env) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.env = env
}

// do calls f with the Env of the step under way. Its lock is no operation of the program.
func (l *life) do(f func(env *protocol.Env)) {
	defer simQuiet(simQuiet(true))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.env == nil {
		panic("host: called by a goroutine that does not belong to the program")
	}
	f(l.env)
}

// end ends the goroutines of the life.
func (l *life) end() { close(l.events) }

// main is the first goroutine of the program. When it returns, the life is over, like a process.
func (l *life) main(p Program) {
	l.host.err = p(context.Background(), &l.host)
	l.host.returned = true
	code := 0
	if l.host.err != nil {
		code = 1
	}
	simExit(code)
}
