package link

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Text returns a frame in words: "link.ack up to 7 and 9,10" for what is settled and
// what came early, or "message 8" for one that carries a message, whose text is left
// to its own package: see Payload. It adds the incarnations unless both are the
// first. The text of what is no frame is empty.
func Text(msg []byte) string {
	f, ok := open(msg)
	if !ok {
		return ""
	}
	s := fmt.Sprintf("message %d", f.seq)
	if !f.data {
		s = fmt.Sprintf("%v up to %d", KindAck, f.ack)
		if f.sack != 0 {
			early := f.early()
			s += " and " + words.List(len(early), func(i int) string { return strconv.FormatUint(early[i], 10) })
		}
	}
	switch {
	case f.src == 1 && f.dst <= 1:
		return s
	case f.dst == 0:
		return s + fmt.Sprintf(", incarnation %d to any", f.src)
	}
	return s + fmt.Sprintf(", incarnation %d to %d", f.src, f.dst)
}

// early lists the numbers in the selective part of an acknowledgement.
func (f *frame) early() (seqs []uint64) {
	for bits, seq := f.sack, f.ack+2; bits != 0; bits, seq = bits>>1, seq+1 {
		if bits&1 != 0 {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// TextTimer returns the timer under tag in words.
func TextTimer(tag uint64) string {
	c, n := protocol.SplitTag(tag)
	if c != protocol.Link {
		return ""
	}
	return fmt.Sprintf("%v to %d", c, n)
}
