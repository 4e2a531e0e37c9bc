package scenarios

import (
	"strings"
	"testing"
	"time"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestFaultsThatNeverHealAreForewarnedAndRuleOutChecksThatNeedAHeal(t *testing.T) {
	for faults, want := range map[string]string{
		"crash 0 at 5s; crash 1 at 5s; crash 2 at 5s": "", // heals when the fault window is over
		"heal at never":                                                                 "",
		"heal at never; crash 0 at 5s for 1s":                                           "",
		"heal at never; partition 0,1|2-4 at 5s every 1s":                               "",
		"heal at never; crash 0 at 5s; restart 0 at 6s":                                 "",
		"heal at never; restart 0 at 4s; crash 0 at 5s":                                 "leave 4 of 5 nodes",
		"heal at never; crash 0 after sync #10; restart 0 at 10ms":                      "leave 4 of 5 nodes", // the restart may come too soon
		"heal at never; crash 0 at 5s after sync #1 of 1; restart 0 at 5s":              "leave 4 of 5 nodes",
		"heal at never; failsync 0 at 5s; restart 0 at 6s":                              "leave 4 of 5 nodes",
		"heal at never; lose *>* 100% at 5s":                                            "no majority, 1 of 5",
		"heal at never; lose 0>* 100% at 5s":                                            "leave 4 of 5 nodes",
		"heal at never; crash 0 at 5s; crash 1 at 5s":                                   "leave 3 of 5 nodes",
		"heal at never; crash 0 at 5s; crash 1 at 5s; crash 2 at 5s":                    "no majority, 2 of 5",
		"heal at never; partition 0,1|2,3 at 5s":                                        "leave 3 of 5", // node 4 hears all
		"heal at never; partition 0,1|2-4 at 5s":                                        "leave 3 of 5",
		"heal at never; ring 0-4 at 5s":                                                 "no majority, 2 of 5",
		"heal at never; lose *>* 5% at 5s":                                              "messages are lost or altered",
		"heal at never; partition 0,1|2,3|4 at 5s":                                      "no majority, 2 of 5",
		"heal at never; crash 4 at 5s; partition 0,1|2,3 at 5s":                         "no majority, 2 of 5",
		"heal at never; cut 0,1>2-4 at 5s":                                              "leave 3 of 5", // one way is enough
		"heal at never; deaf 0 at 5s":                                                   "leave 4 of 5 nodes",
		"heal at never; deaf 0 at 5s; mute 0 at 6s; mute 1 at 5s":                       "leave 3 of 5 nodes",
		"heal at never; deaf 0 at 5s; mute 1 at 5s; mute 2 at 5s":                       "no majority, 2 of 5",
		"heal at never; mute 0 at 5s every 1s":                                          "",
		"heal at never; cut *>0 at 5s; cut 1>* at 5s; crash 2 at 5s; lose *>* 5% at 0s": "no majority, 2 of 5",
	} {
		s := crash()
		p := s.Defaults
		p.Faults, p.Fault, p.Until = "", faults, 2*time.Minute
		if err := s.Validate(&p); err != nil {
			t.Fatal(err)
		}
		got := ""
		r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{Forewarn: func(text string) { got = text }})
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: forewarns %q, want %q", faults, got, want)
		}
		if r.Verdict != check.Pass {
			t.Errorf("%s: %v\nreproduce: go run ./cmd/dessim -scenario crash -until 2m -faults none -fault '%s'", faults, r.Verdict, faults)
		}
		for _, c := range r.Checks {
			switch c.Name {
			case "all nodes end with the same ledger":
				if (c.Verdict == check.NotApplicable) != (want != "") {
					t.Errorf("%s: %q is %v", faults, c.Name, c.Verdict)
				}
			case "every log is a prefix of one sequence":
				if c.Verdict == check.NotApplicable {
					t.Errorf("%s: %q is not judged", faults, c.Name)
				}
			}
		}
	}
}
