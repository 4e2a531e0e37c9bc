// Package spell guesses which word somebody meant who typed another.
package spell

// Near gives the first of the words with the fewest slips of the finger in typed
// (a letter added, left out, replaced, or swapped with its neighbour), or "" if
// those are more than a third of it.
func Near(typed string, words []string) string {
	best, least := "", (len(typed)+1)/3+1
	for _, w := range words {
		if n := slips(typed, w); n < least {
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
