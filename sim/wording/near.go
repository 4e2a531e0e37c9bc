// Package wording writes for people: the word that was meant, a number with its noun, text
// quoted for a shell.
package wording

import "strings"

// Near returns the word, of some in small letters, that typed probably means: a word that
// typed begins, with at least three letters, or the first with the fewest typing errors (a
// letter added, left out, replaced, or swapped with its neighbour). It returns "" if the
// errors are more than one and more than a third of typed's letters, or as many as those.
func Near(typed string, words []string) string {
	best, least := "", max(1, (len(typed)+1)/3)+1
	for _, w := range words {
		if len(typed) >= 3 && strings.HasPrefix(w, typed) {
			return w
		}
		if n := slips(strings.ToLower(typed), w); n < least && n < len(typed) {
			best, least = w, n
		}
	}
	return best
}

// slips is the Damerau-Levenshtein distance in which no letter changes twice: row[j] is that
// of a[:i] and b[:j].
func slips(a, b string) int {
	const long = 40
	if len(a) > long || len(b) > long {
		return len(a) + len(b) // too far apart: save the time
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
