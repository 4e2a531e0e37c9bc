package scenarios_test

import (
	"strings"
	"testing"

	"dessim/scenarios"
	"dessim/sim/check"
)

// The double spender asks itself for its transfers: after a restart it is replied to as
// any client is.
func TestAMemberThatIsItsOwnClientSurvivesACrash(t *testing.T) {
	s := mustParse(t, "-scenario crash -nodes 4 -txs 2 -faults none -fault 'crash 3 after output decided #1 of 1 for 100ms scattered'")
	r := s.run(nil)
	if wrong := s.fault(&r); wrong != "" || r.Verdict != check.Pass {
		t.Errorf("%v %s", r.Verdict, wrong)
	}
}

func TestAFaultOfTheLinkFromANodeToItselfIsRefused(t *testing.T) {
	s := scenarios.Find("crash")
	for text, refused := range map[string]bool{
		"slow 0>0 by 1s at 1s":     true,
		"cut 2>2 at 1s for 1s":     true,
		"slow 0-4>0 by 1us at 1s":  false, // of which 0>0 is no part
		"lose *>* 1% at 1s for 1s": false,
	} {
		p := s.Defaults
		p.Faults, p.Fault = "", text
		err := s.Validate(&p)
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "to itself, want two nodes") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
