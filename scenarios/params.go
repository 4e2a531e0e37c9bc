package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kademlia"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// params are the parameters of a run: the common ones, and those that the scenarios here
// declare. A parameter that a scenario does not declare is 0.
type params struct {
	*scenario.Setup
	Txs   int            // transfers that the workload asks for
	Order string         // how broadcasts are ordered: an order of abcast.ParseOrder, or raft
	Abort protocol.Ratio // probability that a participant votes abort at random
	K     int            // contacts in a bucket of a routing table, and nodes that hold a value
	Alpha int            // queries that a lookup keeps in flight
}

func newParams(b *scenario.Setup) params {
	usual := kademlia.Defaults(kademlia.ID{}, nil, 0)
	p := params{Setup: b, K: usual.K, Alpha: usual.Alpha}
	if _, has := b.Text("txs"); has {
		p.Txs = b.Int("txs")
	}
	if _, has := b.Text("k"); has {
		p.K, p.Alpha = b.Int("k"), b.Int("alpha")
	}
	p.Order, _ = b.Text("order")
	if _, has := b.Text("abort"); has {
		p.Abort = b.Ratio("abort")
	}
	return p
}

// defaults returns the default parameters of the scenarios here.
func defaults(nodes int, until time.Duration) scenario.Params {
	return scenario.Params{Nodes: nodes, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: until}
}

// maxTxs keeps a typing error from filling memory.
const maxTxs = 1_000_000

func txs(n int) *scenario.Param {
	return scenario.Int("txs", n, 0, maxTxs, "number of transfers")
}

// routing declares the parameters of a scenario about Kademlia. With a smaller k a few nodes
// that fail take a value with them.
func routing() []*scenario.Param {
	const least, most = 4, 64
	usual := kademlia.Defaults(kademlia.ID{}, nil, 0)
	return []*scenario.Param{
		scenario.Int("k", usual.K, least, most, "contacts in a bucket of a routing table, and nodes that hold a value"),
		scenario.Int("alpha", usual.Alpha, 1, most, "queries that a lookup keeps in flight, at most k"),
	}
}

// checkRouting returns an error if alpha is more than k.
func checkRouting(p *scenario.Params) error {
	if _, has := p.Text("k"); !has {
		return nil
	}
	if k, alpha := p.Int("k"), p.Int("alpha"); alpha > k {
		return fmt.Errorf("alpha %d: want at most k, which is %d: a lookup asks no more than the k closest", alpha, k)
	}
	return nil
}

// orderRaft is the order that is not of package abcast.
const orderRaft = "raft"

func order() *scenario.Param {
	var names []string
	for _, o := range abcast.Orders() {
		names = append(names, o.String())
	}
	return scenario.Choice("order", abcast.ISIS.String(), append(names, orderRaft), "how broadcasts are ordered")
}

// abort is at most 90%: above, hardly anything ever commits.
func abort(percent uint32) *scenario.Param {
	return scenario.Ratio("abort", protocol.Percent(percent), protocol.Percent(90), "probability that a participant votes abort at random, at most 90%; in commit and ledger the first attempt aborts for sure, unless it is 0%")
}

// transfers declares the parameters of a scenario about transfers.
func transfers(n int, abortPercent uint32) []*scenario.Param {
	return []*scenario.Param{txs(n), order(), abort(abortPercent)}
}

// retried rules a check out if nothing aborts: it demands a retry, which is sure only then.
func (p *params) retried(c *check.Check) *check.Check {
	if p.Abort.Never() {
		return c.Skipped("nothing aborts at random with -abort 0%")
	}
	return c
}

const nodesFail = "nodes or links fail"

// faultFree rules a check out if there are faults: it judges a promise that needs nodes and
// links that do not fail.
func (p *params) faultFree(c *check.Check) *check.Check {
	if p.Failing() {
		return c.Skipped(nodesFail)
	}
	return c
}
