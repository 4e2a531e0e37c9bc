package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// shown is the run of the flags: its events, its report, and its page.
type shown struct {
	events []sim.Event
	report scenario.Report
	run    *Run
	page   []byte
}

// show makes a run with a History, whose limits, and those of its page, change may change.
func show(t *testing.T, s *scenario.Scenario, flags string, change func(*history.Limits, *limits)) *shown {
	t.Helper()
	p, err := s.ParseParams(flags)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		return showRun(t, s, p, change)
	}
	at := subject{s, flags}
	if pages[at] == nil {
		pages[at] = showRun(t, s, p, nil)
	}
	return pages[at]
}

// pages are those with the usual limits, which several tests look at.
var pages = make(map[subject]*shown)

type subject struct {
	scenario *scenario.Scenario
	flags    string
}

func showRun(t *testing.T, s *scenario.Scenario, p scenario.Params, change func(*history.Limits, *limits)) *shown {
	t.Helper()
	x := new(shown)
	kept, shows := history.Usual, usual
	if change != nil {
		change(&kept, &shows)
	}
	h := history.New(s, &p, kept)
	run := func(h *history.History) scenario.Report {
		o := scenario.Options{Observers: []sim.Observer{x}}
		x.events = nil
		r, _ := s.Execute(1, p, h.Attach(&o, source.Seed(1)), o)
		return r
	}
	x.report = run(h)
	h, x.report = closer(h, &x.report, &p, kept, run)
	x.run = of(h, &x.report, About{Command: "dessim run"}, shows)
	var page bytes.Buffer
	if err := Write(&page, "a test", x.run); err != nil {
		t.Fatal(err)
	}
	x.page = page.Bytes()
	x.run = unpack(t, x.page)
	return x
}

// Watch leaves out what is no part of the run.
func (x *shown) Watch() sim.What { return sim.Everything &^ sim.Shadowed }

func (x *shown) Observe(e *sim.Event) {
	kept := *e
	kept.Body = bytes.Clone(e.Body)
	x.events = append(x.events, kept)
}

// unpack reads the data of a page as its script does.
func unpack(t *testing.T, page []byte) *Run {
	t.Helper()
	data := regexp.MustCompile(`<script type="text/plain" id="page">([^<]*)</script>`).FindSubmatch(page)
	if data == nil {
		t.Fatal("the page has no data")
	}
	packed, err := base64.StdEncoding.DecodeString(string(data[1]))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Runs []*Run }
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p.Runs[0]
}

// decoded is a row as the script reads it.
type decoded struct {
	what             byte
	step, node       int
	at               int64
	peer, kind, text int
	origin           int // row, or none
	num              int64
}

// decode is the slow twin of encode.
func (r *Run) decode(t *testing.T) (rows []decoded) {
	t.Helper()
	take := func(column *[]int) int {
		v := (*column)[0]
		*column = (*column)[1:]
		return v
	}
	peer, kind, text, link, num := r.Peer, r.Kind, r.Text, r.Link, r.Num
	step, left, at, node := 0, r.Rows[0], int64(0), 0
	for i := range r.What {
		for left == 0 {
			step++
			left = r.Rows[step]
			at += r.Dt[step-1]
		}
		left--
		node += r.Node[i]
		x := decoded{what: r.What[i], step: step, node: node, at: at, peer: history.None, kind: history.None, text: history.None, origin: history.None}
		uses := strings.IndexByte("ACRFSLYXDPZONIJGTVUHKW", x.what)
		if uses < 0 {
			t.Fatalf("row %d is a %q", i, x.what)
		}
		if strings.IndexByte("RFDVK", x.what) >= 0 {
			if l := take(&link); l > 0 {
				x.origin = i - l
			} else if x.what == 'R' || x.what == 'D' {
				x.kind, x.text = take(&kind), take(&text)
			}
		}
		if x.what == 'S' {
			x.peer = take(&peer)
		}
		if strings.IndexByte("SON", x.what) >= 0 {
			x.kind = take(&kind)
		}
		if strings.IndexByte("CSXPONIJGTHKW", x.what) >= 0 {
			x.text = take(&text)
		}
		if strings.IndexByte("ACFPZIJTVUHKW", x.what) >= 0 {
			x.num = num[0]
			num = num[1:]
		}
		rows = append(rows, x)
	}
	for name, column := range map[string][]int{"peer": peer, "kind": kind, "text": text, "link": link} {
		if len(column) > 0 {
			t.Errorf("%d values of column %s are left", len(column), name)
		}
	}
	if len(num) > 0 {
		t.Errorf("%d values of column num are left", len(num))
	}
	return rows
}

// state returns the lines of each node after a step, as the page has them.
func (r *Run) state(step int) [][]string {
	now := make([][]string, len(r.Names))
	at := 0
	for i := range r.States.Step {
		if at += r.States.Step[i]; at > step {
			break
		}
		id := r.States.Node[i]
		was, next, e := now[id], []string(nil), r.States.Edit[i]
		for len(e) > 0 {
			next = append(next, was[:e[0]]...)
			was = was[e[0]+e[1]:]
			for _, l := range e[3 : 3+e[2]] {
				next = append(next, r.Lines[l])
			}
			e = e[3+e[2]:]
		}
		now[id] = append(next, was...)
	}
	return now
}

func described(m *sim.Sim) [][]string {
	var all [][]string
	for id := range m.Nodes() {
		var lines []string
		if d, can := m.Node(protocol.NodeID(id)).(protocol.Describer); can {
			for line := range strings.Lines(string(d.Describe(nil))) {
				lines = append(lines, history.Cut((strings.TrimSuffix(line, "\n"))))
			}
		}
		all = append(all, lines)
	}
	return all
}
