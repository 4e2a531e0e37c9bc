package browser

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func atoi(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// media is how a page is seen: a medium, or "", and whether the reader likes it dark.
func media(medium, scheme string) chromedp.Action[chromedp.Void] {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

var phone = chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)

func TestHelpListsTheKeysAndGivesTheFocusBack(t *testing.T) {
	b := open(t, chaos5(t), "")
	if b.text("#help") != "" {
		t.Error("the help is open from the beginning")
	}
	b.do(chromedp.Focus(chromedp.CSS("#lanes")))
	b.press("?")
	help := b.text("#help")
	for _, key := range strings.Fields("h l H L j k [ ] c f + - 0 m g t x ? y b") {
		if !strings.Contains(help, key) {
			t.Errorf("the help lacks %s", key)
		}
	}
	b.shoot("help")
	b.press(kb.Escape)
	if got := eval[string](b, "document.activeElement.id"); b.text("#help") != "" || got != "lanes" {
		t.Errorf("after Escape the focus is at %q, and the help says %q", got, b.text("#help"))
	}
}

// A screen reader cannot see a picture: it reads a table of the same rows.
func TestTheTableHasHeadersAndTheRowsAroundTheCursor(t *testing.T) {
	b := open(t, ledgers(t), "")
	at := b.violation()
	b.press("t")
	if n := eval[int](b, `document.querySelectorAll("#table thead th[scope=col]").length`); n < 5 {
		t.Errorf("the table has %d headers", n)
	}
	if n := eval[int](b, `document.querySelectorAll("#table tbody tr").length`); n != 500 {
		t.Errorf("the table has %d rows, want 500", n)
	}
	if got := b.text("#table caption"); !strings.Contains(got, fmt.Sprintf("around step %d", at)) {
		t.Errorf("the caption is %q", got)
	}
	current := b.texts("#table tr[aria-current=true]")
	if len(current) != 1 || !strings.HasPrefix(current[0], fmt.Sprint(at)) {
		t.Errorf("current is %q", current)
	}
	b.shoot("table")
	b.press("l")
	if current := b.texts("#table tr[aria-current=true]"); len(current) != 1 || !strings.HasPrefix(current[0], fmt.Sprint(at+1)) {
		t.Errorf("a step on, current is %q", current)
	}
	b.press("t")
	if b.text("#table") != "" {
		t.Error("t does not close the table")
	}
}

// brightness is a script that returns the brightness, 0 to 255, of the page and of the picture in it.
const brightness = `(() => {
	const light = ([r, g, b]) => Math.round((Number(r) + Number(g) + Number(b)) / 3);
	const page = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
	const corner = pixels(document.getElementById("lanes")).data.slice(-8, -4);
	return [light(page), corner[3] ? light(corner) : light(page)];
})()`

func TestAPageIsLightOrDarkAsTheReaderLikes(t *testing.T) {
	for _, c := range []struct {
		scheme string
		dark   bool
	}{{"light", false}, {"dark", true}} {
		b := open(t, ledgers(t), "", media("", c.scheme))
		check := func(when string, dark bool) {
			for _, got := range eval[[]int](b, brightness) {
				if got < 128 != dark {
					t.Errorf("%s, %s: a brightness of %d", c.scheme, when, got)
				}
			}
			for _, pair := range [][2]string{{"ink", "paper"}, {"soft", "paper"}, {"bad", "paper"}, {"good", "paper"}, {"accent", "paper"}, {"fault", "paper"}} {
				if ratio := eval[float64](b, fmt.Sprintf(contrast, pair[0], pair[1])); ratio < 4.5 {
					t.Errorf("%s, %s: the contrast of %s on %s is %.1f, want 4.5", c.scheme, when, pair[0], pair[1], ratio)
				}
			}
		}
		check("opened", c.dark)
		b.shoot("violation-" + c.scheme)
		b.click("#theme")
		check("changed by the button", !c.dark)
		b.press("d")
		check("changed back by a key", c.dark)
	}
}

// contrast is a script that returns the contrast of two colours of the style, as WCAG 2 has it.
const contrast = `(() => {
	const light = (name) => {
		const probe = document.createElement("span");
		probe.style.color = "var(--" + name + ")";
		document.body.append(probe);
		const parts = getComputedStyle(probe).color.match(/\d+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		probe.remove();
		return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
	};
	const [low, high] = [light(%q), light(%q)].sort((a, b) => a - b);
	return (high + 0.05) / (low + 0.05);
})()`

func TestAPrintedPageHasTheSummaryAndNoButtons(t *testing.T) {
	b := open(t, ledgers(t), "", media("", "dark"))
	paper, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPrintBackground()))
	if err != nil || !bytes.HasPrefix(paper, []byte("%PDF")) {
		t.Fatalf("printed %d bytes: %v", len(paper), err)
	}
	b.do(media("print", "light"))
	if got := b.text("#static"); !strings.Contains(got, "concurrent") {
		t.Errorf("the summary is not printed: %q", got)
	}
	for _, control := range []string{"#filter", "#copy", "#theme", "#minimap"} {
		if eval[bool](b, fmt.Sprintf("document.querySelector(%q).checkVisibility()", control)) {
			t.Errorf("%s is printed", control)
		}
	}
	b.shoot("print")
}

func TestAPhoneShowsAPageWithoutScrollingSideways(t *testing.T) {
	for name, file := range map[string]func(testing.TB) string{"violation": ledgers, "200": churn200} {
		b := open(t, file(t), "", phone)
		if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("%s: %d points wide", name, wide)
		}
		for _, id := range []string{"verdict", "command", "copy", "lanes", "selected", "state", "filter"} {
			if !eval[bool](b, fmt.Sprintf("document.getElementById(%q).checkVisibility()", id)) {
				t.Errorf("%s: %s is not there", name, id)
			}
		}
		b.shoot("phone-" + name)
	}
}

// A finger selects, drags, and pinches.
func TestAPhoneIsUsedByTouch(t *testing.T) {
	b := open(t, ledgers(t), "", phone)
	b.do(chromedp.Evaluate[chromedp.Void]("document.getElementById('lanes').scrollIntoView({ block: 'center' })"))
	b.frame()
	lanes := b.box("#lanes")
	touch := func(kind input.DispatchTouchEventType, points ...[2]float64) {
		p := input.DispatchTouchEventParams{Type: kind, TouchPoints: []*input.TouchPoint{}}
		for i, point := range points {
			p.TouchPoints = append(p.TouchPoints, &input.TouchPoint{X: lanes.X + point[0]*lanes.Width, Y: lanes.Y + point[1]*lanes.Height, ID: new(float64(i))})
		}
		b.do(command(input.DispatchTouchEvent, p))
	}

	from, to := b.window()
	touch(input.DispatchTouchEventTypeTouchStart, [2]float64{0.7, 0.5})
	touch(input.DispatchTouchEventTypeTouchMove, [2]float64{0.5, 0.5})
	touch(input.DispatchTouchEventTypeTouchMove, [2]float64{0.3, 0.5})
	touch(input.DispatchTouchEventTypeTouchEnd)
	b.frame()
	if after, _ := b.window(); after <= from {
		t.Errorf("a drag to the left leads from %v to %v", from, after)
	}
	touch(input.DispatchTouchEventTypeTouchStart, [2]float64{0.4, 0.5}, [2]float64{0.6, 0.5})
	touch(input.DispatchTouchEventTypeTouchMove, [2]float64{0.3, 0.5}, [2]float64{0.7, 0.5})
	touch(input.DispatchTouchEventTypeTouchMove, [2]float64{0.1, 0.5}, [2]float64{0.9, 0.5})
	touch(input.DispatchTouchEventTypeTouchEnd)
	b.frame()
	if from2, to2 := b.window(); to2-from2 >= (to-from)*0.8 {
		t.Errorf("two fingers that part lead from %v..%v to %v..%v", from, to, from2, to2)
	}
	b.press("]l")
	selected := b.state().Step
	b.press("v0")
	for y := 0.1; y < 1 && b.state().Step == selected; y += 0.02 {
		touch(input.DispatchTouchEventTypeTouchStart, [2]float64{0.08, y})
		touch(input.DispatchTouchEventTypeTouchEnd)
	}
	if b.state().Step == selected {
		t.Error("no tap selects a step")
	}
}

// Whoever uses the keyboard alone reaches everything in the order in which it stands, and sees
// where the focus is.
func TestTheFocusGoesThroughThePageInOrderAndIsSeen(t *testing.T) {
	b := open(t, ledgers(t), "")
	const where = `(() => {
		const one = document.activeElement, style = getComputedStyle(one), all = [...document.querySelectorAll("*")];
		const name = one.id || one.dataset.check || one.dataset.tab || one.getAttribute("aria-label") || one.innerText;
		return { name, at: all.indexOf(one), body: one === document.body, named: !!name.trim(),
			seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && one.checkVisibility() };
	})()`
	type place struct {
		Name              string
		At                int
		Body, Named, Seen bool
	}
	var reached []string
	last := -1
	for range 200 {
		b.do(chromedp.KeyEvent(kb.Tab))
		p := eval[place](b, where)
		if p.Body || p.At < last {
			break
		}
		if !p.Seen || !p.Named {
			t.Errorf("the focus is not seen, or has no name: %+v", p)
		}
		last = p.At
		reached = append(reached, p.Name)
	}
	for _, name := range []string{"copy", "theme", "filter", "lanes", "state", "selected", "story"} {
		if !slices.Contains(reached, name) {
			t.Errorf("the keyboard does not reach %s, but %q", name, reached)
		}
	}
}
