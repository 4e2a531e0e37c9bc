package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/peer"
	"dessim/scenarios/judge"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// queries returns a judge of what the ledger's nodes ask each other in the DHT.
func (w *world) queries(faults []fault.Fault) *judge.Queries {
	cfg := kademlia.Defaults(kademlia.ID{}, nil, 0)
	cfg.K, cfg.Alpha = w.p.K, w.p.Alpha
	return judge.NewQueries(judge.QueriesOf{
		DHT: func(id protocol.NodeID) *kademlia.DHT {
			if n := w.Nodes[id]; n != nil {
				return n.DHT()
			}
			return nil
		},
		IDs: w.ids(), Config: cfg, Traitors: traitors(faults), Untimely: slices.ContainsFunc(faults, untimely), Seed: w.p.Seed,
	})
}

// ids returns the nodes' names in the DHT.
func (w *world) ids() (ids []kademlia.ID) {
	for _, o := range w.Owners {
		ids = append(ids, kademlia.ID(o))
	}
	return ids
}

// queries returns a judge of what the nodes of churn ask each other.
func (c *churning) queries(cfg kademlia.Config) *judge.Queries {
	return judge.NewQueries(judge.QueriesOf{
		DHT: func(id protocol.NodeID) *kademlia.DHT {
			if n := c.Nodes[id]; n != nil {
				return n.DHT()
			}
			return nil
		},
		IDs: c.IDs, Config: cfg, Traitors: traitors(c.plan.Faults), Untimely: c.Failures.Untimely, Seed: c.p.Seed,
	})
}

// watchLinks returns a judge of the links between the ledger's nodes. Where nodes survive
// failures, and with raft, the order does not need FIFO links.
func (w *world) watchLinks(faults []fault.Fault) *judge.Links {
	order, group := w.group()
	retry := peer.Retry(w.delay)
	if w.p.Timing != "" || slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Op == fault.Jump || f.Op == fault.Drift }) {
		retry = 0
	}
	return judge.NewLinks(judge.LinksOf{
		Nodes: w.p.Nodes, Seed: w.p.Seed, FIFO: order.FIFO() && group == nil && !w.p.Failing(),
		Retry: retry, Delay: w.delay, Faults: faults, Traitors: traitors(faults),
	})
}

// exchanges returns a judge of the anti-entropy between the market's nodes.
func (m *market) exchanges() *judge.Exchanges {
	const usual = 32 // ids that are listed: see gossip.Config
	few := usual
	if m.p.Draws(swarm.Repair) {
		few = fewLeaf
	}
	return judge.NewExchanges(&m.Network, few, m.p.Seed, traitors(m.plan.Faults))
}
