// Package bencode writes and reads the canonical form of BitTorrent's bencoding
// (BEP 3): integers without leading zeros or "-0", string lengths without
// leading zeros, dictionary keys in ascending order and once each.
//
// A Reader accepts that form and no other, so decode and encode are inverse. It
// does not build trees: the caller reads the fields that it expects, in order,
// and asks once at the end whether all was well.
package bencode

import (
	"bytes"
	"math"
	"strconv"
)

// AppendInt appends v as an integer.
func AppendInt(b []byte, v int64) []byte {
	b = append(b, 'i')
	b = strconv.AppendInt(b, v, 10)
	return append(b, 'e')
}

// AppendUint appends v as an integer. A Reader's Uint reads it back whole.
func AppendUint(b []byte, v uint64) []byte {
	if v < 10 { // as most are
		return append(b, 'i', '0'+byte(v), 'e')
	}
	b = append(b, 'i')
	b = strconv.AppendUint(b, v, 10)
	return append(b, 'e')
}

// AppendBool appends v as 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return AppendUint(b, 1)
	}
	return AppendUint(b, 0)
}

// AppendBytes appends s as a string.
func AppendBytes[S []byte | string](b []byte, s S) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// UintSize returns the number of bytes that AppendUint appends.
func UintSize(v uint64) int { return len("i") + digits(v) + len("e") }

// BytesSize returns the number of bytes that AppendBytes appends for a string of
// n bytes.
func BytesSize(n int) int { return digits(uint64(n)) + len(":") + n }

func digits(v uint64) int {
	n := 1
	for ; v >= 10; v /= 10 {
		n++
	}
	return n
}

// Reader reads one bencoded value after another from a slice. After the first value
// that is not what was asked for, or not canonical, it is broken: it returns zero
// values, and More and Done report false. The zero Reader reads nothing.
type Reader struct {
	b       []byte
	at      int
	broken  bool
	depth   int      // of the list or dictionary entered last; 0 is none
	shallow [4]frame // of depth 1 to 4. A slice of it in r would put every Reader on the heap
	deep    []frame  // of the others
}

type frame struct {
	key  []byte // last key of the dictionary, to see that keys ascend
	any  bool
	dict bool
}

// MaxDepth is the greatest nesting that a Reader follows.
const MaxDepth = 32

// Reset makes r read b. Slices that r returns alias b.
func (r *Reader) Reset(b []byte) {
	r.b, r.at, r.broken, r.depth = b, 0, false, 0
}

// ListOf returns a Reader of b that has entered the list that b must be.
func ListOf(b []byte) (r Reader) {
	r.b = b
	r.List()
	return r
}

// Broken reports whether anything has been wrong so far.
func (r *Reader) Broken() bool { return r.broken }

// Done reports whether everything was read, closed, and right.
func (r *Reader) Done() bool { return !r.broken && r.at == len(r.b) && r.depth == 0 }

// Finish leaves the list or dictionary that all was in. It reports what Done does then.
func (r *Reader) Finish() bool {
	r.End()
	return r.Done()
}

// Fail marks r as broken: for callers that find a value out of its range.
func (r *Reader) Fail() { r.broken = true }

func (r *Reader) peek() byte {
	if r.broken || r.at >= len(r.b) {
		return 0
	}
	return r.b[r.at]
}

// IsBytes reports whether a string comes next, without reading it.
func (r *Reader) IsBytes() bool { c := r.peek(); return '0' <= c && c <= '9' }

// IsInt reports whether an integer comes next.
func (r *Reader) IsInt() bool { return r.peek() == 'i' }

// IsList reports whether a list comes next.
func (r *Reader) IsList() bool { return r.peek() == 'l' }

// IsDict reports whether a dictionary comes next.
func (r *Reader) IsDict() bool { return r.peek() == 'd' }

// Int reads an integer.
func (r *Reader) Int() int64 {
	neg, u := r.integer()
	switch {
	case neg && u <= 1<<63:
		return -int64(u-1) - 1
	case !neg && u <= math.MaxInt64:
		return int64(u)
	}
	r.broken = true
	return 0
}

// Uint reads an integer that is not negative.
func (r *Reader) Uint() uint64 {
	if r.peek() != 'i' {
		r.broken = true
		return 0
	}
	r.at++
	return r.digits('e') // which has no sign
}

// UintMax reads an integer from 0 to limit.
func (r *Reader) UintMax(limit uint64) uint64 {
	u := r.Uint()
	if u > limit {
		r.broken = true
		return 0
	}
	return u
}

// Positive reads an integer from 1 to limit.
func (r *Reader) Positive(limit uint64) uint64 {
	u := r.UintMax(limit)
	if u == 0 {
		r.broken = true
	}
	return u
}

// Bool reads what AppendBool writes.
func (r *Reader) Bool() bool { return r.UintMax(1) == 1 }

func (r *Reader) integer() (neg bool, u uint64) {
	if r.peek() != 'i' {
		r.broken = true
		return false, 0
	}
	r.at++
	if r.peek() == '-' {
		neg = true
		r.at++
	}
	u = r.digits('e')
	if neg && u == 0 {
		r.broken = true
	}
	return neg, u
}

// sure is the number of decimal digits of which any number fits a uint64.
const sure = 19

// digits reads a decimal number without leading zeros and the byte after it. To have Uint read the
// whole of a number of one digit did not pay.
func (r *Reader) digits(end byte) uint64 {
	if r.broken {
		return 0
	}
	var u uint64
	rest := r.b[r.at:]
	if len(rest) > 1 && rest[1] == end { // as most are
		if u = uint64(rest[0] - '0'); u <= 9 {
			r.at += 2
			return u
		}
		r.broken = true
		return 0
	}
	n := 0
	for ; n < len(rest) && rest[n]-'0' <= 9; n++ {
		d := uint64(rest[n] - '0')
		if n >= sure && u > (math.MaxUint64-d)/10 {
			r.broken = true
			return 0
		}
		u = u*10 + d
	}
	if n == 0 || n > 1 && rest[0] == '0' || n == len(rest) || rest[n] != end {
		r.broken = true
		return 0
	}
	r.at += n + 1
	return u
}

// Bytes reads a string. The slice aliases what is read.
func (r *Reader) Bytes() []byte {
	if !r.IsBytes() {
		r.broken = true
		return nil
	}
	n := r.digits(':')
	if r.broken || n > uint64(len(r.b)-r.at) {
		r.broken = true
		return nil
	}
	s := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return s
}

// Fixed reads a string of exactly n bytes.
func (r *Reader) Fixed(n int) []byte {
	s := r.Bytes()
	if len(s) != n {
		r.broken = true
		return nil
	}
	return s
}

// List enters a list.
func (r *Reader) List() { r.enter('l') }

// Dict enters a dictionary: then read Key and a value while there is More.
func (r *Reader) Dict() { r.enter('d') }

func (r *Reader) enter(c byte) {
	if r.peek() != c || r.depth >= MaxDepth {
		r.broken = true
		return
	}
	r.at++
	f := frame{dict: c == 'd'}
	if r.depth < len(r.shallow) {
		r.shallow[r.depth] = f
	} else {
		r.deep = append(r.deep[:r.depth-len(r.shallow)], f)
	}
	r.depth++
}

// last returns the frame of the list or dictionary entered last; there must be one.
func (r *Reader) last() *frame {
	if r.depth <= len(r.shallow) {
		return &r.shallow[r.depth-1]
	}
	return &r.deep[r.depth-1-len(r.shallow)]
}

// More reports whether the list or dictionary entered last has more to read.
func (r *Reader) More() bool {
	c := r.peek()
	return c != 0 && c != 'e' && r.depth > 0
}

// End leaves the list or dictionary entered last; it breaks r if there is more.
func (r *Reader) End() {
	if r.peek() != 'e' || r.depth == 0 {
		r.broken = true
		return
	}
	r.at++
	r.depth--
}

// Key reads a dictionary's next key, which must be greater than the one before.
func (r *Reader) Key() []byte {
	k := r.Bytes()
	if r.broken || r.depth == 0 {
		r.broken = true
		return nil
	}
	f := r.last()
	if !f.dict || f.any && bytes.Compare(f.key, k) >= 0 {
		r.broken = true
		return nil
	}
	f.key, f.any = k, true
	return k
}

// Skip reads a value of any kind and returns its bytes.
func (r *Reader) Skip() []byte {
	first, depth := r.at, r.depth
	for {
		switch {
		case r.IsInt():
			r.integer()
		case r.IsBytes():
			r.Bytes()
		case r.IsList():
			r.List()
		case r.IsDict():
			r.Dict()
		default:
			r.broken = true
		}
		for !r.broken && r.depth > depth && r.peek() == 'e' {
			r.End()
		}
		if r.broken {
			return nil
		}
		if r.depth == depth {
			return r.b[first:r.at]
		}
		if r.last().dict {
			r.Key()
		}
	}
}
