package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestCompareShowsWhatEachOrderCosts(t *testing.T) {
	type row struct {
		Order                                                string
		Runs, Passed, Delivered, Messages, Heartbeats, Syncs uint64
		ByLink                                               uint64            `json:"by_link"`
		VirtualNS                                            uint64            `json:"virtual_ns"`
		WaitsNS                                              map[string]uint64 `json:"waits_ns"`
	}
	var c struct{ Orders []row }
	// Without jitter each step of an order takes a delay, of 10 ms.
	r := dessim(t, "compare", "-scenario", "broadcast", "-nodes", "5", "-delay", "10ms", "-jitter", "0s", "-seeds", "1-3", "-json")
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || r.code != exitPass {
		t.Fatalf("%+v: %v", r, err)
	}
	const each = 4 // 5 nodes, so 4 others
	for i, want := range []row{
		{Order: "isis", Messages: 3 * each, WaitsNS: map[string]uint64{"max": 3}},
		{Order: "lamport", Messages: 5 * each, WaitsNS: map[string]uint64{"max": 2}},
		{Order: "sequencer", Messages: 2 * each, WaitsNS: map[string]uint64{"max": 2}},
		{Order: "raft", WaitsNS: map[string]uint64{"max": 4}},
	} {
		got := c.Orders[i]
		if got.Order != want.Order || got.Runs != 3 || got.Passed != 3 || got.Delivered != 24 {
			t.Errorf("%+v, want 3 runs of %s, which pass, with 24 messages in the order", got, want.Order)
		}
		if sent := got.Messages - got.ByLink; want.Messages != 0 && sent != want.Messages*got.Delivered {
			t.Errorf("%s sends %d messages for %d in the order, want %d each", got.Order, sent, got.Delivered, want.Messages)
		}
		if linked := got.Order != "raft"; (got.ByLink > 0) != linked {
			t.Errorf("%s has the link send %d messages by itself", got.Order, got.ByLink)
		}
		// Disks take up to a tenth of a delay, in between.
		if delays := (got.WaitsNS["max"] + 5e6) / 10e6; delays != want.WaitsNS["max"] {
			t.Errorf("%s: the last node has entered after %d ns, which is %d delays; want %d", got.Order, got.WaitsNS["max"], delays, want.WaitsNS["max"])
		}
		if beats := got.Order == "raft"; (got.Heartbeats > 0) != beats || got.VirtualNS == 0 {
			t.Errorf("%s sends %d heartbeats in %d ns", got.Order, got.Heartbeats, got.VirtualNS)
		}
	}
	text := dessim(t, "compare", "-scenario", "broadcast", "-nodes", "5", "-seeds", "1-3")
	if text.code != exitPass || strings.Count(text.stdout, " 3/3 |") != 4 {
		t.Errorf("%+v", text)
	}
}

func TestCompareEndsAsItsWorstRun(t *testing.T) {
	short := dessim(t, "compare", "-scenario", "concurrent", "-until", "2500ms", "-seeds", "7-8")
	line := "isis: the first run that does not pass ends with inconclusive: dessim run -seed 7 -scenario concurrent -until 2.5s\n"
	if short.code != exitInconclusive || !strings.Contains(short.stdout, " 0/2 |") || !strings.Contains(short.stdout, line) {
		t.Errorf("%+v, want exit %d and the line %s", short, exitInconclusive, line)
	}
}

func TestCompareRefusesWhatItCannotCompare(t *testing.T) {
	for args, words := range map[string]string{
		"":                                 "no scenario",
		"-scenario bootstrap":              "scenario bootstrap has nothing to compare; want another, such as commit",
		"-scenario concurrent -order isis": "-order: compare runs all of isis, lamport, sequencer, raft",
		"-scenario concurrent -seed 4":     "use -seeds",
		"-scenario concurrent -seeds 4-1":  "the first is above the last",
		"-scenario concurrent -nodes 2000": "order raft: nodes 2000",
		"-scenario concurrent more":        `unexpected argument "more"`,
	} {
		wantLine(t, dessim(t, append([]string{"compare"}, strings.Fields(args)...)...), exitUsage, words)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantLine(t, dessimUnder(ctx, "compare", "-scenario", "concurrent"), exitInterrupted, "interrupted")
}

func TestCompareOfTheStoreShowsHowLongClientsWait(t *testing.T) {
	r := dessim(t, "compare", "-scenario", "kv", "-txs", "6", "-faults", "none", "-fault", "heal at 3s", "-seeds", "1-2")
	if r.code != exitPass || strings.Count(r.stdout, " 2/2 |") != 4 || !strings.Contains(r.stdout, "\nmilliseconds from the call of an operation until its client is answered\n") || strings.Contains(r.stdout, "   0.0 |\n") || strings.Contains(r.stdout, "     |\n") {
		t.Errorf("%+v", r)
	}
}

// idle does nothing, in no order.
type idle struct{}

func (idle) Start(*protocol.Env)                            {}
func (idle) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (idle) Timeout(*protocol.Env, uint64)                  {}

func TestCompareRefusesAScenarioThatOrdersNothing(t *testing.T) {
	runs := 0
	s := &scenario.Scenario{
		Name: "idle", Shows: "nothing",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute},
		Own:      scenarios.Find("concurrent").Own, Compare: scenarios.Find("concurrent").Compare,
		Build: func(b *scenario.Setup) *scenario.Run {
			runs++
			return &scenario.Run{
				Plan:   sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return idle{} }, Link: sim.Link{Delay: time.Millisecond}, Until: protocol.Time(time.Minute)},
				Checks: check.Suite{check.Sometimes("the node starts", check.EachRun, sim.Started, func(*sim.Event) bool { return true })},
			}
		},
	}
	p := Program{Name: "dessim", Scenarios: []*scenario.Scenario{s}}
	var out, errs bytes.Buffer
	code := p.run(t.Context(), []string{"compare", "-scenario", "idle", "-seeds", "5-9"}, streams{stdout: &out, stderr: &errs})
	wantLine(t, result{code, out.String(), errs.String()}, exitUsage, "scenario idle, seed 5: there was no message in the order")
	if runs != 1 {
		t.Errorf("it takes %d runs to see that, want 1", runs)
	}
}

// leader knows who sent the last heartbeat of Raft.
type leader struct{ id protocol.NodeID }

func (*leader) Watch() sim.What { return sim.Sent }

func (l *leader) Observe(e *sim.Event) {
	if e.Kind == raft.KindBeat {
		l.id = e.Node
	}
}

// README.md of protocol/abcast has node 0 crash, to see what becomes of an order without its leader.
func TestNode0LeadsRaftWhereTheReadmeCrashesIt(t *testing.T) {
	s, err := scenario.ParseSubject(scenarios.All(), "-scenario partition -order raft -txs 200 -faults none -fault 'crash 0 at 5s for 1s' -until 5s")
	if err != nil {
		t.Fatal(err)
	}
	for seed := uint64(12); seed <= 19; seed++ {
		l := leader{id: protocol.Outside}
		s.Scenario.Execute(seed, s.Params, source.Seed(seed), scenario.Options{Observers: []sim.Observer{&l}})
		if l.id != 0 {
			t.Errorf("seed %d: node %v leads; want seeds in protocol/abcast/README.md for which node 0 leads", seed, l.id)
		}
	}
}

func TestAnInterruptedComparisonShowsTheRunsSoFar(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := *scenario.Find(scenarios.All(), "concurrent")
	compare := *s.Compare
	runs, meter := 0, s.Compare.Meter
	compare.Meter = func() scenario.Meter {
		if runs++; runs == 4 {
			cancel()
		}
		return meter()
	}
	s.Compare = &compare
	var out, errs bytes.Buffer
	code := (&Program{Name: "dessim", Scenarios: []*scenario.Scenario{&s}}).run(ctx, []string{"compare", "-scenario", "concurrent", "-nodes", "3", "-seeds", "1-10"}, streams{stdout: &out, stderr: &errs})
	if code != exitInterrupted || !strings.Contains(out.String(), " 3/3 ") || errs.String() != "dessim: interrupted before the last run; the table is of those so far\n" {
		t.Errorf("exits with %d\n%s%s", code, &out, &errs)
	}
}
