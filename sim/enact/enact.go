// Package enact makes a live run again in virtual time, from the recordings of its nodes: see
// package protocol/live/record. The simulator runs the same plan with Params.Timing set to
// scenario.Recorded, so that all that the machines, disks and network of the live run decided
// is a question; a Source answers it as the recordings say, and compares what the nodes do
// with what they did. From there on the run is one like any other: it is judged, shrunk, told
// and shown.
//
// Nothing of the network is recorded where a message is sent. A message that a node took up
// tells its sender, the sender's incarnation and its count on the link; the simulated sender
// counts likewise, so each message finds when it was taken up, once, twice or never.
package enact

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
)

// script is what the recordings say.
type script struct {
	nodes    []*node
	arrivals map[message][]protocol.Time // when each message was taken up
	end      protocol.Time               // nothing later is known of some node
}

// message names a message: the seq-th from an incarnation of a node to another node.
type message struct {
	from, to protocol.NodeID
	inc      uint32
	seq      uint64
}

// node is what the recording of a node says.
type node struct {
	steps []step
	fired map[uint64][]int // the steps of the timers of each tag
	ends  []ending         // of its incarnations, in their order
	last  protocol.Time    // of its recording
	up    bool             // until then, and perhaps longer
	// running means that the recording has no end: the node ran on, or was killed.
	running bool
}

// step is a step of a node.
type step struct {
	record.Entry
	inc     uint32
	answers []uint64
	synced  []protocol.Time
	cut     bool // its process was killed, and answers may be lacking; then nobody saw its effects
}

// ending is how an incarnation ended.
type ending struct {
	from    protocol.Time // when it started
	at      protocol.Time
	fold    uint32
	folded  bool // fold is known
	between bool // the end came between two steps, or while a sync was under way
	step    protocol.Time
	effects int // done of the step at that time
	// next is when the next incarnation started, and kept the index behind the last record
	// that it found; there is none if next is 0.
	next protocol.Time
	kept uint64
}

// read makes a script of the recordings of a run with that many nodes. A node without a
// recording never starts.
func read(nodes int, recordings []*record.Recording) (*script, error) {
	s := &script{nodes: make([]*node, nodes), arrivals: make(map[message][]protocol.Time)}
	for i := range s.nodes {
		s.nodes[i] = &node{fired: make(map[uint64][]int)}
	}
	for _, r := range recordings {
		if uint64(r.Node) >= uint64(nodes) {
			return nil, fmt.Errorf("a recording is of node %v, but the run has nodes 0 to %d", r.Node, nodes-1)
		}
		n := s.nodes[r.Node]
		if n.steps != nil {
			return nil, fmt.Errorf("two recordings are of node %v", r.Node)
		}
		if err := n.read(r); err != nil {
			return nil, fmt.Errorf("node %v: %w", r.Node, err)
		}
		for i := range n.steps {
			e := &n.steps[i]
			if e.Op == record.Message && uint64(e.From) >= uint64(nodes) {
				return nil, fmt.Errorf("node %v took up a message of node %v at %v, but the run has nodes 0 to %d", r.Node, e.From, e.At, nodes-1)
			}
			if e.Op == record.Message && e.From != r.Node {
				m := message{e.From, r.Node, e.Incarnation, e.Seq}
				s.arrivals[m] = append(s.arrivals[m], e.At)
			}
		}
	}
	return s, nil
}

// gone is how much earlier than the others' a recording ends of a node that was gone for good.
const gone = protocol.Time(10 * time.Second)

// bound finds out where the script ends: with the first recording, since that node may have
// done anything later. But a node whose recording ends long before the others' was gone.
func (s *script) bound() {
	var latest protocol.Time
	for _, n := range s.nodes {
		latest = max(latest, n.last)
	}
	s.end = latest
	for _, n := range s.nodes {
		if n.up && n.last > latest-gone {
			s.end = min(s.end, n.last)
		}
		if n.running {
			n.killed()
		}
	}
}

// read takes the entries of a recording apart.
func (n *node) read(r *record.Recording) error {
	inc, up := uint32(0), false
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Op != record.Start && !up {
			return fmt.Errorf("entry %d is %v while the node is down", i, e.Op)
		}
		switch e.Op {
		case record.Start:
			if up {
				n.killed()
			}
			if k := len(n.ends); k > 0 {
				n.ends[k-1].next, n.ends[k-1].kept = max(e.At, n.ends[k-1].at+1), e.Seq
			}
			inc, up = e.Incarnation, true
		case record.Answer:
			k := len(n.steps) - 1
			n.steps[k].answers = append(n.steps[k].answers, e.Seq)
			continue
		case record.Synced:
			k := len(n.steps) - 1
			n.steps[k].synced = append(n.steps[k].synced, e.At)
		case record.Crash:
			n.end(ending{at: e.At, fold: e.Fold, folded: true, between: e.Seq == record.Between,
				step: n.steps[len(n.steps)-1].At, effects: int(min(e.Seq, record.Between))})
			up = false
		case record.End:
			n.end(ending{at: e.At, fold: e.Fold, folded: true, between: true})
			up = false
		}
		if e.Op == record.Timer {
			n.fired[e.Tag] = append(n.fired[e.Tag], len(n.steps))
		}
		if e.Steps() {
			n.steps = append(n.steps, step{Entry: *e, inc: inc})
		}
		n.last = e.At
	}
	n.running = up
	n.up = up || len(r.Entries) > 0 && r.Entries[len(r.Entries)-1].Op == record.End
	return nil
}

// killed ends an incarnation whose process was killed: nobody knows when, but nothing of it is
// known later than its last entry.
func (n *node) killed() {
	n.steps[len(n.steps)-1].cut = true
	n.end(ending{at: n.last + 1, between: true})
}

// end ends the incarnation that began with the last start.
func (n *node) end(e ending) {
	for i := range slices.Backward(n.steps) {
		if n.steps[i].Op == record.Start {
			e.from = n.steps[i].At
			break
		}
	}
	n.ends = append(n.ends, e)
}

// down returns the first time from at on at which the node is down, or MaxTime. Before its
// first start it is up in this sense.
func (n *node) down(at protocol.Time) protocol.Time {
	for i := range n.ends {
		e := &n.ends[i]
		if e.next == 0 || at < e.next {
			return max(at, e.at+1)
		}
	}
	return protocol.MaxTime
}
