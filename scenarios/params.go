package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
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
}

func newParams(b *scenario.Setup) params {
	p := params{Setup: b}
	if _, has := b.Text("txs"); has {
		p.Txs = b.Int("txs")
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
	return scenario.Ratio("abort", protocol.Percent(percent), protocol.Percent(90), "probability that a participant votes abort at random, at most 90%")
}

// transfers declares the parameters of a scenario about transfers.
func transfers(n int, abortPercent uint32) []*scenario.Param {
	return []*scenario.Param{txs(n), order(), abort(abortPercent)}
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
