package judge

import (
	"bytes"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
)

// Callers judges a store's clients by a model: they do what their inputs say, in order, with one
// operation open at a time, and ask one replica after the other.
type Callers struct {
	members []protocol.NodeID
	rest    time.Duration
	nodes   map[protocol.NodeID]*caller
}

// caller is what a client's incarnation has done.
type caller struct {
	inputs [][]byte // not begun
	next   uint64   // number of the next command
	place  int      // of the replica to ask
	open   bool
	asked  bool // a replica, for the open operation
	now    kv.Command
	seen   map[uint64]uint64
	free   protocol.Time // since when the next operation could begin, but for a rest
	ended  protocol.Time // when the last operation did, or 0
	rests  bool          // since the last operation ended
	reply  kv.Return     // the first to the open operation
	told   bool          // there is one
}

// NewCallers returns a judge of the clients of a store of these replicas, whose longest usual
// delay is given.
func NewCallers(members []protocol.NodeID, delay time.Duration) *Callers {
	return &Callers{members: members, rest: kv.LongestRest(delay), nodes: make(map[protocol.NodeID]*caller)}
}

// InTurn requires that clients do as the model does.
func (x *Callers) InTurn() *check.Check {
	const watch = sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Output
	return check.Always("a client does its operations in turn", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) < uint64(len(x.members)) {
			return false, nil
		}
		if e.What == sim.Started {
			x.nodes[e.Node] = &caller{next: kv.FirstSeq(e.Incarnation), place: int(e.Node) % len(x.members), seen: make(map[uint64]uint64)}
			return false, nil
		}
		c := x.nodes[e.Node]
		switch {
		case e.What == sim.Received:
			c.hear(e)
		case e.What == sim.Fired:
			c.rests = c.rests && !kv.Rests(e.Tag)
		case e.Kind == kv.KindCalled:
			return true, x.called(e, c)
		case e.Kind == kv.KindRequest:
			return true, x.request(e, c)
		case e.Kind == kv.KindReturned:
			return true, c.returned(e)
		}
		return false, nil
	})
}

// hear notes an input, or the first reply to the open operation.
func (c *caller) hear(e *sim.Event) {
	if e.Peer == protocol.Outside {
		if len(c.inputs) == 0 && !c.open {
			c.free = max(c.free, e.At)
		}
		c.inputs = append(c.inputs, bytes.Clone(e.Body))
		return
	}
	if r, ok := kv.ReadReply(e.Body); ok && c.open && !c.told && r.Seq == c.now.Seq {
		c.reply, c.told = r, true
	}
}

// called requires that an operation is that of the next input, begins in time, and compares with
// what the client saw last.
func (x *Callers) called(e *sim.Event, c *caller) error {
	now, ok := kv.DecodeCalled(e.Body)
	old := uint64(0)
	if now.Op == kv.CAS {
		old = c.seen[now.Key]
	}
	switch {
	case !ok:
		return fmt.Errorf("client %v begins what is no operation", e.Node)
	case c.open:
		return fmt.Errorf("client %v begins %v while %v is open", e.Node, now, c.now)
	case len(c.inputs) == 0 || !bytes.Equal(kv.AskInput(kv.Command{Op: now.Op, Key: now.Key, New: now.New}), c.inputs[0]):
		return fmt.Errorf("client %v begins %v, which its next input does not ask for", e.Node, now)
	case now.Client != e.Node || now.Seq != c.next:
		return fmt.Errorf("client %v begins command %d of %v, want %d of its own", e.Node, now.Seq, now.Client, c.next)
	case now.Old != old:
		return fmt.Errorf("client %v begins %v, and saw %d last", e.Node, now, old)
	case e.At == c.ended || c.rests:
		return fmt.Errorf("client %v begins %v before it has rested from another", e.Node, now)
	case e.At > c.free.Add(x.rest):
		return fmt.Errorf("client %v begins %v %v after it could, want %v at most", e.Node, now, e.At.Sub(c.free), x.rest)
	}
	c.inputs = c.inputs[1:]
	c.now, c.open, c.asked, c.told = now, true, false, false
	c.next++
	return nil
}

// request requires that a request is for the open operation, and goes to the replica whose turn
// it is: the one that answered last, and then the next, and the next.
func (x *Callers) request(e *sim.Event, c *caller) error {
	asks, ok := kv.ReadRequest(e.Body)
	asks.Client = e.Node
	if !ok || !c.open || asks != c.now {
		return fmt.Errorf("client %v asks node %v for %v, which is not its open operation", e.Node, e.Peer, asks)
	}
	if c.asked {
		c.place = (c.place + 1) % len(x.members)
	}
	c.asked = true
	if want := x.members[c.place]; e.Peer != want {
		return fmt.Errorf("client %v asks node %v for %v, want node %v, whose turn it is", e.Node, e.Peer, asks, want)
	}
	return nil
}

// returned requires that an operation ends as the first reply to it says.
func (c *caller) returned(e *sim.Event) error {
	r, ok := kv.DecodeReturned(e.Body)
	if !ok || !c.open || !c.told || r != c.reply {
		return fmt.Errorf("client %v ends an operation with %+v, and the first reply to what is open is %+v", e.Node, r, c.reply)
	}
	c.open, c.ended, c.free, c.rests = false, e.At, e.At, true
	c.seen[c.now.Key] = r.Value
	if c.now.Op != kv.Get && r.OK {
		c.seen[c.now.Key] = c.now.New
	}
	return nil
}
