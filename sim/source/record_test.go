package source

import (
	"testing"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A script is a Source that answers from a table, for tests.
type script map[question]uint64

func (s script) Choose(k protocol.Key, n uint64) uint64 { return s[question{k, n}] }
func (s script) Chance(k protocol.Key, _ protocol.Ratio) bool {
	return s[question{k, 0}] != 0
}

func TestRecorderKeepsMisfortunesOnceInTheOrderAsked(t *testing.T) {
	a, b, c := key("a", 1, 2, 3), key("b", 1, 2, 3), key("c", 1, 2, 3)
	now := protocol.Time(0)
	r := &Recorder{
		Source: script{{a, 10}: 7, {b, 0}: 1},
		Clock:  func() protocol.Time { now += 1000; return now },
	}
	for range 3 {
		r.Chance(c, protocol.Percent(1))
		r.Choose(c, 5)
		r.Chance(b, protocol.Percent(1))
		r.Choose(a, 10)
	}
	want := []Answer{
		{Key: b, Value: 1, Comment: "2µs"},
		{Key: a, Range: 10, Value: 7, Comment: "3µs"},
	}
	if d := cmp.Diff(want, r.Answers()); d != "" {
		t.Error(d)
	}
}

// slowRecorder keeps a map of what was asked, and does at each question what a
// Recorder leaves for the end.
type slowRecorder struct {
	src   protocol.Source
	now   func() protocol.Time
	asked map[question]bool
	kept  []Answer
}

func (r *slowRecorder) ask(q question) uint64 {
	v := ask(r.src, q)
	if r.asked[q] || q.n == 0 && v == 0 {
		return v
	}
	r.asked[q] = true
	a := Answer{Key: q.key, Range: q.n, Value: v}
	if r.now != nil {
		a.Comment = r.now().String()
	}
	r.kept = append(r.kept, a)
	return v
}

func (r *slowRecorder) answers() (list []Answer) {
	chosen := make(map[protocol.Key]bool) // otherwise than benignly
	for _, a := range r.kept {
		chosen[a.Key] = chosen[a.Key] || a.Range != 0 && a.Value != 0
	}
	for _, a := range r.kept {
		if a.Value != 0 || chosen[a.Key] {
			list = append(list, a)
		}
	}
	return list
}

// moody is a Source that breaks the contract: it answers by the number of questions
// so far. What counts is the first answer.
type moody struct{ Seed }

func (m *moody) Choose(k protocol.Key, n uint64) uint64 { m.Seed++; return m.Seed.Choose(k, n) }
func (m *moody) Chance(k protocol.Key, p protocol.Ratio) bool {
	m.Seed++
	return m.Seed.Chance(k, p)
}

// The questions are few with many ranges, or so many that they fill several pages.
func TestRecorderAgreesWithOneThatLooksUpEachQuestion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed(rapid.Uint64().Draw(t, "seed"))
		var fast Recorder
		slow := slowRecorder{asked: make(map[question]bool)}
		fast.Source, slow.src = seed, seed
		if rapid.Bool().Draw(t, "moody") {
			fast.Source, slow.src = &moody{seed}, &moody{seed}
		}
		var now protocol.Time
		if rapid.Bool().Draw(t, "clock") {
			slow.now = func() protocol.Time { return now }
			fast.Clock = slow.now
		}
		keys := rapid.SampledFrom([]uint64{1, 3, 20, 2000}).Draw(t, "keys")
		ranges := rapid.SliceOfN(rapid.SampledFrom([]uint64{0, 2, 3, 4, 1 << 40}), 1, 5).Draw(t, "ranges")
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			for i := range rapid.Uint64Range(0, 1500).Draw(t, "questions") {
				h := protocol.Hash2(uint64(seed), i)
				now += protocol.Time(h >> 62)
				q := question{key("pick", 0, protocol.NodeID(h%2), h>>8%keys), ranges[h>>32%uint64(len(ranges))]}
				if got, want := ask(&fast, q), slow.ask(q); got != want {
					t.Fatalf("question %d, %+v: answer %d, want %d", i, q, got, want)
				}
			}
			got, want := fast.Answers(), slow.answers() // and it goes on
			if len(got) != len(want) {
				t.Fatalf("%d answers, want %d", len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("answer %d is %+v, want %+v", i, got[i], want[i])
				}
			}
		}
	})
}

// Only a new page is an allocation, which comes too seldom to be seen here.
func TestRecorderTakesDownWithoutAllocation(t *testing.T) {
	r := &Recorder{Source: Seed(1)}
	n := uint64(0)
	ask := func() {
		n++
		r.Choose(key("a", 1, 2, n), 1000)
		r.Chance(key("b", 1, 2, n), protocol.Percent(50))
	}
	ask()
	if allocs := testing.AllocsPerRun(100, ask); allocs != 0 {
		t.Errorf("an answer allocates %v times", allocs)
	}
}

// TestReplayRepeatsTheRecorded asks few keys with few ranges, so that keys meet
// with several ranges, benign and not.
func TestReplayRepeatsTheRecorded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed(rapid.Uint64().Draw(t, "seed"))
		asked := rapid.SliceOf(rapid.Custom(func(t *rapid.T) question {
			n := rapid.SampledFrom([]uint64{0, 2, 3, 4, 1000}).Draw(t, "range")
			return question{key("pick", 0, 0, rapid.Uint64Range(0, 5).Draw(t, "name")), n}
		})).Draw(t, "questions")
		recorder := &Recorder{Source: seed}
		var answers []uint64
		for _, q := range asked {
			answers = append(answers, ask(recorder, q))
		}
		replay := NewReplay(recorder.Answers())
		for i, q := range asked {
			if got := ask(replay, q); got != answers[i] {
				t.Fatalf("question %d, %+v: replayed as %d, recorded %d", i, q, got, answers[i])
			}
		}
		if s := replay.Stats(); s.Used != len(recorder.Answers()) || s.Misfit != 0 || s.Stale != 0 || s.Adapted != 0 {
			t.Errorf("stats %+v of %d answers, want all used", s, len(recorder.Answers()))
		}
		again := &Recorder{Source: NewReplay(recorder.Answers())}
		for _, q := range asked {
			ask(again, q)
		}
		if d := cmp.Diff(recorder.Answers(), again.Answers()); d != "" {
			t.Errorf("recording the replay gives another list:\n%s", d)
		}
	})
}

func ask(s protocol.Source, q question) uint64 {
	if q.n != 0 {
		return s.Choose(q.key, q.n)
	}
	if s.Chance(q.key, protocol.Percent(50)) {
		return 1
	}
	return 0
}

func TestReplayCountsWhatDoesNotFit(t *testing.T) {
	a, b, c, d := key("a", 1, 2, 3), key("b", 1, 2, 3), key("c", 1, 2, 3), key("d", 1, 2, 3)
	list := []Answer{
		{Key: a, Range: 10, Value: 7},
		{Key: b, Value: 1},
		{Key: c, Range: 10, Value: 7},
		{Key: d, Range: 10, Value: 7},
		{Key: d, Range: 20, Value: 12},
	}
	r := NewReplay(list)
	steps := []struct {
		q    question
		want uint64
		s    ReplayStats
	}{
		{question{key("other", 1, 2, 3), 10}, 0, ReplayStats{Stale: 5}},
		{question{a, 10}, 7, ReplayStats{Used: 1, Stale: 4}},
		{question{a, 10}, 7, ReplayStats{Used: 1, Stale: 4}},
		{question{b, 10}, 0, ReplayStats{Used: 1, Misfit: 1, Stale: 3}},
		{question{b, 0}, 1, ReplayStats{Used: 2, Stale: 3}},
		{question{b, 10}, 0, ReplayStats{Used: 2, Stale: 3}},
		{question{c, 7}, 0, ReplayStats{Used: 2, Misfit: 1, Stale: 2}},
		{question{c, 0}, 0, ReplayStats{Used: 2, Misfit: 1, Stale: 2}},
		{question{c, 8}, 7, ReplayStats{Used: 3, Stale: 2, Adapted: 1}},
		{question{d, 13}, 7, ReplayStats{Used: 4, Stale: 1, Adapted: 2}},
	}
	for i, step := range steps {
		if got := ask(r, step.q); got != step.want || r.Stats() != step.s {
			t.Errorf("step %d, %+v: answer %d, want %d; %+v, want %+v", i, step.q, got, step.want, r.Stats(), step.s)
		}
	}
	if diff := cmp.Diff(list[:4], r.Used()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(list[4:], r.Unused()); diff != "" {
		t.Error(diff)
	}
}

func TestReplayPanicsOnListsThatAreMistakes(t *testing.T) {
	a := Answer{Key: key("a", 1, 2, 3), Range: 10, Value: 7}
	for name, list := range map[string][]Answer{
		"twice":        {a, a},
		"out of range": {{Key: a.Key, Range: 7, Value: 7}},
		"false chance": {{Key: a.Key}},
		"among one":    {{Key: a.Key, Range: 1}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			NewReplay(list)
		}()
	}
	defer func() {
		if recover() == nil {
			t.Error("a Recorder without Source: no panic")
		}
	}()
	new(Recorder).Choose(a.Key, 2)
}

func TestReplayAnswersWithoutAllocation(t *testing.T) {
	r := NewReplay([]Answer{{Key: key("a", 1, 2, 3), Range: 10, Value: 7}})
	if n := testing.AllocsPerRun(100, func() {
		r.Choose(key("a", 1, 2, 3), 10)
		r.Chance(key("b", 1, 2, 3), protocol.Percent(1))
	}); n != 0 {
		t.Errorf("an answer allocates %v times", n)
	}
}
