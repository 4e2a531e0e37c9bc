package export

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

var update = flag.Bool("update", false, "write the files of testdata anew; the commit tells why they changed")

var (
	kindPut  = protocol.KindOf("put")
	kindAck  = protocol.KindOf("ack")
	kindDone = protocol.KindOf("done")
	kindNote = protocol.KindOf("note")
)

// store is a node that keeps what it is told, once its disk has it. Node 0 tells the others of
// each input, and again after a while if not both have said that they have it.
type store struct {
	told []byte
	acks map[protocol.NodeID]bool
}

const again = 7 // a timer

// Start notes on the disk, beside all else, that it has begun.
func (n *store) Start(env *protocol.Env) {
	n.acks = make(map[protocol.NodeID]bool)
	if env.Incarnation() == 1 {
		env.Persist([]byte("begun"))
		env.Flush(again, []uint64{0})
	}
}

func (n *store) Flushed(*protocol.Env, uint64, bool) {}

func (n *store) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		n.told = bytes.Clone(msg)
		clear(n.acks)
		n.tell(env)
	case env.ID() == 0:
		n.acks[from] = true
		if len(n.acks) == 2 {
			env.CancelTimer(again)
			env.Output(kindDone, n.told)
		}
	default:
		env.Persist(msg)
		env.Sync()
		env.Discard(0)
		env.Note(kindNote, "has "+string(msg))
		env.Send(from, kindAck, msg)
	}
}

func (n *store) Timeout(env *protocol.Env, _ uint64) { n.tell(env) }

func (n *store) tell(env *protocol.Env) {
	env.Send(1, kindPut, n.told)
	env.Send(2, kindPut, n.told)
	env.SetTimer(20*time.Millisecond, again)
}

const (
	// trouble is a loss, a copy, a partition, a crash, which one message reaches in vain, and one that
	// loses a record.
	trouble = "lose 0>1 100% at 1s for 10ms; copy 0>2 100% at 1s for 10ms; partition 0,1|2 at 2s for 50ms; crash 2 at 3s for 15ms; crash 1 at 500us for 15ms; corrupt 0>1 100% at 4s for 10ms"
	inputs  = 4
)

// stores is a scenario of three stores, with an input each second. Each text is one of texts.
func stores(faults string, texts ...string) *scenario.Scenario {
	return &scenario.Scenario{
		Name: "stores", Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Jitter: time.Millisecond, Until: time.Minute},
		Text: func(_ *scenario.Params, e *sim.Event) string {
			if e.What == sim.Fired {
				return "tell again"
			}
			return string(e.Body)
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			all, err := fault.Parse(faults)
			if err != nil {
				panic(err)
			}
			plan := sim.Plan{Nodes: 3, Node: func(protocol.NodeID) protocol.Node { return new(store) }, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter},
				Until: protocol.Time(b.Until), Disk: sim.Disk{Sync: time.Millisecond}, Faults: all}
			for i := range max(inputs, len(texts)) {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: protocol.Time(time.Second) * protocol.Time(i+1), Body: []byte(texts[i%len(texts)])})
			}
			return &scenario.Run{Plan: plan, Checks: check.Suite{check.Always("a put is done", sim.Output, func(*sim.Event) (bool, error) { return true, nil })}}
		},
	}
}

// run is one, with all that is exported of it.
type run struct {
	history *history.History
	report  scenario.Report
	about   About
	events  []sim.Event
	lines   bytes.Buffer
	bodies  bytes.Buffer
}

func (x *run) Watch() sim.What { return sim.Everything }

func (x *run) Observe(e *sim.Event) {
	kept := *e
	kept.Body = bytes.Clone(e.Body)
	x.events = append(x.events, kept)
}

// execute makes the run of seed 1.
func execute(s *scenario.Scenario, p scenario.Params) *run {
	x := &run{about: About{Scenario: s.Name, Seed: 1, Params: [][2]string{{"nodes", fmt.Sprint(p.Nodes)}, {"order", "a\n\"b\""}}, Command: "dessim run -scenario " + s.Name, Nodes: p.Nodes}}
	x.history = history.New(s, &p, history.Limits{Bytes: -1})
	lines, bodies := JSONL.NewLines(&x.lines, &x.about, s.Words(&p)), Bodies.NewLines(&x.bodies, &x.about, s.Words(&p))
	o := scenario.Options{Observers: []sim.Observer{x, lines, bodies}}
	x.report, _ = s.Execute(1, p, x.history.Attach(&o, source.Seed(1)), o)
	x.about.Faults = x.report.Faults
	for _, l := range []*Lines{lines, bodies} {
		if err := l.End(x.report.Sim.Reason.String()); err != nil {
			panic(err)
		}
	}
	return x
}

// puts is the run that the golden files show.
func puts() *run {
	s := stores(trouble, "x=1", "x=2", "x=3", "x=4")
	return execute(s, s.Defaults)
}

// in returns the run in one of the forms.
func (x *run) in(t *testing.T, f Format) string {
	t.Helper()
	switch f {
	case JSONL:
		return x.lines.String()
	case Bodies:
		return x.bodies.String()
	}
	var b bytes.Buffer
	if err := f.Write(&b, x.history, &x.about); err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return b.String()
}

// exports are all forms but that of sim.Trace, each with an end of a file's name.
func exports() []Format {
	return slices.DeleteFunc(Formats(), func(f Format) bool { return endOf[f] == "" })
}

var endOf = map[Format]string{Perfetto: ".json", ShiViz: ".shiviz", Mermaid: ".mmd", JSONL: ".jsonl"}

func TestExportsAreAsInTheirGoldenFiles(t *testing.T) {
	x := puts()
	seen := sim.What(0)
	for _, e := range x.events {
		seen |= e.What
	}
	if missing := sim.Everything &^ seen &^ sim.Damaged &^ sim.Shadowed; missing != 0 {
		t.Errorf("vacuous: the run has no event %v", missing)
	}
	for _, f := range exports() {
		path := filepath.Join("testdata", "puts"+endOf[f])
		got := x.in(t, f)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; if this is meant: go test ./sim/export -run Exports -update, and look at the difference", f, path)
		}
		if FormatOf(path) != f {
			t.Errorf("%s is taken for %s", path, FormatOf(path))
		}
	}
}

func TestEqualRunsHaveEqualExports(t *testing.T) {
	a, b := puts(), puts()
	for _, f := range exports() {
		if a.in(t, f) != b.in(t, f) {
			t.Errorf("%s differs between two runs", f)
		}
	}
}

// hostile are texts that must not break a file: each is in several messages of a run.
var hostile = []string{
	"\xff\xfe\xc3 no UTF-8", "two\nlines\r\nor three\u2028\u2029four", `"quotes" \ and \u0022`, "</script>", "%%{init: {}}%%", "# ; end",
	"style a:#1; x", "classDef:#2;", "n0->>n1: forged", `node-0 {"node-0":9}`, "\x00\x1b[31m\u202e\ufeff", strings.Repeat("long ", 1000), "wrap: x",
}

func TestAFileWhichCannotBeWrittenIsAnError(t *testing.T) {
	x := puts()
	for _, f := range exports()[:3] {
		if err := f.Write(full{}, x.history, &x.about); err != errFull {
			t.Errorf("%s: %v", f, err)
		}
	}
	l := JSONL.NewLines(full{}, &x.about, func(*sim.Event) string { return "" })
	l.Observe(&x.events[0])
	if err := l.End(""); err != errFull || l.Err() != errFull {
		t.Errorf("jsonl: %v, %v", err, l.Err())
	}
}

var errFull = fmt.Errorf("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
