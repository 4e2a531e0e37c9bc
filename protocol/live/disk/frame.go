package disk

import (
	"encoding/binary"
	"hash/crc32"

	"dessim/protocol"
)

// A segment is a row of frames, all numbers little-endian:
//
//	"dsm" kind | length of the body, 4 | number, 8 | start, 8 | CRC-32C of these 24 bytes, 4
//	body
//	CRC-32C of all that, 4 | end mark, 1
//
// start is where in the segment the write began that the frame is a part of. A write begins
// only when all before it is durable, so a frame proves what stands before its start to have
// been synced: see unfinished.
//
// The bodies of records are masked by a stream that differs between segments and records, so
// that no record looks like frames, nor like bytes that were never written.
const (
	mark     = "dsm"
	headSize = 28
	tailSize = 5
	endMark  = 0xa5

	// maxBody is the longest body of a frame.
	maxBody = 1 << 28
)

// The kinds of frames, and what their numbers are.
const (
	kindSegment = 's' // begins each segment: the segment's number; the body is a header
	kindBegin   = 'b' // an incarnation began: its number
	kindRecord  = 'r' // a record: its index
	kindDiscard = 'd' // records are forgotten: the first index that is kept
	kindEnd     = 'e' // ends each segment but the last: the number of the next segment
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type head struct {
	kind   byte
	length uint32
	number uint64
	start  uint64
}

// size is that of the whole frame.
func (h *head) size() int64 { return headSize + int64(h.length) + tailSize }

func appendHead(b []byte, h head) []byte {
	at := len(b)
	b = append(b, mark...)
	b = append(b, h.kind)
	b = binary.LittleEndian.AppendUint32(b, h.length)
	b = binary.LittleEndian.AppendUint64(b, h.number)
	b = binary.LittleEndian.AppendUint64(b, h.start)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
}

// appendTail completes the frame that begins at b[at].
func appendTail(b []byte, at int) []byte {
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, endMark)
}

func appendFrame(b []byte, kind byte, number uint64, start int64, body []byte) []byte {
	at := len(b)
	b = appendHead(b, head{kind, uint32(len(body)), number, uint64(start)})
	return appendTail(append(b, body...), at)
}

func appendRecord(b []byte, salt, index uint64, start int64, rec []byte) []byte {
	at := len(b)
	b = appendHead(b, head{kindRecord, uint32(len(rec)), index, uint64(start)})
	b = append(b, rec...)
	masked(b[at+headSize:], salt, index)
	return appendTail(b, at)
}

// masked masks the body of a record in place, or unmasks it.
func masked(b []byte, salt, index uint64) {
	for i := uint64(0); len(b) > 0; i++ {
		word := protocol.Hash3(salt, index, i)
		if len(b) >= 8 {
			binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
			b = b[8:]
			continue
		}
		for j := range b {
			b[j] ^= byte(word >> (8 * j))
		}
		return
	}
}

// cutHead reads the head at the beginning of b, which stands at offset at of its segment.
func cutHead(b []byte, at int64) (h head, ok bool) {
	if len(b) < headSize || string(b[:3]) != mark || crc32.Checksum(b[:24], castagnoli) != binary.LittleEndian.Uint32(b[24:]) {
		return h, false
	}
	h = head{b[3], binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
	return h, h.length <= maxBody && h.start <= uint64(at)
}

// cutFrame reads the frame at the beginning of b. The body is a part of b.
func cutFrame(b []byte, at int64) (h head, body []byte, ok bool) {
	h, ok = cutHead(b, at)
	if !ok || h.size() > int64(len(b)) {
		return h, nil, false
	}
	end := headSize + int(h.length)
	tail := b[end:]
	ok = crc32.Checksum(b[:end], castagnoli) == binary.LittleEndian.Uint32(tail) && tail[4] == endMark
	return h, b[headSize:end:end], ok
}

// header is the body of the frame that begins a segment: what the segments before it amount
// to, so that they can be deleted.
type header struct {
	salt  uint64 // of the masks
	state state
	owner string // Options.Owner
}

const (
	version     = 1
	headerFixed = 29
)

func (h *header) append(b []byte) []byte {
	b = append(b, version)
	b = binary.LittleEndian.AppendUint64(b, h.salt)
	b = binary.LittleEndian.AppendUint64(b, h.state.next)
	b = binary.LittleEndian.AppendUint64(b, h.state.floor)
	b = binary.LittleEndian.AppendUint32(b, h.state.incarnation)
	return append(b, h.owner...)
}

func cutHeader(b []byte) (h header, ok bool) {
	if len(b) < headerFixed || b[0] != version {
		return h, false
	}
	return header{
		salt: binary.LittleEndian.Uint64(b[1:]),
		state: state{
			next:        binary.LittleEndian.Uint64(b[9:]),
			floor:       binary.LittleEndian.Uint64(b[17:]),
			incarnation: binary.LittleEndian.Uint32(b[25:]),
		},
		owner: string(b[headerFixed:]),
	}, true
}

// sector is what disks write whole or not at all.
const sector = 512

// unfinished reports whether the bad frame at offset at, in the last segment, is a part of a
// write that was not synced: a power failure left it like that. Of such a write the file has
// less than the frame's length, or, in place of a sector, zeros. Anything else is damage,
// since no sector of a frame is zeros by itself: each has a part of a head, of a masked body
// or of a tail. And whatever it looks like, it is damage if a later write follows.
//
// A file system may show something else than zeros, such as old bytes of another file. Then
// the node is refused although it has lost nothing, rather than started although it has.
func unfinished(b []byte, at int64) bool {
	for p := at + 1; p+headSize <= int64(len(b)); p++ {
		if b[p] != mark[0] {
			continue
		}
		if h, ok := cutHead(b[p:], p); ok && h.start > uint64(at) {
			return false
		}
	}
	end := at + headSize
	if h, ok := cutHead(b[at:], at); ok {
		end = at + h.size()
	}
	if end > int64(len(b)) {
		return true
	}
	for at < end {
		next := min((at/sector+1)*sector, int64(len(b)))
		if zeros(b[at:next]) {
			return true
		}
		at = next
	}
	return false
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
