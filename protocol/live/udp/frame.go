package udp

import (
	"encoding/binary"
	"hash/crc32"
)

// Sizes of a frame.
const (
	headerLen   = 32
	fragmentLen = 1200
	frameLen    = headerLen + fragmentLen
	sumAt       = 28
)

const (
	magic   = 0xde551a
	version = 1
)

// raw is what bencoded dictionaries begin with, and no frame.
const raw = 'd'

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is one fragment of a message. body is borrowed from what it was decoded from.
type frame struct {
	network     uint64
	incarnation uint32
	seq         uint64
	index       uint16
	count       uint16
	body        []byte
}

// append appends f, encoded, to b.
func (f *frame) append(b []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, magic<<8|version)
	b = binary.BigEndian.AppendUint64(b, f.network)
	b = binary.BigEndian.AppendUint32(b, f.incarnation)
	b = binary.BigEndian.AppendUint64(b, f.seq)
	b = binary.BigEndian.AppendUint16(b, f.index)
	b = binary.BigEndian.AppendUint16(b, f.count)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = append(b, f.body...)
	binary.BigEndian.PutUint32(b[at+sumAt:], checksum(b[at:]))
	return b
}

// checksum covers all of a frame but the checksum itself.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:sumAt], castagnoli), castagnoli, b[headerLen:])
}

// decode reads b into f. It returns delivered if b is a frame of the network in canonical
// form, else the reason to drop it.
func (f *frame) decode(b []byte, network uint64) reason {
	if len(b) < headerLen || len(b) > frameLen || binary.BigEndian.Uint32(b)>>8 != magic {
		return malformed
	}
	if b[3] != version {
		return otherVersion
	}
	*f = frame{
		network:     binary.BigEndian.Uint64(b[4:]),
		incarnation: binary.BigEndian.Uint32(b[12:]),
		seq:         binary.BigEndian.Uint64(b[16:]),
		index:       binary.BigEndian.Uint16(b[24:]),
		count:       binary.BigEndian.Uint16(b[26:]),
		body:        b[headerLen:],
	}
	switch {
	case f.network != network:
		return otherNetwork
	case binary.BigEndian.Uint32(b[sumAt:]) != checksum(b):
		return corrupt
	case !f.canonical():
		return malformed
	}
	return delivered
}

func (f *frame) canonical() bool {
	switch {
	case f.incarnation == 0 || f.seq == 0 || f.index >= f.count:
		return false
	case f.index < f.count-1:
		return len(f.body) == fragmentLen
	}
	return len(f.body) > 0 || f.count == 1
}

// fragments returns how many frames a message of n bytes takes.
func fragments(n int) int { return max(1, (n+fragmentLen-1)/fragmentLen) }
