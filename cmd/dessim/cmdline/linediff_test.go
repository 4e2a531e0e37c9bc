package cmdline

import (
	"slices"
	"strings"
	"testing"
)

func TestADifferenceOfLinesKeepsWhatIsInBoth(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"", "", ""},
		{"x y", "x y", "  x|  y"},
		{"x", "", "- x"},
		{"", "x y", "+ x|+ y"},
		{"a b c d e", "a c x d e", "  a|- b|  c|+ x|  d|  e"},
		{"a a b", "a b", "  a|- a|  b"},
		{"a b", "c d", "- a|- b|+ c|+ d"},
	} {
		if got := strings.Join(lineDiff(strings.Fields(test.a), strings.Fields(test.b)), "|"); got != test.want {
			t.Errorf("%q and %q: %s, want %s", test.a, test.b, got, test.want)
		}
	}
	a, b := strings.Fields(strings.Repeat("a ", 3000)), strings.Fields(strings.Repeat("b ", 3000))
	if got := lineDiff(a, b); len(got) != 6000 || got[2999] != "- a" || got[3000] != "+ b" {
		t.Errorf("of two long texts %d lines", len(got))
	}
}

func TestAnOutlineHasTheChangesBelowTheirHeadings(t *testing.T) {
	diff := []string{"  a: 1", "  log:", "    safe: 1", "    all:", "-     0: x", "+     0: y", "      1: z", "+     2: w", "  b:", "    c: 1", "- d"}
	want := []string{"  log:", "    all:", "-     0: x", "+     0: y", "+     2: w", "- d"}
	if got := outline(diff); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := changed(diff); got != "2 lines changed" {
		t.Errorf("%s", got)
	}
}
