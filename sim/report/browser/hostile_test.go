package browser

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dessim/scenarios"
	"dessim/sim/report"
)

// hostile are texts that must neither run nor break a page.
var hostile = []string{
	"<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", `"><svg onload=alert(3)>`, "<!--<script>", "]]>",
	"<style>*{display:none}</style>", "<a href=javascript:alert(4)>step 1</a>", "<meta http-equiv=refresh content='0;url=http://localhost/'>",
	"${alert(5)}", "{{constructor.constructor('alert(6)')()}}", "' onfocus='alert(7)' autofocus='", "&lt;img src=x onerror=alert(8)&gt;",
	"\x00\x01\x08\x1b[31m\u202e\u2066\u2028\ufeff\u200b", "\xff\xfe\xc3(\xed\xa0\x80", "step 1 step 99999999999999999999 step 0", "__proto__", "constructor", "",
	strings.Repeat("long ", 20_000), strings.Repeat("W", 5_000), strings.Repeat("\n", 500), strings.Repeat("a\u0301", 2_000), strings.Repeat("key: ", 300) + "\n  x: y",
}

// poison replaces every text below v, but the letters and words that the recorder itself chooses,
// and returns how many texts are hostile now.
func poison(v reflect.Value, n int) int {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile[n%len(hostile)])
		return n + 1
	case reflect.Pointer:
		if !v.IsNil() {
			n = poison(v.Elem(), n)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			n = poison(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !slices.Contains([]string{"What", "Kind", "Verdict"}, name) {
				n = poison(v.Field(i), n)
			}
		}
	}
	return n
}

// poisoned is a page in which every text is hostile, with evidence of both kinds.
var poisoned = once(func() (string, error) {
	s := scenarios.Find("chaos")
	p, err := s.ParseParams("-nodes 5 -txs 6 -until 30s")
	if err != nil {
		return "", err
	}
	p.Events = 3000
	r := record(s, p, 1)
	r.Focus = len(r.Dt) / 2
	r.Story, r.Warnings, r.Notes, r.Label = make([]string, 2*len(hostile)), make([]string, len(hostile)), make([]string, len(hostile)), "x"
	items := make([]report.Item, len(hostile))
	r.Checks[0].Evidence = &report.Evidence{Kind: "sequences", First: 7, Differ: 1, Sequences: []report.Sequence{{Items: items}, {Items: items[:3]}}}
	r.Checks[1].Evidence = &report.Evidence{Kind: "history", Operations: []report.Operation{{Call: 0, Return: -1}, {Call: 5, Return: 9, Bad: true}}}
	if n := poison(reflect.ValueOf(r).Elem(), 0); n < 20*len(hostile) {
		return "", fmt.Errorf("vacuous: %d texts", n)
	}
	other := record(s, p, 2)
	poison(reflect.ValueOf(other).Elem(), 3)
	return write("hostile", hostile[0], r, other)
})

// A reader goes everywhere in a page of hostile texts: nothing runs, nothing is asked for, and
// what is shown is text.
func TestNothingHostileRuns(t *testing.T) {
	b := open(t, poisoned(t), "#q="+url.QueryEscape(hostile[0]))
	if got := eval[string](b, "dessim.state().query"); got != hostile[0] {
		t.Errorf("the filter of the link is %q", got)
	}
	b.press(kb.Escape)
	if got := eval[string](b, "document.title"); got != hostile[0] {
		t.Errorf("the title is %q", got)
	}
	b.shoot("hostile")
	for _, keys := range []string{"s", "r", "r", "rt", "tx", "cc", "ccb", "b0", "v"} {
		b.press(keys)
		b.isText()
	}
	b.press(strings.Repeat("le", 60))
	b.isText()
	b.press("o" + kb.Escape + "?" + kb.Escape)
	for _, text := range hostile[:6] {
		b.press("f")
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById('filter').value = %q", text)))
		b.press(kb.Enter)
		b.until(fmt.Sprintf("dessim.state().query === %q.trim()", text))
		if !strings.Contains(text, `"`) && strings.HasPrefix(b.text("#count"), "0 of") {
			t.Errorf("no event has the text %s", text)
		}
		b.press("n")
		b.isText()
	}
	if got := b.text("#selected") + b.text("#state") + b.text("#checks") + b.text("#story"); !strings.Contains(got, hostile[0]) {
		t.Error("a hostile text is not shown as it is")
	}
	if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("long texts make the page %d points wider", wide)
	}
}

// isText fails if a text became an element, an attribute that runs, or a character that is not
// seen and changes how others are read.
func (b *tab) isText() {
	b.Helper()
	const found = `(() => {
		const all = [...document.querySelectorAll("*")], wrong = [];
		for (const one of all) {
			if (["IMG", "SVG", "IFRAME", "A", "OBJECT", "EMBED", "BASE", "LINK"].includes(one.tagName.toUpperCase())) wrong.push(one.outerHTML.slice(0, 100));
			for (const { name } of one.attributes) if (name.startsWith("on") || name === "src" || name === "href" || name === "style" && one.closest("#static")) wrong.push(one.tagName + " " + name);
		}
		if (document.scripts.length !== 2) wrong.push(document.scripts.length + " scripts");
		if (document.querySelectorAll("style, meta").length !== 4) wrong.push(document.querySelectorAll("style, meta").length + " styles and metas");
		if (/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]/.test(document.getElementById("app").innerText)) wrong.push("a character that is not seen");
		return wrong;
	})()`
	for _, wrong := range eval[[]string](b, found) {
		b.Errorf("in the page: %s", wrong)
	}
}

// The instruments of the other tests would notice: here hostile text does run.
func TestWhatRunsIsNoticed(t *testing.T) {
	page, err := os.ReadFile(chaos5(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"without a policy": {"<body><img src=x onerror=alert(1)><script>console.warn('heard')</script>", []string{"alert 1", "heard", "request: file://"}},
		"with its policy":  {strings.Replace(string(page), "<main", "<img src=x onerror=alert(1)><script>alert(2)</script><main", 1), []string{"script-src", "img-src"}},
	} {
		file := filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".html")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		b := openRaw(t, file, "")
		b.until("document.readyState === 'complete'")
		got := strings.Join(b.seen(), "\n")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: noticed %s, want %s", name, got, want)
			}
		}
		if strings.Contains(c.text, "Content-Security-Policy") && strings.Contains(got, "alert") {
			t.Errorf("%s: it runs: %s", name, got)
		}
		b.seen() // what comes late
	}
}
