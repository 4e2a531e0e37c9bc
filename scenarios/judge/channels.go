package judge

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// Channels judges the channels of views at their boundary, at some of the nodes:
//
//   - A heartbeat acknowledges exactly the frames of its view that have come since its sender
//     promised that view: nothing of another view, nothing that is missing, and nothing less.
//   - A number stands for one frame in a view, and the numbers have no gaps.
//   - Once a node has promised a view, it sends nothing more in lower ones.
//   - What is not acknowledged is sent again in time: see framePace.
//
// It judges, too, what else heartbeats say: see detection.
type Channels struct {
	in    abcast.Watcher
	ends  []*channelEnd // by node; nil if it is not watched
	sight error         // what the last event has wrong in what a heartbeat says
	beats bool          // the last event is a heartbeat
}

// channelEnd is a watched node.
type channelEnd struct {
	promised uint64         // the view
	peers    []*channelPeer // by node

	*detection        // nil if there are too many nodes
	step       uint64 // of the tick
	works      uint64 // the last view that it worked in
	begins     uint64 // the highest view of which it got to know the members, or asked for one
	lives      []abcast.Member
	asked      uint64 // places of those that it asked to promise that view
}

// channelPeer is what a node and another one have sent each other in a view.
type channelPeer struct {
	view  uint64 // of what came
	next  uint64 // what came without a gap
	early map[uint64]bool

	sending uint64   // view of what was sent
	sent    []uint64 // hashes of the frames
	framePace
}

// NewChannels returns a judge of the channels between that many nodes. The seed says which
// are watched.
func NewChannels(nodes int, seed uint64, traitors []protocol.NodeID) *Channels {
	c := &Channels{ends: make([]*channelEnd, nodes)}
	for id := range sample(nodes, mostEnds, seed, traitors) {
		c.ends[id] = newChannelEnd(id, nodes)
	}
	return c
}

func newChannelEnd(id protocol.NodeID, nodes int) *channelEnd {
	n := &channelEnd{peers: make([]*channelPeer, nodes)}
	if nodes <= mostDetected {
		n.detection = newDetection(int(id), nodes)
	}
	for i := range n.peers {
		n.peers[i] = &channelPeer{early: make(map[uint64]bool)}
	}
	return n
}

// NameChannels is the name of the check of Channels, and NameSight that of what else heartbeats
// say.
const (
	NameChannels = "frames are acknowledged and repeated as due"
	NameSight    = "heartbeats say what their sender hears"
)

// Checks returns all checks.
func (c *Channels) Checks() check.Suite {
	return check.Suite{
		check.Always(NameChannels, sim.Started|sim.Received|sim.Sent, c.observe).OrNotApplicable("no watched node works in a view"),
		check.Always(NameSight, sim.Sent, func(*sim.Event) (bool, error) { return c.beats, c.sight }).OrNotApplicable("no heartbeat is judged"),
	}
}

func (c *Channels) observe(e *sim.Event) (relevant bool, wrong error) {
	c.beats = false
	if int(e.Node) >= len(c.ends) || c.ends[e.Node] == nil {
		return false, nil
	}
	n := c.ends[e.Node]
	if e.What == sim.Started {
		*n = *newChannelEnd(e.Node, len(c.ends))
		return false, nil
	}
	if len(e.Body) == 0 || protocol.Component(e.Body[0]) != protocol.ABCAST || int(e.Peer) >= len(n.peers) {
		return false, nil
	}
	msg, ok := seal.Open(e.Body)
	if !ok {
		return false, nil
	}
	d, ok := c.in.Read(msg)
	if !ok {
		return false, nil
	}
	p := n.peers[e.Peer]
	if e.What == sim.Received {
		n.receive(p, int(e.Peer), &d)
		return false, nil
	}
	if n.detection != nil {
		c.see(n, e, &d)
	}
	switch {
	case d.Promised < n.promised:
		wrong = fmt.Errorf("a message of view %d, where it has promised view %d", d.Promised, n.promised)
	case d.Frame:
		wrong = p.send(&d, n.detection)
	case d.Heartbeat && d.View != 0:
		relevant, wrong = true, p.acknowledge(&d)
		if n.detection != nil && p.sending == d.View {
			wrong = cmp.Or(wrong, p.heartbeat(&d, n.connected(int(e.Peer))))
		}
	}
	n.promised = max(n.promised, d.Promised)
	if wrong != nil {
		wrong = fmt.Errorf("node %v sends node %v %w", e.Node, e.Peer, wrong)
	}
	return relevant, wrong
}

// receive takes a message of another node.
func (n *channelEnd) receive(p *channelPeer, q int, d *abcast.Datagram) {
	if d.Frame && d.View == n.promised {
		p.come(d)
	}
	if n.detection == nil {
		return
	}
	if n.hear(q, d) && d.Heartbeat && d.View == p.sending {
		p.acknowledged(d.Next)
	}
	if d.Members != nil && d.Promised >= n.promised {
		n.begins, n.lives = d.Promised, d.Members
	}
}

// see follows what a node does about views, and judges what its heartbeats say.
func (c *Channels) see(n *channelEnd, e *sim.Event, d *abcast.Datagram) {
	switch {
	case d.Heartbeat:
		if d.Beat == 0 || d.Beat != n.ticks {
			if d.Beat > n.ticks+1 {
				c.miss(e, fmt.Errorf("heartbeat %d after %d", d.Beat, n.ticks))
			}
			n.step = e.Step
			n.tick(d)
		}
		c.beats = true
		c.miss(e, n.says(d))
	case e.Kind == abcast.KindViewPrepare:
		if n.begins != d.Promised {
			n.begins, n.asked = d.Promised, 0
		}
		n.asked |= only(int(e.Peer))
	case d.Members != nil && n.works < d.Promised:
		n.begins, n.lives = d.Promised, d.Members
		if e.Step == n.step { // it waits for the others no more
			n.unanswered()
		}
		n.asked = 0
	case d.Frame && n.works < d.View:
		n.works = d.View
		n.enter()
	}
}

// miss notes what is wrong with a heartbeat.
func (c *Channels) miss(e *sim.Event, err error) {
	if err != nil && c.sight == nil {
		c.sight = fmt.Errorf("node %v sends node %v %w", e.Node, e.Peer, err)
	}
}

// unanswered notes that those who were asked for a view, and are not in it, dropped out.
func (n *channelEnd) unanswered() {
	for q := range n.detection.peers {
		in := slices.ContainsFunc(n.lives, func(m abcast.Member) bool {
			return int(m.Node) == q && m.Incarnation >= n.detection.peers[q].incarnation
		})
		if n.asked>>q&1 == 1 && !in {
			n.drop(q)
		}
	}
}

// enter notes the members of the view that begins.
func (n *channelEnd) enter() {
	clear(n.members)
	for _, m := range n.lives {
		n.members[m.Node] = m.Incarnation
	}
}

// come takes a frame.
func (p *channelPeer) come(d *abcast.Datagram) {
	if p.view != d.View {
		p.view, p.next = d.View, 0
		clear(p.early)
	}
	if d.Seq >= p.next {
		p.early[d.Seq] = true
	}
	for ; p.early[p.next]; p.next++ {
		delete(p.early, p.next)
	}
}

// acknowledge judges a heartbeat.
func (p *channelPeer) acknowledge(d *abcast.Datagram) error {
	want := p.next
	if p.view != d.View {
		want = 0
	}
	if d.Next != want {
		return fmt.Errorf("a heartbeat that acknowledges %d frames of view %d, where %d have come", d.Next, d.View, want)
	}
	return nil
}

// send judges a frame that is sent, perhaps again.
func (p *channelPeer) send(d *abcast.Datagram, n *detection) error {
	if p.sending != d.View {
		p.sending, p.sent = d.View, nil
		p.begin()
	}
	hash, fresh := protocol.HashBytes(d.Body), d.Seq == uint64(len(p.sent))
	switch n := uint64(len(p.sent)); {
	case d.Seq > n:
		return fmt.Errorf("frame %d of view %d after %d", d.Seq, d.View, n)
	case d.Seq == n:
		p.sent = append(p.sent, hash)
	case p.sent[d.Seq] != hash:
		return fmt.Errorf("frame %d of view %d with another body", d.Seq, d.View)
	}
	if n != nil {
		return p.framePace.sent(d, fresh, n.ticks)
	}
	return nil
}
