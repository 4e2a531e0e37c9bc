package judge

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"dessim/protocol/gossip"
	"dessim/protocol/seal"
)

// maker makes forms of one message after the other.
type maker struct {
	whole  value
	first  string // byte of a message that is sealed, or ""
	judges func(f *form)
	bounds bool // the forms of a body's bounds were made: they are the same for every body

	parts []value // scratch: those of the form
	msg   []byte  // scratch
}

// vary makes a form. change changes a copy of the message, and reports whether it could.
func (m *maker) vary(what string, good bool, change func(v *value) bool) {
	m.parts = m.parts[:0]
	if v := m.clone(&m.whole); change(&v) {
		m.msg = v.append(append(m.msg[:0], m.first...))
		m.give(what, good)
	}
}

// give has the form judged that is in msg, without its seal.
func (m *maker) give(what string, good bool) {
	if m.first != "" {
		m.msg = seal.Append(m.msg)
	}
	m.judges(&form{what, good, m.msg})
}

// clone returns a copy of v, whose parts are in the scratch. To grow they move elsewhere.
func (m *maker) clone(v *value) value {
	out := *v
	if n := len(v.parts); n > 0 {
		m.parts = slices.Grow(m.parts, n)
		from := len(m.parts)
		m.parts = append(m.parts, v.parts...)
		out.parts = m.parts[from : from+n : from+n]
	}
	for i := range out.parts {
		out.parts[i] = m.clone(&out.parts[i])
	}
	return out
}

// ends makes forms that are a byte too long or too short.
func (m *maker) ends() {
	m.msg = append(m.whole.append(append(m.msg[:0], m.first...)), 'e')
	m.give("a byte too many", false)
	m.msg = m.whole.append(append(m.msg[:0], m.first...))
	m.msg = m.msg[:len(m.msg)-1]
	m.give("a byte too few", false)
}

// gossip makes forms of a message of the flood or of anti-entropy: see package gossip.
func (m *maker) gossip(msg []byte) {
	b, _ := seal.Open(msg)
	m.first = string(msg[:1])
	m.whole, _ = parse(b[1:])
	m.ends()
	m.vary("an unknown type", false, func(v *value) bool { v.parts[0] = number("5"); return true })
	switch m.whole.parts[0].text {
	case "0":
		if !m.bounds {
			m.bounds = true
			m.vary("the longest body", true, func(v *value) bool { v.parts[1] = text(long(gossip.MaxBody)); return true })
			m.vary("too long a body", false, func(v *value) bool { v.parts[1] = text(long(gossip.MaxBody + 1)); return true })
		}
		m.vary("two bodies", false, func(v *value) bool { v.parts = append(v.parts, v.parts[1]); return true })
	case "1":
		m.spans(gossip.MostParts, func() []value { return []value{number("1"), text(long(16))} })
		m.digests()
	case "2":
		m.spans(gossip.MostLists, func() []value { return []value{list()} })
		m.lists()
	default:
		m.ids(func(v *value) *value { return v }, 1, gossip.MostIDs)
	}
}

// spans adds forms of parts by their prefixes, up to most. rest returns what follows the prefix.
func (m *maker) spans(most int, rest func() []value) {
	part := func(prefix string) value { return list(append([]value{text(prefix)}, rest()...)...) }
	many := func(n int) func(v *value) bool {
		return func(v *value) bool {
			v.parts = v.parts[:1]
			for i := range n {
				v.parts = append(v.parts, part(hexadecimal(i)))
			}
			return true
		}
	}
	m.vary("no part", false, many(0))
	m.vary("as many parts as there may be", true, many(most))
	m.vary("too many parts", false, many(most+1))
	m.vary("parts in no order", false, swapped(1))
	m.vary("a part twice", false, func(v *value) bool { v.parts = append(v.parts, v.parts[len(v.parts)-1]); return true })
	for _, prefix := range []string{"g", "A", long(2*len(gossip.ID{}) + 1)} {
		m.vary("the prefix "+prefix, false, func(v *value) bool { v.parts = []value{v.parts[0], part(prefix)}; return true })
	}
	m.vary("the longest prefix", true, func(v *value) bool { v.parts = []value{v.parts[0], part(long(2 * len(gossip.ID{})))}; return true })
}

// digests adds forms of a part's count and sum.
func (m *maker) digests() {
	count := func(n string) func(v *value) bool {
		return func(v *value) bool { v.parts[1].parts[1] = number(n); return true }
	}
	m.vary("the greatest count", true, count("4294967295"))
	m.vary("too great a count", false, count("4294967296"))
	m.vary("a negative count", false, count("-1"))
	m.vary("a count with a leading zero", false, count("01"))
	for _, n := range []int{0, 15, 17} {
		m.vary("a sum of "+strconv.Itoa(n)+" bytes", false, func(v *value) bool { v.parts[1].parts[2] = text(long(n)); return true })
	}
	m.vary("a part without a sum", false, func(v *value) bool { v.parts[1].parts = v.parts[1].parts[:2]; return true })
}

// lists adds forms of the ids of a part.
func (m *maker) lists() {
	first := func(v *value) *value { return &v.parts[1].parts[1] }
	m.ids(first, 0, gossip.MostListed)
	alone := func(digits int, other bool) func(v *value) bool {
		return func(v *value) bool {
			ids := first(v)
			if len(ids.parts) == 0 {
				return false
			}
			prefix := []byte(hex.EncodeToString([]byte(ids.parts[0].text)))[:digits]
			if other {
				prefix[digits-1] = "123456789abcdef0"[strings.IndexByte("0123456789abcdef", prefix[digits-1])]
			}
			v.parts = []value{v.parts[0], list(text(prefix), list(ids.parts[0]))}
			return true
		}
	}
	for digits := 1; digits <= 2*len(gossip.ID{}); digits++ {
		m.vary("an id alone under "+strconv.Itoa(digits)+" digits of it", true, alone(digits, false))
		m.vary("an id alone under "+strconv.Itoa(digits)+" digits, the last of which is another", false, alone(digits, true))
	}
	m.vary("an id in another part", false, func(v *value) bool {
		ids, prefix := first(v), &v.parts[1].parts[0]
		if len(ids.parts) == 0 || len(v.parts) != 2 {
			return false
		}
		digit := "0"
		if ids.parts[0].text[0]>>4 == 0 {
			digit = "1"
		}
		prefix.text = digit
		return true
	})
}

// ids adds forms of the ids in a list, from its part first on, up to most of them. Those that it
// adds begin as the first one there does.
func (m *maker) ids(in func(v *value) *value, first, most int) {
	many := func(n int) func(v *value) bool {
		return func(v *value) bool {
			ids := in(v)
			if len(ids.parts) == first {
				return false
			}
			id := []byte(ids.parts[first].text)
			ids.parts = ids.parts[:first]
			for i := range n {
				binary.BigEndian.PutUint32(id[len(id)-4:], uint32(i))
				ids.parts = append(ids.parts, text(id))
			}
			return true
		}
	}
	m.vary("as many ids as there may be", true, many(most))
	m.vary("too many ids", false, many(most+1))
	if first > 0 {
		m.vary("no id", false, many(0))
	}
	m.vary("ids in no order", false, func(v *value) bool { return swapped(first)(in(v)) })
	m.vary("an id twice", false, func(v *value) bool {
		ids := in(v)
		if len(ids.parts) == first {
			return false
		}
		ids.parts = append(ids.parts, ids.parts[len(ids.parts)-1])
		return true
	})
	m.vary("an id that is too short", false, func(v *value) bool {
		ids := in(v)
		if len(ids.parts) == first {
			return false
		}
		id := &ids.parts[len(ids.parts)-1]
		id.text = id.text[:len(id.text)-1]
		return true
	})
}

// swapped exchanges two parts that follow the first ones.
func swapped(first int) func(v *value) bool {
	return func(v *value) bool {
		if len(v.parts) < first+2 {
			return false
		}
		v.parts[first], v.parts[first+1] = v.parts[first+1], v.parts[first]
		return true
	}
}

// hexadecimal returns i in three digits.
func hexadecimal(i int) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[i>>8&15], digits[i>>4&15], digits[i&15]})
}
