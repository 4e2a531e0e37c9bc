package browser

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// violation is the step at which a page opens.
func (b *tab) violation() int {
	b.Helper()
	focus := eval[int](b, "dessim.run().focus")
	if focus == 0 {
		b.Fatal("vacuous: the run has no violation to open at")
	}
	return focus
}

// ring is a script that counts the points of the picture in the colour of trouble, which is that
// of the ring around the violation.
const ring = `(() => {
	const probe = document.createElement("span");
	probe.style.color = "var(--bad)";
	document.body.append(probe);
	const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
	probe.remove();
	const { data } = pixels(document.getElementById("lanes"));
	let points = 0;
	for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12) points++;
	return points;
})()`

func TestAPageOpensAtTheViolationWithARedRing(t *testing.T) {
	b := open(t, ledgers(t), "")
	b.at(b.violation(), "opened")
	if got := b.text("#verdict"); !strings.Contains(got, "violation") || !strings.Contains(got, "✕") {
		t.Errorf("the verdict is %q, want a word and a shape", got)
	}
	if got := b.text("#selected"); !strings.Contains(got, "every log is a prefix of one sequence") {
		t.Errorf("the selected step does not say what broke: %s", got)
	}
	if got := b.text("#static"); got != "" {
		t.Errorf("the summary for readers without scripts is still shown: %s", got)
	}
	shown := eval[int](b, ring)
	b.shoot("violation")
	b.do(chromedp.Evaluate[chromedp.Void]("location.hash = '#step=1'"))
	b.until("dessim.state().step === 1")
	b.frame()
	if away := eval[int](b, ring); shown < 100 || away >= shown/2 {
		t.Errorf("%d points in red at the violation, and %d far from it", shown, away)
	}
}

func TestTheViolationIsFoundByKeyboardAlone(t *testing.T) {
	b := open(t, ledgers(t), "#step=1")
	want := b.violation()
	b.at(1, "opened by its link")
	b.press("]")
	b.at(want, "after ]")
	if said := b.text("#live"); !strings.Contains(said, fmt.Sprint("step ", want)) || !strings.Contains(said, "breaks a check") {
		t.Errorf("a screen reader says %q", said)
	}
	b.press(kb.Escape)
	b.at(0, "after Escape")
	b.press("[")
	b.at(want, "after [")
	b.press("g1" + kb.Enter)
	b.at(1, "after g 1")
}

func TestTheKeyboardStepsBackAndForward(t *testing.T) {
	b := open(t, ledgers(t), "")
	at := b.violation()
	b.press("h")
	b.at(at-1, "after h")
	b.press("l")
	b.at(at, "after l")
	b.press(kb.ArrowLeft + kb.ArrowLeft)
	b.at(at-2, "after two arrows")
	b.press("]")
	node := b.state().Node
	b.press("H")
	if s := b.state(); s.Step >= at || s.Node != node || eval[int](b, "dessim.state().node") != node {
		t.Errorf("H goes to step %d of node %d, from step %d of node %d", s.Step, s.Node, at, node)
	}
	b.press("L")
	b.at(at, "after H and L")
	b.press("m")
	if s := b.state(); s.Step >= at || s.Node == node {
		t.Errorf("the other end of the message is step %d of node %d", s.Step, s.Node)
	}
	b.press("k")
	if got := b.state().Node; got == node {
		t.Errorf("k stays at node %d", got)
	}
}

// What differs between the nodes is marked by a sign and not by a colour alone.
func TestTheLedgersThatDifferAreReadSideBySide(t *testing.T) {
	b := open(t, ledgers(t), "")
	columns := eval[[]string](b, `[...document.querySelectorAll("#state thead [data-node]")].map((one) => one.dataset.node)`)
	if len(columns) < 3 {
		t.Fatalf("the states of %v are shown", columns)
	}
	marked := make(map[string]bool)
	for _, node := range eval[[]string](b, `[...document.querySelectorAll("#state td.differs")].filter((one) => one.innerText.includes("≠")).map((one) => one.dataset.node)`) {
		marked[node] = true
	}
	if !marked["1"] || !marked["2"] {
		t.Errorf("marked as different: nodes %v, want 1 and 2 among them", marked)
	}
	if n := eval[int](b, `[...document.querySelectorAll("#state td.differs")].filter((one) => one.innerText.trim() && !one.innerText.includes("≠")).length`); n > 0 {
		t.Errorf("%d cells are marked by colour alone", n)
	}
	if first := b.texts("#state .first"); len(first) != 1 || !strings.Contains(first[0], "first difference") {
		t.Errorf("the first difference is %q", first)
	}
	changed := eval[[]string](b, `[...document.querySelectorAll("#state td.changed")].map((one) => one.dataset.node + one.innerText)`)
	if len(changed) == 0 || slices.ContainsFunc(changed, func(cell string) bool { return !strings.HasPrefix(cell, "2") || !strings.Contains(cell, "●") }) {
		t.Errorf("changed by the step of node 2: %q", changed)
	}
	before := b.text("#state")
	b.press("h")
	if b.text("#state") == before {
		t.Error("a step back shows the same states")
	}
}

func TestALinkIsFollowedAndFollowsTheSelection(t *testing.T) {
	b := open(t, ledgers(t), "#step=300&node=1")
	if s := b.state(); s.Step != 300 || s.Node != 1 {
		t.Fatalf("the link leads to step %d of node %d", s.Step, s.Node)
	}
	b.press("l")
	b.until(`location.hash.includes("step=301")`)
	length := eval[int](b, "history.length")
	b.press("lllll")
	b.until(`location.hash.includes("step=306")`)
	if got := eval[int](b, "history.length"); got != length {
		t.Errorf("five steps add %d entries to the history", got-length)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#step=10&q=gossip&run=1"`))
	b.until("dessim.state().run === 1 && dessim.state().step === 10 && dessim.state().query === 'gossip'")
	for _, wrong := range []string{"#step=99999999", "#step=-1", "#step=x&node=77", "#run=9", "#q=%22", "#%%%", "#step=1&node=-1"} {
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("location.hash = %q", wrong)))
		b.frame()
		if s := b.state(); s.Step < 0 || s.Step > 100_000 || s.Run > 1 {
			t.Errorf("%s leads to %+v", wrong, s)
		}
	}
}

var ofAll = regexp.MustCompile(`^([\d,]+) of ([\d,]+)$`)

func TestAFilterLeavesOneTransaction(t *testing.T) {
	b := open(t, ledgers(t), "")
	b.press("f14ab6967" + kb.Enter)
	b.until("dessim.state().query === '14ab6967'")
	count := ofAll.FindStringSubmatch(b.text("#count"))
	if count == nil || count[1] == "0" || count[1] == count[2] {
		t.Fatalf("the filter says %q", b.text("#count"))
	}
	visited := make(map[int]bool)
	for range 4 {
		if got := b.text("#selected"); !strings.Contains(got, "14ab6967") {
			t.Errorf("a match does not have the text: %s", got)
		}
		visited[b.state().Step] = true
		b.press("n")
	}
	if len(visited) < 3 {
		t.Errorf("the next matches are %v", visited)
	}
	b.shoot("filter")
	b.press(kb.Escape)
	if b.state().Query != "" || b.text("#count") != "" {
		t.Errorf("Escape leaves the filter %q and %q", b.state().Query, b.text("#count"))
	}
	b.press("fnothing has this" + kb.Enter)
	b.until("dessim.state().query !== ''")
	if got := b.text("#count"); got != "no matches" {
		t.Errorf("a filter without matches says %q", got)
	}
}

func TestTheRunBeforeShrinkingIsOneKeyAway(t *testing.T) {
	b := open(t, ledgers(t), "")
	steps, command := eval[int](b, "dessim.run().dt.length"), b.text("#command")
	b.press("b")
	if b.state().Run != 1 || eval[int](b, "dessim.run().dt.length") <= steps || b.text("#command") == command {
		t.Errorf("b shows run %d of %d steps, as %s", b.state().Run, eval[int](b, "dessim.run().dt.length"), b.text("#command"))
	}
	b.at(b.violation(), "before shrinking")
	b.shoot("before-shrinking")
	b.click("#toggle-run [aria-pressed=false]")
	if b.state().Run != 0 {
		t.Error("the button does not lead back")
	}
}

func TestChecksAndStoryLeadToTheirSteps(t *testing.T) {
	b := open(t, ledgers(t), "#step=1")
	b.click("#failure button.link")
	b.at(b.violation(), "the sentence in the header")
	// What nodes say of themselves has no step.
	story := eval[int](b, `dessim.run().story.filter((line) => /\bstep [0-9]/.test(line)).length`)
	links := eval[[]string](b, `[...document.querySelectorAll("#story button.link")].map((one) => one.dataset.step)`)
	if len(links) < story || story < 5 {
		t.Errorf("%d of %d lines of the story with a step are links", len(links), story)
	}
	b.click("#story button.link")
	b.at(atoi(t, links[0]), "the first line of the story")
	b.press("r")
	name := "every log is a prefix of one sequence"
	b.click(fmt.Sprintf("#checks [data-check=%q]", name))
	b.at(b.violation(), "the check that fails")
	if got := b.text("#evidence"); !strings.Contains(got, "14ab6967") || !strings.Contains(got, "f2e7c22a") || !strings.Contains(got, "first difference") {
		t.Errorf("the evidence is %s", got)
	}
	b.shoot("evidence")
	b.click("#evidence button.link")
	if b.state().Step == 0 {
		t.Error("the evidence leads nowhere")
	}
	for _, check := range eval[[]string](b, "[...document.querySelectorAll('#checks [data-check]')].map((one) => one.innerText)") {
		if !strings.ContainsAny(check, "✓✕?○–!") {
			t.Errorf("a verdict without a shape: %q", check)
		}
	}
}

func TestAStoreThatIsNotLinearizableShowsItsHistory(t *testing.T) {
	b := open(t, stale(t), "")
	b.at(b.violation(), "opened")
	b.press("s")
	bars := b.texts("#evidence .bar")
	if len(bars) < 2 || !slices.ContainsFunc(bars, func(bar string) bool { return strings.Contains(bar, "✕") }) {
		t.Errorf("the bars are %q", bars)
	}
	b.shoot("history")
}

func TestAFailureToEndOpensAtTheEnd(t *testing.T) {
	b := open(t, waiting(t), "")
	b.at(b.violation(), "opened")
	if got, steps := b.state().Step, eval[int](b, "dessim.run().dt.length"); got != steps {
		t.Errorf("step %d of %d is selected", got, steps)
	}
	if got := b.text("#failure"); !strings.Contains(got, "every transfer ends") {
		t.Errorf("the page says %q", got)
	}
	b.shoot("liveness")
}

// The command, and the answer that made a step so, are copied as they stand in a replay file.
func TestTheCommandAndAnAnswerAreCopied(t *testing.T) {
	b := open(t, chaos5(t), "")
	b.click("#copy")
	want := eval[string](b, "dessim.run().command")
	if got := eval[[]string](b, "copied"); !slices.Equal(got, []string{want}) {
		t.Errorf("copied %q, want %q", got, want)
	}
	step := eval[int](b, `(() => {
		const run = dessim.run();
		let row = 0, step = 0;
		for (let i = 0, at = 0; i < run.answers.row.length; i++) {
			at += run.answers.row[i];
			if (at >= run.rows[0]) { row = at; break; }
		}
		for (let before = 0; before + run.rows[step] <= row; step++) before += run.rows[step];
		return step;
	})()`)
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("dessim.select(%d)", step)))
	b.press("y")
	copied := eval[[]string](b, "copied")
	if len(copied) != 2 || !eval[bool](b, "dessim.run().answers.line.includes(copied[1])") {
		t.Errorf("y at step %d copied %q, want a line of the replay file", step, copied[1:])
	}
	b.click("#selected .answer")
	if got := eval[bool](b, "copied.length === 3 && dessim.run().answers.line.includes(copied[2])"); !got {
		t.Error("a click on an answer does not copy it")
	}
}

// A page that was opened from a file may be refused the clipboard.
func TestTheCommandIsCopiedWithoutAClipboardToo(t *testing.T) {
	b := open(t, chaos5(t), "")
	b.do(chromedp.Evaluate[chromedp.Void](`
		navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
		document.addEventListener("copy", () => copied.push(getSelection().toString()))`))
	b.click("#copy")
	b.until("copied.length === 1")
	if !eval[bool](b, "copied[0] === dessim.run().command") {
		t.Errorf("copied %q", eval[[]string](b, "copied"))
	}
}
