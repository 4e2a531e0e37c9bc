package scenarios_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Every machine is correct when every answer is 0.
func TestScenariosPassWhenAllAnswersAreBenign(t *testing.T) {
	for _, flags := range []string{
		"-scenario bootstrap -nodes 3", "-scenario bootstrap -nodes 8",
		"-scenario concurrent -nodes 3", "-scenario concurrent -nodes 8",
		"-scenario concurrent -nodes 8 -loss 10% -copy 10% -abort 50%",
		"-scenario verify -nodes 4", "-scenario verify -nodes 8 -order lamport",
		"-scenario doublespend -nodes 4", "-scenario doublespend -nodes 8 -order sequencer",
	} {
		s := mustParse(t, flags)
		r := s.run(protocol.Benign{})
		if wrong := s.fault(&r); wrong != "" {
			t.Errorf("all answers benign: %s", wrong)
		}
		if r.Sim.Lost != 0 || r.Sim.Copied != 0 {
			t.Errorf("%v, all answers benign: %d messages lost, %d copied", s, r.Sim.Lost, r.Sim.Copied)
		}
	}
}

func TestScenariosPassAtTheEdgesOfTheirParameters(t *testing.T) {
	for _, flags := range []string{
		"-scenario bootstrap -nodes 1",
		"-scenario bootstrap -nodes 2",
		"-scenario bootstrap -nodes 2 -loss 40%",
		"-scenario bootstrap -nodes 65",                                            // lookups are drawn
		"-scenario bootstrap -nodes 501",                                           // nodes of Kademlia alone
		"-scenario bootstrap -nodes 8 -jitter 2s -until 3h",                        // messages overtake each other by far
		"-scenario concurrent -nodes 3 -txs 1",                                     // nothing to order
		"-scenario concurrent -nodes 3 -txs 2",                                     // the forced crossing alone
		"-scenario concurrent -nodes 3 -txs 60",                                    // coins run short
		"-scenario concurrent -nodes 8 -jitter 0s",                                 // everything at once
		"-scenario concurrent -nodes 4 -txs 6 -delay 10m -jitter 10m -until 2400h", // the longest delays
		"-scenario concurrent -nodes 4 -txs 6 -delay 1us -jitter 0s",
		"-scenario concurrent -nodes 4 -txs 6 -copy 100%",
		"-scenario concurrent -nodes 4 -txs 6 -abort 60%",
		"-scenario verify -nodes 4 -txs 0",
		"-scenario verify -nodes 4 -txs 60",
		"-scenario verify -nodes 4 -loss 40%",
		"-scenario verify -nodes 8 -jitter 0s",
		"-scenario verify -nodes 4 -delay 10m -jitter 10m -until 2400h",
		"-scenario doublespend -nodes 4 -txs 0",
		"-scenario doublespend -nodes 4 -txs 60", // coins run short
		"-scenario doublespend -nodes 4 -loss 40%",
		"-scenario doublespend -nodes 8 -jitter 0s",
		"-scenario doublespend -nodes 4 -abort 60%",
		"-scenario doublespend -nodes 4 -delay 10m -jitter 10m -until 2400h",
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			s := mustParse(t, flags)
			r := s.run(nil)
			if wrong := s.fault(&r); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// With one transfer there is nothing to cross, and with none nothing to order:
// that is no pass, and each check says why.
func TestChecksThatParametersRuleOutAreNotApplicable(t *testing.T) {
	crossed := "two transactions reach two nodes in different orders"
	for flags, want := range map[string]map[string]string{
		"-scenario concurrent -txs 1": {crossed: "it needs two transfers"},
		"-scenario bootstrap -nodes 1": {
			"lookups return the k closest nodes": "a single node has no other node to look up",
			"every lookup ends":                  "a single node has no other node to look up",
		},
	} {
		s := mustParse(t, flags)
		r := s.run(nil)
		for name, reason := range want {
			if c := find(&r, name); c.Verdict != check.NotApplicable || c.Detail != reason {
				t.Errorf("%v: %q is %s, %q, want not applicable, %q", s, name, c.Verdict, c.Detail, reason)
			}
		}
	}
}

// A scenario about transfers has nothing to judge without any: that nodes have
// joined would be no pass of it.
func TestWithoutTransfersNothingIsApplicable(t *testing.T) {
	for _, flags := range []string{"-scenario commit", "-scenario broadcast", "-scenario concurrent", "-scenario ledger"} {
		s := mustParse(t, flags+" -txs 0")
		r := s.run(nil)
		if r.Verdict != check.Inconclusive || len(r.Checks) == 0 {
			t.Errorf("%v: verdict %s of %d checks, want inconclusive", s, r.Verdict, len(r.Checks))
		}
		for _, c := range r.Checks {
			if c.Verdict != check.NotApplicable || c.Detail != "there are no transfers" {
				t.Errorf("%v: %q is %s, %q, want not applicable, there are no transfers", s, c.Name, c.Verdict, c.Detail)
			}
		}
	}
}

// A run that ends before its first input shows nothing.
func TestARunWithoutInputsIsRefusedWithTheTimeOfTheFirst(t *testing.T) {
	for _, s := range scenarios.All() {
		for _, until := range []time.Duration{1, time.Millisecond, 100 * time.Millisecond} {
			p := s.Defaults
			p.Until = until
			var refused *scenario.PlanError
			if err := s.Plannable(1, p); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the first input comes at ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s until %v: %v", s.Name, until, err)
			}
		}
		p := s.Defaults
		if err := s.Plannable(1, p); err != nil {
			t.Error(err)
		}
	}
}

// What was cut short has not failed.
func TestARunCutShortIsInconclusiveWithTheReason(t *testing.T) {
	for _, s := range scenarios.All() {
		for _, until := range []time.Duration{1500 * time.Millisecond, 2200 * time.Millisecond, 30 * time.Minute} {
			for seed := uint64(1); seed <= 5; seed++ {
				p := s.Defaults
				p.Until = until
				if s.Plannable(seed, p) != nil || until > time.Minute && s.Name != "churn" {
					continue
				}
				x := subject{scenario.Subject{Scenario: s, Seed: seed, Params: p}}
				r := x.run(nil)
				if r.Verdict != check.Inconclusive {
					t.Errorf("%v: verdict %s, want inconclusive\n%s", x, r.Verdict, x.fault(&r))
				}
				if r.Sim.End > protocol.Time(until) {
					t.Errorf("%v: ends at %v", x, r.Sim.End)
				}
				for _, c := range r.Checks {
					if c.Verdict == check.Inconclusive && c.Detail == "" {
						t.Errorf("%v: %q is inconclusive without a reason", x, c.Name)
					}
				}
			}
		}
	}
}

func TestACutRunTellsHowLongItWouldHaveHad(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -until 2200ms")
	r := s.run(nil)
	c := find(&r, "all nodes end with the same ledger")
	if c.Verdict != check.Inconclusive || !strings.Contains(c.Detail, "the run ended at 2.2s, it has until ") {
		t.Errorf("%s: %q", c.Verdict, c.Detail)
	}
}

func TestStopEndsARunWithoutReport(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -nodes 16")
	asked := 0
	var last uint64
	stop := func(after int) func(uint64, protocol.Time) bool {
		return func(events uint64, now protocol.Time) bool {
			if events <= last && asked > 0 || now < 0 {
				t.Errorf("asked at event %d after event %d, at %v", events, last, now)
			}
			asked, last = asked+1, events
			return asked >= after
		}
	}
	if _, ok := s.Scenario.Execute(s.Seed, s.Params, source.Seed(s.Seed), scenario.Options{Stop: stop(1)}); ok || asked != 1 {
		t.Errorf("stopped at the first question: ok %v, asked %d times", ok, asked)
	}
	asked, last = 0, 0
	r, ok := s.Scenario.Execute(s.Seed, s.Params, source.Seed(s.Seed), scenario.Options{Stop: stop(1 << 30)})
	if plain := s.run(nil); !ok || r.Sim != plain.Sim {
		t.Errorf("never stopped: ok %v, %+v, want %+v", ok, r.Sim, plain.Sim)
	}
}

// What a report says of the nodes agrees with what the checks found.
func TestRowsTellTheSameLedgerOfEveryNode(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -nodes 5 -txs 7")
	r := s.run(nil)
	if len(r.Nodes) != 5 {
		t.Fatalf("%d rows, want 5", len(r.Nodes))
	}
	var sum, sent uint64
	for i, row := range r.Nodes {
		if row.ID != protocol.NodeID(i) || len(row.Cells) != 4 || len(row.Cells[0]) != 40 || row.Cells[1] != "7" || row.Cells[2] != r.Nodes[0].Cells[2] {
			t.Errorf("row %d is %+v, row 0 %+v", i, row, r.Nodes[0])
		}
		balance, err := strconv.ParseUint(row.Cells[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += balance
		sent += row.Messages
	}
	if want := uint64(5 * 8 * 1_000_000_000); sum != want {
		t.Errorf("the balances sum to %d, want %d", sum, want)
	}
	if sent == 0 || sent > r.Sim.Sent {
		t.Errorf("the nodes sent %d messages of %d", sent, r.Sim.Sent)
	}
	if len(r.Facts) == 0 {
		t.Error("no facts")
	}
}

// Observers see the run and do not change it.
func TestObserversDoNotChangeTheDigest(t *testing.T) {
	s := mustParse(t, "-scenario concurrent -nodes 4 -txs 5 -loss 10% -copy 10%")
	plain := s.run(nil)
	if seen := s.run(nil, &sim.Trace{Only: sim.Everything}); seen.Sim != plain.Sim {
		t.Errorf("traced %+v, want %+v", seen.Sim, plain.Sim)
	}
}

// Sources of the same seed, another salt: identities come from the salt alone.
func TestTheSeedSaltsIdentitiesAndAnswersDoNot(t *testing.T) {
	s := mustParse(t, "-scenario bootstrap -nodes 3")
	ids := func(seed uint64, src protocol.Source) (out [3]string) {
		s.Seed = seed
		r := s.run(src)
		for i, row := range r.Nodes {
			out[i] = row.Cells[0]
		}
		return out
	}
	first := ids(1, source.Seed(1))
	if ids(1, protocol.Benign{}) != first || ids(1, source.Seed(2)) != first {
		t.Error("other answers give other identities")
	}
	if ids(2, source.Seed(1)) == first {
		t.Error("another seed gives the same identities")
	}
}
