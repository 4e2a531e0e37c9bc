package main

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// nearest gives the candidate that word was probably meant to be, or "": one that
// it begins, or the first of those with the fewest slips of the finger, if those
// are at most a third of the word.
func nearest(word string, candidates []string) string {
	best, least := "", max(1, (len(word)+1)/3)+1
	for _, c := range candidates {
		if len(word) >= 3 && strings.HasPrefix(c, word) {
			return c
		}
		if d := slips(strings.ToLower(word), c); d < least {
			best, least = c, d
		}
	}
	return best
}

// slips counts the letters to be added, removed, replaced or swapped with their
// neighbour to make a into b, no letter twice.
func slips(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
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
		before, last = last, row
	}
	return last[len(b)]
}

// didYouMean ends a complaint with the nearest candidate, if one is near, and
// otherwise with all.
func didYouMean(word, prefix string, candidates []string) string {
	if c := nearest(word, candidates); c != "" {
		return "did you mean " + prefix + c + "?"
	}
	return "want " + prefix + strings.Join(candidates, ", "+prefix)
}

// quote quotes what a user typed, cut if it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// unquoted escapes like quote, but without quotes around.
func unquoted(s string) string {
	s = strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`), `\\`, `\`)
}

// reason gives what is wrong with a file without repeating its name, which may
// hold anything.
func reason(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}

// shellWord quotes s for a shell if it needs it.
func shellWord(s string) string {
	safe := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("/._-+:,@%=", c)
	}
	if s != "" && strings.TrimFunc(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
