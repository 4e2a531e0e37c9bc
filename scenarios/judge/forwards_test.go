package judge

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/sim"
)

// greeted is node 0, and what it hears from nodes that want to be its neighbours.
type greeted struct {
	t    *testing.T
	env  protocol.Env
	node *peer.Node
}

func newGreeted(t *testing.T) *greeted {
	key := ledger.NewKey([32]byte{1})
	g := &greeted{t: t, node: peer.New(peer.Config{
		Members: []protocol.NodeID{0, 1, 2, 3}, Book: protocol.SimBook{}, Key: key,
		Genesis: ledger.NewGenesis("test", []ledger.TxOut{{Owner: key.Owner(), Amount: 1}}),
		Order:   abcast.ISIS, Secret: 1, Delay: time.Millisecond, Tries: 8, Settle: time.Second,
	})}
	g.env.Enter(0, 1, 0, nil)
	g.env.Mount(nil)
	g.node.Start(&g.env)
	return g
}

// hello has the node hear a hello, by a link that begins.
func (g *greeted) hello(from protocol.NodeID) {
	var env protocol.Env
	env.Enter(from, 1, 0, nil)
	l := link.New(link.Config{Retry: time.Second, Window: 8, Deliver: func(*protocol.Env, protocol.NodeID, []byte) {}})
	l.Send(&env, 0, peer.KindHello, append([]byte{byte(protocol.Peer)}, "li2ee"...))
	before := g.node.Degree()
	for _, x := range env.Effects() {
		if x.Op == protocol.OpSend {
			g.env.Enter(0, 1, 1, nil)
			g.node.Receive(&g.env, from, x.Body)
		}
	}
	if g.node.Degree() != before+1 {
		g.t.Fatalf("node 0 has %d neighbours after a hello, want %d", g.node.Degree(), before+1)
	}
}

// A link hands up in one step what has a node pass on a body, and the hello that waited for it. The
// part of a step after a sync has a number of its own.
func TestANeighbourOfTheSameStepMayGetABodyAndThoseOfBeforeMust(t *testing.T) {
	for _, c := range []struct {
		what   string
		begins sim.What
		before bool // the hello of node 3 was heard before the step
		to     []protocol.NodeID
		want   string
	}{
		{"none yet", sim.Received, false, []protocol.NodeID{1, 2}, ""},
		{"one more", sim.Received, false, []protocol.NodeID{1, 2, 3}, ""},
		{"one too few", sim.Received, false, []protocol.NodeID{1, 3}, "want [1 2 3]"},
		{"one from before a message", sim.Received, true, []protocol.NodeID{1, 2}, "want [1 2 3]"},
		{"one from before a timer", sim.Fired, true, []protocol.NodeID{1, 2}, "want [1 2 3]"},
		{"all", sim.Fired, true, []protocol.NodeID{1, 2, 3}, ""},
		{"a stranger", sim.Received, false, []protocol.NodeID{1, 2, 4}, "want [1 2]"},
	} {
		g := newGreeted(t)
		g.hello(1)
		g.hello(2)
		x := newForwards(&Network{Nodes: []*peer.Node{g.node}}, nil)
		x.observe(&sim.Event{What: sim.Received, Step: 1})
		if c.before {
			g.hello(3)
		}
		x.observe(&sim.Event{What: c.begins, Step: 2})
		if !c.before {
			g.hello(3)
		}
		for _, to := range c.to {
			x.observe(&sim.Event{What: sim.Sent, Step: 3, Kind: gossip.KindData, Peer: to})
		}
		relevant, err := x.observe(&sim.Event{What: sim.Output, Step: 3, Kind: peer.KindHanded, Body: make([]byte, len(gossip.ID{}))})
		if !relevant || err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: it is judged %v, want %q", c.what, err, c.want)
		}
	}
}
