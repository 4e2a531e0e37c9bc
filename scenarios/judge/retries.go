package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Retries judges, at the nodes' boundary, that what they try again until it ends is tried again
// in time, and not too soon: a message is lost now and then, and what repairs it nearly always
// comes by another way, too, or from somebody else, so that its end tells little of when. It
// judges by a table.
type Retries struct {
	rows   []Retry
	kinds  []protocol.Kind // of messages and outputs that a row is about; nil before Timely
	delay  time.Duration   // is more than disks and what waits for them take
	held   *Hindered
	nodes  []retrying
	exempt []protocol.NodeID
	frame  link.Watcher
	err    error
}

// Retry is a row of the table: something that nodes try again. Of each kind it has as many at a
// time as there are keys.
type Retry struct {
	Name string
	// Of has the first bytes of all messages that are tries, answers or replies.
	Of []byte
	// Least and Most return the bounds of the pause after so many tries, from 1 on, or from 0
	// on if there is Begins. Least may be nil.
	Least, Most func(tries int) time.Duration
	// GivenUp says that it may end unseen: only what is tried again is judged.
	GivenUp bool
	// Begins is the kind of the outputs with which the first pause begins, if it does not with
	// the first try; Tries are those of the messages that are tries; Ends, if not 0, is that of
	// the outputs that end it.
	Begins, Ends protocol.Kind
	Tries        []protocol.Kind
	// Key returns what such an event is about. ok is false for one that is of no concern.
	Key func(e *sim.Event) (key uint64, ok bool)
	// Answer, if not nil, returns the key of what a message that a node receives may end.
	Answer func(e *sim.Event) (key uint64, ok bool)
	// Gains, if not 0, is the kind of the outputs with which a node may get what it tries for by
	// itself. Has reports whether it has that: then it has no reason to try again.
	Gains protocol.Kind
	Has   func(node protocol.NodeID, key uint64) bool
	// Anew says that a try in a step that consumes a message begins the pauses anew: it is made
	// since another node has returned.
	Anew bool
	// Reply, if not nil, says that the pauses begin anew when a node learns, by a frame of its
	// link, that the one that it tries is in another incarnation; but not after a reply, which it
	// returns. Then the pause may last Longer, and those after it begin anew, if the reply is to
	// the last try, which is the Number of its message.
	Reply  func(e *sim.Event) (r Replied, ok bool)
	Number func(e *sim.Event) uint64
	Longer time.Duration
}

// Replied is what a reply is about.
type Replied struct {
	Key, Number uint64
	Over        bool // the try is over; else it goes on, and the next pause is the second
}

// retrying is what a node tries again.
type retrying struct {
	open []open
	most int    // of open ones, before those that were given up are looked for
	step uint64 // the last one that consumed a message
	// knows has the incarnations of others that its links know of, once something was tried that
	// begins anew when they return.
	knows map[protocol.NodeID]uint32
}

type open struct {
	row   int
	key   uint64
	peer  protocol.NodeID // to which the last try went
	since protocol.Time   // the last try, or the beginning
	tries int
	// answered says that an answer came, or that the node has it by itself. An answer may be one
	// that the node ignores, of a former incarnation say: then there are more tries.
	answered bool
	// waits says that an answer came which may wait in the node's link for what was sent before it.
	// When that comes, nobody sees that the answer is handed up, after more tries perhaps.
	waits   bool
	replied bool // a Reply came
	number  uint64
	next    int // tries after the next one, since a Reply came to the last; 0 if none did
}

// NewRetries returns a judge of that many nodes of a plan with these faults, by a table. delay is
// the longest usual one. Nodes that are exempt are not judged.
func NewRetries(rows []Retry, nodes int, delay time.Duration, faults []fault.Fault, exempt []protocol.NodeID) *Retries {
	return &Retries{rows: rows, delay: delay, held: NewHindered(faults), nodes: make([]retrying, nodes), exempt: exempt}
}

// Timely returns the check that judges it all.
func (r *Retries) Timely() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Sent | sim.Output | sim.Injected | sim.Lifted | sim.Ended
	c := check.Always("what is unanswered is tried again in time", watch, func(e *sim.Event) (relevant bool, wrong error) {
		relevant = r.observe(e)
		return relevant, r.err
	})
	c.OfMessages(sim.Received)
	var kinds []protocol.Kind
	for i := range r.rows {
		row := &r.rows[i]
		kinds = append(append(kinds, row.Begins, row.Ends, row.Gains), row.Tries...)
		c.OfMessages(sim.Sent, row.Of...).OfOutputs(kinds...)
		if row.Answer != nil || row.Reply != nil || row.Anew {
			c.OfMessages(sim.Received, row.Of...)
		}
	}
	slices.Sort(kinds)
	r.kinds = slices.Compact(kinds)
	return c.OrNotApplicable("nothing is tried twice")
}

func (r *Retries) observe(e *sim.Event) (relevant bool) {
	if e.What == sim.Ended {
		for id := range r.nodes {
			r.look(protocol.NodeID(id), e.At)
		}
		return false
	}
	if uint64(e.Node) >= uint64(len(r.nodes)) || slices.Contains(r.exempt, e.Node) {
		return false
	}
	n := &r.nodes[e.Node]
	switch e.What {
	case sim.Started, sim.Crashed:
		r.look(e.Node, e.At)
		n.open, n.knows = n.open[:0], nil
	case sim.Injected, sim.Lifted:
		r.look(e.Node, e.At)
		r.held.Observe(e)
	case sim.Received:
		n.step = e.Step
		r.returned(n, e)
		r.answered(n, e)
	default:
		if r.kinds != nil && !slices.Contains(r.kinds, e.Kind) {
			return false // as nearly always
		}
		if e.What == sim.Output {
			r.gained(n, e)
		}
		for i := range r.rows {
			row := &r.rows[i]
			if e.Kind != row.Begins && e.Kind != row.Ends && !slices.Contains(row.Tries, e.Kind) {
				continue
			}
			if key, ok := row.Key(e); ok {
				relevant = r.see(n, i, key, e) || relevant
			}
		}
	}
	return relevant
}

// returned begins anew with what is tried at a node that turns out to be in another incarnation.
// A node that is watched does not restart.
func (r *Retries) returned(n *retrying, e *sim.Event) {
	if n.knows == nil || !isLink(e) {
		return
	}
	f, ok := r.frame.Read(e.Body)
	if !ok || f.To > e.Incarnation || f.To != 0 && f.To < e.Incarnation {
		return
	}
	known := n.knows[e.Peer]
	defer r.replied(n, e, f.From >= known)
	if f.From <= known {
		return
	}
	again := n.knows[e.Peer] > 0
	n.knows[e.Peer] = f.From
	for i := range n.open {
		if x := &n.open[i]; again && x.peer == e.Peer && !x.replied && r.rows[x.row].Reply != nil {
			r.overdue(e.Node, x, e.At)
			x.since, x.tries = e.At, 1
		}
	}
}

// replied notes what a node has a reply about. One that is not heard is of an earlier incarnation.
// What a copy says was heard before, to the same try or an earlier one. That an earlier try is
// over changes nothing.
func (r *Retries) replied(n *retrying, e *sim.Event, heard bool) {
	for i := range n.open {
		x := &n.open[i]
		if x.peer != e.Peer || r.rows[x.row].Reply == nil {
			continue
		}
		reply, ok := r.rows[x.row].Reply(e)
		if !ok || reply.Key != x.key || reply.Over && reply.Number < x.number {
			continue
		}
		x.replied = true
		if heard && reply.Number == x.number {
			x.next = max(x.next, 1)
			if !reply.Over {
				x.next = 2
			}
		}
	}
}

// answered notes what a message is the answer to.
func (r *Retries) answered(n *retrying, e *sim.Event) {
	asked := -1 // row
	for i := 0; i < len(n.open); i++ {
		row := n.open[i].row
		if row == asked || r.rows[row].Answer == nil {
			continue
		}
		asked = row
		if key, ok := r.rows[row].Answer(e); ok {
			if at := n.find(row, key); at >= 0 {
				r.overdue(e.Node, &n.open[at], e.At)
				n.open[at].answered = true
				n.open[at].waits = n.open[at].waits || r.early(e)
			}
			return
		}
	}
}

// early reports whether a message may have come before one that its link hands up first.
func (r *Retries) early(e *sim.Event) bool {
	if !isLink(e) {
		return false
	}
	f, ok := r.frame.Read(e.Body)
	return ok && f.Data && f.Seq > f.Low
}

// gained notes what a node has since an output.
func (r *Retries) gained(n *retrying, e *sim.Event) {
	for i := range n.open {
		x := &n.open[i]
		if row := &r.rows[x.row]; e.Kind == row.Gains && row.Has(e.Node, x.key) {
			r.overdue(e.Node, x, e.At)
			x.answered = true
		}
	}
}

// see notes an event of a row. It reports a try that is not the first.
func (r *Retries) see(n *retrying, row int, key uint64, e *sim.Event) (again bool) {
	tries := e.What == sim.Sent
	if !tries && e.Kind == r.rows[row].Ends {
		r.end(n, row, key, e)
		return false
	}
	i := n.find(row, key)
	switch {
	case i < 0:
		x := open{row: row, key: key, peer: e.Peer, since: e.At}
		if tries {
			x.tries = 1
		}
		if r.rows[row].Reply != nil {
			x.number = r.rows[row].Number(e)
			if n.knows == nil {
				n.knows = make(map[protocol.NodeID]uint32)
			}
		}
		r.forget(n, e)
		n.open = append(n.open, x)
		return false
	case !tries || n.open[i].since == e.At:
		return false // it is known, or asks several nodes at once
	}
	x := &n.open[i]
	if !x.answered && !x.waits {
		r.late(e.Node, x, e.At)
	}
	if least := r.rows[row].Least; least != nil && e.At.Sub(x.since) < least(x.tries) {
		r.wrong("node %v tries again (%s) %v after the last time, want at least %v", e.Node, r.rows[row].Name, e.At.Sub(x.since), least(x.tries))
	}
	r.again(n, x, e)
	return true
}

// again notes a try that is not the first.
func (r *Retries) again(n *retrying, x *open, e *sim.Event) {
	row := &r.rows[x.row]
	x.tries++
	if x.next > 0 {
		x.tries = min(x.tries, x.next)
	}
	if row.Anew && e.Step == n.step {
		x.tries = 0
	}
	if row.Reply != nil {
		x.number = row.Number(e)
	}
	x.peer, x.since, x.answered, x.replied, x.next = e.Peer, e.At, false, false, 0
}

func (n *retrying) find(row int, key uint64) int {
	return slices.IndexFunc(n.open, func(x open) bool { return x.row == row && x.key == key })
}

func (r *Retries) end(n *retrying, row int, key uint64, e *sim.Event) {
	if i := n.find(row, key); i >= 0 {
		r.overdue(e.Node, &n.open[i], e.At)
		n.open = slices.Delete(n.open, i, i+1)
	}
}

// forget drops what was given up or answered long ago, now and then.
func (r *Retries) forget(n *retrying, e *sim.Event) {
	const long = 4 // pauses
	if len(n.open) < n.most {
		return
	}
	n.open = slices.DeleteFunc(n.open, func(x open) bool {
		row := &r.rows[x.row]
		return (row.GivenUp || x.answered || x.waits) && r.held.Free(e.Node, x.since, e.At, 0) > long*row.Most(x.tries)
	})
	n.most = 2*len(n.open) + 8
}

// look requires that nothing of a node is overdue.
func (r *Retries) look(id protocol.NodeID, now protocol.Time) {
	n := &r.nodes[id]
	for i := range n.open {
		r.overdue(id, &n.open[i], now)
	}
}

func (r *Retries) overdue(id protocol.NodeID, x *open, now protocol.Time) {
	if !r.rows[x.row].GivenUp && !x.answered && !x.waits {
		r.late(id, x, now)
	}
}

// late requires that the next try, which comes now at the earliest, is not late.
func (r *Retries) late(id protocol.NodeID, x *open, now protocol.Time) {
	row := &r.rows[x.row]
	most := row.Most(x.tries)
	if x.replied {
		most += row.Longer
	}
	if waits := r.held.Free(id, x.since, now, 0); waits > most+r.delay {
		r.wrong("node %v has not tried again (%s) %v after the last time, want at most %v", id, row.Name, waits, most)
	}
}

func (r *Retries) wrong(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}
