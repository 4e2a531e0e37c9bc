// Package watch runs simulations under supervision: a panic of a node, or the end of its
// goroutine, becomes a record with its place; a step that does not end is reported while it
// runs; and a run that is interrupted ends, even if one of its nodes never does.
//
// It uses goroutines and the wall clock. Neither changes a run: a Watchdog depends on them,
// the simulation never does.
//
// Four things end the whole process, as in any Go program: a stack that overflows, two
// goroutines that write to one map, a panic in a goroutine that a node has started, and
// os.Exit. The Go runtime prints the place of the first three and exits with 2. os.Exit prints
// nothing, and nothing can catch it: a process that exits with 0 and without a report has not
// passed.
package watch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"dessim/sim"
)

// Watchdog watches over runs, any number of them at a time. A nil Watchdog watches nothing;
// it still makes records of panics.
type Watchdog struct {
	// Context interrupts the runs when it is done; nil never does.
	Context context.Context
	// Patience is how long a step may run before Tell is called; 0 is 5 s.
	Patience time.Duration
	// Grace is how long after an interruption a step may still run; then its run is
	// abandoned. 0 is 1 s.
	Grace time.Duration
	// Tell is called once for each step that takes longer than Patience or is abandoned, by
	// one goroutine at a time. It may be nil.
	Tell func(Stuck)

	telling sync.Mutex
}

// Stuck is a step that does not end.
type Stuck struct {
	Seed uint64 // as given to Run
	sim.Moment
	For    time.Duration // for which it has been seen so far
	Frames []string      // as those of a sim.Panic
}

// String returns one line: "node 3 has been in step 17 (receives reply from 0) for 5s, at
// kv/store.go:41 (*Store).Receive".
func (s *Stuck) String() string {
	span := s.For.Round(time.Second)
	if span == 0 {
		span = s.For.Round(time.Millisecond)
	}
	text := s.Moment.Stuck(span)
	if len(s.Frames) > 0 {
		text += ", at " + s.Frames[0]
	}
	return text
}

// errGoexit is the value of a Panic that is none.
var errGoexit = errors.New("called runtime.Goexit, as t.FailNow, t.Fatal and t.Skip do")

const (
	patience = 5 * time.Second
	grace    = time.Second
)

func (w *Watchdog) context() context.Context {
	if w == nil || w.Context == nil {
		return context.Background()
	}
	return w.Context
}

// Interrupted reports whether runs shall end.
func (w *Watchdog) Interrupted() bool { return w.context().Err() != nil }

// Run calls drive, which advances m, in a goroutine of its own, and returns when drive does.
// It returns what panicked in it, or nil. A panic outside of Sim.Advance is not of the run:
// Run panics with it.
//
// If the Watchdog is interrupted and a step runs on, Run returns the step. drive still runs
// then, so nobody may touch m any more, nor what its observers and its source hold.
func (w *Watchdog) Run(seed uint64, m *sim.Sim, drive func()) (*sim.Panic, *Stuck) {
	r := &run{m: m, seed: seed, done: make(chan struct{}), id: make(chan string, 1)}
	go r.drive(drive, w != nil)
	if w == nil {
		<-r.done
	} else if s := w.wait(r); s != nil {
		return nil, s
	}
	if r.foreign != nil {
		panic(r.foreign)
	}
	return r.panicked, nil
}

// run is a call of Run.
type run struct {
	m        *sim.Sim
	seed     uint64
	done     chan struct{}
	id       chan string // of the goroutine, if it is watched
	panicked *sim.Panic
	foreign  any // a panic that is not of the run
}

func (r *run) drive(drive func(), watched bool) {
	defer close(r.done)
	if watched {
		r.id <- goroutine()
	}
	returned := false
	defer func() {
		v := recover()
		switch p, ok := v.(*sim.Panic); {
		case ok:
			stack := p.Stack
			if stack == nil {
				stack = debug.Stack()
			}
			p.Frames = Frames(stack)
			r.panicked = p
		case v != nil:
			r.foreign = Wrap(v)
		case !returned:
			r.panicked = &sim.Panic{Moment: r.m.Where(), Value: errGoexit, Frames: Frames(debug.Stack())}
		}
	}()
	drive()
	returned = true
}

// looks is how often a step is looked at within Patience, and within Grace. Looks and not the
// clock decide that it does not end: where the whole process gets no processor for a while,
// nobody looks.
const looks = 50

// wait waits for the run.
func (w *Watchdog) wait(r *run) *Stuck {
	interruption, interrupted := w.context().Done(), false
	tick := time.NewTicker(cmp.Or(w.Patience, patience) / looks)
	defer tick.Stop()
	at, since, told, seen := r.m.Where().Step, time.Now(), false, 0
	for {
		select {
		case <-r.done:
			return nil
		case <-interruption:
			interruption, interrupted, seen = nil, true, 0
			tick.Reset(cmp.Or(w.Grace, grace) / looks)
			continue
		case <-tick.C:
		}
		if now := r.m.Where().Step; now != at {
			at, since, told, seen = now, time.Now(), false, 0
			continue
		}
		if seen++; seen < looks || told && !interrupted {
			continue
		}
		s := r.stuck(since)
		if !told && w.Tell != nil {
			told = true
			w.telling.Lock()
			w.Tell(*s)
			w.telling.Unlock()
		}
		if interrupted {
			return s
		}
	}
}

func (r *run) stuck(since time.Time) *Stuck {
	id, where := <-r.id, r.m.Where()
	r.id <- id
	return &Stuck{Seed: r.seed, Moment: where, For: time.Since(since), Frames: Frames(stackOf(cmp.Or(where.Goroutine, id)))}
}

// Broken is a panic that is not of a run, such as one of a check's conclusion, with its
// place.
type Broken struct {
	Who    string // panicked, such as "Build of scenario kv"; or "", not known
	Value  any
	Frames []string
}

// Wrap returns what was recovered with the place of the panic. It is called in the deferred
// function that recovers.
func Wrap(recovered any) *Broken {
	if b, ok := recovered.(*Broken); ok {
		return b
	}
	stack := debug.Stack()
	if _, raised, ok := bytes.Cut(stack, []byte("\npanic(")); ok {
		stack = raised // without the function that recovers
	}
	return &Broken{Value: recovered, Frames: Frames(stack)}
}

// Error names the value and the line.
func (b *Broken) Error() string {
	text := cmp.Or(fmt.Sprint(b.Value), `""`)
	if b.Who != "" {
		text = b.Who + " panicked: " + text
	}
	if len(b.Frames) > 0 {
		text += ", at " + b.Frames[0]
	}
	return text
}

// goroutine returns the name of the calling goroutine: "goroutine 17 ".
func goroutine() string {
	var b [64]byte
	text := string(b[:runtime.Stack(b[:], false)])
	if i := strings.IndexByte(text, '['); i > 0 {
		return text[:i]
	}
	return text
}
