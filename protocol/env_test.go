package protocol

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	kindA = KindOf("a")
	kindB = KindOf("b")
)

// asker is a Source that records the keys it is asked, and answers by hash.
type asker struct{ keys []Key }

func (s *asker) Choose(k Key, n uint64) uint64 {
	s.keys = append(s.keys, k)
	return Hash3(uint64(k.Kind), uint64(k.A), k.N) % n
}

func (s *asker) Chance(k Key, p Ratio) bool { return s.Choose(k, uint64(p.Den)) < uint64(p.Num) }

func TestEffectsComeInProgramOrder(t *testing.T) {
	var e Env
	e.Enter(3, 2, 100, nil)
	e.Persist([]byte("rec"))
	e.Sync()
	e.Send(1, kindA, []byte("hello"))
	e.SetTimer(time.Second, 7)
	e.CancelTimer(8)
	e.Output(kindB, []byte("done"))
	e.Send(2, kindB, nil)
	e.Discard(4)
	want := []Effect{
		{Op: OpPersist, Body: []byte("rec")},
		{Op: OpSync},
		{Op: OpSend, To: 1, Kind: kindA, Body: []byte("hello")},
		{Op: OpSetTimer, Tag: 7, After: time.Second},
		{Op: OpCancelTimer, Tag: 8},
		{Op: OpOutput, Kind: kindB, Body: []byte("done")},
		{Op: OpSend, To: 2, Kind: kindB},
		{Op: OpDiscard, Tag: 4},
	}
	if d := cmp.Diff(want, e.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
	if e.ID() != 3 || e.Incarnation() != 2 || e.Now() != 100 || e.Answers() != 0 {
		t.Errorf("ID %v, incarnation %d, now %v, answers %d, want 3, 2, 100ns, 0", e.ID(), e.Incarnation(), e.Now(), e.Answers())
	}
}

// TestAReusedEnvLeavesNothingOfTheLastStep lets random steps follow each other in
// one Env, and compares each with the same step in a fresh one.
func TestAReusedEnvLeavesNothingOfTheLastStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var reused Env
		for i := range 3 {
			ops := rapid.SliceOfN(rapid.IntRange(0, 8), 0, 12).Draw(t, "ops")
			size := rapid.IntRange(0, 600).Draw(t, "size")
			var fresh Env
			for _, e := range []*Env{&fresh, &reused} {
				e.Observe(true)
				e.Enter(NodeID(i), uint32(i+1), Time(i), &asker{})
				for j, op := range ops {
					perform(e, op, bytes.Repeat([]byte{byte(i), byte(j)}, size))
				}
			}
			if d := cmp.Diff(append([]Effect{}, fresh.Effects()...), append([]Effect{}, reused.Effects()...)); d != "" {
				t.Fatalf("step %d (-fresh +reused):\n%s", i, d)
			}
			if d := cmp.Diff(append([]Note{}, fresh.Notes()...), append([]Note{}, reused.Notes()...)); d != "" {
				t.Fatalf("step %d, notes (-fresh +reused):\n%s", i, d)
			}
			if fresh.Answers() != reused.Answers() {
				t.Fatalf("step %d: answers fold to %#x, in the reused Env to %#x", i, fresh.Answers(), reused.Answers())
			}
		}
	})
}

func perform(e *Env, op int, body []byte) {
	switch op {
	case 0, 1:
		e.Send(5, kindA, body)
	case 2:
		e.SetTimer(1, 1)
	case 3:
		e.CancelTimer(2)
	case 4:
		e.Persist(body)
	case 5:
		e.Sync()
	case 6:
		e.Output(kindB, body)
	case 7:
		e.Choose(kindA, 10)
	case 8:
		e.Note(kindB, len(body))
	}
}

func TestBodiesAreCopies(t *testing.T) {
	var e Env
	e.Enter(0, 1, 0, nil)
	msg := []byte("first")
	e.Send(1, kindA, msg)
	copy(msg, "xxxxx")
	e.Persist(msg)
	copy(msg, "yyyyy")
	e.Output(kindA, msg)
	for i, want := range []string{"first", "xxxxx", "yyyyy"} {
		if got := string(e.Effects()[i].Body); got != want {
			t.Errorf("effect %d has %q, want %q", i, got, want)
		}
	}
	// Appending to a body must not reach into the next.
	_ = append(e.Effects()[0].Body, "!!!"...)
	if got := string(e.Effects()[1].Body); got != "xxxxx" {
		t.Errorf("appending to a body made the next one %q", got)
	}
}

func TestBodiesSurviveTheGrowthOfTheArena(t *testing.T) {
	var e Env
	e.Enter(0, 1, 0, nil)
	var want [][]byte
	for i := range 100 {
		b := bytes.Repeat([]byte{byte(i)}, 1+i*7)
		want = append(want, b)
		e.Send(NodeID(i), kindA, b)
	}
	for i, f := range e.Effects() {
		if !bytes.Equal(f.Body, want[i]) {
			t.Fatalf("body %d is %x, want %x", i, f.Body, want[i])
		}
	}
}

func TestABroadcastSharesOneBody(t *testing.T) {
	var e Env
	e.Enter(0, 1, 0, nil)
	msg := bytes.Repeat([]byte("m"), 300)
	for to := range NodeID(10) {
		e.Send(to, kindA, msg)
	}
	first := &e.Effects()[0].Body[0]
	for i, f := range e.Effects() {
		if &f.Body[0] != first {
			t.Errorf("body %d is a copy of its own", i)
		}
	}
}

// TestEmptyBodiesAreNil: nil and empty bodies cannot be told apart.
func TestEmptyBodiesAreNil(t *testing.T) {
	var e Env
	e.Enter(0, 1, 0, nil)
	e.Send(1, kindA, []byte{})
	e.Persist(nil)
	e.Output(kindA, []byte{})
	for i, f := range e.Effects() {
		if f.Body != nil {
			t.Errorf("effect %d has body %v, want nil", i, f.Body)
		}
	}
}

// keysOf returns the keys of a step's questions of these kinds, in order.
func keysOf(id NodeID, inc uint32, name uint64, kinds ...Kind) []Key {
	var e Env
	var src asker
	e.Enter(id, inc, 0, &src)
	e.Name(name)
	for i, k := range kinds {
		if i%2 == 0 {
			e.Choose(k, 10)
		} else {
			e.Chance(k, Percent(50))
		}
	}
	return src.keys
}

func TestQuestionsAreNamedByWhatTheyAreAbout(t *testing.T) {
	base := keysOf(4, 1, 99, kindA)[0]
	if base.Kind != kindA || base.A != 4 || base.B != 0 {
		t.Errorf("key %+v, want kind a, node 4 and 0", base)
	}
	if base.N != Hash3(99, 1, 0) {
		t.Errorf("key %+v, want N = Hash3(step, incarnation, 0) = %#x, which is frozen", base, Hash3(99, 1, 0))
	}
	if again := keysOf(4, 1, 99, kindA)[0]; again != base {
		t.Errorf("equal questions are named %+v and %+v", base, again)
	}
	others := map[string]Key{
		"node":        keysOf(5, 1, 99, kindA)[0],
		"incarnation": keysOf(4, 2, 99, kindA)[0],
		"step":        keysOf(4, 1, 98, kindA)[0],
		"no name":     keysOf(4, 1, 0, kindA)[0],
		"kind":        keysOf(4, 1, 99, kindB)[0],
		"repetition":  keysOf(4, 1, 99, kindA, kindA)[1],
	}
	seen := map[Key]string{base: "base"}
	for what, k := range others {
		if other, taken := seen[k]; taken {
			t.Errorf("another %s has the name of %s, %+v", what, other, k)
		}
		seen[k] = what
	}
}

func TestQuestionsOfOtherKindsRenameNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom([]Kind{kindA, kindB, KindOf("c")}), 1, 20).Draw(t, "kinds")
		var onlyA []Kind
		for _, k := range kinds {
			if k == kindA {
				onlyA = append(onlyA, k)
			}
		}
		all := keysOf(1, 1, 1, kinds...)
		seen := make(map[Key]bool)
		var got []Key
		for _, k := range all {
			if seen[k] {
				t.Fatalf("two questions of one step are named %+v", k)
			}
			seen[k] = true
			if k.Kind == kindA {
				got = append(got, k)
			}
		}
		if d := cmp.Diff(keysOf(1, 1, 1, onlyA...), got); d != "" {
			t.Fatalf("questions a alone, and among others:\n%s", d)
		}
	})
}

func TestWhatHasOneAnswerIsNotAsked(t *testing.T) {
	var e Env
	var src asker
	e.Enter(1, 1, 0, &src)
	if e.Choose(kindA, 1) != 0 || e.Chance(kindA, Ratio{}) || e.Chance(kindA, Ratio{0, 9}) || !e.Chance(kindA, Ratio{9, 9}) {
		t.Error("an answer that was decided is wrong")
	}
	if len(src.keys) != 0 || e.Answers() != 0 {
		t.Errorf("asked %v, answers fold to %#x", src.keys, e.Answers())
	}
	e.Choose(kindA, 2)
	if want := keysOf(1, 1, 0, kindA); !slices.Equal(src.keys, want) {
		t.Errorf("what was not asked renamed what was: %v, want %v", src.keys, want)
	}
}

// fixed answers the same to everything.
type fixed uint64

func (f fixed) Choose(Key, uint64) uint64 { return uint64(f) }
func (f fixed) Chance(Key, Ratio) bool    { return f != 0 }

func TestMistakesPanicAndSayWhose(t *testing.T) {
	var e Env
	e.Enter(7, 1, 0, fixed(10))
	mustPanic(t, "source answered 10 to a choice among 10 (a of node 7)", func() { e.Choose(kindA, 10) })
	mustPanic(t, "source answered 10 to a choice among 2", func() { e.Choose(kindA, 2) })
	mustPanic(t, "node 7 chooses a among 0", func() { e.Choose(kindA, 0) })
	mustPanic(t, "node 7 asks a with probability 3/2", func() { e.Chance(kindA, Ratio{3, 2}) })
	mustPanic(t, "node 7 asks a with probability 1/0", func() { e.Chance(kindA, Ratio{1, 0}) })
	mustPanic(t, "node 7 sets timer 0x5 after 0 ns", func() { e.SetTimer(0, 5) })
	mustPanic(t, "node 7 sets timer 0x5 after -1 ns", func() { e.SetTimer(-1, 5) })
	mustPanic(t, "node 7 reads its records outside Start", func() { e.Records() })
	if n := len(e.Effects()); n != 0 {
		t.Errorf("what panicked left %d effects", n)
	}
	if got := e.Choose(kindA, 11); got != 10 {
		t.Errorf("the answer in range is %d, want 10", got)
	}
}

func TestAnswersFoldInOrder(t *testing.T) {
	fold := func(answers ...uint64) uint64 {
		var e Env
		e.Enter(1, 1, 0, nil)
		for _, a := range answers {
			e.src = fixed(a)
			e.Choose(kindA, 100)
		}
		return e.Answers()
	}
	if fold() != 0 {
		t.Error("no answers do not fold to 0")
	}
	seen := make(map[uint64]bool)
	for _, f := range []uint64{fold(), fold(0), fold(0, 0), fold(1), fold(0, 1), fold(1, 0), fold(1, 1)} {
		if seen[f] {
			t.Errorf("two lists of answers fold to %#x", f)
		}
		seen[f] = true
	}
}

func TestTheNilSourceIsBenign(t *testing.T) {
	var e Env
	e.Enter(1, 1, 0, nil)
	if e.Choose(kindA, 1<<63) != 0 || e.Chance(kindA, Ratio{99, 100}) {
		t.Error("an answer is not benign")
	}
}

func TestRecordsAreReadInStartOnly(t *testing.T) {
	var e Env
	e.Enter(1, 2, 0, nil)
	e.Mount(func(yield func(uint64, []byte) bool) {
		_ = yield(3, []byte("x")) && yield(4, []byte("y"))
	})
	var got []string
	for i, rec := range e.Records() {
		got = append(got, fmt.Sprint(i, string(rec)))
	}
	if d := cmp.Diff([]string{"3x", "4y"}, got); d != "" {
		t.Errorf("records (-want +got):\n%s", d)
	}
	e.Enter(1, 2, 1, nil)
	mustPanic(t, "outside Start", func() { e.Records() })
	e.Enter(1, 1, 0, nil)
	e.Mount(nil)
	for i := range e.Records() {
		t.Errorf("record %d where there are none", i)
	}
}

func TestNotesAreOffUnlessObserved(t *testing.T) {
	var e Env
	e.Enter(1, 1, 0, nil)
	e.Note(kindA, "unheard")
	if len(e.Notes()) != 0 {
		t.Errorf("notes %v", e.Notes())
	}
	e.Observe(true)
	e.Enter(1, 1, 0, nil)
	e.Note(kindA, "before all", 1)
	e.Sync()
	e.Note(kindB, "after", time.Second)
	want := []Note{{0, kindA, "before all 1"}, {1, kindB, "after 1s"}}
	if d := cmp.Diff(want, e.Notes()); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	if n := len(e.Effects()); n != 1 {
		t.Errorf("%d effects, want 1: a note is none", n)
	}
}

func TestOpsPrintAsTracesNameThem(t *testing.T) {
	var names []string
	for o := Op(0); o <= OpFlush+1; o++ {
		names = append(names, o.String())
	}
	want := "none send set-timer cancel-timer persist sync discard output flush op(9)"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("ops print %q, want %q", got, want)
	}
}

func TestASteadyStepAllocatesNothing(t *testing.T) {
	var e Env
	var src Source = fixed(1)
	msg := bytes.Repeat([]byte("m"), 1000)
	step := func() {
		e.Enter(1, 1, 5, src)
		e.Name(17)
		e.SetSteady(4)
		e.Schedule(inTurn{})
		for to := range NodeID(5) {
			e.Send(to, kindA, msg)
			e.Send(to, kindB, msg[:500+int(to)])
		}
		e.SetTimer(time.Millisecond, 1)
		e.CancelTimer(2)
		e.Choose(kindA, 10)
		e.Choose(kindB, 10)
		e.Chance(kindA, Percent(5))
		e.Persist(msg[:10])
		e.Sync()
		e.Output(kindA, msg[:20])
		e.Note(kindA)
	}
	for range 10 {
		step() // the arena grows to its size
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("a steady step allocates %v times, want 0", n)
	}
}

// TestAForkedStepIsAsIfThereWereOneEnv compares a step on one Env with the same
// step of which a part is done on a fork and repeated.
func TestAForkedStepIsAsIfThereWereOneEnv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var outer, inner Env // used again and again, as wrappers do
		for i := range 3 {
			ops := rapid.SliceOfN(rapid.IntRange(0, 8), 0, 15).Draw(t, "ops")
			from := rapid.IntRange(0, len(ops)).Draw(t, "from")
			to := rapid.IntRange(from, len(ops)).Draw(t, "to")
			var one Env
			sources := [2]asker{}
			for k, e := range []*Env{&one, &outer} {
				e.Observe(i != 1)
				e.Enter(NodeID(i), uint32(i+1), Time(i), &sources[k])
				e.Name(uint64(i) + 7)
				on := e
				for j, op := range ops {
					if e == &outer && j == from {
						e.Fork(&inner)
						on = &inner
					}
					if on == &inner && j == to {
						e.Join(&inner, e.Repeat)
						on = e
					}
					perform(on, op, bytes.Repeat([]byte{byte(j / 2)}, j))
				}
				if on == &inner {
					e.Join(&inner, e.Repeat)
				}
			}
			if d := cmp.Diff(append([]Effect{}, one.Effects()...), append([]Effect{}, outer.Effects()...)); d != "" {
				t.Fatalf("effects (-one Env +forked):\n%s", d)
			}
			if d := cmp.Diff(append([]Note{}, one.Notes()...), append([]Note{}, outer.Notes()...)); d != "" {
				t.Fatalf("notes (-one Env +forked):\n%s", d)
			}
			if d := cmp.Diff(sources[0].keys, sources[1].keys); d != "" || one.Answers() != outer.Answers() {
				t.Fatalf("answers fold to %#x and, forked, to %#x; questions:\n%s", one.Answers(), outer.Answers(), d)
			}
		}
	})
}

func TestAForkHasIdentityClockAndRecords(t *testing.T) {
	var outer, inner Env
	outer.Enter(3, 2, 100, nil)
	outer.Mount(func(yield func(uint64, []byte) bool) { yield(5, []byte("rec")) })
	outer.Fork(&inner)
	if inner.ID() != 3 || inner.Incarnation() != 2 || inner.Now() != 100 {
		t.Errorf("ID %v, incarnation %d, now %v; want 3, 2, 100ns", inner.ID(), inner.Incarnation(), inner.Now())
	}
	for i, rec := range inner.Records() {
		if i != 5 || string(rec) != "rec" {
			t.Errorf("record %d is %q, want 5, rec", i, rec)
		}
		return
	}
	t.Error("no records")
}

// inTurn is a Scheduler that never changes anything.
type inTurn struct{}

func (inTurn) Order(about, n uint64) uint64 { return 0 }
func (inTurn) Yield(about uint64) bool      { return false }
func (inTurn) Stall(uint64) time.Duration   { return 0 }

func TestTheSteadyClockAndTheSchedulerAreThoseOfTheStep(t *testing.T) {
	var e, inner Env
	usual := func(e *Env, now Time) {
		t.Helper()
		if e.Steady() != now || e.Scheduler() != nil {
			t.Errorf("at %v the steady clock is at %v, and the scheduler is %v; want the same and none", now, e.Steady(), e.Scheduler())
		}
	}
	e.Enter(1, 1, 100, nil)
	usual(&e, 100)
	e.SetSteady(130)
	e.Schedule(inTurn{})
	e.Fork(&inner)
	for _, e := range []*Env{&e, &inner} {
		if e.Now() != 100 || e.Steady() != 130 || e.Scheduler() != (inTurn{}) {
			t.Errorf("now %v, steady %v, scheduler %v; want 100ns, 130ns and the one that was set", e.Now(), e.Steady(), e.Scheduler())
		}
	}
	e.Join(&inner, e.Repeat)
	e.Enter(1, 1, 200, nil)
	usual(&e, 200)
	e.Fork(&inner)
	usual(&inner, 200)

	e.Enter(1, 2, 300, nil)
	e.SetSteady(20)
	e.Mount(nil)
	if e.Steady() != 20 || e.Scheduler() != nil {
		t.Errorf("steady %v, scheduler %v; want 20ns and none", e.Steady(), e.Scheduler())
	}
	e.Schedule(inTurn{})
	e.Schedule(nil)
	if e.Scheduler() != nil {
		t.Error("no scheduler is one")
	}
}

func TestWhatIsNotRepeatedIsLeftOut(t *testing.T) {
	var outer, inner Env
	outer.Observe(true)
	outer.Enter(0, 1, 0, nil)
	outer.Fork(&inner)
	inner.Send(1, kindA, []byte("x"))
	inner.Note(kindA, "of y")
	inner.Send(2, kindA, []byte("y"))
	inner.Note(kindA, "last")
	outer.Join(&inner, func(f *Effect) {
		if f.To == 2 {
			outer.Repeat(f)
			outer.Sync()
		}
	})
	want := []Effect{{Op: OpSend, To: 2, Kind: kindA, Body: []byte("y")}, {Op: OpSync}}
	if d := cmp.Diff(want, outer.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
	inner.Enter(0, 1, 0, nil)
	inner.Send(1, kindA, []byte("zz"))
	if got := outer.Effects()[0].Body; string(got) != "y" {
		t.Errorf("the next step of the inner Env makes the body %q, want y", got)
	}
	notes := []Note{{0, kindA, "of y"}, {2, kindA, "last"}}
	if d := cmp.Diff(notes, outer.Notes()); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

// TestAStepsNameEndsWithIt keeps a runtime that forgets Name from asking the
// questions of the step before.
func TestAStepsNameEndsWithIt(t *testing.T) {
	var e Env
	var src asker
	e.Enter(4, 1, 0, &src)
	e.Name(99)
	e.Choose(kindA, 10)
	e.Enter(4, 1, 0, &src)
	e.Choose(kindA, 10)
	want := append(keysOf(4, 1, 99, kindA), keysOf(4, 1, 0, kindA)...)
	if d := cmp.Diff(want, src.keys); d != "" {
		t.Errorf("questions of a step with a name and of the next (-want +got):\n%s", d)
	}
}

func TestObserveHoldsForLaterSteps(t *testing.T) {
	var e Env
	for _, on := range []bool{true, false} {
		e.Observe(on)
		for step := range Time(2) {
			e.Enter(1, 1, step, nil)
			e.Note(kindA, "heard")
			if got := len(e.Notes()) == 1; got != on {
				t.Errorf("observed %v: step %d has notes %v", on, step, e.Notes())
			}
		}
	}
}

func TestAFlushNamesItsRecords(t *testing.T) {
	var e Env
	e.Enter(3, 1, 0, nil)
	e.Flush(7, []uint64{0, 3, 1 << 63, 1<<64 - 1})
	e.Flush(0, nil)
	f := e.Effects()
	if got := IndexList(f[0].Body); f[0].Op != OpFlush || f[0].Tag != 7 || !slices.Equal(got, []uint64{0, 3, 1 << 63, 1<<64 - 1}) {
		t.Errorf("got %+v of %d, want tag 7 and the records", f[0], got)
	}
	if f[1].Body != nil || f[1].Tag != 0 {
		t.Errorf("got %+v, want no records", f[1])
	}
	for name, do := range map[string]func(){
		"protocol: node 3 flushes record 4 after record 4, want ascending ones": func() { e.Flush(1, []uint64{4, 4}) },
		"protocol: node 3 persists 2 bytes with a payload from byte 3 on":       func() { e.PersistFrom([]byte("ab"), 3) },
		"protocol: ff are no indices":                                           func() { IndexList([]byte{0xff}) },
	} {
		if got := panicOf(do); got != name {
			t.Errorf("panics with %q, want %q", got, name)
		}
	}
}

func panicOf(do func()) (why string) {
	defer func() { why = fmt.Sprint(recover()) }()
	do()
	return
}

func TestIndicesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfDistinct(rapid.Uint64(), func(i uint64) uint64 { return i }).Draw(t, "indices")
		slices.Sort(all)
		if got := IndexList(AppendIndices(nil, all)); !slices.Equal(got, all) {
			t.Fatalf("got %d, want %d", got, all)
		}
	})
}

func TestARecordSaysWhereItsPayloadBegins(t *testing.T) {
	var e Env
	e.Enter(3, 1, 0, nil)
	e.Persist([]byte("ab"))
	e.PersistFrom([]byte("ab"), 0)
	e.PersistFrom([]byte("ab"), 2)
	var got []string
	for i := range e.Effects() {
		at, ok := e.Effects()[i].Payload()
		got = append(got, fmt.Sprint(at, ok))
	}
	if want := []string{"-1 false", "0 true", "2 true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADiskIsFullForOneStep(t *testing.T) {
	var e, inner Env
	e.Enter(3, 1, 0, nil)
	e.Fill()
	e.Fork(&inner)
	if inner.ToldFull() || !inner.Full() {
		t.Error("a forked step does not say that the disk is full, or says so before it is asked")
	}
	if e.ToldFull() {
		t.Error("told before the fork is joined")
	}
	e.Join(&inner, e.Repeat)
	if !e.ToldFull() {
		t.Error("nobody is told")
	}
	e.Enter(3, 1, 1, nil)
	if e.Full() || e.ToldFull() {
		t.Error("the disk is still full")
	}
}
