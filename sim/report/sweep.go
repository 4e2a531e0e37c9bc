package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"time"

	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/wording"
)

// Sweep is what the page of a sweep shows: its report, and what the command line knows.
type Sweep struct {
	Program  string // as in its commands: "dessim"
	Scenario string
	Shows    string // what a run of the scenario shows, or ""
	Strategy string // or "" for the usual one
	Params   [][2]string
	Verdict  check.Verdict // of the report, or explore.Failed
	Note     string        // what else a reader must know, or ""
	Report   *explore.SweepReport
	Failures []Failure // of the first of Report.Groups, in their order
	Commands []Command // about the whole sweep
	Ongoing  *Ongoing  // unless the sweep has ended
}

// Failure is what is known of the smallest run of a group.
type Failure struct {
	Files    []Link
	Commands []Command
	Story    *Story // or nil
}

// Link is a file, by its path from the folder of the page, with slashes.
type Link struct{ Text, Path string }

// Command is a command, and what it is for: "replay the run".
type Command struct{ Does, Line string }

// Story tells a run.
type Story struct {
	Title string   // says which run it is
	About string   // a sentence below the title
	Lines []string // the last one is the failure
	Sizes []Size   // of what the run is made of
}

// Size is how much of something a run has, before and after it was shrunk.
type Size struct {
	Of            string
	Before, After uint64
}

// Ongoing is how a sweep goes on. Nothing of it stays on the page of a sweep that has ended:
// its bytes depend on the results alone, and not on the machine or on interruptions.
type Ongoing struct {
	Done, Total uint64
	PerSecond   int64
	Left        time.Duration
}

// WriteSweep writes the page: one file of HTML that needs nothing else, and no script. Text
// may be anything: see clean. Equal arguments have equal bytes.
func WriteSweep(w io.Writer, s Sweep) error {
	var b bytes.Buffer
	if err := sweepPage.Execute(&b, &sweepView{Sweep: s}); err != nil {
		return fmt.Errorf("report: %w", err) // nothing in a Sweep can do that
	}
	_, err := w.Write(b.Bytes())
	return err
}

//go:embed sweep.html
var sweepHTML string

//go:embed sweep.css
var sweepCSS string

var sweepPage = template.Must(template.New("sweep").Funcs(template.FuncMap{
	"clean":    clean,
	"escaped":  escaped, // of commands, which are no use if they are cut
	"number":   grouped[uint64],
	"count":    func(n uint64, noun string) string { return grouped(n) + " " + wording.Plural(n, noun) },
	"mark":     mark,
	"path":     func(path string) string { return (&url.URL{Path: path}).String() },
	"duration": func(d time.Duration) string { return d.Round(time.Second).String() },
}).Parse(sweepHTML))

// sweepView is a Sweep with what the template derives from it.
type sweepView struct{ Sweep }

// Style returns the style, which is the page's own text.
func (v *sweepView) Style() template.CSS { return template.CSS(sweepCSS) }

// Policy forbids the page everything but that style.
func (v *sweepView) Policy() string {
	hash := sha256.Sum256([]byte(sweepCSS))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// Quiet reports whether the sweep goes on, and nothing has failed.
func (v *sweepView) Quiet() bool {
	return v.Ongoing != nil && v.Report.Violations == 0 && v.Report.Errors == 0
}

// Headline returns the verdict. What a sweep that goes on has not found yet says nothing.
func (v *sweepView) Headline() string {
	switch {
	case v.Quiet():
		return "no failure so far"
	case v.Ongoing != nil:
		return string(v.Verdict) + " so far"
	}
	return string(v.Verdict)
}

// Seeds says which seeds the page is about.
func (v *sweepView) Seeds() string {
	if len(v.Report.Covered) == 0 {
		return "no seeds"
	}
	return spans(v.Report.Covered)
}

// NotRun says which seeds are missing, or returns "". Seeds that are still to come are not.
func (v *sweepView) NotRun() string {
	if missing := v.Report.Missing(); v.Ongoing == nil && len(missing) > 0 {
		return spans(missing)
	}
	return ""
}

// spans writes seeds as "seeds 1-7, 9".
func spans(all []explore.Span) string {
	text := ""
	for i, s := range all {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(s.From)
		if s.To > s.From {
			text += fmt.Sprintf("-%d", s.To)
		}
	}
	if len(all) == 1 && all[0].From == all[0].To {
		return "seed " + text
	}
	return "seeds " + text
}

// tile is how many seeds came to something.
type tile struct {
	Word  string
	Mark  string
	Class string
	N     uint64
	X, W  uint64 // of its part of a bar of full width
}

// full is the width of a bar that stands for all runs.
const full = 1000

// Tiles returns what the seeds came to. What none came to is left out, but for a pass and a
// violation.
func (v *sweepView) Tiles() (tiles []tile) {
	r := v.Report
	x := uint64(0)
	for _, t := range []tile{
		{Word: wording.Plural(r.Violations, "violation"), Class: "violation", N: r.Violations},
		{Word: wording.Plural(r.Errors, "error"), Class: "error", N: r.Errors},
		{Word: "inconclusive", Class: "inconclusive", N: r.Inconclusive},
		{Word: "pass", Class: "pass", N: r.Passed},
	} {
		if t.N == 0 && t.Class != "pass" && t.Class != "violation" {
			continue
		}
		t.Mark, t.X, t.W = mark(t.Class), x, part(t.N, r.Seeds)
		x += t.W
		tiles = append(tiles, t)
	}
	return tiles
}

// part returns n of all as a part of the full width. Something is never nothing.
func part(n, all uint64) uint64 {
	if n == 0 || all == 0 {
		return 0
	}
	return max(n*full/all, 4)
}

// mark returns the shape that goes with a word, so that nothing is said by colour alone.
func mark(word string) string {
	switch word {
	case "pass", "held":
		return "✓"
	case "violation", "violated":
		return "✕"
	case "error":
		return "!"
	case "not applicable":
		return "–"
	}
	return "?"
}

// failure is a group with what is known of its smallest run.
type failure struct {
	explore.Group
	Failure
	Number int
	Open   bool
	Share  uint64 // of the seeds, as a part of the full width
	Shape  string // the signature without the name of the check
}

// Groups returns the groups. The first are open.
func (v *sweepView) Groups() (all []failure) {
	const open = 2
	for i, g := range v.Report.Groups {
		f := failure{Group: g, Number: i + 1, Open: i < open, Share: part(g.Count, v.Report.Seeds), Shape: g.Signature}
		if prefix := g.Check + ": "; len(f.Shape) > len(prefix) && f.Shape[:len(prefix)] == prefix {
			f.Shape = f.Shape[len(prefix):]
		}
		if i < len(v.Failures) {
			f.Failure = v.Failures[i]
		}
		all = append(all, f)
	}
	return all
}

// judged is a check with what its verdicts mean.
type judged struct {
	explore.Judged
	Word      string
	Exercised uint64 // runs in which there was something to judge
}

// Checks returns what became of each check.
func (v *sweepView) Checks() (all []judged) {
	for _, c := range v.Report.Checks {
		j := judged{Judged: c, Word: "not applicable", Exercised: c.Passed + c.Violated}
		switch {
		case c.Violated > 0:
			j.Word = "violated"
		case c.Inconclusive > 0:
			j.Word = "inconclusive"
		case c.Passed > 0:
			j.Word = "held"
		case c.Unseen > 0:
			j.Word = "never happened"
		}
		all = append(all, j)
	}
	return all
}

// sum is an explore.Sum with the part of the runs in which it happened.
type sum struct {
	explore.Sum
	Share uint64
}

func (v *sweepView) sums(of []explore.Sum) (all []sum) {
	for _, s := range of {
		all = append(all, sum{s, part(s.Runs, v.Report.Seeds)})
	}
	return all
}

// Impacts and Counts return how often faults did something, and what else was counted.
func (v *sweepView) Impacts() []sum { return v.sums(v.Report.Impacts) }

// Counts is documented with Impacts.
func (v *sweepView) Counts() []sum { return v.sums(v.Report.Counts) }
