package words

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
)

// What follows is for Describe: see protocol.Describer for the form.

// Part appends "key:" and what describe appends, two spaces further in: the part of a
// description that is a machine's or a set's. If describe appends nothing it is "key:
// none".
func Part(b []byte, key string, describe func(b []byte) []byte) []byte {
	b = append(append(b, key...), ':')
	end := len(b)
	b = describe(append(b, '\n'))
	if len(b) == end+1 {
		return append(b[:end], " none\n"...)
	}
	return indent(b, end+1)
}

// indent puts two spaces before each line of b[from:], which ends a line. All of it moves to
// the end first, and then line by line to its place, which overwrites nothing that is still
// to be moved.
func indent(b []byte, from int) []byte {
	end := len(b)
	b = append(b, make([]byte, 2*bytes.Count(b[from:], []byte{'\n'}))...)
	rest := b[len(b)-(end-from):]
	copy(rest, b[from:end])
	for to := from; to < len(b); {
		line := bytes.IndexByte(rest, '\n') + 1
		b[to], b[to+1] = ' ', ' '
		copy(b[to+2:], rest[:line])
		to, rest = to+2+line, rest[line:]
	}
	return b
}

// Line appends "key: value".
func Line(b []byte, key, value string) []byte { return Row(b).Str(key).Str(": ").Str(value).End() }

// Uint appends "key: n".
func Uint(b []byte, key string, n uint64) []byte { return Row(b).Str(key).Str(": ").Uint(n).End() }

// YesNo returns "yes" or "no".
func YesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Duration returns d as d.String does, in ASCII: "1.5us".
func Duration(d time.Duration) string { return strings.ReplaceAll(d.String(), "µs", "us") }

// Time returns the time since the start of the run.
func Time(t protocol.Time) string { return Duration(time.Duration(t)) }

// Content names bytes by all that is in them: "empty", "7390d1d6" for the 32 bytes of an id
// and anything of at most 4, a short text in quotes, and otherwise "612 bytes 5c1e77aa",
// with a hash.
func Content(b []byte) string { return string(Row(make([]byte, 0, 32)).Content(b)) }

// Hash returns 8 hexadecimal digits of a hash of all of b.
func Hash(b []byte) string { return string(Row(make([]byte, 0, 8)).hash(b)) }

// Ranges returns ascending numbers, runs of them by their ends: "0-2,5", or "none".
func Ranges[N ~int | ~uint32 | ~uint64](numbers []N) string {
	if len(numbers) == 0 {
		return "none"
	}
	b := make([]byte, 0, 64)
	for i := 0; i < len(numbers); i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(numbers[i]), 10)
		first := i
		for i+1 < len(numbers) && numbers[i+1] == numbers[i]+1 {
			i++
		}
		if i > first {
			b = strconv.AppendUint(append(b, '-'), uint64(numbers[i]), 10)
		}
	}
	return string(b)
}
