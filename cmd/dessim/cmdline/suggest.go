package cmdline

import (
	"strconv"
	"strings"

	"dessim/sim/wording"
)

// didYouMean ends an error line with the nearest candidate, if one is near, or with all.
func didYouMean(word, prefix string, candidates []string) string {
	if c := wording.Near(word, candidates); c != "" {
		return "did you mean " + prefix + c + "?"
	}
	return "want " + prefix + strings.Join(candidates, ", "+prefix)
}

// quote quotes what a user typed, cut to a usable length.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// unquoted escapes like quote, without the quotes.
func unquoted(s string) string {
	s = strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`), `\\`, `\`)
}
