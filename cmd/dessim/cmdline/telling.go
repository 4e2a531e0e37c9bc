package cmdline

import (
	"dessim/sim/explore"
	"dessim/sim/history"
	"dessim/sim/source"
	"dessim/sim/story"
	"dessim/sim/watch"
)

// telling is the story of a run that was shrunk, with the history that it was made from; both are
// nil if the run was interrupted.
type telling struct {
	*story.Story
	history *history.History
}

// tell makes a run that was shrunk again, and tells it.
func (k *shrinking) tell(out *explore.Shrunk, w *watch.Watchdog) *telling {
	s, h, ok := story.OfTrial(k.Subject, out.After, &out.Is, story.About{Check: out.Check}, w)
	if !ok {
		return new(telling)
	}
	return &telling{s, h}
}

// lines returns the story.
func (t *telling) lines() []string {
	if t.Story == nil {
		return []string{}
	}
	return t.Lines()
}

// answers describes the answers that are left, those that matter most first.
func (t *telling) answers(out *explore.Shrunk) []string {
	return story.Answers(out, t.history, t.Story)
}

// answerWords describes answers, in their order.
func answerWords(answers []source.Answer) []string {
	out := []string{}
	for i := range answers {
		out = append(out, story.AnswerText(&answers[i]))
	}
	return out
}
