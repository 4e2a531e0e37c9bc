package protocol

import (
	"fmt"
	"strings"
)

// Kind is a short name: of a message, an output, a note or a question. It shows
// in traces and counts, anchors faults and enters the names of questions; it
// never travels. A Kind holds up to twelve characters of a-z, 0-9, '-', '.' and
// '_', packed in radix 40 (as DEC's RADIX-50 packed file names), so that it is
// one comparable word that needs no table to be printed. The zero Kind is empty.
type Kind uint64

const kindLen = 12

const kindAlphabet = "\x00abcdefghijklmnopqrstuvwxyz0123456789-._"

// KindOf packs name, which is usually a constant of the machine. It panics if
// ParseKind would refuse it.
func KindOf(name string) Kind {
	k, err := ParseKind(name)
	if err != nil {
		panic(err)
	}
	return k
}

// ParseKind packs name. The error says why it is not a Kind.
func ParseKind(name string) (Kind, error) {
	if name == "" || len(name) > kindLen {
		return 0, fmt.Errorf("protocol: kind %q has %d characters, want 1 to %d", name, len(name), kindLen)
	}
	var k Kind
	for i := range kindLen {
		var c int
		if i < len(name) {
			c = strings.IndexByte(kindAlphabet, name[i])
			if c <= 0 {
				return 0, fmt.Errorf("protocol: kind %q has %q, want a-z, 0-9, '-', '.' or '_'", name, name[i])
			}
		}
		k = k*40 + Kind(c)
	}
	return k, nil
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
