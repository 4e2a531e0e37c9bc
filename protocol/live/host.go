package live

import (
	"fmt"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
)

// Config is what a Host is made of.
type Config struct {
	ID   protocol.NodeID
	Make func() protocol.Node // makes a fresh node
	Disk Disk
	// Connect connects an incarnation to the network, which calls arrive for each message
	// from another node, from any goroutine, until it is closed.
	Connect func(incarnation uint32, arrive func(Arrival)) (Network, error)
	// Clock returns the time since the origin of the node, which is one for all its
	// incarnations. It is monotonic and stays below protocol.MaxTime.
	Clock func() protocol.Time
	// Source answers the node's questions; nil means Benign.
	Source protocol.Source
	// Waiting is how many messages from the network wait for the node at most; 0 is
	// DefaultWaiting.
	Waiting int
	// Tape records the node, unless it is nil. A Host appends to it until it ends. It has been
	// flushed whenever something leaves the node, Do looks at it, or it waits.
	Tape *record.Writer
	// Watch is shown what happens, by the goroutine of the node; nil means nobody.
	Watch func(e *Event)
	// Saboteur may be nil.
	Saboteur Saboteur
}

// DefaultWaiting is how many messages wait for a node at most, by default.
const DefaultWaiting = 4096

// waitingBytes bounds the bytes of the messages that wait, but for a single one.
const waitingBytes = 64 << 20

// Reason is why a Host ended.
type Reason uint8

// The reasons.
const (
	Stopped  Reason = iota + 1 // by Stop
	Crashed                    // by its Saboteur, or by Crash
	Panicked                   // the node did: see Ending.Panic
	Failed                     // a part did: see Ending.Err
)

// Ending is how a Host ended.
type Ending struct {
	Reason Reason
	At     protocol.Time // of its last step, effect or crash
	Err    error         // of the disk or the recording
	Panic  any           // what the node panicked with
	Stack  []byte        // where
}

// Stats counts what a Host did. The times of syncs are not here: see Event.Took.
type Stats struct {
	Steps    uint64
	Overrun  uint64 // messages lost because too many waited
	Waiting  int    // messages and inputs that wait now
	Syncs    uint64
	Unwanted uint64 // messages of which the sender is the node itself, or Outside
}

// A Host runs one incarnation of a node. Its methods may be called from any goroutine.
type Host struct {
	cfg Config
	inc uint32
	net Network

	mu     sync.Mutex // guards what follows
	queue  []event
	head   int // queue[:head] is taken
	remote int // messages from the network in the queue
	bytes  int // of these
	orders []func()
	ending *Ending // set once it is to end or has ended
	stats  Stats

	wake chan struct{} // has room for one
	quit chan struct{} // closed when it is to end
	done chan struct{} // closed when the goroutine has ended

	// Of the goroutine.
	node   protocol.Node
	env    protocol.Env
	at     protocol.Time
	steps  uint64
	fold   uint32
	timers timers
	fired  bool // the last step was a timer's: a message that waits is next, however many are due
	sent   map[protocol.NodeID]uint64
	alarm  *time.Timer
}

// event is what waits for a node: an Arrival, or an input if From is Outside.
type event struct {
	Arrival
	input uint64
	flush *flush // or that a flush is done
}

// Open begins the next incarnation: it returns when the disk has counted it and the network
// is there, and starts the node in its goroutine.
func Open(cfg Config) (*Host, error) {
	inc, err := cfg.Disk.Begin()
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, inc: inc, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), sent: make(map[protocol.NodeID]uint64)}
	if h.cfg.Waiting == 0 {
		h.cfg.Waiting = DefaultWaiting
	}
	if h.cfg.Source == nil {
		h.cfg.Source = protocol.Benign{}
	}
	if cfg.Tape != nil {
		h.cfg.Source = tape{h.cfg.Source, cfg.Tape}
	}
	if h.net, err = cfg.Connect(inc, h.arrive); err != nil {
		return nil, err
	}
	h.env.Observe(cfg.Watch != nil)
	go h.run()
	return h, nil
}

// Incarnation returns the number of the incarnation.
func (h *Host) Incarnation() uint32 { return h.inc }

// arrive takes a message from the network.
func (h *Host) arrive(a Arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ending != nil: // is lost
	case a.From == h.cfg.ID || a.From == protocol.Outside:
		h.stats.Unwanted++
	case h.remote >= h.cfg.Waiting || h.bytes+len(a.Body) > waitingBytes && h.remote > 0:
		h.stats.Overrun++
	default:
		h.remote++
		h.bytes += len(a.Body)
		h.queue = append(h.queue, event{Arrival: a})
		h.rouse()
	}
}

// Input hands the node a message from Outside. id names it in recordings. The Host keeps body.
// An input that comes when the Host has ended is lost.
func (h *Host) Input(id uint64, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending != nil {
		return
	}
	h.queue = append(h.queue, event{Arrival: Arrival{From: protocol.Outside, Body: body}, input: id})
	h.rouse()
}

// Do calls f with the node between two steps, by the node's goroutine, and returns when f has
// returned. f must only read. It reports false, without a call, if the Host has ended.
func (h *Host) Do(f func(n protocol.Node)) bool {
	called := make(chan struct{})
	h.mu.Lock()
	if h.ending == nil {
		h.orders = append(h.orders, func() {
			f(h.node)
			close(called)
		})
	}
	h.rouse()
	h.mu.Unlock()
	select {
	case <-called:
		return true
	case <-h.done:
		select {
		case <-called:
			return true
		default:
			return false
		}
	}
}

// Pause has the node take no step from the end of this one until that time, or until it ends.
// It does not wait.
func (h *Host) Pause(until protocol.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending == nil {
		h.orders = append(h.orders, func() {
			select {
			case <-h.quit:
			case <-time.After(until.Sub(h.cfg.Clock())):
			}
		})
		h.rouse()
	}
}

// Stop ends the Host between two steps, without notice to the node, and waits until it has.
func (h *Host) Stop() *Ending { return h.end(Stopped) }

// Crash is Stop with another reason. What was not synced stays on the disk: to lose it is up
// to the caller.
func (h *Host) Crash() *Ending { return h.end(Crashed) }

func (h *Host) end(why Reason) *Ending {
	h.mu.Lock()
	if h.ending == nil {
		h.ending = &Ending{Reason: why}
		close(h.quit)
	}
	h.rouse()
	h.mu.Unlock()
	return h.Wait()
}

// Wait returns how the Host ended, once it has.
func (h *Host) Wait() *Ending {
	<-h.done
	return h.ending
}

// Done is closed when the Host has ended.
func (h *Host) Done() <-chan struct{} { return h.done }

// Stats returns the counts so far.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Waiting = len(h.queue) - h.head
	return s
}

// rouse wakes the goroutine. The caller holds mu.
func (h *Host) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine of the node.
func (h *Host) run() {
	defer close(h.done)
	h.alarm = time.NewTimer(time.Hour)
	defer h.alarm.Stop()
	end := &Ending{Reason: Panicked, Panic: "it ended its goroutine"} // as t.FailNow does
	defer func() {
		if err := h.close(end); err != nil && end.Reason < Panicked { // else it is known what failed first
			end.Reason, end.Err = Failed, err
		}
		end.At = h.at
		h.pass()
		h.mu.Lock()
		h.ending = end
		h.mu.Unlock()
		h.show(&Event{What: Ended, Text: end.String()})
	}()
	end = h.work()
}

// pass waits until the clock has passed the time of the last step, which may be ahead of it: see
// tick. So the next incarnation begins later.
func (h *Host) pass() {
	for now := h.cfg.Clock(); now <= h.at; now = h.cfg.Clock() {
		time.Sleep(h.at.Sub(now) + 1)
	}
}

// close closes the network, and ends the recording of this incarnation.
func (h *Host) close(end *Ending) error {
	err := h.net.Close()
	if h.cfg.Tape == nil {
		return err
	}
	switch end.Reason {
	case Stopped:
		h.tick()
		h.cfg.Tape.Append(&record.Entry{Op: record.End, At: h.at, Fold: h.fold})
	case Crashed: // is recorded where it happened
	}
	if failed := h.flush(); failed != nil {
		return failed.Err
	}
	return err
}

// String says why, in one line.
func (e *Ending) String() string {
	switch e.Reason {
	case Stopped:
		return "stopped"
	case Crashed:
		return "crashed"
	case Panicked:
		return fmt.Sprintf("panicked: %v", e.Panic)
	}
	return fmt.Sprintf("failed: %v", e.Err)
}

// work steps the node until it ends.
func (h *Host) work() *Ending {
	end := h.start()
	for end == nil {
		h.mu.Lock()
		if h.ending != nil {
			end = h.ending
			h.mu.Unlock()
			if end.Reason == Crashed {
				h.tick()
				h.recordCrash(record.Between)
			}
			return end
		}
		if len(h.orders) > 0 {
			order := h.orders[0]
			h.orders[0], h.orders = nil, h.orders[1:]
			h.mu.Unlock()
			if end = h.flush(); end == nil {
				order()
			}
			continue
		}
		now := h.cfg.Clock()
		due, timed := h.timers.next()
		waits := h.head < len(h.queue)
		if timed && due <= now && !(h.fired && waits) {
			h.mu.Unlock()
			h.fired = true
			end = h.timeout()
			continue
		}
		h.fired = false
		if waits {
			e := h.take()
			h.mu.Unlock()
			if e.flush != nil {
				end = h.flushed(e.flush)
			} else {
				end = h.receive(&e)
			}
			continue
		}
		h.mu.Unlock()
		if end = h.flush(); end == nil {
			h.sleep(now, due, timed)
		}
	}
	return end
}

// take removes the first event of the queue. The caller holds mu.
func (h *Host) take() event {
	e := h.queue[h.head]
	h.queue[h.head] = event{}
	h.head++
	if h.head == len(h.queue) {
		h.queue, h.head = h.queue[:0], 0
	} else if h.head >= 1024 && 2*h.head >= len(h.queue) {
		n := copy(h.queue, h.queue[h.head:])
		clear(h.queue[n:])
		h.queue, h.head = h.queue[:n], 0
	}
	if e.From != protocol.Outside && e.From != h.cfg.ID {
		h.remote--
		h.bytes -= len(e.Body)
	}
	return e
}

// sleep waits until something comes, or the next timer is due.
func (h *Host) sleep(now, due protocol.Time, timed bool) {
	if !timed {
		<-h.wake
		return
	}
	h.alarm.Reset(due.Sub(now))
	select {
	case <-h.wake:
	case <-h.alarm.C:
	}
}
