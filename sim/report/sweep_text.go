package report

import (
	"strconv"
	"strings"
	"time"

	"dessim/sim/history"
)

// clean returns s as a page may show it. It comes from scenarios and nodes, and so from bytes
// that anybody may have sent: it is cut if it is too long. It stays text for the template to
// escape.
func clean(s string) string { return escaped(history.Cut(s)) }

// escaped writes what cannot be printed, and what would turn the direction of text, as Go does
// in a string: "\n", "\u202e", "\xff".
func escaped(s string) string {
	quoted := strconv.Quote(s)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	return strings.ReplaceAll(quoted, `\\`, `\`)
}

// virtual writes a virtual time to three or four digits.
func virtual(ns uint64) string {
	d := time.Duration(ns)
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
