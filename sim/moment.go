package sim

import (
	"cmp"
	"fmt"

	"dessim/protocol"
)

// Moment is where a run is: a step and, while the code of a node is running, which node
// and what for.
type Moment struct {
	Node protocol.NodeID // Outside: no node's code is running
	At   protocol.Time
	Step uint64
	// Goroutine is that which runs the node's code, as stacks name it: "goroutine 17 ". Empty
	// is the one that advances the run.
	Goroutine string
	doing
}

// doing is what the node whose code is running does. Each field is one word, so that
// another goroutine can look: see Sim.Where.
type doing struct {
	node protocol.NodeID // or Outside
	peer protocol.NodeID // of a message
	op   uint8           // opStart, opMessage, opTimer, opFlushed or opDead: the start of a node beside the run
	kind protocol.Kind   // of a message; 0 if no observer watches arrivals
	tag  uint64          // of a timer or flush
}

// Doing says what the node does: "receives reply from 0", or "" if no node's code is
// running. It names the kind of a message if an observer of the run watches Received or
// Dropped.
func (m *Moment) Doing() string {
	switch {
	case m.Node == protocol.Outside:
		return ""
	case m.op == opDead:
		return "starts beside the run from what is safe on its disk"
	case m.op == opTimer:
		return "its timer " + string(appendTag(nil, m.tag)) + " fires"
	case m.op == opFlushed:
		return fmt.Sprintf("is told that its flush %d is done", m.tag)
	case m.op != opMessage:
		return "starts"
	case m.peer == protocol.Outside:
		return "receives an input"
	case m.kind == 0:
		return fmt.Sprintf("receives a message from %v", m.peer)
	}
	return fmt.Sprintf("receives %v from %v", m.kind, m.peer)
}

// who names the node whose code was running, or says that it was an observer or the simulator.
func (m *Moment) who() string {
	if m.Node == protocol.Outside {
		return "an observer or the simulator"
	}
	return fmt.Sprintf("node %v", m.Node)
}

// during returns what the node does in brackets, after a space, or "".
func (m *Moment) during() string {
	if doing := m.Doing(); doing != "" {
		return " (" + doing + ")"
	}
	return ""
}

// Stuck says for how long the step has been running: "node 3 has been in step 17 (receives
// reply from 0) for 5s".
func (m *Moment) Stuck(span fmt.Stringer) string {
	return fmt.Sprintf("%s has been in step %d%s for %v", m.who(), m.Step, m.during(), span)
}

// Where returns where the run is. It is the one method that another goroutine may call
// while the run goes on, to find a node that never ends its step. The loop pays nothing for
// that: an atomic store for each event would cost it a few percent. Instead Where reads
// plain words, each of which has some value that the loop has put there, but not all at one
// time. If two calls that are far apart return the same Step, the step had not ended by
// the second one, and what that returned is right.
//
//go:norace
func (s *Sim) Where() Moment {
	if s.team != nil {
		return s.team.where()
	}
	return Moment{Node: s.doing.node, At: s.now, Step: s.result.Events, doing: s.doing}
}

// Panic is what Run and Advance panic with when something panicked in them: it
// adds which node's code it was, and where. Step does not, since a deferred call for each
// event would cost.
//
// No stack is lost: Advance panics again before anything is unwound, so what "go test"
// prints, or debug.Stack in a deferred call, leads to the line that panicked first.
type Panic struct {
	Moment     // Node is Outside: an observer, Plan.Done, or the simulator itself
	Value  any // what was panicked with
	// Frames are the first lines of the stack that lie in the node's code, the innermost
	// first: "kv/store.go:41 (*Store).Receive". Package watch fills them in.
	Frames []string
	// Stack is that of the goroutine which panicked, as debug.Stack returns it, if it was not
	// the one that advances the run: see Plan.Threads. A Value that has a method NodeStack has
	// it from there.
	Stack []byte
}

// Error names the node, the place as traces have it, the value and the line.
func (p *Panic) Error() string {
	return fmt.Sprintf("%s panicked at step %d, %s ms%s: %s", p.who(), p.Step, Millis(p.At), p.during(), p.why())
}

// Detail is Error without step and time, for a check's sentence.
func (p *Panic) Detail() string {
	return fmt.Sprintf("%s panicked%s: %s", p.who(), p.during(), p.why())
}

func (p *Panic) why() string {
	text := cmp.Or(fmt.Sprint(p.Value), `""`)
	if len(p.Frames) > 0 {
		text += ", at " + p.Frames[0]
	}
	return text
}

// Unwrap returns Value if it is an error, such as a runtime.Error, or nil.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
