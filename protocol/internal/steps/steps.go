// Package steps runs machines step by step in their unit tests. Messages in
// flight and timers lie in slices until the test delivers, copies or loses a
// message or fires a timer; it crashes nodes between two effects of a step, and
// starts them again with what their disks kept.
//
// A World promises that a step has only the effects before its crash, that what
// a machine borrows is overwritten after the step, and that a crash loses timers
// and unsynced records but no message.
//
// It is not a simulator: it has no delays, draws nothing and judges nothing, and
// its disks do not discard. It is for tests alone.
package steps

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
)

// A World is a set of nodes, their messages and their timers. A test may change
// all of it between steps.
type World struct {
	Now     protocol.Time   // the clock of all nodes; Fire advances it
	Source  protocol.Source // answers the nodes' questions; nil means Benign
	Crashes map[int]Crash   // by the number, from 0, of the step that they end
	// Observe, if set, is called after each step with the effects that happened.
	// They are valid until the next step.
	Observe func(id protocol.NodeID, effects []protocol.Effect)

	Nodes     []Node
	Flushes   []Flush               // under way, in the order in which they began
	InFlight  []Message             // in the order of sending
	Delivered []Message             // in the order of delivery
	Timers    []Timer               // in the order of setting
	Sent      map[protocol.Kind]int // messages
	Steps     []int                 // how many effects each step had before its crash, if any
	Depth     int                   // of the message that the last step received; 0 if none

	next func(id protocol.NodeID) protocol.Node
	env  protocol.Env
}

// A Node is one node of a World.
type Node struct {
	Up          bool
	Incarnation uint32 // the current or the last one
	Disk        []Record
	first       uint64 // index of Disk[0]
	forget      uint64 // discard below this index at the next sync
	machine     protocol.Node
}

// A Record is what a node persisted.
type Record struct {
	Body   []byte
	Synced bool
}

// A Flush makes single records of a node safe, once the test has it end.
type Flush struct {
	Node    protocol.NodeID
	Tag     uint64
	Records []uint64
	forget  uint64
}

// A Message is what a node sent. Depth counts the messages that led to it from a
// start, a timer or a Step, itself included.
type Message struct {
	From, To protocol.NodeID
	Body     []byte
	Depth    int
}

// A Timer is set and has not fired.
type Timer struct {
	Node protocol.NodeID
	Tag  uint64
	At   protocol.Time
}

// A Crash ends a step after After effects, or after its last if it has fewer.
type Crash struct {
	After int
	Keep  Survival
}

// Survival says what a crash keeps of the unsynced records: the whole of the i-th
// if bit i is set, else its first half if bit 8+i is set, and nothing of those
// past the first eight.
type Survival uint16

// The extremes.
const (
	Nothing    Survival = 0
	Everything Survival = 0xff
)

// New returns a World of n nodes that are down. next returns the machine of a
// node's next incarnation.
func New(n int, next func(id protocol.NodeID) protocol.Node) *World {
	return &World{Nodes: make([]Node, n), next: next, Crashes: map[int]Crash{}, Sent: map[protocol.Kind]int{}}
}

// Start begins the next incarnation of a node that is down.
func (w *World) Start(id protocol.NodeID) {
	n := &w.Nodes[id]
	if n.Up {
		panic(fmt.Sprintf("steps: node %v is started and up", id))
	}
	n.Up = true
	n.Incarnation++
	n.machine = w.next(id)
	w.step(id, 0, func(env *protocol.Env) {
		env.Mount(n.records)
		n.machine.Start(env)
	})
}

// StartAll starts all nodes that are down.
func (w *World) StartAll() {
	for i := range w.Nodes {
		if !w.Nodes[i].Up {
			w.Start(protocol.NodeID(i))
		}
	}
}

// Crash ends the incarnation of a node.
func (w *World) Crash(id protocol.NodeID, keep Survival) {
	n := &w.Nodes[id]
	if !n.Up {
		panic(fmt.Sprintf("steps: node %v crashes and is down", id))
	}
	n.Up = false
	w.Timers = slices.DeleteFunc(w.Timers, func(t Timer) bool { return t.Node == id })
	w.Flushes = slices.DeleteFunc(w.Flushes, func(f Flush) bool { return f.Node == id })
	unsynced := 0
	var disk []Record
	for _, r := range n.Disk {
		switch i := unsynced; {
		case r.Synced:
			disk = append(disk, r)
			continue
		case i >= 8:
		case keep>>i&1 != 0:
			disk = append(disk, r)
		case keep>>(8+i)&1 != 0:
			disk = append(disk, Record{Body: r.Body[:len(r.Body)/2]})
		}
		unsynced++
	}
	n.Disk, n.forget = disk, 0
}

// Restart crashes a node, which keeps only what it synced, and starts it.
func (w *World) Restart(id protocol.NodeID) {
	w.Crash(id, Nothing)
	w.Start(id)
}

// Step runs f as a step of a node, for calls that a host makes of its machine.
func (w *World) Step(id protocol.NodeID, f func(env *protocol.Env)) { w.step(id, 0, f) }

// Deliver removes message i from those in flight and hands it over.
func (w *World) Deliver(i int) {
	m := w.InFlight[i]
	w.Lose(i)
	w.Delivered = append(w.Delivered, m)
	w.Hand(m)
}

// Lose removes message i from those in flight.
func (w *World) Lose(i int) { w.InFlight = slices.Delete(w.InFlight, i, i+1) }

// Hand hands over a message that need not be in flight: a copy, a late one, a
// forged one. A node that is down misses it.
func (w *World) Hand(m Message) {
	n := &w.Nodes[m.To]
	if !n.Up {
		return
	}
	w.step(m.To, m.Depth, func(env *protocol.Env) {
		msg := bytes.Clone(m.Body)
		n.machine.Receive(env, m.From, msg)
		overwrite(msg)
	})
}

// Fire removes timer i and fires it, at its time or now, whichever is later.
func (w *World) Fire(i int) {
	t := w.Timers[i]
	w.Timers = slices.Delete(w.Timers, i, i+1)
	w.Now = max(w.Now, t.At)
	w.step(t.Node, 0, func(env *protocol.Env) { w.Nodes[t.Node].machine.Timeout(env, t.Tag) })
}

// FireNext fires the earliest timer, of equals the one set first. It reports
// whether there is one.
func (w *World) FireNext() bool {
	if len(w.Timers) == 0 {
		return false
	}
	next := 0
	for i, t := range w.Timers {
		if t.At < w.Timers[next].At {
			next = i
		}
	}
	w.Fire(next)
	return true
}

// Flushed ends the flush that began first, and tells its node.
func (w *World) Flushed(failed bool) {
	f := w.Flushes[0]
	w.Flushes = slices.Delete(w.Flushes, 0, 1)
	if !failed {
		w.Nodes[f.Node].flush(&f)
	}
	w.step(f.Node, 0, func(env *protocol.Env) {
		w.Nodes[f.Node].machine.(protocol.Flusher).Flushed(env, f.Tag, failed)
	})
}

func (n *Node) flush(f *Flush) {
	for _, i := range f.Records {
		if i >= n.first {
			n.Disk[i-n.first].Synced = true
		}
	}
	if f.forget > n.first {
		n.Disk = slices.Clone(n.Disk[f.forget-n.first:])
		n.first = f.forget
	}
}

// Settle delivers messages in order and, whenever none is in flight, fires the
// earliest timer, up to that many. It reports whether nothing is left.
func (w *World) Settle(timers int) bool {
	for range 1_000_000 {
		switch {
		case len(w.InFlight) > 0:
			w.Deliver(0)
		case timers == 0:
			return len(w.Timers) == 0
		case !w.FireNext():
			return true
		default:
			timers--
		}
	}
	panic("steps: messages circulate")
}

func (w *World) step(id protocol.NodeID, depth int, f func(env *protocol.Env)) {
	if !w.Nodes[id].Up {
		panic(fmt.Sprintf("steps: node %v takes a step and is down", id))
	}
	number := len(w.Steps)
	w.Depth = depth
	w.env.Enter(id, w.Nodes[id].Incarnation, w.Now, w.Source)
	w.env.Name(uint64(number))
	f(&w.env)
	effects := w.env.Effects()
	w.Steps = append(w.Steps, len(effects))
	crash, crashes := w.Crashes[number]
	if crashes {
		effects = effects[:min(crash.After, len(effects))]
	}
	for i := range effects {
		w.apply(id, &effects[i])
	}
	if w.Observe != nil {
		w.Observe(id, effects)
	}
	if crashes {
		w.Crash(id, crash.Keep)
	}
}

func (w *World) apply(id protocol.NodeID, e *protocol.Effect) {
	n := &w.Nodes[id]
	switch e.Op {
	case protocol.OpSend:
		w.Sent[e.Kind]++
		w.InFlight = append(w.InFlight, Message{id, e.To, bytes.Clone(e.Body), w.Depth + 1})
	case protocol.OpSetTimer:
		w.cancel(id, e.Tag)
		w.Timers = append(w.Timers, Timer{id, e.Tag, w.Now.Add(e.After)})
	case protocol.OpCancelTimer:
		w.cancel(id, e.Tag)
	case protocol.OpPersist:
		n.Disk = append(n.Disk, Record{Body: bytes.Clone(e.Body)})
	case protocol.OpSync:
		for i := range n.Disk {
			n.Disk[i].Synced = true
		}
		if n.forget > n.first {
			n.Disk = slices.Clone(n.Disk[n.forget-n.first:])
			n.first = n.forget
		}
	case protocol.OpFlush:
		f := Flush{id, e.Tag, protocol.IndexList(e.Body), n.forget}
		if e.Tag == 0 {
			n.flush(&f)
		} else {
			w.Flushes = append(w.Flushes, f)
		}
	case protocol.OpDiscard:
		n.forget = max(n.forget, min(e.Tag, n.first+uint64(len(n.Disk))))
	}
}

func (w *World) cancel(id protocol.NodeID, tag uint64) {
	w.Timers = slices.DeleteFunc(w.Timers, func(t Timer) bool { return t.Node == id && t.Tag == tag })
}

// records lends each record to yield.
func (n *Node) records(yield func(uint64, []byte) bool) {
	for i, r := range n.Disk {
		rec := bytes.Clone(r.Body)
		if !yield(n.first+uint64(i), rec) {
			return
		}
		overwrite(rec)
	}
}

// overwrite harms a machine that keeps borrowed memory.
func overwrite(b []byte) {
	for i := range b {
		b[i] = 0xee
	}
}
