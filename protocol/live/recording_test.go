package live_test

import (
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/record"
)

// witness is a node's disk, network and recording. Each of the first two looks at the third
// when something leaves.
type witness struct {
	t *testing.T

	mu     sync.Mutex
	text   []byte
	writes int
	steps  int // that have begun
	fails  bool
}

func (w *witness) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails {
		return 0, errors.New("no room")
	}
	w.text = append(w.text, b...)
	w.writes++
	return len(b), nil
}

// recorded returns how many steps are recorded, and whether the last one's sync is.
func (w *witness) recorded() (steps int, synced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := record.Read(w.text)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range r.Entries {
		if synced = r.Entries[i].Op == record.Synced; r.Entries[i].Steps() {
			steps++
		}
	}
	return steps, synced
}

// leaves is called when something leaves the node.
func (w *witness) leaves(what string, afterSync bool) {
	if steps, synced := w.recorded(); steps != w.steps || synced != afterSync {
		w.t.Errorf("%s leaves in step %d, after a sync: %v; %d steps are recorded, and the end of the sync: %v", what, w.steps, afterSync, steps, synced)
	}
}

// await waits until so many steps are recorded, which they are when the node has nothing to do.
func (w *witness) await(want int) {
	got := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got, _ = w.recorded(); got == want {
			return
		}
	}
	w.t.Fatalf("the node waits, and %d of %d steps are recorded", got, want)
}

func (w *witness) Begin() (uint32, error)             { return 1, nil }
func (w *witness) Records() iter.Seq2[uint64, []byte] { return func(func(uint64, []byte) bool) {} }
func (w *witness) Append([]byte) error                { w.leaves("a record", false); return nil }
func (w *witness) Discard(uint64)                     {}
func (w *witness) Sync() error                        { w.leaves("a sync", false); return nil }
func (w *witness) Close() error                       { return nil }

func (w *witness) Send(_ protocol.NodeID, _ uint64, msg []byte) {
	w.leaves("a message", string(msg) == "after")
}

// script does what its inputs say.
type script struct{ w *witness }

func (s script) Start(*protocol.Env) { s.w.steps++ }

func (s script) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	s.w.steps++
	for _, c := range msg {
		switch c {
		case 's':
			env.Send(1, 0, []byte("before"))
		case 'a':
			env.Send(1, 0, []byte("after"))
		case 'p':
			env.Persist([]byte("record"))
		case 'y':
			env.Sync()
		case 't':
			env.SetTimer(time.Hour, 1)
		}
	}
}

func (s script) Timeout(*protocol.Env, uint64) {}

func openWitness(t *testing.T) (*witness, *live.Host) {
	w := &witness{t: t}
	began := time.Now()
	h, err := live.Open(live.Config{
		Make: func() protocol.Node { return script{w} }, Disk: w, Tape: record.NewWriter(w, record.Header{}),
		Connect: func(uint32, func(live.Arrival)) (live.Network, error) { return w, nil },
		Clock:   func() protocol.Time { return protocol.Time(time.Since(began)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop() })
	return w, h
}

func TestWhatLeavesANodeIsExplainedByItsRecording(t *testing.T) {
	w, h := openWitness(t)
	script := []string{"s", "t", "ts", "p", "t", "y", "pya", "pyta", "sts"}
	for i, s := range script {
		h.Input(uint64(i), []byte(s))
		if i%2 == 0 { // some come while others wait
			h.Do(func(protocol.Node) {
				if steps, _ := w.recorded(); steps != w.steps {
					t.Errorf("somebody looks after %d steps, of which %d are recorded", w.steps, steps)
				}
			})
		}
	}
	w.await(len(script) + 1)
}

func TestStepsThatNobodySeesAreWrittenTogether(t *testing.T) {
	w, h := openWitness(t)
	const steps = 1000
	h.Do(func(protocol.Node) { // meanwhile they wait
		for i := range uint64(steps) {
			h.Input(i, []byte("t"))
		}
	})
	w.await(steps + 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writes > steps/10 {
		t.Errorf("%d steps without an effect that leaves are recorded by %d writes", steps, w.writes)
	}
}

func TestANodeThatCannotBeRecordedEnds(t *testing.T) {
	w, h := openWitness(t)
	h.Do(func(protocol.Node) { w.fails = true })
	h.Input(1, []byte("s"))
	if end := h.Wait(); end.Reason != live.Failed || !strings.Contains(end.Err.Error(), "recording: no room") {
		t.Errorf("the node %v, want a failure of its recording", end)
	}
	if steps, _ := w.recorded(); steps != 1 {
		t.Errorf("%d steps are recorded, want 1", steps)
	}
}

func TestAnEndThatCannotBeRecordedIsAFailure(t *testing.T) {
	w, h := openWitness(t)
	h.Do(func(protocol.Node) { w.fails = true })
	if end := h.Stop(); end.Reason != live.Failed || end.Err == nil || end.Err.Error() != "recording: no room" {
		t.Errorf("the node %v, want a failure of its recording", end)
	}
}
