package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// hostiles is a run whose messages have the hostile texts.
func hostiles() *run {
	s := stores("", hostile...)
	return execute(s, s.Defaults)
}

// crowd is a run of that many puts without delays, so that many things happen at once.
func crowd(puts int) *run {
	s := stores("crash 1 at 5s for 1ns; crash 1 at 5000000001ns for 1ns; crash 2 at 6s for 1s", make([]string, puts)...)
	p := s.Defaults
	p.Jitter, p.Until = 0, 10*time.Minute
	return execute(s, p)
}

func TestTheClocksOfTheShiVizFileSayWhatHappenedBeforeWhat(t *testing.T) {
	for _, x := range []*run{puts(), hostiles()} {
		text := x.in(t, ShiViz)
		pattern, log, _ := strings.Cut(text, "\n\n")
		found := regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(log, -1)
		var whole strings.Builder
		var rows []int // that the file has
		for i, r := range x.history.Rows {
			if r.What&sim.Unwritten == 0 {
				rows = append(rows, i)
			}
		}
		if len(found) != len(rows) {
			t.Fatalf("the pattern finds %d events, want %d", len(found), len(rows))
		}
		before := happenedBefore(x.history, rows)
		for k, m := range found {
			whole.WriteString(m[0] + "\n")
			var clock map[string]int
			if err := json.Unmarshal([]byte(m[5]), &clock); err != nil {
				t.Fatalf("%q: %v", m[0], err)
			}
			want := make(map[string]int)
			for other := range rows[:k+1] {
				if before[k][other] {
					want[hostOf(&x.about, x.history.Rows[rows[other]].Node)]++
				}
			}
			if host := hostOf(&x.about, x.history.Rows[rows[k]].Node); m[4] != host || !maps.Equal(clock, want) {
				t.Fatalf("event %d, %q, has the clock %v of %s, want %v of %s", k, m[3], clock, m[4], want, host)
			}
			if step, err := strconv.Atoi(m[2]); err != nil || step != x.history.StepOf(rows[k]) || m[1] != sim.Millis(x.history.Steps[step].At) {
				t.Fatalf("event %d has step %s and time %s", k, m[2], m[1])
			}
		}
		if whole.String() != log {
			t.Error("the file has text that is no event")
		}
	}
}

// happenedBefore returns, for each of the rows, which of them happened before it, or are it: the
// relation itself, by its definition.
func happenedBefore(h *history.History, rows []int) [][]bool {
	before := make([][]bool, len(rows))
	for k, i := range rows {
		before[k] = make([]bool, len(rows))
		before[k][k] = true
		for other := range rows[:k] {
			r := &h.Rows[i]
			sent := r.What&(sim.Received|sim.Dropped) != 0 && int(r.Origin) == rows[other]
			if !sent && h.Rows[rows[other]].Node != r.Node {
				continue
			}
			for x, yes := range before[other] {
				before[k][x] = before[k][x] || yes
			}
		}
	}
	return before
}

// checkLines returns an error unless a JSONL file is whole.
func checkLines(text string) error {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] != "" || len(lines) < 3 {
		return errors.New("the last line is not whole")
	}
	var first header
	var last struct {
		End    bool
		Events int
		Reason string
	}
	err := errors.Join(json.Unmarshal([]byte(lines[len(lines)-2]), &last), json.Unmarshal([]byte(strings.Replace(lines[0], `"params":{`, `"x":{`, 1)), &first))
	switch {
	case err != nil:
		return err
	case first.Format != "dessim trace" || first.Version != 1 || first.Scenario == "" || first.Seed == "" || first.Command == "":
		return fmt.Errorf("the header is %+v", first)
	case !last.End || last.Reason == "":
		return errors.New("the last line is no end")
	case last.Events != len(lines)-3:
		return fmt.Errorf("%d events, and not %d", len(lines)-3, last.Events)
	}
	return nil
}

func TestAJSONLFileThatIsCutOffIsRecognised(t *testing.T) {
	text := puts().in(t, JSONL)
	if err := checkLines(text); err != nil {
		t.Fatal(err)
	}
	for at := range len(text) {
		if (at%97 == 0 || at > 0 && text[at-1] == '\n') && checkLines(text[:at]) == nil {
			t.Errorf("of %d bytes, the first %d are a whole file", len(text), at)
		}
	}
}

func TestAJSONLFileHasAllOfEachEvent(t *testing.T) {
	cut := 0
	for _, x := range []*run{puts(), hostiles()} {
		text := x.in(t, Bodies)
		lines, short := strings.Split(text, "\n"), strings.Split(x.in(t, JSONL), "\n")
		words := x.history.Scenario.Words(&x.report.Params)
		for i, e := range x.events[:len(x.events)-1] {
			var o object
			d := json.NewDecoder(strings.NewReader(lines[i+1]))
			d.DisallowUnknownFields()
			if err := d.Decode(&o); err != nil {
				t.Fatalf("%s: %v", lines[i+1], err)
			}
			if e.What&(sim.Flushing|sim.Flushed) != 0 {
				if !slices.Equal(o.Records, protocol.IndexList(e.Body)) || o.Flush != e.Tag || o.Seq != e.Seq || o.Text != e.Text {
					t.Fatalf("line %s\nis of flush %+v", lines[i+1], e)
				}
				e.Body = nil
			}
			if o.Step != e.Step || o.At != int64(e.At) || o.What != e.What.String() || !same(o.Node, e.Node) || !bytes.Equal(o.Body, e.Body) || o.Bytes != len(e.Body) || o.Incarnation != e.Incarnation {
				t.Fatalf("line %s\nis of event %+v", lines[i+1], e)
			}
			want := lines[i+1]
			if len(e.Body) > shortBody {
				want = strings.Replace(want, fmt.Sprintf(`,"body":%q`, base64.StdEncoding.EncodeToString(e.Body)), "", 1)
				cut++
			}
			if short[i+1] != want {
				t.Fatalf("the line without long bodies is\n%s\nwant\n%s", short[i+1], want)
			}
			message := e.What&(sim.Sent|sim.Lost|sim.Copied|sim.Corrupted|sim.Received|sim.Dropped) != 0
			if message && (!same(o.Peer, e.Peer) || o.Seq != e.Seq || o.Kind != e.Kind.String() || o.Text != history.BodyText(words(&e), e.Body)) {
				t.Fatalf("line %s\nis of message %+v", lines[i+1], e)
			}
			if e.What&(sim.Crashed|sim.Injected|sim.Lifted) != 0 && (o.Fault != strconv.FormatUint(e.Tag, 10) || o.Text != e.Text) {
				t.Fatalf("line %s\nis of fault %+v", lines[i+1], e)
			}
			if e.What == sim.TimerSet && (o.After == nil || *o.After != int64(e.After) || o.Timer != sim.TimerText(e.Tag)) {
				t.Fatalf("line %s\nis of timer %+v", lines[i+1], e)
			}
			if e.What&(sim.Persisted|sim.Synced|sim.Discarded|sim.Salvaged) != 0 && (o.Record == nil || *o.Record != e.Tag) {
				t.Fatalf("line %s\nis of record %+v", lines[i+1], e)
			}
		}
	}
	if cut == 0 {
		t.Error("vacuous: no body is long")
	}
}

func same(n *uint32, id protocol.NodeID) bool {
	return n == nil && id == protocol.Outside || n != nil && protocol.NodeID(*n) == id
}

// What Mermaid does before it parses (see its encodeEntities), and the lines that are written of
// its grammar: no character within a text is one that it could take for anything else.
var (
	mermaidColours = regexp.MustCompile(`(style|classDef).*:\S*#.*;`)
	mermaidForm    = regexp.MustCompile(`#\d+;`)
	mermaidLine    = regexp.MustCompile(`^    (participant (outside|n\d+( as (node|client)-\d+)?)|((outside|n\d+)(->>|-->>|-x|-\))n\d+|Note over n\d+(,n\d+)?): \d+\.\d{6} ms: [^#;%{}<>&"\\` + "`" + `*_\x00-\x1f\x7f-\x{10ffff}]+)$`)
)

func TestTheMermaidDiagramIsNothingElseWhateverNodesSend(t *testing.T) {
	for _, x := range []*run{puts(), hostiles()} {
		text := x.in(t, Mermaid)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if lines[0] != "sequenceDiagram" {
			t.Errorf("the diagram begins with %q", lines[0])
		}
		for _, line := range lines[1:] {
			if mermaidColours.MatchString(line) {
				t.Errorf("Mermaid finds a colour in %q", line)
			}
			if !mermaidLine.MatchString(mermaidForm.ReplaceAllString(line, "x")) {
				t.Errorf("line %q", line)
			}
		}
	}
	said := html.UnescapeString(mermaidForm.ReplaceAllStringFunc(hostiles().in(t, Mermaid), func(s string) string { return "&" + s }))
	for _, want := range hostile {
		if want = line(want); !strings.Contains(said, short("put: "+want)) {
			t.Errorf("the diagram lacks %q", want)
		}
	}
}

func TestADiagramThatIsTooLongIsOneLineAndNothingElse(t *testing.T) {
	for _, x := range []struct {
		*run
		want string
	}{
		{crowd(50), "messages, and a Mermaid diagram has at most 200: shrink the run, end it earlier with -until"},
		{wordy(), "bytes of text, and Mermaid takes at most 50000: shrink"},
	} {
		var b bytes.Buffer
		err := Mermaid.Write(&b, x.history, &x.about)
		var long *TooLong
		if !errors.As(err, &long) || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") || b.Len() > 0 {
			t.Errorf("%v; %d bytes are written", err, b.Len())
		}
	}
}

// wordy is a run of few messages with long texts, of characters that take much room.
func wordy() *run {
	var texts []string
	for range 24 {
		texts = append(texts, strings.Repeat("\U0001f600", 300))
	}
	s := stores("", texts...)
	return execute(s, s.Defaults)
}

func TestNoFormatHasAnythingThatIsNotText(t *testing.T) {
	x := hostiles()
	for _, f := range exports() {
		text := x.in(t, f)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r\u2028\u2029") {
			t.Errorf("%s has bytes that are no text", f)
		}
		if !strings.Contains(text, "forged") {
			t.Errorf("vacuous: %s lacks the texts", f)
		}
	}
}

func TestTheNameOfAFileSaysItsFormat(t *testing.T) {
	for name, want := range map[string]Format{
		"x.json": Perfetto, "a/x.perfetto.json": Perfetto, "x.JSON": Perfetto, "x.jsonl": JSONL, "x.shiviz": ShiViz,
		"x.mmd": Mermaid, "x.mermaid": Mermaid, "x.trace": Text, "x": Text, "-": Text, "json": Text, "x.jsonl.txt": Text,
	} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
