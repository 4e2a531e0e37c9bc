package browser

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/scenario"
)

// keys are those that a reader may press anywhere.
const keys = "hlHLjk[]mec,.nN+-<>0vxtoe"

// usable fails if a key breaks a page: the console, or the page itself, would say so.
func (b *tab) usable() {
	b.Helper()
	for _, key := range keys {
		b.press(string(key) + kb.Escape)
	}
	if got := b.text("#failed"); got != "" {
		b.Errorf("the page says %q", got)
	}
}

func TestRunsThatEndEarlyHaveAUsablePage(t *testing.T) {
	s := scenarios.Find("concurrent")
	for events, name := range []string{"empty", "one-event"} {
		p, r := s.Defaults, ring32(0)
		if p.Events = uint64(events); events > 0 {
			r = record(s, p, 1)
		}
		file, err := write(name, name, r)
		if err != nil {
			t.Fatal(err)
		}
		b := open(t, file, "#step=1")
		if got := eval[int](b, "dessim.run().dt.length"); got != events {
			t.Errorf("%s: %d steps", name, got)
		}
		b.at(min(1, events), name)
		if got := b.text("#verdict") + b.text("#failure"); events > 0 && (!strings.Contains(got, "inconclusive") || !strings.Contains(got, "most events reached")) {
			t.Errorf("%s: the page says %q", name, got)
		}
		b.shoot(name)
		b.usable()
	}
}

// panicking is a node that does nothing but panic.
type panicking struct{}

func (panicking) Start(env *protocol.Env)                        { env.SetTimer(time.Second, 1) }
func (panicking) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (panicking) Timeout(*protocol.Env, uint64)                  { panic("seventeen is <b>enough</b>") }

func TestANodeThatPanicsIsWhereThePageOpens(t *testing.T) {
	s := &scenario.Scenario{
		Name: "panics", Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Until: time.Minute},
		Build: func(b *scenario.Setup) *scenario.Run {
			return &scenario.Run{Plan: sim.Plan{
				Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return panicking{} },
				Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until),
			}}
		},
	}
	file, err := write("panic", "panic", record(s, s.Defaults, 1))
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, file, "")
	b.at(b.violation(), "opened")
	if got := b.text("header"); !strings.Contains(got, "seventeen is <b>enough</b>") {
		t.Errorf("the page says %q", got)
	}
	b.shoot("panic")
	b.usable()
}

var data = regexp.MustCompile(`(<script type="text/plain" id="page">)([^<]*)`)

// spoil returns a page whose data is another.
func spoil(t *testing.T, name string, change func(packed string) string) string {
	t.Helper()
	page, err := os.ReadFile(chaos5(t))
	if err != nil {
		t.Fatal(err)
	}
	parts := data.FindSubmatch(page)
	if parts == nil {
		t.Fatal("the page has no data")
	}
	file := filepath.Join(folder, name+".html")
	if err := os.WriteFile(file, bytes.Replace(page, parts[2], []byte(change(string(parts[2]))), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// repack changes the JSON within the data of a page.
func repack(t *testing.T, change func(json string) string) func(string) string {
	return func(packed string) string {
		z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
		if err != nil {
			t.Fatal(err)
		}
		json, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		fmt.Fprint(w, change(string(json)))
		w.Close()
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
}

// A page whose data the script cannot read says so in one line, above the summary.
func TestDataThatCannotBeReadGivesOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		change func(string) string
		want   string
	}{
		"another version": {repack(t, func(json string) string { return strings.Replace(json, `"version":1`, `"version":2`, 1) }), "version 2"},
		"half":            {func(packed string) string { return packed[:len(packed)/2/4*4] }, "incomplete or damaged"},
		"no base64":       {func(string) string { return "?" }, "incomplete or damaged"},
		"nothing":         {func(string) string { return "" }, "incomplete or damaged"},
		"no runs":         {repack(t, func(string) string { return `{"version":1,"title":"","runs":[]}` }), "incomplete or damaged"},
		"no page":         {repack(t, func(string) string { return `null` }), "incomplete or damaged"},
	} {
		b := openRaw(t, spoil(t, strings.ReplaceAll(name, " ", "-"), c.change), "")
		b.until("document.getElementById('failed')")
		if got := b.text("#failed"); !strings.Contains(got, c.want) || strings.Contains(got, "\n") || len(got) > 200 {
			t.Errorf("%s: the page says %q", name, got)
		}
		if got := b.text("#static"); !strings.Contains(got, "chaos") {
			t.Errorf("%s: the summary is not shown, but %q", name, got)
		}
		if name == "half" {
			b.shoot("half")
		}
	}
}

func TestAReaderWithoutScriptsHasTheSummary(t *testing.T) {
	b := openRaw(t, ledgers(t), "", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	got := b.text("#static")
	for _, want := range []string{"violation", "dessim replay", "every log is a prefix of one sequence"} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %s: %s", want, got)
		}
	}
	b.shoot("no-script")
}
