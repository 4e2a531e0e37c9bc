package sim

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// threads are the goroutines of a team: the one that advances the run works off the first
// part, and each other part has one of its own, which lasts as long as a call of
// Advance. They are the only ones of the package, and no order between them can be seen:
// each works off its part of a window, and then they wait for each other.
type threads struct {
	team    *team
	workers []*worker // of all parts but the first
	spins   int       // looks before a goroutine goes to sleep
	running bool
	left    atomic.Int32 // workers that have not finished the window
	rest    bed          // of the one that advances the run
}

// worker works off a part, window by window.
type worker struct {
	part   *part
	window atomic.Uint64 // number of the window to be worked off; noWindow ends the goroutine
	rest   bed
	name   string // of the goroutine
}

const noWindow = 1<<64 - 1

// spins is how often a goroutine looks whether the others are ready, before it goes to sleep.
// That takes some 200 µs. With a tenth of it, bootstrap of 10,000 nodes was no faster on two
// threads than on one, where it takes 0.6 of the time with it: to be woken takes long.
const spins = 200_000

func (x *threads) init(t *team) {
	x.team, x.rest.wake = t, make(chan struct{}, 1)
	if runtime.GOMAXPROCS(0) >= len(t.parts) {
		x.spins = spins
	}
}

// start starts the goroutines.
func (x *threads) start() {
	x.running, x.workers = true, x.workers[:0]
	for _, p := range x.team.parts[1:] {
		w := &worker{part: p, rest: bed{wake: make(chan struct{}, 1)}}
		x.workers = append(x.workers, w)
		go x.work(w)
	}
}

// run has every part run its part of a window, and returns when all have.
func (x *threads) run() {
	if !x.running {
		x.start()
	}
	x.left.Store(int32(len(x.workers)))
	for _, w := range x.workers {
		w.tell(w.window.Load() + 1)
	}
	x.team.parts[0].run()
	x.rest.until(func() bool { return x.left.Load() == 0 }, x.spins)
}

// stop ends the goroutines. They may be at their last instructions when it returns.
func (x *threads) stop() {
	if x.running {
		x.running = false
		for _, w := range x.workers {
			w.tell(noWindow)
		}
	}
}

func (x *threads) work(w *worker) {
	w.name = goroutine()
	for window := uint64(0); ; {
		if window = w.await(window, x.spins); window == noWindow {
			return
		}
		x.once(w.part)
	}
}

// once works off a window, even if a node ends the goroutine.
func (x *threads) once(p *part) {
	defer func() {
		if x.left.Add(-1) == 0 {
			x.rest.rouse()
		}
	}()
	p.run()
}

// tell has the worker work off a window.
func (w *worker) tell(window uint64) {
	w.window.Store(window)
	w.rest.rouse()
}

// await returns the next window after that one.
func (w *worker) await(window uint64, spins int) (next uint64) {
	w.rest.until(func() bool { next = w.window.Load(); return next != window }, spins)
	return next
}

// bed is where one goroutine sleeps, and others wake it up.
type bed struct {
	asleep atomic.Bool
	wake   chan struct{} // has room for one
}

// until returns once done does, which looks at what others change before they rouse the sleeper.
// It looks that often before it falls asleep. A call of rouse that is late may end a later sleep, so
// it looks again.
func (b *bed) until(done func() bool, spins int) {
	for {
		for range spins {
			if done() {
				return
			}
		}
		b.asleep.Store(true)
		if done() && b.asleep.CompareAndSwap(true, false) {
			return
		}
		<-b.wake
		if done() {
			return
		}
	}
}

// rouse wakes the sleeper, if there is one.
func (b *bed) rouse() {
	if b.asleep.CompareAndSwap(true, false) {
		b.wake <- struct{}{}
	}
}

// name returns the name of the goroutine that works off a part, or "" for that which advances
// the run. It is called while a node of the part is at work.
//
//go:norace
func (x *threads) name(part int) string {
	if part == 0 || part > len(x.workers) {
		return ""
	}
	return x.workers[part-1].name
}

// goroutine returns the name of the calling goroutine: "goroutine 17 ".
func goroutine() string {
	var b [64]byte
	text := b[:runtime.Stack(b[:], false)]
	return string(text[:max(0, bytes.IndexByte(text, '['))])
}

// stack returns the stack of the calling goroutine, and exit ends it.
func stack() []byte { return debug.Stack() }
func exit()         { runtime.Goexit() }
