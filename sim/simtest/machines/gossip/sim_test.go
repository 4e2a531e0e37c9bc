package gossip_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// A gossiper broadcasts its inputs on a ring with chords.
type gossiper struct {
	*gossip.Gossip
	got int
}

func newGossiper(id protocol.NodeID, nodes int) *gossiper {
	var ns []protocol.NodeID
	for i := range nodes {
		switch (i - int(id) + nodes) % nodes {
		case 1, 5, nodes - 5, nodes - 1:
			ns = append(ns, protocol.NodeID(i))
		}
	}
	n := &gossiper{}
	n.Gossip = gossip.New(gossip.Config{
		Neighbours: func() []protocol.NodeID { return ns },
		Check:      func(*protocol.Env, gossip.ID, []byte) gossip.Verdict { return gossip.Pass },
		Deliver:    func(*protocol.Env, gossip.ID, []byte) { n.got++ },
		Repair:     time.Second, Memory: 1000, Waiting: 10,
	})
	return n
}

func (n *gossiper) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		n.Broadcast(env, msg)
		return
	}
	n.Gossip.Receive(env, from, msg)
}

func TestAllDeliverAllThoughTheNetworkLosesAndANodeRestarts(t *testing.T) {
	const nodes, messages = 30, 50
	for seed := range uint64(5) {
		plan := sim.Plan{
			Nodes: nodes,
			Node:  func(id protocol.NodeID) protocol.Node { return newGossiper(id, nodes) },
			Link: sim.Link{Delay: 5 * time.Millisecond, Jitter: 50 * time.Millisecond,
				Loss: protocol.Percent(20), Copy: protocol.Percent(5)},
			Until:  protocol.Time(time.Hour),
			Poison: true,
			Faults: []fault.Fault{{ID: 1, Op: fault.Crash, Node: 7, At: protocol.Time(3 * time.Second), For: 10 * time.Second}},
		}
		for i := range uint64(messages) {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time((i + 1) * 1e8),
				Node: protocol.NodeID(8 + i%20), Body: fmt.Append(nil, "message ", i)})
		}
		var s *sim.Sim
		plan.Done = func() bool {
			for i := range nodes {
				if s.Node(protocol.NodeID(i)).(*gossiper).got < messages {
					return false
				}
			}
			return true
		}
		s, err := sim.New(plan, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Run(); r.Reason != sim.Settled || r.Restarts != 1 {
			t.Errorf("seed %d: the run ends at %v, %v, after %d restarts", seed, r.End, r.Reason, r.Restarts)
		}
		for i := range nodes {
			if n := s.Node(protocol.NodeID(i)).(*gossiper); n.got != messages || n.Stats().Malformed != 0 {
				t.Errorf("seed %d: node %d delivers %d of %d, %+v", seed, i, n.got, messages, n.Stats())
			}
		}
	}
}
