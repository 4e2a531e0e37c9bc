// Package words is what the machines' Text functions have in common, which turn a
// message into one short line for a trace, and their Describe methods, which turn a
// state into lines of keys and values. It promises equal words for equal values,
// and not that unequal values differ in words.
package words

import "strconv"

// Short returns the beginning of an id in hexadecimal, at most 8 digits: enough to
// tell the ids of a run apart.
func Short(id []byte) string { return string(Row(make([]byte, 0, 8)).Short(id)) }

// Shown is how many items List shows.
const Shown = 4

// List returns the first of n items, separated by commas, and the number of the rest:
// "1,2,3,4 and 5 more". It returns "none" for no items.
func List(n int, item func(i int) string) string {
	if n == 0 {
		return "none"
	}
	s := item(0)
	for i := 1; i < min(n, Shown); i++ {
		s += "," + item(i)
	}
	if n > Shown {
		s += " and " + strconv.Itoa(n-Shown) + " more"
	}
	return s
}

// Count returns "1 key" or "2 keys".
func Count(n uint64, what string) string {
	return string(Row(make([]byte, 0, 32)).Count(n, what))
}
