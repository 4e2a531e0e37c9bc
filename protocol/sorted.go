package protocol

import (
	"cmp"
	"slices"
)

// SortedKeys returns the keys of m in ascending order. It and SortedKeysFunc are the
// only places of the module that may range over a map: elsewhere the order could leak
// into a run.
func SortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// SortedKeysFunc returns the keys of m in the order of compare, under which no two
// keys are equal.
func SortedKeysFunc[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}
