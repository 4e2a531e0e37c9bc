package abcast_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/source"
)

// A host is the smallest node for a group: a link below it, inputs to broadcast
// above.
type host struct {
	link      *link.Link
	group     abcast.Orderer
	delivered []string
}

func newHost(o abcast.Order, members []protocol.NodeID) *host {
	h := &host{}
	h.link = link.New(link.Config{
		Retry:  40 * time.Millisecond,
		Window: 16,
		FIFO:   o.FIFO(),
		Deliver: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
			h.group.Receive(env, from, msg)
		},
	})
	h.group = abcast.New(abcast.Config{
		Members: members,
		Order:   o,
		Send:    h.link.Send,
		Deliver: func(_ *protocol.Env, _ uint64, m abcast.Message) {
			h.delivered = append(h.delivered, string(m.Payload))
		},
	})
	return h
}

func (h *host) Start(env *protocol.Env) {
	h.link.Start(env)
	h.group.Start(env)
}

func (h *host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		h.group.Broadcast(env, msg)
		return
	}
	h.link.Receive(env, from, msg)
}

func (h *host) Timeout(env *protocol.Env, tag uint64) { h.link.Timeout(env, tag) }

func TestLossyNetworkLeavesOneOrderAbovePerfectLinks(t *testing.T) {
	for _, o := range abcast.Orders() {
		t.Run(o.String(), func(t *testing.T) { oneOrderUnderLoss(t, o) })
	}
}

func oneOrderUnderLoss(t *testing.T, o abcast.Order) {
	const nodes, messages = 4, 12
	orders := map[string]bool{}
	for seed := range uint64(10) {
		members := []protocol.NodeID{0, 1, 2, 3}
		plan := sim.Plan{
			Nodes: nodes,
			Node:  func(protocol.NodeID) protocol.Node { return newHost(o, members) },
			Link: sim.Link{
				Delay:  time.Millisecond,
				Jitter: 10 * time.Millisecond,
				Loss:   protocol.Percent(20),
				Copy:   protocol.Percent(10),
			},
			Until:  protocol.Time(time.Minute),
			Poison: true,
		}
		for i := range uint64(messages) {
			plan.Inputs = append(plan.Inputs, sim.Input{
				ID:   i,
				At:   protocol.Time(1+i/nodes) * protocol.Time(time.Millisecond),
				Node: protocol.NodeID(i % nodes),
				Body: fmt.Append(nil, "m", i),
			})
		}
		s, err := sim.New(plan, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		want := s.Node(0).(*host).delivered
		orders[fmt.Sprint(want)] = true
		for _, id := range members {
			h := s.Node(id).(*host)
			if !slices.Equal(h.delivered, want) || len(want) != messages || h.group.Pending() != 0 {
				t.Errorf("seed %d: node %v delivered %v, node 0 %v, want the same %d\n%s",
					seed, id, h.delivered, want, messages, h.group.Describe(nil))
			}
			st := h.group.Stats()
			if o == abcast.Sequencer {
				st.Early = 0 // places may outrun messages
			}
			if st != (abcast.Stats{}) {
				t.Errorf("seed %d: node %v: links are perfect, but %+v", seed, id, st)
			}
		}
	}
	if len(orders) < 2 {
		t.Errorf("all seeds gave one order: %v", orders)
	}
}
