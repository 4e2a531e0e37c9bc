package fault

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
)

// Durations, times and shares as text.

// FormatSpan writes a duration in ASCII.
func FormatSpan(d time.Duration) string { return strings.ReplaceAll(d.String(), "µ", "u") }

func timeText(t protocol.Time) string {
	if t == Never {
		return neverText
	}
	return FormatSpan(time.Duration(t))
}

const neverText = "never"

// FormatRatio returns r as a percentage if that is all of it, else as a fraction,
// so that reading it returns r and no other ratio of the same value.
func FormatRatio(r protocol.Ratio) string {
	if r == (protocol.Ratio{}) {
		return "0%"
	}
	zeros := len(strconv.FormatUint(uint64(r.Den), 10)) - 1
	if r.Den >= 100 {
		unit := r.Den / 100
		s := strconv.FormatUint(uint64(r.Num/unit), 10)
		if rest := r.Num % unit; rest != 0 {
			s += "." + strings.TrimRight(fmt.Sprintf("%0*d", zeros-2, rest), "0")
		}
		if again, ok := ParseRatio(s + "%"); ok && again == r {
			return s + "%"
		}
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

// ParseRatio reads a share from 0 to 1 exactly: "10%", "0.5%", "0.1", of at most
// nine digits, or "1/3". (Floats differ between machines.)
func ParseRatio(text string) (protocol.Ratio, bool) {
	if a, b, ok := strings.Cut(text, "/"); ok {
		num, err := strconv.ParseUint(a, 10, 32)
		den, err2 := strconv.ParseUint(b, 10, 32)
		r := protocol.Ratio{Num: uint32(num), Den: uint32(den)}
		return r, err == nil && err2 == nil && den > 0 && r.Valid()
	}
	digits, percent := strings.CutSuffix(text, "%")
	whole, frac, point := strings.Cut(digits, ".")
	num, err := strconv.ParseUint(whole+frac, 10, 32)
	if err != nil || whole == "" || point && frac == "" || len(whole)+len(frac) > 9 {
		return protocol.Ratio{}, false
	}
	den := uint64(1)
	if percent {
		den = 100
	}
	for range frac {
		den *= 10
	}
	for num%10 == 0 && den%10 == 0 && den > 100 {
		num, den = num/10, den/10
	}
	if den < 100 {
		num, den = num*(100/den), 100
	}
	if num > den || den > math.MaxUint32 {
		return protocol.Ratio{}, false
	}
	if num == 0 {
		den = 0 // one value for one text
	}
	return protocol.Ratio{Num: uint32(num), Den: uint32(den)}, true
}
