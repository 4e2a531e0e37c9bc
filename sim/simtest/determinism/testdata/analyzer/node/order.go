package node

import (
	"maps"
	"reflect"
	"slices"
	"sort"
)

type set map[int]bool

func ranges[M ~map[int]int, S ~[]int](m map[int]int, s set, g M, l S) []int {
	for range m { // want `range over a map`
	}
	for k := range s { // want `range over a map`
		_ = k
	}
	for range g { // want `range over a map`
	}
	for range l {
	}
	for range maps.Keys(m) { // want `maps.Keys: its order differs`
	}
	keys := slices.Collect(maps.Keys(m)) // want `maps.Keys`
	sort.Ints(keys)
	_ = slices.Collect(maps.Values(m))                       // want `maps.Values`
	_ = maps.All[map[int]int]                                // a function value: its call is refused
	_ = maps.Collect(maps.All(m))                            // want `maps.All`
	maps.DeleteFunc(m, func(k, _ int) bool { return k > 0 }) // want `maps.DeleteFunc: it calls in the order of a map`
	maps.Copy(m, maps.Clone(m))
	for range reflect.ValueOf(m).MapKeys() { // want `reflect.Value.MapKeys`
	}
	_ = slices.Sorted(maps.Values(m))
	return slices.Sorted((maps.Keys(m)))
}
