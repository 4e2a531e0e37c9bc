package protocol

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is a short name: of a message, an output, a note or a question. It shows
// in traces and counts, anchors faults and enters the names of questions; it
// never travels. A Kind holds up to twelve characters of a-z, 0-9, '-', '.' and
// '_', packed in radix 40 (as DEC's RADIX-50 packed file names), so that it is
// one comparable word that needs no table to be printed. Thirteen would need more
// than 64 bits, so a longer name is shortened: see KindOf. The zero Kind is empty.
type Kind uint64

const kindLen = 12

const kindAlphabet = "\x00abcdefghijklmnopqrstuvwxyz0123456789-._"

// KindOf packs name, which is usually a constant of the machine. Every name has a Kind,
// so that no machine can fail at the first use of one, long into a run. A name that does
// not fit is shortened: its first seven characters, with those that a Kind cannot hold
// replaced, '_', and four characters of checksum. So "append-entries" prints as
// "append-_bk2m". The empty name is the zero Kind.
func KindOf(name string) Kind {
	if k, ok := pack(name); ok {
		return k
	}
	const head, sum = 7, 4
	b := []byte(name[:min(head, len(name))])
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		} else if strings.IndexByte(kindAlphabet, c) <= 0 {
			b[i] = '_'
		}
	}
	b = append(b, '_')
	h := HashBytes([]byte(name))
	for range sum {
		b = append(b, kindAlphabet[1+h%36]) // a letter or a digit
		h /= 36
	}
	k, _ := pack(string(b))
	return k
}

// ParseKind returns the Kind of a name as people write it, in a fault or a replay file.
// A name with more than twelve characters is shortened as by KindOf. The error says why
// it is not a Kind: it is empty, or has characters that no Kind has.
func ParseKind(name string) (Kind, error) {
	if name == "" {
		return 0, errors.New("protocol: a kind is empty, want 1 character or more")
	}
	for i := range len(name) {
		if strings.IndexByte(kindAlphabet, name[i]) <= 0 {
			return 0, fmt.Errorf("protocol: kind %q has %q, want a-z, 0-9, '-', '.' or '_'", name, name[i])
		}
	}
	return KindOf(name), nil
}

// pack packs a name that a Kind holds. ok is false for any other.
func pack(name string) (k Kind, ok bool) {
	if len(name) > kindLen {
		return 0, false
	}
	for i := range kindLen {
		c := 0
		if i < len(name) {
			if c = strings.IndexByte(kindAlphabet, name[i]); c <= 0 {
				return 0, false
			}
		}
		k = k*40 + Kind(c)
	}
	return k, true
}

// String unpacks the name.
func (k Kind) String() string {
	var b [kindLen]byte
	n := 0
	for i := kindLen - 1; i >= 0; i-- {
		b[i] = kindAlphabet[k%40]
		if b[i] != 0 && n == 0 {
			n = i + 1
		}
		k /= 40
	}
	return string(b[:n])
}
