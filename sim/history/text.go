package history

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// mostText is how many bytes of a text are shown. Anybody may have sent it.
const mostText = 2000

// Cut makes any bytes a text. It shortens a long one, and says so.
func Cut(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= mostText {
		return text
	}
	short := text[:mostText]
	for len(short) > 0 && !utf8.RuneStart(text[len(short)]) {
		short = short[:len(short)-1]
	}
	return fmt.Sprintf("%s... (%d bytes)", short, len(text))
}

// BodyText returns the words for a body, or else what it looks like: text in quotes, or bytes
// in hex.
func BodyText(words string, body []byte) string {
	if words != "" || len(body) == 0 {
		return Cut(words)
	}
	const most = 64
	short := body[:min(len(body), most)]
	text, more := "", ""
	if len(short) < len(body) {
		more = fmt.Sprintf("... (%d bytes)", len(body))
	}
	if printable(short) {
		text = `"` + string(short) + `"`
	} else {
		text = hex.EncodeToString(short)
	}
	return text + more
}

func printable(b []byte) bool {
	return strings.IndexFunc(string(b), func(c rune) bool { return c < ' ' || c > '~' }) < 0
}
