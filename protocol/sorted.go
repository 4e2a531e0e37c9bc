package protocol

import (
	"cmp"
	"slices"
)

// SortedKeys gives the keys of m in ascending order. It is the one place of the
// module that may range over a map: elsewhere the order could leak into a run.
func SortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
