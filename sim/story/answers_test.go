package story

import (
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
	"dessim/sim/source"
)

// Two faults that both have a goroutine yield before one operation have one note.
func TestAnAnswerAboutATurnHasNoOthersNote(t *testing.T) {
	yield := protocol.KindOf("go.yield")
	all := []source.Answer{
		{Key: protocol.Key{Kind: yield, A: 1, N: 1}, Value: 1},
		{Key: protocol.Key{Kind: yield, A: 1, N: 2}, Value: 1},
		{Key: protocol.Key{Kind: yield, A: 1, N: 3}, Value: 1},
	}
	for _, c := range []struct {
		answers int
		notes   []string
		want    []string
	}{
		{1, nil, []string{""}},
		{1, []string{"a"}, []string{"a"}},
		{2, []string{"a"}, []string{"a", "a"}},
		{2, []string{"a", "b"}, []string{"a", "b"}},
		{3, []string{"a", "b"}, []string{"", "", ""}},
		{3, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
	} {
		h := &history.History{Steps: []history.Step{{}, {Row: 0}}}
		h.Kinds.All = []protocol.Kind{yield}
		h.Rows = []history.Row{{What: sim.Fired, Node: 1, Kind: history.None, Text: history.None}}
		for i, note := range c.notes {
			h.Texts.All = append(h.Texts.All, note)
			h.Rows = append(h.Rows, history.Row{What: sim.Noted, Node: 1, Text: int32(i)})
		}
		for _, a := range all[:c.answers] {
			h.Answers = append(h.Answers, history.Answer{Answer: a})
		}
		for i, want := range c.want {
			words := turn(h, &all[i], 1)
			if want != "" {
				want = ": " + h.Words(1+int(want[0]-'a'), mostText)
			}
			if words != want {
				t.Errorf("%d answers and notes %q: answer %d is told as %q, want %q", c.answers, c.notes, i, words, want)
			}
		}
	}
}
