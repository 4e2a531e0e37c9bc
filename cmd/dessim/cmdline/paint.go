package cmdline

import (
	"os"

	"github.com/mattn/go-isatty"

	"dessim/sim/check"
	"dessim/sim/scenario"
)

// paint colours verdicts. It is true for a terminal that shows colours; otherwise it changes
// nothing. It knows 16 colours, which are readable in every theme, and goes on after plain, which
// lets no escape through.
type paint bool

// paintOf returns the paint for a file, by the conventions of no-color.org. (On Windows, the
// library that draws tables has the console understand escapes.)
func paintOf(f *os.File) paint {
	return paint(isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// verdict returns the word of a verdict.
func (p paint) verdict(v check.Verdict) string { return p.as(v, string(v)) }

// as returns words that mean a verdict.
func (p paint) as(v check.Verdict, words string) string {
	code := ""
	switch v {
	case check.Pass:
		code = "32" // green
	case check.Violation, scenario.Failed:
		code = "31" // red
	case check.Inconclusive:
		code = "1" // bold
	}
	if !p || code == "" {
		return words
	}
	return "\x1b[" + code + "m" + words + "\x1b[0m"
}

// some returns words that count runs with a verdict: no colour for none.
func (p paint) some(v check.Verdict, n uint64, words string) string {
	if n == 0 {
		return words
	}
	return p.as(v, words)
}
