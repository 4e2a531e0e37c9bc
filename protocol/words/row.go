package words

import (
	"encoding/hex"
	"slices"
	"strconv"

	"dessim/protocol"
)

// A Row is a description whose last line is under way: each method appends to it. A page of
// a run has thousands of descriptions of a hundred lines. With fmt, they would take several
// times as long.
type Row []byte

// Str appends s.
func (r Row) Str(s string) Row { return append(r, s...) }

// Uint appends n.
func (r Row) Uint(n uint64) Row { return strconv.AppendUint(r, n, 10) }

// Node appends id, as its String does.
func (r Row) Node(id protocol.NodeID) Row {
	if id == protocol.Outside {
		return r.Str(id.String())
	}
	return r.Uint(uint64(id))
}

// Short appends the beginning of an id: see Short.
func (r Row) Short(id []byte) Row { return hex.AppendEncode(r, id[:min(len(id), 4)]) }

// Count appends "1 key" or "2 keys".
func (r Row) Count(n uint64, what string) Row {
	r = r.Uint(n).Str(" ").Str(what)
	if n != 1 {
		r = append(r, 's')
	}
	return r
}

// Content appends what names bytes: see Content.
func (r Row) Content(b []byte) Row {
	switch {
	case len(b) == 0:
		return r.Str("empty")
	case len(b) <= 16 && printable(b):
		return strconv.AppendQuote(r, string(b))
	case len(b) == 32, len(b) <= 4:
		return r.Short(b)
	}
	return r.Count(uint64(len(b)), "byte").Str(" ").hash(b)
}

func printable(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' })
}

func (r Row) hash(b []byte) Row {
	h := uint32(protocol.HashBytes(b))
	return r.Short([]byte{byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h)})
}

// End ends the line.
func (r Row) End() []byte { return append(r, '\n') }
