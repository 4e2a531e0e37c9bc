// Package wording helps to write for people: what word was meant, numbers with their
// nouns, words that a shell takes as one.
package wording

import "strings"

// Near returns the one of the words, which are in small letters, that typed was
// probably meant to be: one that it begins, from three letters on, or the first of
// those with the fewest slips of the finger (a letter added, left out, replaced, or
// swapped with its neighbour). It returns "" if those are more than a third of it, and
// more than one.
func Near(typed string, words []string) string {
	best, least := "", max(1, (len(typed)+1)/3)+1
	for _, w := range words {
		if len(typed) >= 3 && strings.HasPrefix(w, typed) {
			return w
		}
		if n := slips(strings.ToLower(typed), w); n < least {
			best, least = w, n
		}
	}
	return best
}

// slips is the distance of Damerau and Levenshtein where no letter slips twice:
// row[j] is that of a[:i] and b[:j].
func slips(a, b string) int {
	const long = 40
	if len(a) > long || len(b) > long {
		return len(a) + len(b) // no slip: save the time
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
