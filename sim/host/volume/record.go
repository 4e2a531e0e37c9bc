package volume

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

// A record is one change of the volume as it lies on the disk:
//
//	byte   0      magic
//	       1      kind
//	       2..5   length of the header, these 16 bytes included, little endian
//	       6..9   length of the payload
//	      10..11  check of bytes 0 to 9
//	      12..15  check of the rest of the header
//	      16..    the fields of the kind, each a varint, or a string after its length
//	              the payload
//
// The two checks distinguish a torn record, which is a prefix of a good one, from a damaged one.
// The payload has no check: the program has to find what rots in a file.
const (
	magic      = 0xf5
	checkedLen = 12 // bytes with which the lengths are checked
	prefixLen  = 16
	maxPath    = 100 // bytes of a path that is for people; a longer one is left out
)

type kind uint8

const (
	kindData     kind = 1 + iota // bytes of one page
	kindSize                     // a write made the file grow
	kindSnapshot                 // the whole volume
	kindTruncate                 // this and what follows are operations on metadata
	kindMode
	kindTimes
	kindCreate
	kindLink
	kindUnlink
	kindRename
	kindExchange
	kinds
)

// numbered reports whether records of the kind have numbers of their own in the order of
// metadata operations.
func (k kind) numbered() bool { return k >= kindTruncate }

// target is the inode that an entry refers to, with all that is needed to make it: under POSIX an
// entry can survive when the operation that made its inode does not.
type target struct {
	ino  Ino
	mode uint32
	link string // of a symbolic link
}

// place is a name in a directory.
type place struct {
	dir  Ino
	name string
}

type record struct {
	kind  kind
	epoch uint32
	seq   uint64 // counts the records of the epoch from 1
	// meta counts the metadata operations of the epoch from 1. A data record has the number of
	// the last truncation of its file, a size record and a snapshot that of the last operation
	// before them; 0 is none.
	meta uint64
	now  int64
	to   target // the inode of the operation

	at    int64  // data: offset; size and truncate: the size; times: the modification time
	prev  uint64 // data, size: seq of the record that it depends on; 0 if none
	count uint64 // size: how many data records, directly before it, are of the same write

	place, second place  // rename: from, to
	other         target // exchange: what is at second

	// For people: where the inode, and the directories of place and second, stood at the time. A
	// snapshot has none.
	path, placeIn, secondIn string

	header  []byte // decoded: the rest of a snapshot's header
	payload []byte
	torn    bool // decoded: payload is cut short
	full    int  // decoded: length of the payload when whole
}

var (
	errTorn    = errors.New("is torn")
	errDamaged = errors.New("has a damaged header")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHeader appends the record without its payload, which has n bytes.
func (r *record) appendHeader(b []byte, n int) []byte {
	start := len(b)
	b = append(b, magic, byte(r.kind), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	c := coder{buf: b, writing: true}
	r.code(&c)
	b = append(c.buf, r.header...)
	h := b[start:]
	binary.LittleEndian.PutUint32(h[2:], uint32(len(h)))
	binary.LittleEndian.PutUint32(h[6:], uint32(n))
	binary.LittleEndian.PutUint16(h[10:], uint16(crc32.Checksum(h[:10], castagnoli)))
	binary.LittleEndian.PutUint32(h[12:], crc32.Checksum(h[prefixLen:], castagnoli))
	return b
}

// decode reads a record. Its error is errTorn or errDamaged; a record with a torn payload is
// returned without one. The payload is part of b.
func decode(b []byte) (r record, err error) {
	if len(b) > 0 && b[0] != magic {
		return r, errDamaged
	}
	if len(b) < checkedLen {
		return r, errTorn
	}
	if binary.LittleEndian.Uint16(b[10:]) != uint16(crc32.Checksum(b[:10], castagnoli)) {
		return r, errDamaged
	}
	r.kind = kind(b[1])
	header, payload := uint64(binary.LittleEndian.Uint32(b[2:])), uint64(binary.LittleEndian.Uint32(b[6:]))
	if r.kind < kindData || r.kind >= kinds || header < prefixLen ||
		payload > 0 && r.kind != kindData && r.kind != kindSnapshot {
		return r, errDamaged
	}
	if uint64(len(b)) < header {
		return r, errTorn
	}
	fields := b[prefixLen:header]
	if binary.LittleEndian.Uint32(b[12:]) != crc32.Checksum(fields, castagnoli) || uint64(len(b)) > header+payload {
		return r, errDamaged
	}
	c := coder{buf: fields}
	r.code(&c)
	if c.bad || r.kind != kindSnapshot && len(c.buf) > 0 || r.invalid() {
		return r, errDamaged
	}
	r.header, r.payload, r.full = c.buf, b[header:], int(payload)
	r.torn = len(r.payload) < r.full
	return r, nil
}

// invalid reports whether values are out of their ranges.
func (r *record) invalid() bool {
	switch {
	case r.epoch == 0 || r.seq == 0 || r.to.ino == 0 || r.kind.numbered() && r.meta == 0:
		return true
	case r.kind != kindTimes && (r.at < 0 || r.at > MaxSize):
		return true
	case r.kind == kindExchange && r.other.ino <= Root:
		return true
	}
	return r.kind >= kindCreate && r.to.ino == Root // the root has no name
}

// code reads or writes the fields.
func (r *record) code(c *coder) {
	epoch := uint64(r.epoch)
	c.number(&epoch)
	c.bad = c.bad || epoch > math.MaxUint32
	r.epoch = uint32(epoch)
	c.number(&r.seq)
	c.number(&r.meta)
	c.signed(&r.now)
	c.inode(&r.to.ino)
	switch r.kind {
	case kindData:
		c.signed(&r.at)
		c.number(&r.prev)
	case kindSize:
		c.signed(&r.at)
		c.number(&r.prev)
		c.number(&r.count)
	case kindTruncate:
		c.signed(&r.at)
	case kindMode, kindTimes:
		c.rest(&r.to)
		c.signed(&r.at)
	case kindCreate, kindLink, kindUnlink:
		c.rest(&r.to)
		c.place(&r.place)
	case kindRename:
		c.rest(&r.to)
		c.place(&r.place)
		c.place(&r.second)
	case kindExchange:
		c.rest(&r.to)
		c.place(&r.place)
		c.place(&r.second)
		c.inode(&r.other.ino)
		c.rest(&r.other)
	}
	if r.kind != kindSnapshot {
		for _, path := range [...]*string{&r.path, &r.placeIn, &r.secondIn} {
			c.text(path, maxPath)
		}
	}
}

// coder reads or writes fields, so one function defines them for both.
type coder struct {
	buf     []byte // written so far, or left to read
	writing bool
	bad     bool
}

func (c *coder) number(x *uint64) {
	if c.writing {
		c.buf = binary.AppendUvarint(c.buf, *x)
		return
	}
	v, n := binary.Uvarint(c.buf)
	if n <= 0 || n > 1 && c.buf[n-1] == 0 { // one encoding a number
		c.bad, c.buf = true, nil
		return
	}
	*x, c.buf = v, c.buf[n:]
}

func (c *coder) signed(x *int64) {
	u := uint64(*x)<<1 ^ uint64(*x>>63)
	c.number(&u)
	*x = int64(u>>1) ^ -int64(u&1)
}

func (c *coder) inode(i *Ino) {
	u := uint64(*i)
	c.number(&u)
	*i = Ino(u)
}

func (c *coder) mode(m *uint32) {
	u := uint64(*m)
	c.number(&u)
	c.bad = c.bad || u > uint64(ModeType|0o7777)
	*m = uint32(u)
}

func (c *coder) text(s *string, most int) {
	n := uint64(len(*s))
	c.number(&n)
	if c.writing {
		c.buf = append(c.buf, *s...)
		return
	}
	if n > uint64(len(c.buf)) || n > uint64(most) {
		c.bad, c.buf = true, nil
		return
	}
	*s, c.buf = string(c.buf[:n]), c.buf[n:]
}

// rest reads or writes a target without its number.
func (c *coder) rest(t *target) {
	c.mode(&t.mode)
	switch t.mode & ModeType {
	case ModeSymlink:
		c.text(&t.link, MaxTarget)
	case ModeDir, ModeRegular:
	default:
		c.bad = true
	}
}

func (c *coder) place(p *place) {
	c.inode(&p.dir)
	c.text(&p.name, MaxName)
	c.bad = c.bad || nameError(p.name) != nil
}
