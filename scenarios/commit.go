package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// committing is the scenario commit: transfers by two-phase commit, some of which
// abort and are tried again.
func committing() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "commit",
		Shows:    "transfers by two-phase commit: random aborts, retries by the client, exact costs",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: scenario.Params{Nodes: 6, Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Until: time.Minute},
		Moot: withoutTransfers,
		Own:  transfers(12, 10),
	}, buildCommit)
}

func buildCommit(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Transfer == 0 && id.Attempt == 1 {
			return protocol.Percent(100) // so that every run has an abort
		}
		return p.Abort
	}
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1, m.transfer(i))
	}
	c, l := m.commits, m.ledgers
	return m.run(check.Suite{
		m.joinedCheck(m.bound),
		c.agreement(), c.stability(), c.validity(), p.calmly(c.progress(m.bound)),
		p.calmly(newCosts(m).check()), l.retried(),
		l.integrity(), l.answered(m.bound), l.conserved(), l.audited(), l.equalAtEnd(m.bound), l.noReservation(m.bound),
	})
}

// What a commit costs with two participants beside the coordinator, who is one too:
// see package twopc.
const (
	commitMessages = 8
	commitForced   = 5
)

// costs counts what each transaction costs.
type costs struct {
	m      *market
	spent  map[twopc.ID]*cost
	unsafe map[protocol.NodeID][]twopc.ID // of records that no sync has made safe yet
}

type cost struct{ messages, forced int }

func newCosts(m *market) *costs {
	return &costs{m: m, spent: make(map[twopc.ID]*cost), unsafe: make(map[protocol.NodeID][]twopc.ID)}
}

func (x *costs) of(id twopc.ID) *cost {
	if x.spent[id] == nil {
		x.spent[id] = new(cost)
	}
	return x.spent[id]
}

// check demands the exact cost of every commit, on a quiet network.
func (x *costs) check() *check.Check {
	name := fmt.Sprintf("a commit costs %d messages and %d forced writes", commitMessages, commitForced)
	if !x.m.p.Loss.Never() || !x.m.p.Copy.Never() {
		return check.Skip(name, "messages are lost or copied, which costs more")
	}
	return check.EventuallySeeing(name, x.m.bound, sim.Sent|sim.Persisted|sim.Synced, x.see, func() (uint64, error) {
		n := uint64(0)
		for _, t := range x.m.commits.order {
			if len(t.decided) == 0 || !t.decided[0].commit {
				continue
			}
			n++
			if c := *x.of(t.id); c != (cost{commitMessages, commitForced}) {
				return n, fmt.Errorf("transaction %v cost %d messages and %d forced writes", t.id, c.messages, c.forced)
			}
		}
		return n, nil
	})
}

func (x *costs) see(e *sim.Event) {
	switch e.What {
	case sim.Sent:
		if e.Kind == link.KindResend || e.Kind == link.KindAck {
			return // the link's own
		}
		if msg, ok := link.Payload(e.Body); ok {
			if id, ok := twopc.MessageID(msg); ok {
				x.of(id).messages++
			}
		}
	case sim.Persisted:
		if id, ok := twopc.ForcedID(e.Body); ok {
			x.unsafe[e.Node] = append(x.unsafe[e.Node], id)
		}
	case sim.Synced:
		for _, id := range x.unsafe[e.Node] {
			x.of(id).forced++
		}
		x.unsafe[e.Node] = x.unsafe[e.Node][:0]
	}
}

// retried demands that an attempt aborted and a later one was accepted.
func (l *ledgers) retried() *check.Check {
	return check.Sometimes("an aborted transfer was tried again and accepted", check.EachRun, sim.Output, func(e *sim.Event) bool {
		a, ok := peer.DecodeAnswer(e.Body)
		return ok && e.Kind == peer.KindAnswered && a.Attempts > 1 && a.Outcome == peer.Accepted
	})
}
