package scenarios_test

import (
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/stats"
)

// inputs counts the inputs that arrive: they are no messages.
type inputs struct{ n, dropped uint64 }

func (*inputs) Watch() sim.What { return sim.Received | sim.Dropped }

func (x *inputs) Observe(e *sim.Event) {
	switch {
	case e.Peer != protocol.Outside:
	case e.What == sim.Received:
		x.n++
	default:
		x.dropped++
	}
}

// measure makes a run with a Meter.
func measure(t *testing.T, s subject) (r scenario.Report, m *stats.Meter, in inputs) {
	t.Helper()
	m = new(stats.Meter)
	r, ok := s.Scenario.Execute(s.Seed, s.Params, source.Seed(s.Seed), scenario.Options{Meter: m, Observers: []sim.Observer{&in}})
	if !ok {
		t.Fatal("a run that nobody stopped did not end")
	}
	return r, m, in
}

var transferTimes = []string{"transfer, answered", "transfer, first node", "transfer, last node", "commit", "order", "join"}

// measuredTimes are the times that a run of each scenario has.
var measuredTimes = map[string][]string{
	"bootstrap": {"lookup", "key", "join"}, "churn": {"lookup", "publish", "join"}, "kv": {"get", "put", "cas", "exclusion", "admission"},
	"commit": append(transferTimes, "abort"), "broadcast": append(transferTimes, "flood"), "concurrent": transferTimes, "verify": transferTimes, "doublespend": transferTimes,
	"ledger": append(transferTimes, "lookup", "key", "flood"), "crash": append(transferTimes, "exclusion", "admission"),
	"failover": transferTimes, "blackout": transferTimes, "partition": transferTimes, "byzantine": transferTimes, "chaos": transferTimes,
}

func TestEachScenarioMeasuresWhatAUserLooksForAndChangesNothing(t *testing.T) {
	for _, x := range scenarios.All() {
		flags := "-scenario " + x.Name
		if x.Name == "churn" {
			flags += " -nodes 20 -txs 40"
		}
		s := mustParse(t, flags)
		r, m, in := measure(t, s)
		if without := s.run(nil); r.Sim.Digest != without.Sim.Digest || r.Verdict != without.Verdict {
			t.Errorf("%v: a Meter changes the run: %s %s, without it %s %s", s, r.Verdict, r.Sim.Digest, without.Verdict, without.Sim.Digest)
		}
		if len(measuredTimes[x.Name]) == 0 {
			t.Errorf("%s: want it in measuredTimes", x.Name)
		}
		for _, want := range measuredTimes[x.Name] {
			if len(m.Time(want, "").Took) == 0 {
				t.Errorf("%v measures no %s", s, want)
			}
		}
		agree(t, s, &r, &m.Traffic, in)
	}
}

// agree requires that the figures of messages are those of the result.
func agree(t *testing.T, s subject, report *scenario.Report, traffic *stats.Traffic, in inputs) {
	t.Helper()
	r, sum := &report.Sim, traffic.Sum()
	if sum.Sent != r.Sent || sum.Bytes != r.Bytes || sum.Lost != r.Lost || sum.Copied != r.Copied || sum.Delivered != r.Received-in.n || sum.Dropped != r.Dropped-in.dropped {
		t.Errorf("%v: the kinds have %+v, the result is %+v, with %+v", s, sum, r, in)
	}
	if sum.Delivered+sum.Lost+sum.Dropped > sum.Sent+sum.Copied {
		t.Errorf("%v: more came of messages than there were: %+v", s, sum)
	}
	sent, received, bytes := uint64(0), uint64(0), uint64(0)
	for i := range traffic.Nodes {
		n, of := &traffic.Nodes[i], uint64(0)
		for k := range traffic.Kinds {
			of += n.Of(k)
		}
		if of != n.Sent {
			t.Errorf("%v: node %d sent %d messages, %d by kind", s, i, n.Sent, of)
		}
		sent, received, bytes = sent+n.Sent, received+n.Received, bytes+n.Bytes
	}
	if sent != sum.Sent || received != sum.Delivered || bytes != sum.Bytes {
		t.Errorf("%v: the nodes have %d sent, %d received, %d bytes; the kinds %+v", s, sent, received, bytes, sum)
	}
	for _, n := range report.Nodes {
		if n.Messages != traffic.Nodes[n.ID].Sent {
			t.Errorf("%v: node %v sent %d messages in the summary, %d in the figures", s, n.ID, n.Messages, traffic.Nodes[n.ID].Sent)
		}
	}
}

// Without faults every transfer is answered, and entered by every node, in that order; and the
// lookups and keys are those that the plan asks for.
func TestMeasuredOperationsAreThoseOfThePlan(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -nodes 5 -txs 9")
	_, m, _ := measure(t, s)
	answered, first, last, order := m.Time("transfer, answered", ""), m.Time("transfer, first node", ""), m.Time("transfer, last node", ""), m.Time("order", "")
	for _, x := range []*stats.Time{answered, first, last} {
		if len(x.Took) != 9 || x.Open() != 0 {
			t.Errorf("%v: %s has %d that ended, and %d that did not; want 9 and 0", s, x.Name, len(x.Took), x.Open())
		}
	}
	if len(order.Took) != 9*5 {
		t.Errorf("%v: %d transactions were entered, want 9 by each of 5 nodes", s, len(order.Took))
	}
	for i := range last.Took {
		if last.Took[i] < first.Took[i] {
			t.Errorf("%v: the last node entered a transfer after %v, the first after %v", s, last.Took[i], first.Took[i])
		}
	}
	s = mustParse(t, "-scenario bootstrap -nodes 10")
	_, m, _ = measure(t, s)
	for _, name := range []string{"lookup", "key"} {
		if x := m.Time(name, ""); len(x.Took) != 90 || x.Open() != 0 {
			t.Errorf("%v: %s has %d, %d open; want 90", s, name, len(x.Took), x.Open())
		}
	}
	if hops := m.Number("hops of lookups", ""); len(hops.Values) != 90 {
		t.Errorf("%v: %d hops, want 90", s, len(hops.Values))
	}
}

// In a run that is cut short, what has begun and not ended is open.
func TestARunThatIsCutShortHasOpenOperations(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -nodes 5 -txs 9 -until 2300ms")
	r, m, _ := measure(t, s)
	if x := m.Time("transfer, answered", ""); x.Open() == 0 || x.Open()+len(x.Took) != 9 {
		t.Errorf("%v ends at %v with %d transfers answered and %d open; want some open, and 9 in all", s, r.Sim.End, len(x.Took), x.Open())
	}
}
