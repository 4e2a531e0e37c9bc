package gossip

import (
	"fmt"

	"dessim/protocol/words"
)

// Text returns a message in words, after its kind: "gossip.data 7390d1d6 612 bytes".
// A requested body has the same bytes, hence the same text, as one that is forwarded.
// The text of what is not canonical is empty.
func Text(msg []byte) string {
	m, ok := open(msg)
	if !ok {
		return ""
	}
	switch m.typ {
	case typeData:
		id := Sum(m.body)
		return fmt.Sprintf("%v %s %s", KindData, words.Short(id[:]), words.Count(uint64(len(m.body)), "byte"))
	case typeDigest:
		return fmt.Sprintf("%v %s", KindDigest, words.List(len(m.ranges), func(i int) string {
			s := &m.ranges[i]
			return fmt.Sprintf("%s %s %08x", s.name(), words.Count(s.count, "id"), s.sum[0]>>32)
		}))
	case typeList:
		return fmt.Sprintf("%v %s", KindList, words.List(len(m.ranges), func(i int) string {
			s := &m.ranges[i]
			if len(m.ranges) > 1 {
				return fmt.Sprintf("%s %s", s.name(), words.Count(uint64(len(s.ids)), "id"))
			}
			return fmt.Sprintf("%s: %s", s.name(), listIDs(s.ids))
		}))
	case typeHave:
		return fmt.Sprintf("%v %s", KindHave, listIDs(m.ids))
	}
	return fmt.Sprintf("%v %s", KindWant, listIDs(m.ids))
}

// name returns the ids that begin with the span's prefix in words: "all", or "3e*".
func (s *span) name() string {
	if len(s.prefix) == 0 {
		return "all"
	}
	return string(s.prefix[:min(len(s.prefix), 8)]) + "*"
}

func listIDs(ids []ID) string {
	return words.List(len(ids), func(i int) string { return words.Short(ids[i][:]) })
}

// TextTimer returns the timer under tag in words.
func TextTimer(tag uint64) string {
	if tag == tagRepair {
		return "gossip repair"
	}
	return ""
}
