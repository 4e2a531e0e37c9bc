package judge

import (
	"bytes"
	"fmt"

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
// It judges, too, what else heartbeats say, and what nodes do about views: see detection and
// ballots.
type Channels struct {
	in     abcast.Watcher
	ends   []*channelEnd // by node; nil if it is not watched
	rules  *check.Check  // of them; nil before Checks
	honest bool          // no node lies
}

// channelEnd is a watched node.
type channelEnd struct {
	promised uint64         // the view that it has promised, by what it has sent
	peers    []*channelPeer // by node

	*ballots // nil if there are too many nodes, or some lie
}

// channelPeer is what a node and another one have sent each other in a view.
type channelPeer struct {
	view  uint64 // of what came
	next  uint64 // what came without a gap
	early map[uint64]bool

	sending uint64   // view of what was sent
	sent    []uint64 // hashes of the frames
	beat    []byte   // the last heartbeat that was sent, as it travels
	said    abcast.Datagram
	framePace
}

// NewChannels returns a judge of the channels between that many nodes. The seed says which
// are watched.
func NewChannels(nodes int, seed uint64, traitors []protocol.NodeID) *Channels {
	c := &Channels{ends: make([]*channelEnd, nodes), honest: len(traitors) == 0}
	for id := range sample(nodes, mostEnds, seed, traitors) {
		c.ends[id] = newChannelEnd(nodes)
	}
	return c
}

func newChannelEnd(nodes int) *channelEnd {
	n := &channelEnd{peers: make([]*channelPeer, nodes)}
	for i := range n.peers {
		n.peers[i] = &channelPeer{early: make(map[uint64]bool)}
	}
	return n
}

// NameChannels is the name of the check of channels, and NameBallots that of heartbeats and
// ballots.
const (
	NameChannels = "frames are acknowledged and repeated as due"
	NameBallots  = "heartbeats and ballots follow their rules"
)

// Checks returns all checks.
func (c *Channels) Checks() check.Suite {
	const watch = sim.Started | sim.Received | sim.Fired | sim.Sent
	c.rules = check.Told(NameBallots).OrNotApplicable(fmt.Sprintf("some node lies, there are more than %d, or none is in a group", mostDetected))
	return check.Suite{
		check.Always(NameChannels, watch, c.observe).OfMessages(sim.Sent, ofOrder).OrNotApplicable("no watched node works in a view").
			AtNodes(func(id protocol.NodeID) bool { return uint64(id) < uint64(len(c.ends)) && c.ends[id] != nil }),
		c.rules,
	}
}

func (c *Channels) observe(e *sim.Event) (relevant bool, wrong error) {
	if uint64(e.Node) >= uint64(len(c.ends)) || c.ends[e.Node] == nil {
		return false, nil
	}
	n := c.ends[e.Node]
	if e.What == sim.Started {
		*n = *newChannelEnd(len(c.ends))
		if c.honest && len(c.ends) <= mostDetected {
			n.ballots = newBallots(int(e.Node), len(c.ends), e.Incarnation)
		}
		return false, nil
	}
	if e.What != sim.Sent && n.ballots != nil {
		c.rule(e, false, n.step())
		if e.What == sim.Fired {
			return false, n.fires(e)
		}
	}
	if len(e.Body) == 0 || e.Body[0] != ofOrder || uint64(e.Peer) >= uint64(len(n.peers)) {
		return false, nil
	}
	d, ok := c.read(e)
	if !ok {
		return false, nil
	}
	p := n.peers[e.Peer]
	if e.What == sim.Received {
		n.take(p, e, &d)
		return false, nil
	}
	if d.Heartbeat {
		p.beat, p.said = append(p.beat[:0], e.Body...), d
	}
	if n.ballots != nil {
		c.rule(e, d.Heartbeat, n.sends(e, &d))
	}
	switch {
	case d.Promised < n.promised:
		wrong = fmt.Errorf("a message of view %d, where it has promised view %d", d.Promised, n.promised)
	case d.Frame:
		wrong = n.sendsFrame(p, &d)
	case d.Heartbeat && d.View != 0:
		relevant, wrong = true, p.acknowledge(&d)
	}
	n.promised = max(n.promised, d.Promised)
	if wrong != nil {
		wrong = fmt.Errorf("node %v sends node %v %w", e.Node, e.Peer, wrong)
	}
	return relevant, wrong
}

// read reads a message. Most are heartbeats that a watched node has sent, and arrive as they were.
func (c *Channels) read(e *sim.Event) (d abcast.Datagram, ok bool) {
	if from := c.ends[e.Peer]; e.What == sim.Received && from != nil {
		if p := from.peers[e.Node]; bytes.Equal(p.beat, e.Body) {
			return p.said, true
		}
	}
	msg, ok := seal.Open(e.Body)
	if !ok {
		return d, false
	}
	return c.in.Read(msg)
}

// rule notes what is wrong with a node's heartbeats and ballots, and whether an event is a heartbeat.
func (c *Channels) rule(e *sim.Event, beats bool, wrong error) {
	if wrong != nil {
		wrong = fmt.Errorf("node %v: %w", e.Node, wrong)
	}
	if beats || wrong != nil {
		c.rules.Tell(e, beats, wrong)
	}
}

// fires begins a tick of the node, and judges what it repeated at the one before.
func (n *channelEnd) fires(e *sim.Event) (wrong error) {
	if !abcast.Ticks(e.Tag) || !n.begun {
		return nil
	}
	n.ballots.fires(func(q int) uint64 { return n.peers[q].wanted(n.view) })
	for q, p := range n.peers {
		if n.normal && p.sending == n.view {
			if late := p.fires(n.ticks, n.view, n.connected(q)); late != nil && wrong == nil {
				wrong = fmt.Errorf("node %v sends node %d %w", e.Node, q, late)
			}
		}
	}
	n.consider()
	return wrong
}

// take takes a message of another node.
func (n *channelEnd) take(p *channelPeer, e *sim.Event, d *abcast.Datagram) {
	if n.ballots != nil && d.Frame {
		n.spoken[e.Peer].owed = n.spoken[e.Peer].owed || n.strays(p, d)
	}
	if d.Frame && d.View == n.promised {
		p.come(d)
	}
	if n.ballots == nil {
		return
	}
	n.receive(int(e.Peer), e.Kind, d)
	if d.Heartbeat && d.View == p.sending && d.Incarnation == n.ballots.peers[e.Peer].incarnation {
		p.acknowledged(d.Next)
	}
}

// sendsFrame judges a frame that is sent, perhaps again.
func (n *channelEnd) sendsFrame(p *channelPeer, d *abcast.Datagram) error {
	fresh, wrong := p.send(d)
	if n.ballots == nil || wrong != nil {
		return wrong
	}
	return p.framePace.sent(d, fresh, n.ticks)
}

// strays reports whether a frame is of a view that the node neither works in nor waits for, or
// was taken before.
func (n *channelEnd) strays(p *channelPeer, d *abcast.Datagram) bool {
	if !n.normal || d.View != n.view {
		return d.View != n.ballots.promised || d.View <= n.adopted
	}
	return d.Seq < p.wanted(d.View)
}

// wanted returns the number of the frame of the view that is wanted next.
func (p *channelPeer) wanted(view uint64) uint64 {
	if p.view != view {
		return 0
	}
	return p.next
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
	want := p.wanted(d.View)
	if d.Next != want {
		return fmt.Errorf("a heartbeat that acknowledges %d frames of view %d, where %d have come", d.Next, d.View, want)
	}
	return nil
}

// send judges the number of a frame. It reports whether that is new.
func (p *channelPeer) send(d *abcast.Datagram) (fresh bool, wrong error) {
	if p.sending != d.View {
		p.sending, p.sent = d.View, nil
		p.begin()
	}
	hash := protocol.HashBytes(d.Body)
	switch n := uint64(len(p.sent)); {
	case d.Seq > n:
		return false, fmt.Errorf("frame %d of view %d after %d", d.Seq, d.View, n)
	case d.Seq == n:
		p.sent = append(p.sent, hash)
		return true, nil
	case p.sent[d.Seq] != hash:
		return false, fmt.Errorf("frame %d of view %d with another body", d.Seq, d.View)
	}
	return false, nil
}
