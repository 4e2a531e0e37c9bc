package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
)

// Servers judges a store's replicas by a model of what each of them was asked for: a command is
// broadcast once, unless it has been applied, and each request is answered as soon as the command
// is applied.
type Servers struct {
	replicas []*kv.Node
	nodes    []server
	said     map[command]kv.Return // the first reply of any replica
	states   map[uint64]bool       // that any replica put out
}

// command names a command.
type command struct {
	client protocol.NodeID
	seq    uint64
}

// server is what a replica's incarnation was asked for.
type server struct {
	asked      []served
	broadcasts uint64 // that follow from it
}

// served is the last request of a client.
type served struct {
	command
	owed bool // no reply has followed yet
}

// NewServers returns a judge of these replicas, which hold their current state, or that at the
// crash.
func NewServers(replicas []*kv.Node) *Servers {
	return &Servers{replicas: replicas, nodes: make([]server, len(replicas)), said: make(map[command]kv.Return), states: make(map[uint64]bool)}
}

// Served requires that replicas do as the model does. A replica is compared when its next step
// begins.
func (x *Servers) Served() *check.Check {
	const watch = sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Output
	return check.Always("each request is ordered once, and answered", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(x.nodes)) {
			return false, nil
		}
		s := &x.nodes[e.Node]
		switch {
		case e.What == sim.Started:
			*s = server{}
			return false, nil
		case e.What == sim.Output:
			if a, ok := kv.DecodeApplied(e.Body); ok && e.Kind == kv.KindApplied {
				x.states[a.State] = true
			}
			return false, nil
		case e.What == sim.Sent:
			if e.Kind != kv.KindReply {
				return false, nil
			}
			return true, x.reply(e, s)
		}
		if wrong := x.compare(e.Node, s); wrong != nil {
			return true, wrong
		}
		if e.What == sim.Received && e.Kind == kv.KindRequest {
			if c, ok := kv.ReadRequest(e.Body); ok {
				s.hear(command{e.Peer, c.Seq}, x.replicas[e.Node].Last(e.Peer).Seq)
			}
		}
		return false, nil
	})
}

// hear notes a request, where that command of the client was applied last.
func (s *server) hear(c command, applied uint64) {
	at := s.find(c.client)
	if at < 0 {
		at = len(s.asked)
		s.asked = append(s.asked, served{command: command{client: c.client}})
	}
	r := &s.asked[at]
	if c.seq < max(r.seq, applied) {
		return // its client has gone on
	}
	if c.seq > max(r.seq, applied) {
		s.broadcasts++
	}
	r.seq, r.owed = c.seq, true
}

func (s *server) find(client protocol.NodeID) (at int) {
	for i := range s.asked {
		if s.asked[i].client == client {
			return i
		}
	}
	return -1
}

// reply requires that a reply is to a request, and says what any replica says of that command.
func (x *Servers) reply(e *sim.Event, s *server) error {
	r, ok := kv.ReadReply(e.Body)
	at := s.find(e.Peer)
	if !ok || at < 0 || s.asked[at].seq != r.Seq {
		return fmt.Errorf("node %v replies to command %d of node %v, which it was not asked for last", e.Node, r.Seq, e.Peer)
	}
	s.asked[at].owed = false
	c := s.asked[at].command
	if said, ok := x.said[c]; ok && said != r {
		return fmt.Errorf("node %v replies %+v to node %v, and another reply was %+v", e.Node, r, e.Peer, said)
	}
	x.said[c] = r
	if len(x.said) > len(x.states) { // what is applied changes the state, and is put out before the reply
		return fmt.Errorf("%d commands have had replies, and replicas have put out %d states", len(x.said), len(x.states))
	}
	return nil
}

// compare requires that a replica has done what follows from its requests.
func (x *Servers) compare(node protocol.NodeID, s *server) error {
	n := x.replicas[node]
	if got := n.Broadcasts(); got != s.broadcasts {
		return fmt.Errorf("node %v has broadcast %d commands, and was asked for %d", node, got, s.broadcasts)
	}
	for i := range s.asked {
		if r := &s.asked[i]; r.owed && n.Last(r.client).Seq == r.seq {
			return fmt.Errorf("node %v has applied command %d of node %v, and not replied to it", node, r.seq, r.client)
		}
	}
	return nil
}
