package judge

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Links judges links at their boundary, at some of the nodes: which messages a node is
// handed, step by step, where the judge knows the frames that came in; and what the frames
// say that it sends:
//
//   - A message is handed up once in an incarnation, when its frame comes, or with FIFO when
//     all before it have come or never will.
//   - A number stands for one message. New ones follow each other, but for those that were
//     dropped for a former incarnation of the receiver.
//   - Only what was acknowledged is given up, and then nobody is told to wait for it.
//   - Only what came is acknowledged.
//   - What is not acknowledged is sent again, the oldest first, neither sooner nor later than
//     the link says: see linkPace.
//   - What no link sends is refused: see unsound.
type Links struct {
	fifo  bool
	pace  linkRule
	held  *Hindered
	ends  []*linkEnd // by node; nil if it is not watched
	frame link.Watcher
	step  *linkStep // the last one in which a frame came
	err   error     // of what was handed up in it
	asks  bool      // links are to be asked about frames that nobody sends
	known func(id protocol.NodeID) bool

	traitors bool // there are some
}

// linkEnd is a watched node.
type linkEnd struct {
	incarnation uint32
	peers       map[protocol.NodeID]*linkPeer
}

// linkPeer is what a node knows of another one.
type linkPeer struct {
	incarnation uint32            // the latest that it heard of; 0: none
	got         uint64            // numbers up to here are settled
	early       map[uint64]uint64 // hashes of the messages that came before their turn, by number

	renewed bool // it is in another incarnation than one heard of before, and no message was sent to it since

	top   uint64            // the greatest number of a frame to it
	low   uint64            // of the last frame to it
	acked uint64            // what it has acknowledged
	said  map[uint64]uint64 // hashes of the messages to it that are not given up, by number

	resent bool // the last message sent to it was sent before
	linkPace
}

// linkStep is a step in which a frame came.
type linkStep struct {
	node, from  protocol.NodeID
	incarnation uint32
	want        []uint64 // hashes of the messages that must be handed up
	got         int
}

// mostEnds is the most nodes whose links are watched, which bounds the cost.
const mostEnds = 2

// LinksOf is the links that a Links judges.
type LinksOf struct {
	Nodes   int
	Clients int    // that follow the nodes in the plan, and are not watched
	Seed    uint64 // says which nodes are
	Asks    bool   // links are asked, too, about frames that nobody sends
	FIFO    bool
	Retry   time.Duration // to the first resend; 0 if clocks do not keep the time
	Delay   time.Duration // the longest usual one
	Faults  []fault.Fault
	// Traitors are not judged.
	Traitors []protocol.NodeID
}

// NewLinks returns a judge of the links between nodes.
func NewLinks(c LinksOf) *Links {
	nodes, traitors := c.Nodes, c.Traitors
	l := &Links{fifo: c.FIFO, asks: c.Asks, pace: linkRule{c.Retry, c.Delay}, held: NewHindered(c.Faults), ends: make([]*linkEnd, nodes), traitors: len(traitors) > 0}
	for id := range sample(nodes, mostEnds, c.Seed, traitors) {
		l.ends[id] = &linkEnd{peers: make(map[protocol.NodeID]*linkPeer)}
	}
	l.known = func(id protocol.NodeID) bool {
		return uint64(id) < uint64(nodes+c.Clients) && !slices.Contains(traitors, id)
	}
	return l
}

// Early returns how many numbers a node's links must remember beyond those up to which all is
// settled. That does not end with the messages: what was sent to any incarnation, or by one that
// has crashed, may come without what was before it, which went to a former incarnation, or never
// comes; and a copy may follow. ok is false if that is not known: the node is not watched, or a
// traitor may number its messages as it likes.
func (l *Links) Early(id protocol.NodeID) (items int, ok bool) {
	n := l.ends[id]
	if n == nil || l.traitors {
		return 0, false
	}
	for _, of := range protocol.SortedKeys(n.peers) {
		items += len(n.peers[of].early)
	}
	return items, true
}

// Heard is for peer.Config: it sees what the link of a node hands up.
func (l *Links) Heard(env *protocol.Env, from protocol.NodeID, msg []byte) {
	s := l.step
	if s == nil || s.node != env.ID() || s.incarnation != env.Incarnation() || l.err != nil || !l.known(from) {
		return
	}
	if from != s.from || s.got == len(s.want) || s.want[s.got] != protocol.HashBytes(msg) {
		l.err = fmt.Errorf("node %v is handed a message of node %v that is not due: out of turn, twice, or changed", s.node, from)
	}
	s.got++
}

// Perfect returns the check that judges it all.
func (l *Links) Perfect() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Sent | sim.Injected | sim.Lifted | sim.Ended
	return check.Always("links hand up each message once", watch, l.observe).OfMessages(sim.Received|sim.Sent, ofLink).OrNotApplicable("no watched node has links")
}

func (l *Links) observe(e *sim.Event) (relevant bool, wrong error) {
	if s := l.step; s != nil {
		l.step = nil
		if l.err == nil && s.got < len(s.want) {
			l.err = fmt.Errorf("node %v is handed %d of the %d messages of node %v that are due", s.node, s.got, len(s.want), s.from)
		}
		if l.err != nil {
			return true, l.err
		}
	}
	if e.What == sim.Ended {
		return false, l.overdue(e.At)
	}
	if uint64(e.Node) >= uint64(len(l.ends)) || l.ends[e.Node] == nil {
		return false, nil
	}
	n := l.ends[e.Node]
	switch e.What {
	case sim.Injected, sim.Lifted:
		wrong = l.late(e.Node, e.At)
		l.held.Observe(e)
		return false, wrong
	case sim.Crashed:
		wrong = l.late(e.Node, e.At)
		clear(n.peers)
		return false, wrong
	case sim.Started:
		*n = linkEnd{incarnation: e.Incarnation, peers: make(map[protocol.NodeID]*linkPeer)}
	case sim.Received, sim.Sent:
		if len(e.Body) == 0 || protocol.Component(e.Body[0]) != protocol.Link || !l.known(e.Peer) || e.Peer == e.Node {
			return false, nil
		}
		f, ok := l.frame.Read(e.Body)
		p := n.peer(e.Peer)
		if err := p.late(e.Node, e.Peer, e.At, l); err != nil {
			return true, err
		}
		switch {
		case e.What == sim.Sent && !ok:
			return true, fmt.Errorf("node %v sends a frame that nobody can read", e.Node)
		case e.What == sim.Sent:
			return true, cmp.Or(p.sends(e, &f), p.goes(e, &f, &l.pace))
		case ok:
			if l.asks {
				l.asks, wrong = false, unsound(&l.frame)
			}
			l.step = &linkStep{node: e.Node, from: e.Peer, incarnation: e.Incarnation, want: p.receives(e.At, n.incarnation, &f, l.fifo)}
			return true, wrong
		default: // it is damaged
			l.step = &linkStep{node: e.Node, from: e.Peer, incarnation: e.Incarnation}
		}
	}
	return false, nil
}

func (n *linkEnd) peer(id protocol.NodeID) *linkPeer {
	p := n.peers[id]
	if p == nil {
		p = &linkPeer{early: make(map[uint64]uint64), said: make(map[uint64]uint64)}
		n.peers[id] = p
	}
	return p
}

// receives returns the hashes of the messages that are handed up when a frame comes.
func (p *linkPeer) receives(at protocol.Time, own uint32, f *link.Frame, fifo bool) (due []uint64) {
	if f.To > own || f.From < p.incarnation || f.To != 0 && f.To < own {
		return nil // it is for another incarnation, or of a former one
	}
	if p.incarnation != f.From {
		if p.incarnation != 0 {
			p.got, p.early, p.renewed = 0, make(map[uint64]uint64), true
			p.floor = p.top
		}
		p.incarnation = f.From
	}
	p.acknowledge(at, f)
	if !f.Data {
		return nil
	}
	for ; p.got+1 < f.Low; p.got++ { // what is missing never comes, nor with FIFO what waits for it
		delete(p.early, p.got+1)
	}
	if _, early := p.early[f.Seq]; early || f.Seq <= p.got {
		return nil
	}
	p.early[f.Seq] = protocol.HashBytes(f.Msg)
	if !fifo {
		due = append(due, p.early[f.Seq])
	}
	for msg, next := p.early[p.got+1]; next; msg, next = p.early[p.got+1] {
		p.got++
		delete(p.early, p.got)
		if fifo {
			due = append(due, msg)
		}
	}
	return due
}

// sends judges a frame to p.
func (p *linkPeer) sends(e *sim.Event, f *link.Frame) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("node %v sends node %v a frame that %s", e.Node, e.Peer, fmt.Sprintf(format, args...))
	}
	if f.From != e.Incarnation {
		return wrong("names incarnation %d of its sender, which is %d", f.From, e.Incarnation)
	}
	if f.To == p.incarnation { // else it refuses another incarnation, and acknowledges nothing
		if f.Ack > p.got {
			return wrong("acknowledges all up to %d, where %d have come", f.Ack, p.got)
		}
		for sack := f.Sack; sack != 0; sack &= sack - 1 {
			seq := f.Ack + 2 + uint64(bits.TrailingZeros64(sack))
			if _, early := p.early[seq]; !early && seq > p.got {
				return wrong("acknowledges %d, which has not come", seq)
			}
		}
	} else if f.Ack != 0 || f.Sack != 0 {
		return wrong("acknowledges messages of another incarnation")
	}
	if !f.Data {
		return nil
	}
	return p.numbers(f, wrong)
}

// numbers judges the number of a message to p.
func (p *linkPeer) numbers(f *link.Frame, wrong func(format string, args ...any) error) error {
	hash := protocol.HashBytes(f.Msg)
	was, again := p.said[f.Seq]
	p.resent = again
	switch {
	case f.To != p.incarnation:
		return wrong("is for incarnation %d, where it knows %d", f.To, p.incarnation)
	case again && was != hash:
		return wrong("uses number %d for another message", f.Seq)
	case !again && f.Seq <= p.top:
		return wrong("has number %d, which was given up", f.Seq)
	case !again && f.Seq != p.top+1 && !p.renewed:
		return wrong("has number %d after %d", f.Seq, p.top)
	case f.Low > max(p.acked+1, p.low) && !p.renewed:
		return wrong("gives up all below %d, where %d are acknowledged", f.Low, p.acked)
	case f.Low <= p.settled():
		return wrong("lets %d come, where all up to %d are acknowledged or given up", f.Low, p.settled())
	}
	for ; p.low < f.Low; p.low++ {
		delete(p.said, p.low)
	}
	p.said[f.Seq], p.top, p.renewed = hash, max(p.top, f.Seq), false
	return nil
}
