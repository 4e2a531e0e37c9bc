package files

import (
	"fmt"
	"strings"

	"dessim/protocol"
)

// MostName is the greatest length of a Name in bytes: some file systems take no more.
const MostName = 120

// Name returns a name for a file, made of words that somebody chose, such as a test's name or
// a check's, and a suffix, which is kept. Letters, digits, dots and underscores of ASCII stay;
// single hyphens stand for all else, and between words. A name that would be too long ends in
// a hash of all words. Every system takes the result: no device of Windows is called so, and
// no file outside the folder. Different words can have equal names.
func Name(suffix string, words ...string) string {
	var kept []string
	for _, w := range words {
		if w = slug(w); w != "" {
			kept = append(kept, w)
		}
	}
	name := strings.Join(kept, "-")
	if len(name)+len(suffix) > MostName || name == "" {
		hash := fmt.Sprintf("%016x", protocol.HashBytes([]byte(strings.Join(words, "\x00"))))
		name = Shorten(name, MostName-len(suffix)-len(hash)-1)
		name = strings.TrimLeft(strings.TrimRight(name, ".-")+"-"+hash, "-")
	}
	if isDevice(name) {
		name = "_" + name
	}
	return name + suffix
}

// Shorten returns the beginning of text, of at most that many bytes and of whole characters.
func Shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := 0
	for i := range text {
		if i > most {
			break
		}
		end = i
	}
	return text[:end]
}

func slug(text string) string {
	words := strings.FieldsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_')
	})
	// A dot at the beginning hides a file, and Windows drops those at the end.
	return strings.TrimRight(strings.TrimLeft(strings.Join(words, "-"), ".-"), ".-")
}

// isDevice reports whether Windows takes a name, with any suffix, for a device.
func isDevice(name string) bool {
	name, _, _ = strings.Cut(strings.ToUpper(name), ".")
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	port, isPort := strings.CutPrefix(name, "COM")
	if !isPort {
		port, isPort = strings.CutPrefix(name, "LPT")
	}
	return isPort && len(port) == 1 && port[0] >= '0' && port[0] <= '9'
}
