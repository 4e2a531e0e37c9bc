package judge

import (
	"fmt"
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/link"
	"dessim/protocol/seal"
)

// wireFrame has the fields of a frame as they stand on the wire, whether or not a link sends
// such a one.
type wireFrame struct{ typ, src, dst, ack, sack, low, seq uint64 }

// append appends the frame, with its checksum.
func (w *wireFrame) append(b []byte) []byte {
	b = append(b, byte(protocol.Link), 'l')
	for _, n := range []uint64{w.typ, w.src, w.dst, w.ack, w.sack} {
		b = bencode.AppendUint(b, n)
	}
	if w.typ == 0 {
		b = bencode.AppendUint(b, w.low)
		b = bencode.AppendUint(b, w.seq)
		b = bencode.AppendBytes(b, []byte("m"))
	}
	return seal.Append(append(b, 'e'))
}

// sound reports whether a link can have sent the frame: one to an incarnation that it does not
// know has a message and acknowledges nothing, and what is not acknowledged fits a window.
func (w *wireFrame) sound() bool {
	const most = math.MaxInt64
	data := w.typ == 0
	switch {
	case w.typ > 1, w.src == 0, w.src > math.MaxUint32, w.dst > math.MaxUint32, w.ack > most:
		return false
	case w.dst == 0 && !data, w.dst == 0 && w.ack > 0, w.dst == 0 && w.sack > 0:
		return false
	}
	return !data || 0 < w.low && w.low <= w.seq && w.seq <= most && w.seq-w.low < link.MaxWindow
}

// unsound requires that frames which no link sends are refused, and the others read. Honest nodes
// send the former never, and traitors and broken networks seldom.
func unsound(in *link.Watcher) error {
	const most = math.MaxInt64
	var buf []byte
	numbers := [][2]uint64{{0, 0}, {0, 1}, {1, 1}, {2, 1}, {2, 3}, {link.MaxWindow + 2, 1}, {1, link.MaxWindow}, {1, link.MaxWindow + 1}, {most, most}, {most, most + 1}}
	for typ, seqs := range [][][2]uint64{numbers, numbers[:1], numbers[:1]} {
		for _, src := range []uint64{0, 1, 7, math.MaxUint32, math.MaxUint32 + 1} {
			for _, dst := range []uint64{0, 1, math.MaxUint32, math.MaxUint32 + 1} {
				for _, ack := range [][2]uint64{{}, {1, 0}, {0, 1}, {most, math.MaxUint64}, {most + 1, 0}} {
					for _, seq := range seqs {
						w := wireFrame{uint64(typ), src, dst, ack[0], ack[1], seq[0], seq[1]}
						buf = w.append(buf[:0])
						f, ok := in.Read(buf)
						if same := uint64(f.From) == src && uint64(f.To) == dst && f.Ack == ack[0] && f.Sack == ack[1]; ok != w.sound() || ok && !same {
							return fmt.Errorf("a link reads %+v as %+v: %v, want %v", w, f, ok, w.sound())
						}
					}
				}
			}
		}
	}
	return nil
}
