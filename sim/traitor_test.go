package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"
	"dessim/sim/traitor"

	"pgregory.net/rapid"
)

// honestly answers the questions of traitors by benign, and all others by hash.
type honestly struct{ source.Seed }

func (s honestly) Chance(k protocol.Key, p protocol.Ratio) bool {
	return !strings.HasPrefix(k.Kind.String(), "byz.") && s.Seed.Chance(k, p)
}

// The bare node is the slow twin of the wrapped one: with benign answers the runs
// are the same in all that the trace shows, and outside of the faults' time in
// the digest of decisions too.
func TestATraitorWithBenignAnswersIsHonest(t *testing.T) {
	events := 0
	honest := func(t *rapid.T) {
		plan := drawPlan(t)
		plan.Faults = slices.DeleteFunc(plan.Faults, func(f fault.Fault) bool { return f.Op == fault.Byzantine })
		src := honestly{source.Seed(rapid.Uint64().Draw(t, "seed"))}
		make := plan.Node
		sleeping := rapid.Bool().Draw(t, "sleeping")
		bare, wrapped := new(Trace), new(Trace)
		want := mustNew(t, plan, src, bare).Run()
		plan.Node = func(id protocol.NodeID) protocol.Node {
			var faults []fault.Fault
			for trait := fault.Equivocate; trait <= fault.Alter; trait++ {
				f := fault.Fault{Op: fault.Byzantine, Node: id, Trait: trait, Rate: protocol.Percent(99)}
				if sleeping {
					f.At = protocol.Time(time.Hour)
				}
				faults = append(faults, f)
			}
			return traitor.New(make(id), faults...)
		}
		got := mustNew(t, plan, src, wrapped).Run()
		if got, want := wrapped.String(), bare.String(); got != want {
			t.Fatal(firstDifference(got, want))
		}
		if !sleeping {
			got.Digest.Decisions = want.Digest.Decisions
		}
		if got != want {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
		events += int(want.Events)
	}
	rapid.Check(t, honest)
	fixed.Check(t, 60, honest)
	if events < 1000 {
		t.Errorf("vacuous: %d events", events)
	}
}
