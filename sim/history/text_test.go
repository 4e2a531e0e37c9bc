package history

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
)

func TestBodiesWithoutWordsAreShownAsTheyAre(t *testing.T) {
	for body, want := range map[string]string{
		"":                         "",
		"put x=1":                  `"put x=1"`,
		"\x00\x01":                 "0001",
		strings.Repeat("a", 65):    `"` + strings.Repeat("a", 64) + `"... (65 bytes)`,
		strings.Repeat("\xff", 65): strings.Repeat("ff", 64) + "... (65 bytes)",
	} {
		if got := BodyText("", []byte(body)); got != want {
			t.Errorf("%q is shown as %s, want %s", body, got, want)
		}
	}
	long := strings.Repeat("é", mostText)
	if got := Cut("x" + long); !strings.HasSuffix(got, "é... (4001 bytes)") || len(got) > mostText+20 {
		t.Errorf("cut to %d bytes: ...%s", len(got), got[len(got)-30:])
	}
}

// Such a note names two places in the code, and has room for both.
func TestANoteOfAGoroutineHasTwiceTheWidth(t *testing.T) {
	const width = 40
	text := strings.Repeat("x", 2*width)
	for kind, want := range map[string]string{
		"go.order":  "goroutine " + text,
		"go.yield":  "goroutine " + text,
		"go.stall":  "goroutine " + text,
		"go.panics": "goroutine " + text,
		"go.turns":  "notes go.turns " + Short(text, width),
	} {
		h := &History{Rows: []Row{{What: sim.Noted}}, Steps: make([]Step, 1)}
		h.Kinds.All, h.Texts.All = []protocol.Kind{protocol.KindOf(kind)}, []string{text}
		if got := h.Words(0, width); got != want {
			t.Errorf("a note of kind %s is told as %q, want %q", kind, got, want)
		}
	}
}
