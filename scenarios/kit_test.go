package scenarios_test

import (
	"cmp"
	"flag"
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

var update = flag.Bool("update", false, "write the digests of now to testdata/digests.txt; the commit tells why they changed")

// subject is one run, but for who answers: what the flags of dessim run say.
type subject struct{ scenario.Subject }

// String returns the flags that repeat the run.
func (s subject) String() string { return s.Subject.String() }

// parseSubject reads flags as String writes them. The seed is 1 where there is none.
func parseSubject(flags string) (subject, error) {
	s, err := scenario.ParseSubject(scenarios.All(), flags)
	s.Seed = cmp.Or(s.Seed, 1)
	return subject{s}, err
}

// mustParse reads the flags of a test.
func mustParse(t *testing.T, flags string) subject {
	t.Helper()
	s, err := parseSubject(flags)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs under src, or under the seed if src is nil.
func (s subject) run(src protocol.Source, observers ...sim.Observer) scenario.Report {
	if src == nil {
		src = source.Seed(s.Seed)
	}
	r, ok := s.Scenario.Execute(s.Seed, s.Params, src, scenario.Options{Observers: observers})
	if !ok {
		panic("scenarios: a run that nobody stopped did not end")
	}
	return r
}

// fault tells what keeps r from a pass, a line a check, and the line that
// reproduces it, or "".
func (s subject) fault(r *scenario.Report) string {
	if r.Verdict == check.Pass {
		return ""
	}
	b := fmt.Appendf(nil, "verdict %s", r.Verdict)
	if r.Failure != "" {
		b = fmt.Appendf(b, ": %s", r.Failure)
	}
	for _, c := range r.Checks {
		if c.Verdict == check.Violation || c.Verdict == check.Inconclusive {
			b = fmt.Appendf(b, "\n  %s: %q at %v: %s", c.Verdict, c.Name, c.At, c.Detail)
		}
	}
	return string(fmt.Appendf(b, "\nreproduce: go run ./cmd/dessim %v", s))
}

// find returns the result of the check of that name, or the zero Result.
func find(r *scenario.Report, name string) check.Result {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	return check.Result{}
}

// set sets parameters that scenarios declare: a name, its text, and so on.
func set(t interface{ Fatal(args ...any) }, s *scenario.Scenario, p *scenario.Params, texts ...string) {
	for i := 0; i < len(texts); i += 2 {
		if err := s.Set(p, texts[i], texts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// textOf returns the words of a run's events, for so many members.
func textOf(members int) func(*sim.Event) string {
	return scenarios.Find("concurrent").Words(&scenario.Params{Nodes: members})
}
