package link_test

import (
	"encoding/binary"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/source"
)

var kindItem = protocol.KindOf("item")

// A counter sends its inputs, numbered in each incarnation, to its neighbours, and
// expects theirs in order.
type counter struct {
	*link.Link
	t     *testing.T
	nodes int
	sent  uint32
	next  []uint32 // by sender
}

func newCounter(t *testing.T, nodes int) *counter {
	c := &counter{t: t, nodes: nodes, next: make([]uint32, nodes)}
	c.Link = link.New(link.Config{
		Retry: 200 * time.Millisecond, Window: 4, FIFO: true, Deliver: c.deliver})
	return c
}

func (c *counter) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if n := binary.BigEndian.Uint32(msg); n != c.next[from] {
		c.t.Errorf("node %d receives %d from %d, want %d", env.ID(), n, from, c.next[from])
	}
	c.next[from]++
}

func (c *counter) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		c.Link.Receive(env, from, msg)
		return
	}
	for to := range c.nodes {
		if protocol.NodeID(to) != env.ID() {
			c.Send(env, protocol.NodeID(to), kindItem, binary.BigEndian.AppendUint32(nil, c.sent))
		}
	}
	c.sent++
}

func TestLossyNetworkComesToRestWithAllDeliveredInOrder(t *testing.T) {
	const nodes, inputs = 4, 40
	for seed := range uint64(10) {
		plan := sim.Plan{
			Nodes: nodes,
			Node:  func(protocol.NodeID) protocol.Node { return newCounter(t, nodes) },
			Link: sim.Link{Delay: 5 * time.Millisecond, Jitter: 90 * time.Millisecond,
				Loss: protocol.Percent(25), Copy: protocol.Percent(10)},
			Until:  protocol.Time(time.Hour),
			Poison: true,
		}
		for i := range uint64(nodes * inputs) {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time((i + 1) * 1e7), Node: protocol.NodeID(i % nodes)})
		}
		s, err := sim.New(plan, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		r := s.Run()
		if r.Reason != sim.Quiet || r.Lost == 0 || r.Copied == 0 {
			t.Errorf("seed %d: the run ends %v at %v, %d lost, %d copied", seed, r.Reason, r.End, r.Lost, r.Copied)
		}
		for i := range nodes {
			c := s.Node(protocol.NodeID(i)).(*counter)
			for from, n := range c.next {
				if from != i && n != inputs {
					t.Errorf("seed %d: node %d delivers %d of %d from %d", seed, i, n, inputs, from)
				}
			}
			if c.Stats().Malformed != 0 {
				t.Errorf("seed %d: node %d: %+v", seed, i, c.Stats())
			}
		}
	}
}
