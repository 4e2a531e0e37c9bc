package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	browser context.Context     // its one tab, in which the tests take turns: a new tab is dear
	now     atomic.Pointer[tab] // the test whose turn it is
	folder  string              // of the pages
)

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("DESSIM_BROWSER") == "required" {
			fmt.Println("no chromium: apt-get install chromium")
			return 1
		}
		fmt.Println("skipped: no chromium; apt-get install chromium")
		return 0
	}
	if folder, err = os.MkdirTemp("", "dessim-browser-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(folder)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.Flag("headless", "new"),
	}
	for _, name := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var shut context.CancelFunc
	browser, shut = chromedp.NewContext(allocator)
	defer shut()
	err = chromedp.Listen(browser, func(event any) {
		if b := now.Load(); b != nil {
			b.hear(event)
		}
	})
	if err == nil {
		_, err = chromedp.Call(browser, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: instruments})
	}
	if err == nil {
		err = chromedp.Do(browser, plain...)
	}
	if err != nil {
		fmt.Println("chromium does not start:", err)
		return 1
	}
	return m.Run()
}

// tab is a page that is open in the browser.
type tab struct {
	testing.TB
	ctx     context.Context
	address string

	mu       sync.Mutex
	troubles []string // what went wrong in it, by the browser's own account
}

// instruments is a script that runs before that of the page. Whatever hostile text wants to call
// leaves a mark, and so does what is copied, and when the page is ready. pixels returns the points
// of a canvas: of a copy, since the browser warns of reading what is drawn.
const instruments = `
	window.pixels = (canvas) => {
		const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
		copy.drawImage(canvas, 0, 0);
		return copy.getImageData(0, 0, canvas.width, canvas.height);
	};
	window.ran = [], window.copied = [];
	for (const name of ["alert", "confirm", "prompt", "open"]) window[name] = (...all) => void ran.push(name + " " + all);
	document.addEventListener("securitypolicyviolation", (event) => ran.push(event.violatedDirective + " " + event.blockedURI));
	navigator.clipboard.writeText = async (text) => void copied.push(text);
	addEventListener("DOMContentLoaded", () => window.dessim?.ready.then(() => window.readyAt = performance.now(), () => {}));`

// open opens a page at a link, such as "#step=1", after what prepare does.
func open(t testing.TB, file, link string, prepare ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	b := openRaw(t, file, link, prepare...)
	b.until("window.dessim")
	if !eval[bool](b, "dessim.ready.then(() => true, () => false)") {
		t.Fatalf("%s: the page says %q", filepath.Base(file), b.text("body"))
	}
	b.frame()
	return b
}

// openRaw opens a page whose script may refuse it.
func openRaw(t testing.TB, file, link string, prepare ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, late := context.WithTimeout(browser, 10*time.Minute)
	b := &tab{TB: t, ctx: ctx, address: "file://" + file}
	t.Cleanup(func() {
		for _, trouble := range b.seen() {
			t.Errorf("%s%s: %s", filepath.Base(file), link, trouble)
		}
		now.Store(nil)
		b.do(plain...)
		late()
	})
	now.Store(b)
	b.do(append(prepare, chromedp.Navigate(b.address+link))...)
	return b
}

// plain makes the tab that of a desk, whatever it was before.
var plain = []chromedp.Action[chromedp.Void]{
	chromedp.Navigate("about:blank"),
	chromedp.EmulateViewport(1440, 900),
	command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}),
	command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}),
}

// command is a command of the browser as an action.
func command[P any](c cdp.Command[P, cdp.Empty], p P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, target, c, p)
		return none, err
	}
}

// hear notes what a page must not do: write to the console, ask for anything, open a dialog.
func (b *tab) hear(event any) {
	trouble := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		trouble = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		trouble = fmt.Sprintf("console: %v", e.Type)
		for _, a := range e.Args {
			trouble += fmt.Sprintf(" %s%s", a.Value, a.Description)
		}
	case *log.EventEntryAdded:
		trouble = fmt.Sprintf("log: %s %s", e.Entry.Level, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if at, _, _ := strings.Cut(e.Request.URL, "#"); at != b.address && !strings.HasPrefix(at, "data:") {
			trouble = "request: " + at
		}
	case *page.EventJavascriptDialogOpening:
		trouble = "dialog: " + e.Message
	}
	if trouble != "" {
		b.mu.Lock()
		b.troubles = append(b.troubles, trouble)
		b.mu.Unlock()
	}
}

// seen returns the troubles so far, and forgets them.
func (b *tab) seen() []string {
	ran := eval[[]string](b, "(window.ran ?? []).splice(0)")
	b.mu.Lock()
	defer b.mu.Unlock()
	all := append(b.troubles, ran...)
	b.troubles = nil
	return all
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns the value of an expression in the page, or that of its promise.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for a condition in the page.
func (b *tab) until(condition string) {
	b.Helper()
	for range 500 {
		if eval[bool](b, "!!("+condition+")") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatalf("never true: %s; the selected step is %q", condition, b.text("#selected"))
}

// frame waits until the page has drawn what it knows now.
func (b *tab) frame() {
	b.Helper()
	eval[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
}

// press presses keys, one for each character, as a keyboard does: the key and its character are
// one event, so that a page that takes the key gets no character.
func (b *tab) press(keys string) {
	b.Helper()
	for _, key := range keys {
		events := kb.Encode(key)
		if len(events) == 3 {
			events[0].Text, events[0].UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			events = slices.Delete(events, 1, 2)
		}
		for _, event := range events {
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, *event); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.frame()
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
	b.frame()
}

// text returns the text of an element as the reader sees it; "" if it is not shown.
func (b *tab) text(selector string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf("((one) => one?.checkVisibility() ? one.innerText : '')(document.querySelector(%q))", selector))
}

// texts returns the texts of all elements that a selector finds.
func (b *tab) texts(selector string) []string {
	b.Helper()
	return eval[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map((one) => one.innerText)", selector))
}

// state is what the page shows: see window.dessim in page/main.js.
type state struct {
	Step, Node, Run int
	Query, Axis     string
}

func (b *tab) state() state {
	b.Helper()
	return eval[state](b, "dessim.state()")
}

// at fails unless the selected step is the wanted one.
func (b *tab) at(step int, why string) {
	b.Helper()
	if got := b.state().Step; got != step {
		b.Fatalf("%s: step %d is selected, want %d", why, got, step)
	}
}

// shoot leaves a picture of the page, if somebody wants to look.
func (b *tab) shoot(name string) {
	b.Helper()
	to := os.Getenv("DESSIM_SCREENSHOTS")
	if to == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(to, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(to, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}
