package fault

import (
	"testing"

	"dessim/protocol"
)

func TestAnAnchorIsReadWithoutItsFault(t *testing.T) {
	vote, decided := protocol.KindOf("vote"), protocol.KindOf("decided")
	for text, want := range map[string]Anchor{
		"after send vote #3":   {Op: protocol.OpSend, Kind: vote, N: 3},
		"send vote #3 of 2":    {Op: protocol.OpSend, Kind: vote, N: 3, Other: true, Of: 2},
		"output decided of 2":  {Op: protocol.OpOutput, Kind: decided, Other: true, Of: 2},
		"output of 0":          {Op: protocol.OpOutput, Other: true},
		" output ":             {Op: protocol.OpOutput},
		"sync #1":              {Op: protocol.OpSync, N: 1},
		"set-timer of 1":       {Op: protocol.OpSetTimer, Other: true, Of: 1},
		"persist # the record": {Op: protocol.OpPersist},
	} {
		if got, err := ParseAnchor(text); got != want || err != nil {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
		if want.N > 0 {
			if got, err := ParseAnchor(want.String()); got != want || err != nil {
				t.Errorf("%v is read as %+v, %v", want, got, err)
			}
		}
	}
}

func TestWhatIsNoAnchorIsRefusedInOneLine(t *testing.T) {
	const ops = "one of send, persist, sync, output, set-timer, flush"
	for text, want := range map[string]string{
		"":                 `"": want OP [KIND] [#K] [of N], such as output decided of 2`,
		"#3":               `"#3": want OP [KIND] [#K] [of N], such as output decided of 2`,
		"outptu x":         `"outptu x": found "outptu"; did you mean output?`,
		"receive vote":     `"receive vote": found "receive", want ` + ops,
		"after":            `"after": found "after", want ` + ops,
		"send vote #0":     `"send vote #0": found "#0", want which one, such as #1`,
		"send VOTE":        `"send VOTE": found "VOTE", want a kind of characters a-z, 0-9, '-', '.' and '_'`,
		"send vote of":     `"send vote of": found its end, want the number of the node whose effect it is`,
		"send vote of all": `"send vote of all": found "all", want the number of the node whose effect it is`,
		"sync x":           `"sync x": found "x", want one effect: OP [KIND] [#K] [of N]`,
		"sync; sync":       `"sync; sync": want OP [KIND] [#K] [of N], such as output decided of 2`,
	} {
		if got, err := ParseAnchor(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %+v, %v\nwant %s", text, got, err, want)
		}
	}
}
