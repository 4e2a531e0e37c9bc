package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
)

const (
	suffix     = ".wal"
	magic      = "plainwal"
	headerSize = len(magic) + 8 // and the number of the first record
	frameSize  = 4 + 4 + 8      // checksum of what follows, length, number
)

var table = crc32.MakeTable(crc32.Castagnoli)

func name(first uint64) string { return fmt.Sprintf("%016x", first) + suffix }

// list returns the segments of a directory in order, and removes what was never one.
func list(dir string) (segments []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".tmp" {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		var first uint64
		text := strings.TrimSuffix(e.Name(), suffix)
		if _, err := fmt.Sscanf(text, "%x", &first); err != nil || name(first) != e.Name() {
			return nil, fmt.Errorf("%w: %q is no segment", ErrCorrupt, e.Name())
		}
		segments = append(segments, first)
	}
	return segments, nil
}

func header(first uint64) []byte { return binary.BigEndian.AppendUint64([]byte(magic), first) }

// encode returns a record as it is in a segment.
func encode(number uint64, rec []byte) []byte {
	b := make([]byte, frameSize, frameSize+len(rec))
	binary.BigEndian.PutUint32(b[4:], uint32(len(rec)))
	binary.BigEndian.PutUint64(b[8:], number)
	b = append(b, rec...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], table))
	return b
}

// parse returns the records of a segment, and how many of its bytes are whole.
func parse(data []byte, first uint64, trusting bool) (records [][]byte, good int, err error) {
	if len(data) < headerSize || string(data[:headerSize]) != string(header(first)) {
		return nil, 0, errors.New("it has no header")
	}
	good = headerSize
	for number := first; ; number++ {
		rest := data[good:]
		if len(rest) < frameSize {
			return records, good, nil
		}
		n := int(binary.BigEndian.Uint32(rest[4:])) + frameSize
		if n < frameSize || n > len(rest) {
			return records, good, nil
		}
		if !trusting && crc32.Checksum(rest[4:n], table) != binary.BigEndian.Uint32(rest) || binary.BigEndian.Uint64(rest[8:]) != number {
			return records, good, nil
		}
		records = append(records, rest[frameSize:n])
		good += n
	}
}
