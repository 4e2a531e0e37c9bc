package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/sim/host/overlay"
	"dessim/sim/host/volume"
)

// Program is the code of one life of a node, such as the main function of a server. It is called
// when the node starts, and after each restart. When it returns, the life is over, with all its
// goroutines, and the node is down until it is restarted. ctx is never done: a crash gives no notice.
type Program func(ctx context.Context, h *Host) error

// Options configure a node. The zero value is usable.
type Options struct {
	// Salt makes what the program draws at random (math/rand, crypto/rand) differ from run to
	// run, beside the run's answers: Setup.Seed, say.
	Salt uint64
	// ExitCrashes makes an os.Exit of the program, and an error that it returns, end the life and
	// nothing else. Without it, they are violations, like a panic. os.Exit(0) and a nil error always
	// end the life quietly.
	ExitCrashes bool
	// PanicCrashes makes a panic that the program raises itself end the life and nothing else, too:
	// some libraries panic when a sync has failed. A panic of the runtime, such as that of a nil
	// pointer, is a violation all the same. So is a fatal error, unless it happens in a deferred call of
	// such a panic.
	PanicCrashes bool
	// RestartAfter is the time after which the program is called again when it has called os.Exit,
	// returned an error, or panicked without a violation, as a supervisor restarts a process on a
	// machine that stays up: files have all that was written, synced or not. 0 is never; then the node
	// does nothing until a fault restarts it. RestartAfter is for programs with files, and implies
	// ExitCrashes.
	RestartAfter time.Duration
	// Disk describes the disk that has the program's files.
	Disk DiskOptions
}

// DiskOptions configure the file system of a node.
type DiskOptions struct {
	Model    volume.Model // what a crash may undo: volume.Ordered unless set
	Image    fs.FS        // files, directories and symbolic links that are there, safe, when the first life begins
	Capacity int64        // bytes that fit, with a page of 4096 bytes for each file and directory; 0 is no bound
}

// Kinds of a hosted node's questions and notes.
var (
	kindRand = protocol.KindOf("go.rand") // what random numbers the program draws
	kindExit = protocol.KindOf("go.exit") // how it ended

	kindInexact = protocol.KindOf("go.inexact")
)

// saltOfRand keeps seeds of random numbers apart from other hashes of a salt.
const saltOfRand = 0x676f72616e64

// Host is a program's access to the simulator, beside the packages time, net, math/rand and others,
// which it uses as usual. Its methods must be called by goroutines of the program.
type Host struct {
	life        *life
	id          protocol.NodeID
	incarnation uint32
	records     [][]byte
	input       queue
	returned    bool  // the program has returned
	err         error // which it returned
}

// ID returns the node's number.
func (h *Host) ID() protocol.NodeID { return h.id }

// Incarnation returns the number of this life: 1, 2, ...
func (h *Host) Incarnation() uint32 { return h.incarnation }

// Name returns the node's host name, such as "n3".
func (h *Host) Name() string { return Name(h.id) }

// Name returns the host name of a node: "n3" for node 3.
func Name(id protocol.NodeID) string { return fmt.Sprintf("n%d", id) }

// Records returns what survived on the node's disk when this life began, oldest first. They belong
// to the program.
func (h *Host) Records() [][]byte { return h.records }

// Persist appends a record to the node's disk. A crash may lose it until the next Sync.
func (h *Host) Persist(rec []byte) {
	h.life.files.records()
	h.life.do(func(env *protocol.Env) { env.Persist(rec) })
}

// Sync makes what was persisted before it survive any crash from here on. It takes disk time, in
// which the node does nothing else: what it does after Sync happens when that is over.
func (h *Host) Sync() {
	h.life.files.records()
	h.life.do((*protocol.Env).Sync)
}

// Discard forgets the records with an index below upTo. It takes effect with the next Sync.
func (h *Host) Discard(upTo uint64) {
	h.life.files.records()
	h.life.do(func(env *protocol.Env) { env.Discard(upTo) })
}

// Output records what the program made final, which checks judge.
func (h *Host) Output(kind protocol.Kind, rec []byte) {
	h.life.do(func(env *protocol.Env) { env.Output(kind, rec) })
}

// Note records a remark for people.
func (h *Host) Note(kind protocol.Kind, args ...any) {
	h.life.do(func(env *protocol.Env) { env.Note(kind, args...) })
}

// Choose asks for a number in [0, n), 0 being benign: see protocol.Env.Choose.
func (h *Host) Choose(kind protocol.Kind, n uint64) (answer uint64) {
	h.life.do(func(env *protocol.Env) { answer = env.Choose(kind, n) })
	return answer
}

// Input waits for the next input of the run for this node, and returns it. The error is ctx's.
func (h *Host) Input(ctx context.Context) ([]byte, error) { return h.input.take(ctx) }

// queue holds inputs that the program has not taken.
type queue struct {
	mu    sync.Mutex
	items [][]byte
	some  chan struct{} // closed when there are items; made by a goroutine that waits
}

func (q *queue) put(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, b)
	if q.some != nil {
		close(q.some)
		q.some = nil
	}
}

func (q *queue) take(ctx context.Context) ([]byte, error) {
	defer simQuiet(simQuiet(true))
	for {
		b, some := q.next()
		if some == nil {
			return b, nil
		}
		select {
		case <-some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// next returns an input or, if there is none, a channel that is closed when one comes.
func (q *queue) next() ([]byte, chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 {
		b := q.items[0]
		q.items = q.items[1:]
		return b, nil
	}
	if q.some == nil {
		q.some = make(chan struct{})
	}
	return nil, q.some
}

// Unable returns why this program cannot host others, for Run.Unable of package scenario, or nil. A
// program cannot if it was built without the overlay, or with another version of it: no run would be
// exact.
func Unable() error {
	switch {
	case !available:
		return errors.New(`this program was built without dessim's overlay of the standard library; want one built or tested by "dessim go build" or "dessim go test"`)
	case simVersion() != overlay.Version():
		return errors.New(`this program was built by "dessim go" of another version than that of the package dessim/sim/host which it uses; install the command of the same version`)
	}
	return nil
}

// New returns a node that runs the program: what Plan.Node of package sim returns. It panics with
// Unable's error, if there is one.
func New(p Program, o Options) protocol.Node {
	if err := Unable(); err != nil {
		panic(fmt.Errorf("host: %w", err))
	}
	reportInits()
	return &node{program: p, options: o}
}

// The first timer of a process does something once, under a lock that all goroutines share. If it
// were the watchdog's timer, a goroutine of a program could wait for a thread outside of the run.
// Whether it did, and so the order of goroutines, would depend on the load of the machine.
func init() { time.NewTimer(time.Hour).Stop() }

// reportInits reports, once, the goroutines that belong to no node.
var reportInits = sync.OnceFunc(func() {
	for _, pc := range simInitGoroutines() {
		if pc != 0 {
			fmt.Fprintf(os.Stderr, "host: the goroutine begun at %s, before main, belongs to no node: it runs by the clock of the machine\n", place([4]uintptr{pc}))
		}
	}
})
