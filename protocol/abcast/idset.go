package abcast

import (
	"cmp"
	"slices"
)

// An idSet is a set of message ids, kept as runs of consecutive seqs of each origin.
// An origin's messages are ordered in about the order of their seqs, so once a group
// is quiet there is one run each, however long it has worked.
type idSet struct {
	runs map[Member][]run // ascending, never touching
}

type run struct{ first, last uint64 } // both are in

func newIDSet() idSet { return idSet{runs: map[Member][]run{}} }

// reaching returns the index of the first run that ends at seq or later.
func reaching(runs []run, seq uint64) int {
	i, _ := slices.BinarySearchFunc(runs, seq, func(r run, seq uint64) int { return cmp.Compare(r.last, seq) })
	return i
}

func (s *idSet) has(id MsgID) bool {
	runs := s.runs[id.Origin()]
	i := reaching(runs, id.Seq)
	return i < len(runs) && runs[i].first <= id.Seq
}

// add adds an id that is not in the set. Its seq is at least 1.
func (s *idSet) add(id MsgID) {
	l := id.Origin()
	runs := s.runs[l]
	i := reaching(runs, id.Seq)
	joinsLeft := i > 0 && runs[i-1].last == id.Seq-1
	joinsRight := i < len(runs) && runs[i].first-1 == id.Seq
	switch {
	case joinsLeft && joinsRight:
		runs[i-1].last = runs[i].last
		runs = slices.Delete(runs, i, i+1)
	case joinsLeft:
		runs[i-1].last = id.Seq
	case joinsRight:
		runs[i].first = id.Seq
	default:
		runs = slices.Insert(runs, i, run{id.Seq, id.Seq})
	}
	s.runs[l] = runs
}
