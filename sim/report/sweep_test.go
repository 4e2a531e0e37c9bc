package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/report"
)

// swept is a sweep with everything that a page can have, and words wherever it has words. Of
// ten seeds the third is inconclusive, and the fifth and the eighth fail.
func swept(t *testing.T, words string) report.Sweep {
	t.Helper()
	w := &explore.World{Checks: []string{words + "held", words + "order", words + "never"}}
	w.Seed = func(seed uint64, _ protocol.Source, _ bool, _ ...sim.Observer) (explore.Outcome, *explore.Trial) {
		o := explore.Outcome{Verdict: check.Pass, Counts: []explore.Count{{Name: words + "crashes", N: 1000 * (seed - 1)}}}
		o.Impacts = []explore.Count{{Name: words + "-faults crash", N: seed / 6}, {Name: words + "-faults lose"}}
		o.Sim.Events, o.Sim.Sent, o.Sim.End = 1000+seed, seed, protocol.Time(seed)*protocol.Time(time.Second)
		o.Checks = []check.Result{{Name: words + "held", Verdict: check.Pass}, {Name: words + "order", Verdict: check.Pass}, {Name: words + "never", Verdict: check.Unseen}}
		switch seed {
		case 3:
			o.Verdict, o.Checks[0].Verdict = check.Inconclusive, check.Inconclusive
		case 5, 8:
			o.Verdict, o.Checks[1].Verdict, o.Checks[1].Detail = check.Violation, check.Violation, words+[]string{"early", "late"}[seed%2]
		}
		return o, new(explore.Trial)
	}
	r, err := explore.Sweep(t.Context(), w, explore.SweepOptions{From: 1, To: 10})
	if err != nil {
		t.Fatal(err)
	}
	r.Asked.To = 12
	r.Misaddressed = explore.Misaddressed{Messages: 4321, Runs: 2, First: 7}
	return report.Sweep{
		Program: words + "dessim", Scenario: words + "coins", Shows: words + "coins are thrown", Strategy: words + "pct", Note: words + "a note",
		Params: [][2]string{{words + "nodes", words + "3"}}, Verdict: check.Violation, Report: &r,
		Commands: []report.Command{{Does: words + "sweep again", Line: words + "dessim sweep"}},
		Failures: []report.Failure{{
			Files:    []report.Link{{Text: words + "x.replay", Path: "replays of mine/" + words[:min(len(words), 200)]}},
			Commands: []report.Command{{Does: words + "replay", Line: words + "dessim replay"}},
			Story: &report.Story{Title: words + "smallest", About: words + "minimal", Lines: []string{words + "a", words + "b"},
				Sizes: []report.Size{{Of: words + "nodes", Before: 5, After: 3}}},
		}},
	}
}

func write(t *testing.T, s report.Sweep) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteSweep(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var tag = regexp.MustCompile(`<[^>]*>`)

// words returns the text of a page, with single spaces.
func words(page string) string {
	_, body, _ := strings.Cut(page, "<body>")
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(body, " "))), " ")
}

func TestASweepsPageSaysWhatItsReportHas(t *testing.T) {
	page := words(write(t, swept(t, "")))
	for _, want := range []string{
		"dessim sweep coins seeds 1-10 coins are thrown ✕ violation 10 seeds 2 ✕ violations 1 ? inconclusive 7 ✓ pass",
		"Strategy pct. Not run: seeds 11-12. a note. Inconclusive: held (1 seed, the first is 3). Never happened in any run: never. Did nothing in any run: -faults lose.",
		"Messages to nodes that do not exist: 4,321 in 2 runs, the first is seed 7.",
		"✕ order late 1 seed The first is seed 5. The smallest run is of seed 5, with 1,005 events. x.replay smallest minimal a b",
		"Of Before Shrunk nodes 5 3 replay dessim replay",
		"✕ order early 1 seed The first is seed 8. The smallest run is of seed 8, with 1,008 events.",
		"held ? inconclusive 9 0 1 0 0 order ✕ violated 10 2 0 0 0 never ? never happened 0 0 0 10 0",
		"-faults crash 5 5 -faults lose 0 0",
		"crashes 45,000 9",
		"Events of a run", "1,001 1,010 ▲ median about 1,007 · nine tenths at most 1,010",
		"Virtual time of a run", "1s 10s ▲ median about 5.03s",
		"1 parameters Parameters of all runs Name Value nodes 3",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %q:\n%s", want, page)
		}
	}
}

func TestASweepsPageWithoutRunsSaysSo(t *testing.T) {
	page := words(write(t, report.Sweep{Scenario: "coins", Verdict: check.Inconclusive, Report: &explore.SweepReport{Asked: explore.Span{From: 5, To: 9}}}))
	if !strings.Contains(page, "coins no seeds ? inconclusive 0 seeds 0 ✕ violations 0 ✓ pass Not run: seeds 5-9. Failures No run was made. Parameters") {
		t.Error(page)
	}
}

func TestSpeedIsOnThePageOnlyWhileTheSweepGoesOn(t *testing.T) {
	s := swept(t, "")
	ended := write(t, s)
	s.Report.Complete = false
	s.Ongoing = &report.Ongoing{Done: 10, Total: 4000, PerSecond: 77, Left: 51 * time.Second}
	const speed, refresh = "The sweep goes on: 10 of 4,000 seeds, 77 a second, about 51s left.", `http-equiv="refresh"`
	if page := write(t, s); !strings.Contains(words(page), speed) || !strings.Contains(page, refresh) || !strings.Contains(words(page), "✕ violation so far") || strings.Contains(page, "Not run") {
		t.Errorf("while it goes on:\n%s", words(page))
	}
	if strings.Contains(ended, "a second") || strings.Contains(ended, refresh) || strings.Contains(ended, "so far") {
		t.Errorf("at the end:\n%s", words(ended))
	}
	s.Report.Violations = 0
	if page := words(write(t, s)); !strings.Contains(page, "no failure so far") {
		t.Errorf("without a failure:\n%s", page)
	}
}

func TestASweepsPageNeedsAndMayRunNothingElse(t *testing.T) {
	page := write(t, swept(t, ""))
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	hash := sha256.Sum256([]byte(style[1]))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"; !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.HasSuffix(policy, want) {
		t.Errorf("the policy is %q, want it to end in %q", policy, want)
	}
	if found := regexp.MustCompile(`<script|<link|<img|\sstyle=|\son[a-z]+=|\bsrc=|https?:|url\(|@import`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
}

// shapeOf returns the tags of a page, with the names of their attributes.
func shapeOf(page string) (tags []string) {
	value := regexp.MustCompile(`="[^"]*"`)
	for _, t := range tag.FindAllString(page, -1) {
		tags = append(tags, value.ReplaceAllString(t, ""))
	}
	return tags
}

func TestHostileTextStaysText(t *testing.T) {
	want := shapeOf(write(t, swept(t, "")))
	for _, hostile := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onclick='x' ", "</style><b>", "</title></svg>", "<!-- ", "]]>", "javascript:alert(1)//",
		"{{.}} ${x} ", "&lt;b&gt;&#x0;", "\x00\x01\x1b[m\r\n\t\x7f", "\xff\xfe\xc3", "\u202egnp.\u2028\u200b\ufeff", strings.Repeat("x", 1<<20), strings.Repeat("\xff", 1<<20), strings.Repeat("é", 1<<19) + "x",
	} {
		page := write(t, swept(t, hostile))
		if got := shapeOf(page); !slices.Equal(got, want) {
			for i := range got {
				if i >= len(want) || got[i] != want[i] {
					t.Errorf("%.40q changes tag %d to %.200q", hostile, i, got[i])
					break
				}
			}
		}
		if !utf8.ValidString(page) {
			t.Errorf("%.40q makes a page that is not UTF-8", hostile)
		}
		if bad := strings.IndexFunc(page, func(c rune) bool {
			return c < ' ' && c != '\n' || c == 0x7f || c == '\u202e' || c == '\u2028' || c == '\ufeff'
		}); bad >= 0 {
			t.Errorf("%.40q leaves %.20q", hostile, page[bad:])
		}
		if limit := 10 << 20; len(page) > limit {
			t.Errorf("%.40q makes a page of %d bytes", hostile, len(page))
		}
		for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(link[1], "replays%20of%20mine/") {
				t.Errorf("%.40q makes a link to %.80q", hostile, link[1])
			}
		}
	}
}

func TestLongTextIsCutWithAMark(t *testing.T) {
	s := swept(t, "")
	s.Failures[0].Story.Lines[0] = strings.Repeat("é", 1<<19)
	page := write(t, s)
	if want := strings.Repeat("é", 1000) + "... (1048576 bytes)<"; !strings.Contains(page, want) {
		t.Error("the line is not cut at 2,000 bytes, with a mark")
	}
}

func TestALinkIsRelativeWhateverItsName(t *testing.T) {
	s := swept(t, "")
	for path, want := range map[string]string{"javascript:alert(1)": "./javascript:alert%281%29", "../a b/50%.replay": "../a%20b/50%25.replay", "a?b#c": "a%3Fb%23c"} {
		s.Failures[0].Files[0].Path = path
		if page := write(t, s); !strings.Contains(page, `href="`+want+`"`) {
			t.Errorf("the link to %q is %q, want %q", path, regexp.MustCompile(`href="[^"]*"`).FindString(page), want)
		}
	}
}

func TestAFullDiskIsAnErrorOfThePage(t *testing.T) {
	full := errors.New("no space left")
	if err := report.WriteSweep(failing{full}, swept(t, "")); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func ExampleWriteSweep() {
	r := explore.SweepReport{Seeds: 3, Passed: 3, Asked: explore.Span{From: 1, To: 3}, Covered: []explore.Span{{From: 1, To: 3}}}
	var page strings.Builder
	if err := report.WriteSweep(&page, report.Sweep{Program: "dessim", Scenario: "coins", Verdict: r.Verdict(), Report: &r}); err != nil {
		panic(err)
	}
	fmt.Println(regexp.MustCompile(`<title>.*</title>`).FindString(page.String()))
	// Output: <title>pass: sweep of coins, seeds 1-3</title>
}
