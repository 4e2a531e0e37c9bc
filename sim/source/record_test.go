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
