package volume

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// CompactAt makes Compact take snapshots of logs of that length, always of 0.
func (v *Volume) CompactAt(bytes int64) { v.worth = bytes }

// Seal mends the checks of a record, so that a fuzzer gets past them.
func Seal(b []byte) []byte {
	b = slices.Clone(b)
	if len(b) < prefixLen {
		return b
	}
	if header := int(binary.LittleEndian.Uint32(b[2:])); header >= prefixLen && header <= len(b) {
		binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[prefixLen:header], castagnoli))
	}
	binary.LittleEndian.PutUint16(b[10:], uint16(crc32.Checksum(b[:10], castagnoli)))
	return b
}
