package history

import (
	"strings"
	"testing"
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
