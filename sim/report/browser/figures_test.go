package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The panel has a row with a plot for each time, number and kind of message, in both schemes; and
// a click on the messages goes to their time.
func TestFiguresAreSmallPlots(t *testing.T) {
	b := open(t, chaos5(t), "")
	b.click(`[data-tab="figures"]`)
	names := b.texts("#figures tbody th")
	for _, want := range []string{"transfer, answered", "order", "commit", "join", "all", "gossip.data"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no row %q in %q", want, names)
		}
	}
	plots := eval[int](b, `[...document.querySelectorAll("#figures .plot")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 80 && one.getAttribute("aria-label")).length`)
	if plots != len(names) || plots < 12 {
		t.Errorf("%d plots are seen, in %d rows", plots, len(names))
	}
	if text := b.text("#figures"); !strings.Contains(text, "Latencies in virtual time; p50, p99") || !strings.Contains(text, " ms") {
		t.Errorf("the panel says %q", text)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.do(media("", scheme))
		b.frame()
		b.shoot("figures-" + scheme)
		b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("figures").scrollTop = 260`))
		b.frame()
		b.shoot("figures-messages-" + scheme)
	}
	if over := eval[int](b, `document.getElementById("figures").scrollWidth - document.getElementById("figures").clientWidth`); over > 0 {
		t.Errorf("the panel is %d pixels too wide", over)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const picture = document.querySelector("#figures .figures .plot"), box = picture.getBoundingClientRect();
		picture.dispatchEvent(new MouseEvent("click", { clientX: box.left + box.width * 0.75, bubbles: true }));
	})()`))
	b.until("dessim.state().step > 0")
	if share := eval[float64](b, `(() => { const { dt, end } = dessim.run(); return dt.slice(0, dessim.state().step).reduce((sum, one) => sum + one, 0) / end; })()`); share < 0.6 || share > 0.751 {
		t.Errorf("a click at three quarters goes to %s", fmt.Sprintf("%.0f%% of the run", 100*share))
	}
	b.do(media("", ""))
}

func TestHopsAreShownAsNumbers(t *testing.T) {
	b := open(t, ran("bootstrap", "-nodes 24", 1, 0)(t), "")
	b.click(`[data-tab="figures"]`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("figures").scrollTop = 1000`))
	b.frame()
	b.shoot("figures-hops")
	if title := eval[string](b, `[...document.querySelectorAll("#figures tbody tr")].find((row) => row.innerText.startsWith("hops of lookups"))?.querySelector("title").textContent ?? ""`); !strings.HasPrefix(title, "1: ") {
		t.Errorf("the hops of lookups are %q, want how many took 1", title)
	}
}
