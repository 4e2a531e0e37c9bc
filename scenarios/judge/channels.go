package judge

import (
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
type Channels struct {
	in   abcast.Watcher
	ends []*channelEnd // by node; nil if it is not watched
}

// channelEnd is a watched node.
type channelEnd struct {
	promised uint64         // the view
	peers    []*channelPeer // by node
}

// channelPeer is what a node and another one have sent each other in a view.
type channelPeer struct {
	view  uint64 // of what came
	next  uint64 // what came without a gap
	early map[uint64]bool

	sending uint64   // view of what was sent
	sent    []uint64 // hashes of the frames
}

// NewChannels returns a judge of the channels between that many nodes. The seed says which
// are watched.
func NewChannels(nodes int, seed uint64, traitors []protocol.NodeID) *Channels {
	c := &Channels{ends: make([]*channelEnd, nodes)}
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

// NameChannels is the name of the check of Channels.
const NameChannels = "heartbeats acknowledge the frames that have come"

// Exact returns the check that judges it all.
func (c *Channels) Exact() *check.Check {
	return check.Always(NameChannels, sim.Started|sim.Received|sim.Sent, c.observe).
		OrNotApplicable("no watched node works in a view")
}

func (c *Channels) observe(e *sim.Event) (relevant bool, wrong error) {
	if int(e.Node) >= len(c.ends) || c.ends[e.Node] == nil {
		return false, nil
	}
	n := c.ends[e.Node]
	if e.What == sim.Started {
		*n = *newChannelEnd(len(c.ends))
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
	switch {
	case e.What == sim.Received:
		if d.Frame && d.View == n.promised {
			p.come(&d)
		}
		return false, nil
	case d.Promised < n.promised:
		wrong = fmt.Errorf("a message of view %d, where it has promised view %d", d.Promised, n.promised)
	case d.Frame:
		wrong = p.send(&d)
	case d.Heartbeat && d.View != 0:
		relevant, wrong = true, p.acknowledge(&d)
	}
	n.promised = max(n.promised, d.Promised)
	if wrong != nil {
		wrong = fmt.Errorf("node %v sends node %v %w", e.Node, e.Peer, wrong)
	}
	return relevant, wrong
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
func (p *channelPeer) send(d *abcast.Datagram) error {
	if p.sending != d.View {
		p.sending, p.sent = d.View, nil
	}
	hash := protocol.HashBytes(d.Body)
	switch n := uint64(len(p.sent)); {
	case d.Seq > n:
		return fmt.Errorf("frame %d of view %d after %d", d.Seq, d.View, n)
	case d.Seq == n:
		p.sent = append(p.sent, hash)
	case p.sent[d.Seq] != hash:
		return fmt.Errorf("frame %d of view %d with another body", d.Seq, d.View)
	}
	return nil
}
