package simtest

import (
	"errors"
	"fmt"
	"math"

	"dessim/protocol"
	"dessim/sim/source"
)

// TestSource asks src some hundred questions and returns an error if an answer is out of
// range, differs the second time or in another order, or differs in a Replay. It is for
// tests of a Source.
func TestSource(src protocol.Source) error {
	questions := sampleQuestions()
	recorder := &source.Recorder{Source: src}
	answers := make([]uint64, len(questions))
	var errs []error
	for i, q := range questions {
		answers[i] = q.ask(recorder)
		if most := max(q.n, 2) - 1; answers[i] > most {
			errs = append(errs, fmt.Errorf("%v: answer %d, want at most %d", q, answers[i], most))
		}
	}
	if errs != nil { // a replay would refuse such answers
		return errors.Join(errs...)
	}
	replay := source.NewReplay(recorder.Answers())
	again := []struct {
		how string
		src protocol.Source
	}{
		{"asked again", src},
		{"asked of the Recorder", recorder},
		{"asked of the Replay", replay},
	}
	for _, a := range again {
		for j := range questions {
			i := len(questions) - 1 - j // backwards
			if got := questions[i].ask(a.src); got != answers[i] {
				errs = append(errs, fmt.Errorf("%v: answer %d, but %s %d", questions[i], answers[i], a.how, got))
			}
		}
	}
	if s := replay.Stats(); s.Misfit+s.Stale != 0 || s.Adapted != 0 {
		errs = append(errs, fmt.Errorf("the replay of all answers has %+v, want all used", s))
	}
	return errors.Join(errs...)
}

func sampleQuestions() []question {
	kinds := []protocol.Kind{protocol.KindOf("a"), protocol.KindOf("b"), protocol.KindOf("c.d")}
	ranges := []uint64{0, 2, 3, 10, 1 << 32, 1<<63 + 1, math.MaxUint64} // 0: a Chance
	ends := []protocol.NodeID{0, 1, protocol.Outside}
	var list []question
	for i := range uint64(6) {
		name := i // first counted, then hashed
		if i >= 3 {
			name = protocol.Hash2(i, 0)
		}
		for _, kind := range kinds {
			for _, n := range ranges {
				a, b := ends[i%3], ends[(i+uint64(kind))%3]
				list = append(list, question{protocol.Key{Kind: kind, A: a, B: b, N: name}, n})
			}
		}
	}
	return list
}

func (q question) ask(src protocol.Source) uint64 {
	if q.n != 0 {
		return src.Choose(q.key, q.n)
	}
	if src.Chance(q.key, protocol.Ratio{Num: 1, Den: 10}) {
		return 1
	}
	return 0
}

func (q question) String() string {
	what := "chance"
	if q.n != 0 {
		what = fmt.Sprintf("choice of %d", q.n)
	}
	return fmt.Sprintf("%s, %v %v>%v %016x", what, q.key.Kind, q.key.A, q.key.B, q.key.N)
}
