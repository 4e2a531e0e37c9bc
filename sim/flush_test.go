package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// filer does to its disk what an input says, a word an effect: "p" persists, "s" syncs, "d3"
// discards what is below 3, "f2:0,3" flushes 0 and 3 under tag 2. It makes known what it finds
// when it starts, and what it is told of flushes.
func filer() script {
	return script{
		start: clerk().start,
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			for i, word := range strings.Fields(string(msg)) {
				switch word[0] {
				case 'p':
					env.Persist(fmt.Appendf(nil, "%s.%d", word[1:], i))
				case 's':
					env.Sync()
				case 'd':
					env.Discard(number(word[1:]))
				case 'f':
					tag, list, _ := strings.Cut(word[1:], ":")
					env.Flush(number(tag), numbers(list))
				}
			}
		},
		flushed: func(env *protocol.Env, tag uint64, failed bool) {
			if failed {
				say(env, fmt.Sprintf("flush %d failed", tag))
			} else {
				say(env, fmt.Sprintf("flush %d", tag))
			}
		},
	}
}

func number(text string) (n uint64) {
	if _, err := fmt.Sscan(text, &n); err != nil {
		panic(err)
	}
	return n
}

func numbers(list string) (all []uint64) {
	for word := range strings.SplitSeq(list, ",") {
		if word != "" {
			all = append(all, number(word))
		}
	}
	return all
}

// flushModel is the model of a disk with flushes: of each record it says whether it is safe.
type flushModel struct {
	took    time.Duration
	now     protocol.Time // of the last step, when its syncs were done, or of what comes
	records map[uint64]*modelRecord
	next    uint64
	forget  uint64
	under   []modelFlush // way
	told    []string
}

type modelRecord struct {
	text string
	safe bool
}

type modelFlush struct {
	at      protocol.Time
	tag     uint64
	records []uint64
	forget  uint64
}

// pass lets the time come at which flushes end that are under way.
func (m *flushModel) pass(now protocol.Time) {
	for len(m.under) > 0 && m.under[0].at < now {
		f := m.under[0]
		m.under = m.under[1:]
		m.told = append(m.told, fmt.Sprintf("%d 0 flush %d", max(f.at, m.now), f.tag))
		m.done(f)
	}
	m.now = now
}

func (m *flushModel) done(f modelFlush) {
	for _, i := range f.records {
		if rec := m.records[i]; rec != nil {
			rec.safe = true
		}
	}
	for i := range f.forget {
		delete(m.records, i)
	}
}

// last returns when the last flush ends that is under way, or 0.
func (m *flushModel) last() (last protocol.Time) {
	for _, f := range m.under {
		last = max(last, f.at)
	}
	return last
}

func (m *flushModel) do(i int, word string) {
	switch word[0] {
	case 'p':
		m.records[m.next] = &modelRecord{text: fmt.Sprintf("%s.%d", word[1:], i)}
		m.next++
	case 's':
		m.now = max(m.now.Add(m.took), m.last())
		var all []uint64
		for i := range m.records {
			all = append(all, i)
		}
		m.done(modelFlush{records: all, forget: m.forget})
	case 'd':
		m.forget = max(m.forget, min(number(word[1:]), m.next))
	case 'f':
		tag, list, _ := strings.Cut(word[1:], ":")
		f := modelFlush{at: max(m.now.Add(max(m.took, 1)), m.last()), tag: number(tag), records: numbers(list), forget: m.forget}
		if f.tag == 0 {
			m.done(f)
		} else {
			m.under = append(m.under, f)
		}
	}
}

// crash loses what is not safe, and closes the gaps.
func (m *flushModel) crash() {
	first, left := m.first(), make(map[uint64]*modelRecord)
	for _, i := range protocol.SortedKeys(m.records) {
		if rec := m.records[i]; rec.safe {
			left[first+uint64(len(left))] = rec
		}
	}
	m.records, m.next, m.forget, m.under = left, first+uint64(len(left)), 0, nil
}

func (m *flushModel) text() string {
	var found []string
	for _, i := range protocol.SortedKeys(m.records) {
		found = append(found, fmt.Sprintf("%d=%s", i, m.records[i].text))
	}
	return strings.Join(found, " ")
}

// first returns the index of the first record that is not forgotten.
func (m *flushModel) first() uint64 {
	for i := range m.next {
		if m.records[i] != nil {
			return i
		}
	}
	return m.next
}

// drawWord draws an effect that makes sense where the next record has that index.
func drawWord(t *rapid.T, step int, next uint64, syncs bool) string {
	switch rapid.SampledFrom([]string{"p", "p", "p", "f", "f", "f", "d", "s"}).Draw(t, "effect") {
	case "f":
		var list []string
		for i := next - min(next, 7); i < next; i++ {
			if rapid.IntRange(0, 2).Draw(t, "flushed") == 0 {
				list = append(list, fmt.Sprint(i))
			}
		}
		return fmt.Sprintf("f%d:%s", rapid.SampledFrom([]int{1, 2, 3, 0}).Draw(t, "tag"), strings.Join(list, ","))
	case "d":
		return fmt.Sprintf("d%d", rapid.Uint64Range(0, next+1).Draw(t, "below"))
	case "s":
		if syncs {
			return "s"
		}
	}
	return fmt.Sprintf("p%d", step)
}

// TestTheRecordsThatSurviveAreThoseOfTheModel has a node persist, flush, sync and discard, crashes
// it within steps and between them, while flushes are under way, and looks at what it finds.
func TestTheRecordsThatSurviveAreThoseOfTheModel(t *testing.T) {
	found, lost, gaps, overtaken := 0, 0, 0, 0
	property := func(t *rapid.T) {
		took := rapid.SampledFrom([]time.Duration{0, 7, 1500, 4500}).Draw(t, "sync")
		plan := Plan{Nodes: 1, Node: scripts(filer()), Poison: true, Disk: Disk{Sync: took}, Until: 1_000_000}
		m := &flushModel{took: took, records: make(map[uint64]*modelRecord), told: []string{"0 0 "}}
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			at := protocol.Time(i+1) * 1000
			m.pass(at)
			var words []string
			next := m.next
			for range rapid.IntRange(0, 8).Draw(t, "effects") {
				words = append(words, drawWord(t, i, next, took < 1000))
				if words[len(words)-1][0] == 'p' {
					next++
				}
			}
			plan.Inputs = append(plan.Inputs, input(uint64(i), at, 0, strings.Join(words, " ")))
			after := rapid.IntRange(0, 12).Draw(t, "crash after, more than 8 is none")
			crashes := after <= 8
			f := fault.Fault{ID: uint64(i), Op: fault.Crash, At: at, After: after, For: 300}
			if after > 0 && crashes {
				words = words[:min(after, len(words))]
			}
			for k, word := range words {
				m.do(k, word)
			}
			if !crashes {
				continue
			}
			if after == 0 {
				f.At += 400 // between this step and the next one
				m.pass(f.At)
			}
			plan.Faults = append(plan.Faults, f)
			overtaken += len(m.under)
			before := len(m.records)
			ragged := m.text()
			m.crash()
			lost += before - len(m.records)
			found += len(m.records)
			if !strings.HasPrefix(ragged, m.text()) {
				gaps++
			}
			m.told = append(m.told, fmt.Sprintf("%d 0 %s", m.now+300, m.text()))
		}
		m.pass(1_000_000)
		_, c := run(t, plan, nil)
		if got := c.outputs(); !slices.Equal(got, m.told) {
			t.Fatalf("got  %q\nwant %q", got, m.told)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 200, property)
	if found == 0 || lost == 0 || gaps == 0 || overtaken == 0 {
		t.Errorf("vacuous: %d records found and %d lost, %d times one before another that survived; %d flushes were under way", found, lost, gaps, overtaken)
	}
}

// flushRun runs a filer under faults, with the answers, and returns what was shown.
func flushRun(t *testing.T, disk Disk, src protocol.Source, faults string, inputs ...string) (Result, *collector) {
	t.Helper()
	plan := Plan{Nodes: 1, Node: scripts(filer()), Disk: disk, Faults: mustFaults(t, faults), Poison: true}
	for i, text := range inputs {
		plan.Inputs = append(plan.Inputs, input(uint64(i), protocol.Time(100*(i+1)), 0, text))
	}
	return run(t, plan, src)
}

func TestAFlushDoesNotStopItsNode(t *testing.T) {
	_, c := flushRun(t, Disk{Sync: 250}, nil, "", "p0 p0 f1:1", "p0 f2:", "p0 s f0:3")
	want := []string{"0 0 ", "550 0 flush 1", "550 0 flush 2"} // a step that syncs waits for both, and what comes waits for it
	if got := c.outputs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var texts []string
	for i := range c.events {
		if e := &c.events[i]; e.What&(Flushing|Flushed|Synced) != 0 {
			texts = append(texts, fmt.Sprintf("%d %v %d %d %s", e.At, e.What, e.Tag, e.Seq, IndicesText(e.Body)))
		}
	}
	want = []string{"100 flushing 1 1 record 1", "200 flushing 2 2 no record", "550 synced 4 0 no record", "550 flushing 0 0 record 3",
		"550 flushed 1 1 record 1", "550 flushed 2 2 no record"}
	if !slices.Equal(texts, want) {
		t.Errorf("got %q, want %q", texts, want)
	}
}

func TestAFailedFlushIsToldAndTheNodeGoesOn(t *testing.T) {
	r, c := flushRun(t, Disk{Sync: 10}, nil, "failsync 0 at 150ns; crash 0 at 450ns for 1ns; failsync 0 at 0s", "p0 f0:0 f1:0", "p1 p1 f2:1", "f3:2", "d2")
	want := []string{"0 0 ", "110 0 flush 1 failed", "210 0 flush 2 failed", "310 0 flush 3", "451 0 0=0.0 1=1.1"}
	if got := c.outputs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if r.Flushes != 3 || r.Faults != (FaultCounts{FailedFlushes: 2, Unsynced: 1}) {
		t.Errorf("%d flushes, %+v; want 3, and 2 that failed", r.Flushes, r.Faults)
	}
}

func TestADiscardWaitsForAFlushThatDoesNotFail(t *testing.T) {
	_, c := flushRun(t, Disk{Sync: 10}, nil, "failsync 0 at 0s; crash 0 at 250ns for 1ns; crash 0 at 350ns for 1ns; crash 0 at 450ns for 1ns",
		"p0 p0 f0:0,1", "p1 d2 f1:2", "p2 d2 f1:2", "p3 f1:2,3")
	// The first flush fails, so nothing is forgotten, and record 2 is lost. The second one forgets.
	want := []string{"0 0 ", "210 0 flush 1 failed", "251 0 0=0.0 1=0.1", "310 0 flush 1", "351 0 2=2.0", "410 0 flush 1", "451 0 2=2.0 3=3.0"}
	if got := c.outputs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACrashTellsWhatItLeavesOfEachRecord(t *testing.T) {
	src := answers{kindKeep: {1, 0, 2}, kindTear: {2}}
	_, c := flushRun(t, Disk{}, src, "crash 0 at 150ns for 1ns any", "p0 p0 p0 p0 p0 f0:0,2", "p1")
	var got []string
	for i := range c.events {
		if e := &c.events[i]; e.What == Crashed || e.What == Salvaged {
			got = append(got, fmt.Sprintf("%v %d %s %s", e.What, e.Tag, e.Body, e.Text))
		}
	}
	want := []string{"crashed 1  between steps", "salvaged 1 0.1 kept", "salvaged 3 0.3 lost", "salvaged 4 0.4 torn: 2 of 3 bytes"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if out := c.outputs(); !slices.Equal(out, []string{"0 0 ", "151 0 0=0.0 1=0.1 2=0.2 3=0."}) {
		t.Errorf("the next start finds %q", out)
	}
}

func TestACrashAfterAFlushForgetsIt(t *testing.T) {
	for text, want := range map[string][]string{
		"crash 0 after flush #1 for 1ns":                       {"0 0 ", "101 0 ", "210 0 flush 2"},
		"crash 0 after flush #2 for 1ns":                       {"0 0 ", "110 0 flush 1", "201 0 0=0.0"},
		"crash 0 after 2 effects for 1ns":                      {"0 0 ", "101 0 ", "210 0 flush 2"},
		"pause 0 at 105ns for 200ns":                           {"0 0 ", "305 0 flush 1", "315 0 flush 2"},
		"pause 0 at 105ns for 200ns; crash 0 at 200ns for 1ns": {"0 0 ", "201 0 "},
	} {
		_, c := flushRun(t, Disk{Sync: 10}, nil, text, "p0 f1:0", "f2:")
		if got := c.outputs(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestTheTimeOfAFlushIsAnAnswerNamedByItsStepAndTag(t *testing.T) {
	asked := make(map[protocol.Key]int)
	flushRun(t, Disk{Jitter: 9}, spy(func(k protocol.Key) { asked[k]++ }), "", "p0 f1:0 f2:0 f2:0 f0:0", "f1:0")
	for k, n := range asked {
		if k.Kind != kindFlush || n != 1 || !AsksTime(k.Kind) || !AsksOfDisk(k.Kind) {
			t.Errorf("asked %d times %v, want once the time of a flush", n, k)
		}
	}
	if len(asked) != 4 {
		t.Errorf("%d questions, want 4", len(asked))
	}
}

func TestOnlyAFlusherFlushesUnderATag(t *testing.T) {
	for text, want := range map[string]string{
		"f1:":  "sim: node 0 flushes under tag 1, and a struct { protocol.Node } is no Flusher",
		"f0:0": "sim: node 0 flushes its record 0, and its next one is 0",
		"f0:":  "",
	} {
		plan := Plan{Nodes: 1, Inputs: []Input{input(1, 10, 0, text)}}
		plan.Node = func(protocol.NodeID) protocol.Node { return struct{ protocol.Node }{filer()} }
		got := func() (why string) {
			defer func() {
				if v := recover(); v != nil {
					why = fmt.Sprint(v.(*Panic).Value)
				}
			}()
			mustNew(t, plan, nil).Run()
			return ""
		}()
		if got != want {
			t.Errorf("%q: panics with %q, want %q", text, got, want)
		}
	}
}

// hoarder persists records of which a part is payload, at an input, and tells what it finds.
func hoarder() script {
	return script{start: clerk().start, receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
		env.PersistFrom([]byte("head"), 4)
		env.PersistFrom([]byte("head.payload"), 5)
		env.PersistFrom([]byte("head.lost"), 5)
		env.Flush(0, []uint64{0, 1})
	}}
}

func TestThePayloadOfARecordRotsUnseen(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(hoarder()), Inputs: []Input{input(1, 10, 0, "")}}
	plan.Faults = mustFaults(t, "rot 0 at 20ns; crash 0 at 30ns for 10ns torn")
	for bit, want := range map[uint64]string{0: "qayload", 12: "pqyload"} {
		r, c := run(t, plan, answers{kindRotBit: {bit}, kindKeep: {0}, kindTear: {4}})
		if got := c.outputs(); len(got) != 2 || got[1] != "40 0 0=head 1=head."+want+" 2=head" {
			t.Errorf("bit %d: the starts find %q, want %s", bit, got, want)
		}
		if r.Faults != (FaultCounts{Rotted: 1, Unsynced: 1, Torn: 1}) {
			t.Errorf("bit %d: %+v", bit, r.Faults)
		}
	}
	plan.Inputs = nil
	if _, c := run(t, plan, nil); len(c.outputs()) != 2 {
		t.Errorf("without records the starts find %q", c.outputs())
	}
}

func TestANodeThatAsksIsToldThatItsDiskIsFull(t *testing.T) {
	ask := func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
		if string(msg) == "ask" {
			say(env, fmt.Sprint(env.Full()))
		}
	}
	plan := Plan{Nodes: 1, Node: scripts(script{receive: ask}), Faults: mustFaults(t, "full 0 at 15ns for 10ns; jump 0 by 1s at 0s; full 0 after output t #4")}
	for i, msg := range []string{"ask", "ask", "-", "ask", "ask"} {
		plan.Inputs = append(plan.Inputs, input(uint64(i), protocol.Time(10*(i+1)), 0, msg))
	}
	r, c := run(t, plan, nil)
	if got := outputsOf(c); !slices.Equal(got, []string{"false", "true", "false", "false"}) || r.Faults.Full != 1 {
		t.Errorf("got %q, and %d steps; want the second full", got, r.Faults.Full)
	}
}
