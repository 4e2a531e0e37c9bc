package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/peer"
	"dessim/scenarios/judge"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// queries returns a judge of what the ledger's nodes ask each other in the DHT.
func (w *world) queries(faults []fault.Fault) *judge.Queries {
	cfg := kademlia.Defaults(kademlia.ID{}, nil, 0)
	cfg.K, cfg.Alpha = w.p.K, w.p.Alpha
	cfg.Timeout, cfg.Tries = w.delay*5/2, tries(w.p.Loss)
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

// watchLinks returns a judge of the links of the market's nodes. Where nodes survive failures, and
// with raft, the order does not need FIFO links.
func (m *market) watchLinks() *judge.Links {
	order, group := m.group()
	retry, faults := peer.Retry(m.delay), m.plan.Faults
	if !m.timely(faults) {
		retry = 0
	}
	return judge.NewLinks(judge.LinksOf{
		Nodes: m.p.Nodes, Clients: m.plan.Nodes - m.p.Nodes, Seed: m.p.Seed, Asks: m.p.asks(), FIFO: order.FIFO() && group == nil && !m.p.Failing(),
		Retry: retry, Delay: m.delay, Faults: faults, Traitors: traitors(faults),
	})
}

// timely reports whether clocks keep the time, in a run that takes as long as it would.
func (w *world) timely(faults []fault.Fault) bool {
	return w.p.Timing == "" && !slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Op == fault.Jump || f.Op == fault.Drift })
}

// retries returns the check of what the market's nodes and its client try again.
func (m *market) retries() *check.Check {
	in, d, ask := &m.commits.Frames, m.delay, 400*m.delay
	if m.p.Failing() {
		ask = 80 * m.delay
	}
	rows := []judge.Retry{judge.AskRetries(in, ask), judge.CommitRetries(in, ask), judge.FetchRetries(in, &m.Network, d), judge.QueryRetries(d * 5 / 2)}
	if m.p.Failing() {
		rows = append(rows, judge.TransferRetries(in, d))
	}
	return m.timelyRetries(rows, m.p.Nodes+1, m.plan.Faults)
}

// timelyRetries returns the check of what the first nodes of a plan try again.
func (w *world) timelyRetries(rows []judge.Retry, nodes int, faults []fault.Fault) *check.Check {
	c := judge.NewRetries(rows, nodes, w.delay, faults, append(traitors(faults), w.Liars...)).Timely()
	if !w.timely(faults) {
		return c.Skipped("clocks do not keep the time")
	}
	return c
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
