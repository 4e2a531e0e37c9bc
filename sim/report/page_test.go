package report

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

var (
	elements = regexp.MustCompile(`(?s)<(script|style)[^>]*>(.*?)</(script|style)>`)
	policy   = regexp.MustCompile(`default-src 'none'; script-src '([^']*)'; style-src '([^']*)'; img-src data:`)
)

// The data is base64, and what stands in the page beside it is escaped, so that the only script
// is the one that the policy names.
func TestNothingThatAnybodySentCanRun(t *testing.T) {
	for name, node := range map[string]func() protocol.Node{
		"undescribed": func() protocol.Node { return new(toy) },
		"described":   func() protocol.Node { return new(describing) },
		"broken":      func() protocol.Node { return new(broken) },
	} {
		x := show(t, toys(node), "", nil)
		if x.report.Verdict != check.Violation {
			t.Fatalf("%s: %s, want a violation with hostile words", name, x.report.Verdict)
		}
		page := string(x.page)
		found := elements.FindAllStringSubmatch(page, -1)
		if len(found) != 3 || found[0][1] != "style" || strings.ContainsAny(found[1][2], "<>") {
			t.Fatalf("%s: %d elements of style and script, want one of each and the data", name, len(found))
		}
		allowed := policy.FindStringSubmatch(page)
		if allowed == nil || allowed[1] != hash(found[2][2]) || allowed[2] != hash(found[0][2]) {
			t.Errorf("%s: the policy allows %q", name, allowed)
		}
		rest := elements.ReplaceAllString(page, "")
		for _, text := range hostile[:2] {
			if strings.Contains(rest, text) {
				t.Errorf("%s: %s stands in the page", name, text)
			}
		}
		for _, tag := range regexp.MustCompile(`</?([A-Za-z0-9!]+)`).FindAllStringSubmatch(rest, -1) {
			if !strings.Contains(" !DOCTYPE html head meta title body main h1 pre p table tr th td ", " "+tag[1]+" ") {
				t.Errorf("%s: the page has an element %s", name, tag[0])
			}
		}
	}
}

func TestTheScriptAndItsStyleEndWhereTheyShould(t *testing.T) {
	for _, name := range append([]string{"style.css"}, scripts...) {
		text := strings.ToLower(file(name))
		for _, end := range []string{"</script", "</style", "<!--"} {
			if strings.Contains(text, end) {
				t.Errorf("%s has %s", name, end)
			}
		}
		for _, risky := range []string{"innerhtml", "outerhtml", "insertadjacenthtml", "document.write", "eval(", "new function", "srcdoc"} {
			if strings.Contains(text, risky) {
				t.Errorf("%s has %s: text reaches the page as text alone", name, risky)
			}
		}
	}
	entries, err := page.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".js") && !strings.Contains(strings.Join(scripts, " "), name) {
			t.Errorf("%s is no part of the script", name)
		}
	}
}

func TestADescriptionThatPanicsIsNoPanicOfTheRun(t *testing.T) {
	x := show(t, toys(func() protocol.Node { return new(broken) }), "", nil)
	if got := x.run.state(len(x.run.Dt))[0]; len(got) != 1 || !strings.HasPrefix(got[0], "its Describe panicked: no words: </script>") {
		t.Errorf("the state is %q", got)
	}
	plain := show(t, toys(func() protocol.Node { return new(toy) }), "", nil)
	if plain.run.Described || !strings.Contains(plain.run.Notes[0], "Describer") || plain.report.Sim.Digest != x.report.Sim.Digest {
		t.Errorf("a toy describes itself: %v; notes %q", plain.run.Described, plain.run.Notes)
	}
}

func TestRunsThatEndEarlyHaveAPage(t *testing.T) {
	s := toys(func() protocol.Node { return new(describing) })
	for name, change := range map[string]func(p *scenario.Params){
		"one event": func(p *scenario.Params) { p.Events = 1 },
		"ten":       func(p *scenario.Params) { p.Events = 10 },
	} {
		p := s.Defaults
		change(&p)
		x := showRun(t, s, p, nil)
		if len(x.run.Dt) != int(p.Events) || x.run.Focus != 0 || x.run.Verdict != "inconclusive" {
			t.Errorf("%s: the page has %d steps, opens at %d, and says %s", name, len(x.run.Dt), x.run.Focus, x.run.Verdict)
		}
	}
	panics := toys(func() protocol.Node { return &panicking{} })
	x := showRun(t, panics, panics.Defaults, nil)
	if x.run.Verdict != "violation" || x.run.Focus == 0 || !strings.Contains(x.run.Failure, "enough") {
		t.Errorf("a node panics: %s, opens at %d, %q", x.run.Verdict, x.run.Focus, x.run.Failure)
	}
}

// panicking is a toy that panics at its third message.
type panicking struct{ describing }

func (n *panicking) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if n.heard == 2 {
		panic("enough")
	}
	n.describing.Receive(env, from, msg)
}

func TestAPageThatCannotBeWrittenIsAnError(t *testing.T) {
	full := errors.New("full")
	if err := Write(failing{full}, "x", &Run{}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	var page bytes.Buffer
	if err := Write(&page, "x"); err != nil || page.Len() == 0 {
		t.Errorf("a page of no run: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

var _ io.Writer = failing{}
