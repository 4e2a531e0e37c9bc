package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// box is where an element is in the window.
type box struct{ X, Y, Width, Height float64 }

func (b *tab) box(selector string) box {
	b.Helper()
	return eval[box](b, fmt.Sprintf("(({ x, y, width, height }) => ({ X: x, Y: y, Width: width, Height: height }))(document.querySelector(%q).getBoundingClientRect())", selector))
}

// window is what part of the run the picture shows.
func (b *tab) window() (from, to float64) {
	b.Helper()
	ends := eval[[]float64](b, "[dessim.state().from, dessim.state().to]")
	return ends[0], ends[1]
}

func (b *tab) mouse(kind input.DispatchMouseEventType, x, y float64) {
	b.Helper()
	p := input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1}
	if kind == input.DispatchMouseEventTypeMouseWheel {
		p.DeltaX, p.DeltaY = 0.01, -400 // the browser wants both
	}
	b.do(command(input.DispatchMouseEvent, p))
}

func TestTheWheelZoomsAndADragPans(t *testing.T) {
	b := open(t, chaos5(t), "")
	lanes := b.box("#lanes")
	x, y := lanes.X+lanes.Width/2, lanes.Y+lanes.Height/2
	from, to := b.window()
	b.mouse(input.DispatchMouseEventTypeMouseWheel, x, y)
	b.until(fmt.Sprintf("dessim.state().to - dessim.state().from < %v", (to-from)*0.9))
	from, _ = b.window()
	b.mouse(input.DispatchMouseEventTypeMousePressed, x, y)
	b.mouse(input.DispatchMouseEventTypeMouseMoved, x-100, y)
	b.mouse(input.DispatchMouseEventTypeMouseMoved, x-200, y)
	b.mouse(input.DispatchMouseEventTypeMouseReleased, x-200, y)
	b.frame()
	if after, _ := b.window(); after <= from {
		t.Errorf("a drag to the left leads from %v to %v", from, after)
	}
	b.press("0")
	if after, end := b.window(); end-after < (to-from)*0.99 {
		t.Errorf("0 shows %v to %v, want %v to %v", after, end, from, to)
	}
}

func TestAClickInTheMinimapMovesTheWindowThere(t *testing.T) {
	b := open(t, ledgers(t), "")
	from, _ := b.window()
	m := b.box("#minimap")
	b.do(chromedp.MouseClickXY(m.X+m.Width*0.8, m.Y+m.Height/2))
	b.frame()
	if after, _ := b.window(); after <= from {
		t.Errorf("the window begins at %v, before at %v", after, from)
	}
}

func TestTheSameStepStaysInSightOnBothAxes(t *testing.T) {
	b := open(t, ledgers(t), "")
	before := b.state()
	from, to := b.window()
	b.press("x")
	after := b.state()
	if after.Axis == before.Axis || after.Step != before.Step {
		t.Errorf("x leads from %+v to %+v", before, after)
	}
	b.press("x")
	if from2, to2 := b.window(); from2 > to || to2 < from {
		t.Errorf("x twice leads from %v..%v to %v..%v", from, to, from2, to2)
	}
}

// The pointer over a message shows it whole, and a click selects it.
func TestThePointerShowsAndSelectsWhatIsUnderIt(t *testing.T) {
	b := open(t, ledgers(t), "")
	lanes, lane := b.box("#lanes"), b.box(".lane[data-node='1']")
	y := lane.Y + lane.Height/2
	for x := lanes.X + 5; x < lanes.X+lanes.Width; x += 6 {
		b.mouse(input.DispatchMouseEventTypeMouseMoved, x, y)
		tip := b.text("#tip")
		if tip == "" {
			continue
		}
		b.shoot("pointer")
		b.do(chromedp.MouseClickXY(x, y))
		b.frame()
		if step := fmt.Sprintf("step %d,", b.state().Step); !strings.Contains(tip, step) {
			t.Errorf("a click selects %s under the pointer is %s", step, tip)
		}
		return
	}
	t.Error("nothing along lane 1 has a tip")
}

// Causes are bounded by hops, of the past or the future; triggers go back to a root.
func TestCausesAreFollowedToTheirRoot(t *testing.T) {
	b := open(t, ledgers(t), "")
	hops := func() int { return eval[int](b, "dessim.state().hops") }
	first := hops()
	b.press("..")
	if got := hops(); got != first+2 {
		t.Errorf("%d hops and two more are %d", first, got)
	}
	b.press(",,,")
	if got := hops(); got != first-1 {
		t.Errorf("%d hops, two more and three fewer are %d", first, got)
	}
	seen := make(map[string]bool)
	for range 4 {
		seen[eval[string](b, "dessim.state().cone")] = true
		b.press("c")
	}
	if len(seen) != 4 || !seen["past"] || !seen["future"] {
		t.Errorf("c goes through %v", seen)
	}
	chain := b.texts("#why li")
	if len(chain) < 3 {
		t.Fatalf("the triggers are %q", chain)
	}
	if root := chain[len(chain)-1]; !strings.Contains(root, "input") && !strings.Contains(root, "started") && !strings.Contains(root, "fault") {
		t.Errorf("the root is %q", root)
	}
	b.click("#why li:last-child button")
	if got := b.state().Step; got >= b.violation() || got == 0 {
		t.Errorf("the root leads to step %d", got)
	}
}

func TestNodesAreFoldedAndOpened(t *testing.T) {
	b := open(t, ledgers(t), "")
	lanes := func() int { return len(b.texts("#gutter .lane[data-node]")) }
	all := lanes()
	b.press("z")
	if got := lanes(); got != all-1 {
		t.Errorf("of %d lanes %d are left", all, got)
	}
	b.press("o")
	if n := eval[int](b, "document.querySelectorAll('#nodes input[type=checkbox]').length"); n < all {
		t.Errorf("%d boxes for %d nodes", n, all)
	}
	b.shoot("nodes")
	b.click("#nodes button")
	b.press(kb.Escape)
	if got := lanes(); got != all {
		t.Errorf("opened again, %d of %d lanes are shown", got, all)
	}
}
