// Package scenarios holds the scenarios that come with dessim: a distributed ledger and
// the machines below it. It runs nothing by itself; package sim/scenario does.
//
// All is the table, and each scenario has a file of its name. Start with concurrent.go,
// then crash.go, which adds faults. They share world.go (nodes and timetable), market.go
// (the workload of transfers), liars.go (members that lie), params.go (parameters),
// faults.go (the fault window), faulty.go (markets under faults) and traffic.go (what a
// node may send). alone.go has bootstrap with many nodes, and memory.go what those take.
// churnfaults.go has the faults of churn, which last longer. kinds.go,
// text.go and costs.go describe messages, and count them; measures.go measures latencies. Package judge has the checks. In
// testdata, each scenario has a trace of one run, and edits holds the planted bugs of
// cmd/mutants.
//
// For a scenario of a protocol of your own, sim/simtest/testdata/kvstore is the shorter
// example.
package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/scenarios/judge"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// All is the table of scenarios, in the order in which they are listed.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{bootstrap(), committing(), broadcasting(), concurrent(), verify(), doubleSpend(), story(), crash(), keyValue(), failover(), blackout(), partition(), churn(), byzantine(), chaos()}
}

// Find returns the scenario of that name, or nil.
func Find(name string) *scenario.Scenario { return scenario.Find(All(), name) }

// ledgerScenario completes a scenario whose nodes are those of package peer.
func ledgerScenario(s scenario.Scenario, build func(p params) *scenario.Run) *scenario.Scenario {
	return onLedger(s, orderTraffic, build)
}

// onLedger is ledgerScenario with another bound of what nodes send.
func onLedger(s scenario.Scenario, bound func(p params) check.Traffic, build func(p params) *scenario.Run) *scenario.Scenario {
	s.Kinds = func() (sends, outputs []protocol.Kind) { return sendKinds(), outputKinds() }
	s.Columns = []scenario.Column{
		{Head: "name", Key: "dht_id", Short: 8, Name: true},
		{Head: "transactions", Key: "ledger_length", Number: true},
		{Head: "ledger", Key: "ledger_hash", Short: 16},
		{Head: "balance", Key: "balance", Number: true},
	}
	s.Shadow = protocol.Percent(5) // all of them cost twice the run
	s.Repairs = ledgerRepairs
	return ours(s, (*world).ledgerBegin, bound, build)
}

// ours completes a scenario of the machines that come with dessim, whose workload begins at
// begin. No scenario is without a bound of what its nodes send.
func ours(s scenario.Scenario, begin func(w *world) protocol.Time, bound func(p params) check.Traffic, build func(p params) *scenario.Run) *scenario.Scenario {
	s.Eras = []protocol.Kind{abcast.KindViewed, raft.KindTerm}
	s.Text = eventText
	s.Check = func(p *scenario.Params) error {
		if err := checkParams(p); err != nil {
			return err
		}
		w := &world{p: params{Setup: &scenario.Setup{Params: *p}}, delay: p.Delay + p.Jitter}
		return checkHeal(p, begin(w))
	}
	s.Build = func(b *scenario.Setup) *scenario.Run {
		p := newParams(b)
		r := build(p)
		r.Checks = append(r.Checks, check.Sends(noFlood, bound(p)).AtNodes(p.heard()))
		return r
	}
	if slices.ContainsFunc(s.Own, func(x *scenario.Param) bool { return x.Name == "order" }) {
		s.Compare = compareOrders()
		s.Small = "-txs 1"
	}
	return &s
}

// checkParams returns an error for parameters that the machines cannot run with.
func checkParams(p *scenario.Params) error {
	if most := protocol.Percent(40); p.Loss.Above(most) {
		return fmt.Errorf("loss %s: want at most %s: beyond it, retransmissions outlast the timeouts", fault.FormatRatio(p.Loss), fault.FormatRatio(most))
	}
	if p.Failing() && p.Nodes > mostFaulty {
		return fmt.Errorf("nodes %d: with faults want at most %d", p.Nodes, mostFaulty)
	}
	if err := checkRouting(p); err != nil {
		return err
	}
	if text, has := p.Text("order"); has && text == orderRaft && p.Nodes > mostFaulty {
		return fmt.Errorf("order raft: nodes %d: want at most %d, since its leader sends to every node all the time", p.Nodes, mostFaulty)
	}
	return nil
}

// checkHeal returns an error if the run heals before there is anything that a fault could
// spoil: it would pass for nothing.
func checkHeal(p *scenario.Params, begin protocol.Time) error {
	written, err := fault.Parse(p.Fault)
	if err != nil {
		return nil // which is reported later
	}
	for i := range written {
		if f := &written[i]; f.Op == fault.Heal && f.At <= begin {
			return fmt.Errorf("fault: %v: want a time after %v, when the workload begins: before, faults have nothing to spoil", f, begin)
		}
	}
	return nil
}

// withoutTransfers is the Moot of a scenario that is about transfers.
func withoutTransfers(p *scenario.Params) string {
	if p.Int("txs") == 0 {
		return judge.NoTransfers
	}
	return ""
}
