// Package protocol stands in for the real one, whose SortedKeys alone may range
// over a map.
package protocol

func SortedKeys(m map[int]int) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func UnsortedKeys(m map[int]int) []int {
	var keys []int
	for k := range m { // want `range over a map`
		keys = append(keys, k)
	}
	return keys
}

type T struct{}

func (T) SortedKeys(m map[int]int) {
	for range m { // want `range over a map`
	}
}
