package browser

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"dessim/sim/report"
)

// Every size and both schemes are drawn: the picture is neither empty nor one blot.
func TestThePictureIsDrawnAtEverySize(t *testing.T) {
	const inked = `(() => {
		const { data } = pixels(document.getElementById("lanes")), first = [data[0], data[1], data[2]];
		let points = 0;
		for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - first[0]) + Math.abs(data[i + 1] - first[1]) + Math.abs(data[i + 2] - first[2]) > 30) points++;
		return 100 * points / (data.length / 4);
	})()`
	for _, nodes := range []int{5, 32, 200} {
		file := map[int]func(testing.TB) string{5: chaos5, 32: chaos32, 200: churn200}[nodes](t)
		b := open(t, file, "")
		if got := eval[int](b, "dessim.run().names.length"); got < nodes {
			t.Errorf("%d nodes have names, want %d", got, nodes)
		}
		look := func(view string) {
			for _, scheme := range []string{"dark", "light"} {
				b.do(media("", scheme))
				b.frame()
				if ink := eval[float64](b, inked); ink < 0.1 || ink > 60 {
					t.Errorf("%d nodes, %s, %s: %.1f%% of the picture is inked", nodes, view, scheme, ink)
				}
				b.shoot(fmt.Sprintf("%d-%s-%s", nodes, view, scheme))
			}
		}
		look("whole")
		b.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#step=" + Math.round(dessim.run().dt.length / 2)`))
		b.until("dessim.state().step > 0")
		b.press("v")
		look("selected")
		b.press("x")
		look("steps")
	}
}

// The figures are logged and not judged: a machine may be slow.
func TestAHundredThousandEventsAreBrowsed(t *testing.T) {
	file := chaos32(t)
	b := open(t, file, "")
	b.size(100_000)
	b.measure(file)
	b.press("ft" + "\r")
	b.until("dessim.state().query === 't'")
	if got := b.text("#count"); !strings.HasSuffix(got, " of 100,000") {
		t.Errorf("the filter says %q", got)
	}
	b.press("t")
	if n := eval[int](b, `document.querySelectorAll("#table tbody tr").length`); n != 500 {
		t.Errorf("the table has %d rows", n)
	}
}

func TestAMillionEventsOpen(t *testing.T) {
	const steps = 1_000_000
	file, err := write("ring", "ring", ring32(steps))
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, file, "")
	b.size(steps)
	b.measure(file)
	b.shoot("million")
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("dessim.select(%d)", steps/2)))
	b.at(steps/2, "chosen")
	b.press("m")
	b.at(steps/2-1, "the step that sent the message")
}

func (b *tab) size(want int) {
	b.Helper()
	if got := eval[int](b, "dessim.run().dt.length"); got != want {
		b.Fatalf("the page has %d steps, want %d", got, want)
	}
}

// measure logs how long a page took to open, and to draw when it is moved about.
func (b *tab) measure(file string) {
	b.Helper()
	paint := eval[float64](b, "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
	ready := eval[float64](b, "readyAt")
	for range 4 {
		b.press("+<-->")
	}
	b.press("0")
	for range 4 {
		b.press("<>")
	}
	frames := eval[[]float64](b, "dessim.frames")
	if len(frames) < 10 {
		b.Errorf("%d frames were drawn", len(frames))
		return
	}
	slices.Sort(frames)
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d KB; first paint %.0f ms, ready after %.0f ms; %d frames of %.1f ms, at most %.1f ms", info.Size()/1000, paint, ready, len(frames), frames[len(frames)/2], frames[len(frames)-1])
}

// ring32 returns a run in which a token goes round 32 nodes: it has many steps and is cheap to make.
func ring32(steps int) *report.Run {
	const nodes = 32
	r := &report.Run{
		Figures:  report.Figures{Times: []report.Spread{}, Numbers: []report.Spread{}},
		Scenario: "ring", Seed: "1", Verdict: "pass", End: int64(steps) * 1e6, Reason: "the end", Names: make([]string, nodes),
		Params: [][2]string{}, Checks: []report.Check{}, Facts: [][2]string{}, Warnings: []string{}, Story: []string{}, Notes: []string{},
		Kinds: []string{"token"}, Eras: []int{}, Texts: []string{"a token"}, Timers: []string{}, Lines: []string{}, Faults: []report.Fault{}, Num: []int64{},
		Answers: report.Answers{Row: []int{}, Line: []string{}},
		States:  report.States{Step: []int{}, Node: []int{}, Edit: [][]int{}},
		Rows:    make([]int, 1, steps+1), What: strings.Repeat("RS", steps), Dt: []int64{}, Node: []int{}, Peer: []int{}, Link: []int{}, Kind: []int{}, Text: []int{},
	}
	before := 0
	for step := range steps {
		node := step % nodes
		r.Dt, r.Rows = append(r.Dt, 1e6), append(r.Rows, 2)
		r.Node = append(r.Node, node-before, 0)
		r.Peer, r.Link = append(r.Peer, (node+1)%nodes), append(r.Link, min(step, 1)) // the first is an input
		if before = node; step == 0 {
			r.Kind, r.Text = append(r.Kind, 0), append(r.Text, 0)
		}
		r.Kind, r.Text = append(r.Kind, 0), append(r.Text, 0)
	}
	return r
}
