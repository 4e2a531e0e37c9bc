package scenarios_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/source"
)

var update = flag.Bool("update", false, "write the digests of now to testdata/digests.txt; the commit tells why they changed")

// subject is one run, but for who answers: what the flags of dessim run say.
type subject struct {
	scenario *scenarios.Scenario
	seed     uint64
	params   scenarios.Params
}

// parseSubject reads flags as String writes them.
func parseSubject(flags string) (s subject, err error) {
	s.seed = 1
	words := strings.Fields(flags)
	if len(words)%2 != 0 {
		return s, fmt.Errorf("%q: a flag has no value", flags)
	}
	values := make(map[string]string)
	for i := 0; i < len(words); i += 2 {
		name, dashed := strings.CutPrefix(words[i], "-")
		if _, twice := values[name]; twice || !dashed {
			return s, fmt.Errorf("%q: want flags, each once, and not %q", flags, words[i])
		}
		values[name] = words[i+1]
	}
	if s.scenario = scenarios.Find(values["scenario"]); s.scenario == nil {
		return s, fmt.Errorf("%q: no scenario %q", flags, values["scenario"])
	}
	delete(values, "scenario")
	if text, given := values["seed"]; given {
		if s.seed, err = source.ParseSeed(text); err != nil {
			return s, fmt.Errorf("%q: %w", flags, err)
		}
		delete(values, "seed")
	}
	s.params = s.scenario.Defaults
	for _, x := range s.scenario.Params() {
		if text, given := values[x.Name]; given {
			if err := x.Set(&s.params, text); err != nil {
				return s, fmt.Errorf("%q: %w", flags, err)
			}
			delete(values, x.Name)
		}
	}
	if len(values) > 0 {
		return s, fmt.Errorf("%q: scenario %s does not have all of these flags", flags, s.scenario.Name)
	}
	return s, s.scenario.Validate(&s.params)
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

// String gives the flags that repeat the run: what differs from the defaults.
func (s subject) String() string {
	flags := fmt.Sprintf("-seed %d -scenario %s", s.seed, s.scenario.Name)
	for _, x := range s.scenario.Params() {
		if text := x.Get(&s.params); text != x.Get(&s.scenario.Defaults) {
			flags += " -" + x.Name + " " + text
		}
	}
	return flags
}

// run runs under src, or under the seed if src is nil.
func (s subject) run(src protocol.Source, observers ...sim.Observer) scenarios.Report {
	if src == nil {
		src = source.Seed(s.seed)
	}
	r, ok := s.scenario.Execute(s.seed, s.params, src, scenarios.Options{Observers: observers})
	if !ok {
		panic("scenarios: a run that nobody stopped did not end")
	}
	return r
}

// fault tells what keeps r from a pass, a line a check, and the line that
// reproduces it, or "".
func (s subject) fault(r *scenarios.Report) string {
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

// find gives the result of the check of that name, or the zero Result.
func find(r *scenarios.Report, name string) check.Result {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	return check.Result{}
}
