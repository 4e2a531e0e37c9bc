package bencode_test

import (
	"math/big"
	"slices"
	"strconv"

	"dessim/protocol/bencode"
)

// reencode is the slow, obvious twin: it parses leniently by recursion, with
// big integers and a sort, and writes what it parsed in canonical form.
func reencode(b []byte, depth int) (enc, rest []byte, ok bool) {
	if len(b) == 0 || depth > bencode.MaxDepth {
		return nil, nil, false
	}
	switch c := b[0]; {
	case c == 'i':
		end := slices.Index(b, 'e')
		if end < 0 {
			return nil, nil, false
		}
		v, ok := new(big.Int).SetString(string(b[1:end]), 10)
		if !ok || v.BitLen() > 64 || v.Sign() < 0 && -v.BitLen() < -64 {
			return nil, nil, false
		}
		return []byte("i" + v.String() + "e"), b[end+1:], true
	case '0' <= c && c <= '9':
		colon := slices.Index(b, ':')
		if colon < 0 {
			return nil, nil, false
		}
		n, err := strconv.Atoi(string(b[:colon]))
		if err != nil || n > len(b)-colon-1 {
			return nil, nil, false
		}
		return bencode.AppendBytes(nil, b[colon+1:colon+1+n]), b[colon+1+n:], true
	case c == 'l' || c == 'd':
		if depth == bencode.MaxDepth {
			return nil, nil, false
		}
		return reencodeMany(b, depth, c == 'd')
	}
	return nil, nil, false
}

func reencodeMany(b []byte, depth int, dict bool) (enc, rest []byte, ok bool) {
	type pair struct{ key, value []byte }
	var pairs []pair
	enc, rest = []byte{b[0]}, b[1:]
	for len(rest) > 0 && rest[0] != 'e' {
		var p pair
		if dict {
			if rest[0] < '0' || rest[0] > '9' {
				return nil, nil, false
			}
			if p.key, rest, ok = reencode(rest, depth+1); !ok {
				return nil, nil, false
			}
		}
		if p.value, rest, ok = reencode(rest, depth+1); !ok {
			return nil, nil, false
		}
		pairs = append(pairs, p)
	}
	if len(rest) == 0 {
		return nil, nil, false
	}
	if dict {
		text := func(p pair) string { s := string(p.key); return s[slices.Index(p.key, ':')+1:] }
		slices.SortStableFunc(pairs, func(x, y pair) int {
			if text(x) < text(y) {
				return -1
			} else if text(x) > text(y) {
				return 1
			}
			return 0
		})
		pairs = slices.CompactFunc(pairs, func(x, y pair) bool { return text(x) == text(y) })
	}
	for _, p := range pairs {
		enc = append(append(enc, p.key...), p.value...)
	}
	return append(enc, 'e'), rest[1:], true
}
