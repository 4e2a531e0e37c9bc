package cmdline

import (
	"fmt"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/wording"
)

type (
	jsonExplored struct {
		Scenario     string          `json:"scenario"`
		Seed         string          `json:"seed"`
		Params       ordered         `json:"params"`
		Verdict      string          `json:"verdict"`
		Depth        int             `json:"depth"`
		Points       int             `json:"points"`
		Runs         int             `json:"runs"`
		Skipped      int             `json:"skipped"`
		Distinct     int             `json:"distinct"`
		Complete     bool            `json:"complete"`
		Failed       int             `json:"failed"`
		Inconclusive int             `json:"inconclusive,omitempty"`
		Checks       []jsonFailing   `json:"checks"`
		First        *jsonFirstCrash `json:"first,omitempty"`
		Reproduce    string          `json:"reproduce"`
	}
	jsonFailing struct {
		Check string `json:"check"`
		Runs  int    `json:"runs"`
	}
	jsonFirstCrash struct {
		Check  string   `json:"check"`
		Detail string   `json:"detail"`
		Faults []string `json:"faults"`
		Digest string   `json:"digest"`
		Replay string   `json:"replay,omitempty"`
	}
)

// object prints one JSON object.
func (x *exploring) object() {
	c := &x.found
	o := jsonExplored{Scenario: x.Scenario.Name, Seed: fmt.Sprint(x.Seed), Params: texts(params(x.Scenario, &x.Params)),
		Verdict: string(x.verdict()), Depth: x.Depth, Points: c.Points, Runs: c.Runs, Skipped: c.Skipped,
		Distinct: c.Distinct, Complete: c.Complete, Failed: c.Failed, Inconclusive: c.Inconclusive, Checks: []jsonFailing{}, Reproduce: x.line}
	for _, name := range protocol.SortedKeys(c.Checks) {
		o.Checks = append(o.Checks, jsonFailing{name, c.Checks[name]})
	}
	if first := c.First; first != nil {
		o.First = &jsonFirstCrash{Check: first.Outcome.Check(), Detail: why(&first.Outcome), Faults: faultWords(first.Trial.Faults), Digest: first.Outcome.Digest.String()}
		if x.path != "" {
			o.First.Replay = x.Name + " replay " + wording.Shell(x.path)
		}
	}
	writeJSON(&x.out, o)
}

// why says what a failure shows.
func why(o *explore.Outcome) string {
	if o.Failure != "" {
		return o.Failure
	}
	violated := o.Violated()
	return detail(&violated)
}

// text prints the result for people.
func (x *exploring) text() {
	c, b := &x.found, &x.out
	fmt.Fprintf(b, "%s: scenario %s, %s\n", x.verdict(), x.Scenario.Name, x.how())
	if c.Inconclusive > 0 {
		fmt.Fprintln(b, tallied(uint64(c.Runs-c.Failed-c.Inconclusive), uint64(c.Failed), uint64(c.Inconclusive)))
	}
	switch {
	case c.First != nil:
		fmt.Fprintf(b, "%s failed; the first with the fewest crashes:\n%s\n", wording.Count(uint64(c.Failed), "run"), plain(c.First.Outcome.Check()+": "+why(&c.First.Outcome)))
		for _, line := range faultWords(c.First.Trial.Faults) {
			fmt.Fprintf(b, "  fault   %s\n", line)
		}
	case c.Complete:
		fmt.Fprintln(b, "all runs were made, and none failed")
	default:
		fmt.Fprintln(b, "no run failed, but not all were made")
	}
	var l lines
	l.add("runs", "%d, of which %d differ", c.Runs, c.Distinct)
	l.add("skipped", "%s with the same outcome as another", wording.Count(uint64(c.Skipped), "run"))
	l.add("points", "%d, between %v and %v, on %s", c.Points, x.From, x.To, wording.Count(x.Nodes, "node"))
	l.add("down", "%s", strings.Join(x.downs(), ", "))
	if len(c.Checks) > 1 {
		for _, name := range protocol.SortedKeys(c.Checks) {
			l.add("fails", "%s: %s", plain(name), wording.Count(uint64(c.Checks[name]), "run"))
		}
	}
	l.add("reproduce", "%s", x.line)
	x.repeat(&l)
	l.write(b)
}

// repeat adds the commands that make the first failure again, and smaller.
func (x *exploring) repeat(l *lines) {
	if x.path != "" {
		l.add("replay", "%s replay %s", x.Name, wording.Shell(x.path))
		l.add("shrink", "%s shrink %s", x.Name, wording.Shell(x.path))
	}
}

// how says what was tried.
func (x *exploring) how() string {
	if x.Depth == 1 {
		return "a crash at each point"
	}
	return fmt.Sprintf("up to %d crashes, each at each point", x.Depth)
}

func (x *exploring) downs() (out []string) {
	for _, d := range x.Downs {
		out = append(out, strings.ReplaceAll(d.String(), "\u00b5", "u"))
	}
	return out
}

// exploreProgress shows on a terminal how many runs there were, and at the end how
// long they took. How many there will be is not known.
type exploreProgress struct {
	streams *streams
	begun   time.Time
	shown   time.Time
	runs    int
}

func newExploreProgress(s *streams) *exploreProgress {
	now := time.Now()
	return &exploreProgress{streams: s, begun: now, shown: now}
}

// at takes the number of runs so far.
func (p *exploreProgress) at(runs int) {
	p.runs = runs
	if !p.streams.terminal || time.Since(p.shown) < patience {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.streams.stderr, "\r%d runs, %d a second ", runs, rate(uint64(runs), time.Since(p.begun)))
}

// close prints, on a terminal, how long the search took.
func (p *exploreProgress) close() {
	if p.streams.terminal {
		took := time.Since(p.begun)
		fmt.Fprintf(p.streams.stderr, "\r%d runs in %v, %d a second\n", p.runs, took.Round(time.Millisecond), rate(uint64(p.runs), took))
	}
}
