package scenarios

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/scenario"
)

// The timetable is made of the longest usual delay alone: a slow network runs the
// same protocol in slow motion.
func TestTheTimetableScalesWithTheDelay(t *testing.T) {
	for _, c := range []struct {
		nodes         int
		delay, jitter time.Duration
		starts        []time.Duration
		settle, begin time.Duration
	}{
		{1, time.Millisecond, 9 * time.Millisecond, []time.Duration{0}, 1505 * time.Millisecond, 2105 * time.Millisecond},
		{4, time.Millisecond, 9 * time.Millisecond, []time.Duration{0, 5 * time.Millisecond, 10 * time.Millisecond, 15 * time.Millisecond}, 1520 * time.Millisecond, 2120 * time.Millisecond},
		{4, 10 * time.Millisecond, 90 * time.Millisecond, []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond}, 15200 * time.Millisecond, 21200 * time.Millisecond},
		{2, 10 * time.Minute, 10 * time.Minute, []time.Duration{0, 2500 * time.Millisecond}, 50*time.Hour + 5*time.Second, 70*time.Hour + 5*time.Second},
	} {
		p := concurrent().Defaults
		p.Nodes, p.Delay, p.Jitter, p.Until = c.nodes, c.delay, c.jitter, 1000*time.Hour
		w := newWorld(paramsOf(concurrent(), p, protocol.Benign{}))
		if w.settle != protocol.Time(c.settle) || w.begin != protocol.Time(c.begin) {
			t.Errorf("%d nodes, delay %v and %v: settled at %v, begins at %v, want %v and %v", c.nodes, c.delay, c.jitter, w.settle, w.begin, c.settle, c.begin)
		}
		plan := w.plan(1)
		if plan.Nodes != c.nodes+1 || plan.Starts[c.nodes] != w.begin {
			t.Errorf("%d nodes and a client are %d, the client starts at %v, want %v", c.nodes, plan.Nodes, plan.Starts[c.nodes], w.begin)
		}
		for i, want := range c.starts {
			if plan.Starts[i] != protocol.Time(want) {
				t.Errorf("%d nodes, delay %v and %v: node %d starts at %v, want %v", c.nodes, c.delay, c.jitter, i, plan.Starts[i], want)
			}
		}
	}
}

func TestWhatIsDueAfterTheLongestRunIsDueNever(t *testing.T) {
	p := concurrent().Defaults
	p.Delay, p.Jitter = 10*time.Minute, 10*time.Minute
	w := newWorld(paramsOf(concurrent(), p, protocol.Benign{}))
	if got := w.after(w.begin, graceDelays+50*maxTxs); got != protocol.MaxTime+1 {
		t.Errorf("%d", got)
	}
	if got, want := w.after(w.begin, 3), w.begin+protocol.Time(time.Hour); got != want {
		t.Errorf("three of the longest delays after %v is %v, want %v", w.begin, got, want)
	}
}

// A transfer has three parties that differ, whatever is drawn.
func TestSenderReceiverAndWitnessDiffer(t *testing.T) {
	for nodes := 3; nodes <= 5; nodes++ {
		n := uint64(nodes)
		for a := range n * n * n {
			p := concurrent().Defaults
			p.Nodes = nodes
			w := newWorld(paramsOf(concurrent(), p, parts{kindSender: a % n, kindReceiver: a / n % n, kindWitness: a / n / n}))
			for i := range 3 {
				r := w.transfer(0)
				switch i {
				case 1:
					r.between(w, left, right)
				case 2:
					r.between(w, right, left)
				}
				if me := w.Owners[r.sender]; me == r.Receiver || me == r.Witness || r.Receiver == r.Witness {
					t.Fatalf("%d nodes, answers %v: a transfer is from node %v to %v before %v", nodes, w.p.Source, r.sender, r.Receiver, r.Witness)
				}
			}
		}
	}
}

// parts answers by kind, within the range.
type parts map[protocol.Kind]uint64

func (p parts) Choose(k protocol.Key, n uint64) uint64   { return min(p[k.Kind], n-1) }
func (p parts) Chance(protocol.Key, protocol.Ratio) bool { return false }

// Up to 64 nodes bootstrap asks everything; beyond, everybody's key still.
func TestBootstrapAsksForEveryKey(t *testing.T) {
	for _, nodes := range []int{1, 2, 64, 65, 100} {
		p := bootstrap().Defaults
		p.Nodes = nodes
		w := newWorld(paramsOf(concurrent(), p, protocol.Benign{}))
		looks := 0
		keys := make(map[int]int)
		for _, q := range w.quests() {
			if q.Asker == q.Target && nodes > 1 {
				t.Errorf("%d nodes: node %d asks for itself", nodes, q.Asker)
			}
			if q.Key {
				keys[q.Target]++
			} else {
				looks++
			}
		}
		want := nodes * (nodes - 1)
		if nodes > 64 {
			want = 200
		}
		if looks != want || len(keys) != nodes {
			t.Errorf("%d nodes: %d lookups and %d keys are asked for, want %d and all", nodes, looks, len(keys), want)
		}
	}
}

// paramsOf returns what a run of seed 1 is built from.
func paramsOf(s *scenario.Scenario, p scenario.Params, src protocol.Source) params {
	return newParams(s.Setup(1, p, src, nil))
}

// set sets parameters that scenarios declare: a name, its text, and so on.
func set(t testing.TB, s *scenario.Scenario, p *scenario.Params, texts ...string) {
	t.Helper()
	for i := 0; i < len(texts); i += 2 {
		if err := s.Set(p, texts[i], texts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}
