package source

import "dessim/protocol"

// Numbered is a Source of one run that gives questions names of their own: the second
// question of a name, and each further one, is asked of the Source under another name. Names
// recur seldom, and a seed may well give such questions one answer; what happened in a live
// run may not.
type Numbered struct {
	// Source answers. It is required.
	Source protocol.Source

	seen map[protocol.Key]uint64
}

// Choose asks the Source.
func (s *Numbered) Choose(k protocol.Key, n uint64) uint64 { return s.Source.Choose(s.name(k), n) }

// Chance asks the Source.
func (s *Numbered) Chance(k protocol.Key, p protocol.Ratio) bool {
	return s.Source.Chance(s.name(k), p)
}

func (s *Numbered) name(k protocol.Key) protocol.Key {
	if s.seen == nil {
		s.seen = make(map[protocol.Key]uint64)
	}
	n := s.seen[k]
	s.seen[k] = n + 1
	if n > 0 {
		k.N = protocol.Hash2(k.N, n)
	}
	return k
}
