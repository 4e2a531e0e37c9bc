package twopc

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
	"dessim/protocol/seal"
	"dessim/sim/simtest/fixed"
)

// The steps of a transfer that nothing disturbs, after the three starts:
//
//	step  node  effects
//	  3    0    begun, prepare, prepare, set-timer
//	  4    1    persist, sync, voted, vote, set-timer
//	  5    2    the same
//	  6    0    (first vote)
//	  7    0    persist, sync, voted, decided, decision, decision, set-timer, persist
//	  8    1    persist, sync, cancel-timer, decided, persist, ack
//	  9    2    the same
//	 10    0    (first ack)
//	 11    0    cancel-timer
//
// disturbed runs it with these crashes; the crashed return after that many more
// timers of the others. It gives the world healed and judged.
func disturbed(t testing.TB, rest int, crashes map[int]steps.Crash, timers int) *world {
	w := newWorld(3)
	w.rest = rest
	w.Crashes = crashes
	w.StartAll()
	w.begin(0, one, "a", three...)
	w.Settle(timers)
	w.StartAll()
	w.Settle(timers)
	w.heal()
	if w.judge.err != nil {
		t.Fatalf("crashes %v (step: effects, records kept), back after %d timers: %v\n%s", crashes, timers, w.judge.err, w.describe())
	}
	return w
}

func TestRecordThatSurvivesUnforcedDecidesAsIfForced(t *testing.T) {
	for _, row := range []struct {
		name    string
		crashes map[int]steps.Crash
		commit  bool
	}{
		{"the commit record is lost", map[int]steps.Crash{7: {After: 1}}, false},
		{"the commit record is torn", map[int]steps.Crash{7: {After: 1, Keep: 0x100}}, false},
		{"the commit record survives", map[int]steps.Crash{7: {After: 1, Keep: steps.Everything}}, true},
		{"the prepared record survives, the vote never left", map[int]steps.Crash{4: {After: 1, Keep: steps.Everything}}, false},
		{"the decision record is lost", map[int]steps.Crash{8: {After: 1}}, true},
		{"the decision record survives, the host's does not", map[int]steps.Crash{8: {After: 6, Keep: 0x01}}, true},
	} {
		for timers := range 8 {
			w := disturbed(t, 0, row.crashes, timers)
			verdict, decided := w.judge.verdict[one]
			if verdict != row.commit {
				t.Errorf("%s, back after %d timers: commit %v (decided %v), want %v", row.name, timers, verdict, decided, row.commit)
			}
		}
	}
}

func TestTornOrDamagedRecordIsAbsentAndCounted(t *testing.T) {
	for _, v := range sampleRecords {
		rec := seal.Append(v.append(nil))
		damaged := [][]byte{nil}
		for i := range rec {
			flipped := bytes.Clone(rec)
			flipped[i] ^= 1 << (i % 8)
			damaged = append(damaged, rec[:i], flipped)
		}
		for _, b := range damaged {
			var env protocol.Env
			m := New((&host{w: newWorld(1)}).config())
			m.Restore(b)
			env.Enter(0, 2, 0, nil)
			m.Start(&env)
			if got := m.Stats(); got != (Stats{Corrupt: 1}) || m.Status(v.id) != Unknown || len(env.Effects()) != 0 {
				t.Fatalf("of %q %q leaves %+v, %v and %d effects", rec, b, got, m.Status(v.id), len(env.Effects()))
			}
		}
	}
}

func TestCoordinatorThatCrashesBeforeAnyPrepareLeavesNobodyWaiting(t *testing.T) {
	w := newWorld(3)
	w.Crashes = map[int]steps.Crash{3: {After: 1}}
	w.StartAll()
	w.begin(0, one, "a", three...)
	for _, h := range w.hosts[1:] {
		if h.Open() != 0 {
			t.Errorf("node %v waits", h.id)
		}
	}
	if len(w.InFlight)+len(w.Timers) != 0 {
		t.Errorf("%d messages and %d timers are left", len(w.InFlight), len(w.Timers))
	}
}

func TestCoordinatorThatAbortedAndForgotAnswersAbort(t *testing.T) {
	w := transfer()
	w.refuse[2] = true
	w.begin(0, one, "a", three...)
	for range 4 {
		w.Deliver(0) // prepares, the yes and the no
	}
	w.InFlight = nil // both decisions are lost
	w.Restart(0)
	w.Settle(1)
	if s := w.hosts[0].Stats(); s.Presumed == 0 || w.hosts[1].Status(one) != Aborted {
		t.Errorf("%d answers by presumption; node 1 is %v", s.Presumed, w.hosts[1].Status(one))
	}
	w.heal()
	w.check(t)
}

// TestEveryCrashPoint crashes the acting node after every effect of every step,
// whatever subset of the unforced records survives; then every pair of such points,
// with nothing or everything surviving; healing at once or late. The second time each
// node discards its records in every step.
func TestEveryCrashPoint(t *testing.T) {
	for _, rest := range []int{0, eager} {
		everyCrashPoint(t, rest)
	}
}

func everyCrashPoint(t *testing.T, rest int) {
	runs, commits := 0, 0
	count := func(w *world) {
		runs++
		commits += w.judge.commits
	}
	quiet := disturbed(t, rest, nil, 0)
	for first := 0; first < 12; first++ {
		for after := 0; after <= quiet.Steps[first]; after++ {
			for i := range steps.Survival(16) { // each subset of up to three records, the others torn or not there
				keep := i & 7
				if i&8 != 0 {
					keep |= ^keep & 7 << 8
				}
				for _, timers := range []int{0, 1, 5} {
					w := disturbed(t, rest, map[int]steps.Crash{first: {After: after, Keep: keep}}, timers)
					count(w)
					if timers == 1 || i != 0 && i != 7 {
						continue // pairs take long enough without
					}
					for second := first + 1; second < len(w.Steps) && second < first+16; second++ {
						for k := 0; k <= w.Steps[second]; k++ {
							count(disturbed(t, rest, map[int]steps.Crash{first: {After: after, Keep: keep}, second: {After: k}}, timers))
						}
					}
				}
			}
		}
	}
	t.Logf("%d runs, %d commits", runs, commits)
	if commits == 0 || commits == runs {
		t.Errorf("vacuous: %d commits in %d runs", commits, runs)
	}
}

// answers lets rapid answer a node's questions.
type answers struct{ t *rapid.T }

func (a answers) Choose(_ protocol.Key, n uint64) uint64 {
	return rapid.Uint64Max(n-1).Draw(a.t, "choice")
}
func (a answers) Chance(protocol.Key, protocol.Ratio) bool {
	return rapid.IntRange(0, 3).Draw(a.t, "chance") == 3
}

func TestNoScheduleBreaksAtomicCommitment(t *testing.T) {
	runs, commits, aborts, doubts, discards := 0, 0, 0, 0, 0
	property := func(t *rapid.T) {
		w := newWorld(rapid.IntRange(2, 4).Draw(t, "nodes"))
		w.limit = rapid.SampledFrom([]int{1, 2, 100}).Draw(t, "remember")
		w.Source = answers{t}
		w.rest = rapid.SampledFrom([]int{0, 1, 3, eager}).Draw(t, "records not discarded")
		if rapid.Bool().Draw(t, "random aborts") {
			w.abort = func(ID) protocol.Ratio { return protocol.Percent(25) }
		}
		w.StartAll()
		r := &roamer{w: w}
		for i := range rapid.IntRange(0, 12).Draw(t, "transactions before") {
			_ = w.begin(i%2, ID{Client: protocol.NodeID(100 + i%2), Transfer: uint64(i), Attempt: 1}, string(rune('0'+i)), 0, 1)
			w.Settle(10)
			r.begun = 4 * (i + 1)
		}
		moves := []func(*rapid.T){r.deliver, r.inOrder, r.begin, r.copy, r.ring, r.crashNext, r.restart, r.lose, r.crash}
		weights := []int{0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8}
		for range rapid.IntRange(0, 150).Draw(t, "moves") {
			moves[rapid.SampledFrom(weights).Draw(t, "move")](t)
			r.judge(t)
			for _, h := range w.hosts {
				if w.Nodes[h.id].Up {
					doubts += h.InDoubt()
				}
			}
		}
		w.Source = nil
		w.heal()
		r.judge(t)
		runs++
		commits, aborts, discards = commits+w.judge.commits, aborts+w.judge.aborts, discards+w.discards
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	t.Logf("%d runs, %d commits, %d aborts", runs, commits, aborts)
	if !t.Failed() && (commits == 0 || aborts == 0 || doubts == 0 || discards == 0) {
		t.Errorf("vacuous: %d commits, %d aborts, %d doubts, %d times that records were discarded", commits, aborts, doubts, discards)
	}
}

// roamer draws what happens next. A move that cannot be made is none.
type roamer struct {
	w     *world
	begun int
}

func (r *roamer) judge(t *rapid.T) {
	if r.w.judge.err != nil {
		t.Fatalf("%v\n%s", r.w.judge.err, r.w.describe())
	}
}

// index draws one of n things; ok is false if there is none.
func (r *roamer) index(t *rapid.T, n int, what string) (i int, ok bool) {
	if n == 0 {
		return 0, false
	}
	return rapid.IntRange(0, n-1).Draw(t, what), true
}

func (r *roamer) begin(t *rapid.T) {
	id := ID{Client: protocol.NodeID(100 + r.begun%2), Transfer: uint64(r.begun / 4), Attempt: uint32(r.begun / 2 % 2)}
	r.begun++
	var participants []protocol.NodeID
	for i := range r.w.hosts {
		if rapid.IntRange(0, 3).Draw(t, "takes part") < 3 {
			participants = append(participants, protocol.NodeID(i))
		}
	}
	payload := rapid.SampledFrom([]string{"e", "f", "a", "b", "ab", "bc", "cd"}).Draw(t, "payload")
	coordinator, _ := r.index(t, len(r.w.hosts), "coordinator")
	_ = r.w.begin(coordinator, id, payload, participants...) // refused perhaps
}

func (r *roamer) deliver(t *rapid.T) {
	if i, ok := r.index(t, len(r.w.InFlight), "letter"); ok {
		r.w.Deliver(i)
	}
}

func (r *roamer) inOrder(*rapid.T) {
	for range min(8, len(r.w.InFlight)) {
		r.w.Deliver(0)
	}
}

func (r *roamer) lose(t *rapid.T) {
	if i, ok := r.index(t, len(r.w.InFlight), "letter"); ok {
		r.w.Lose(i)
	}
}

func (r *roamer) copy(t *rapid.T) {
	if i, ok := r.index(t, len(r.w.Delivered), "old letter"); ok {
		r.w.Hand(r.w.Delivered[i])
	}
}

func (r *roamer) ring(t *rapid.T) {
	if i, ok := r.index(t, len(r.w.Timers), "alarm"); ok {
		r.w.Fire(i)
	}
}

func (r *roamer) crash(t *rapid.T) {
	if i, _ := r.index(t, len(r.w.hosts), "node"); r.w.Nodes[i].Up {
		r.w.Crash(protocol.NodeID(i), survives(t))
	}
}

func (r *roamer) crashNext(t *rapid.T) {
	r.w.Crashes[len(r.w.Steps)] = steps.Crash{After: rapid.IntRange(0, 8).Draw(t, "effects"), Keep: survives(t)}
}

// survives draws any subset of the unsynced records, and pieces of the others.
func survives(t *rapid.T) steps.Survival {
	return steps.Survival(rapid.Uint16().Draw(t, "records kept"))
}

func (r *roamer) restart(t *rapid.T) {
	if i, _ := r.index(t, len(r.w.hosts), "node"); !r.w.Nodes[i].Up {
		r.w.Start(protocol.NodeID(i))
	}
}
