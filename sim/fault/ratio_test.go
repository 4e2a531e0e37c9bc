package fault

import (
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// Every share of at most nine digits is kept exactly, and one share has one form.
func TestSharesAreExactAndCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.IntRange(0, 6).Draw(t, "digits after the point")
		den := uint64(100)
		for range digits {
			den *= 10
		}
		num := rapid.Uint64Range(0, den).Draw(t, "num")
		r := protocol.Ratio{Num: uint32(num), Den: uint32(den)}
		text := FormatRatio(r)
		got, ok := ParseRatio(text)
		if !ok {
			t.Fatalf("%d/%d is written as %q, which is refused", num, den, text)
		}
		if uint64(got.Num)*den != num*uint64(got.Den) {
			t.Fatalf("%d/%d is written as %q and read as %d/%d", num, den, text, got.Num, got.Den)
		}
		if again := FormatRatio(got); again != text {
			t.Fatalf("%q is read as %d/%d and written as %q", text, got.Num, got.Den, again)
		}
	})
}

// What ParseRatio takes, whatever its form, FormatRatio writes in a form that
// means the same.
func TestSharesOfAnyTextSurviveTheirCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{1,7})?%?`).Draw(t, "text")
		r, ok := ParseRatio(text)
		if !ok {
			t.Skip("no share")
		}
		if !r.Valid() {
			t.Fatalf("%q is read as %d/%d", text, r.Num, r.Den)
		}
		canonical := FormatRatio(r)
		if again, ok := ParseRatio(canonical); !ok || again != r {
			t.Fatalf("%q is read as %d/%d, its form %q as %d/%d", text, r.Num, r.Den, canonical, again.Num, again.Den)
		}
	})
}

func TestAShareOfNothingIsRefused(t *testing.T) {
	for _, text := range []string{"0/0", "1/0"} {
		if r, ok := ParseRatio(text); ok {
			t.Errorf("%q is read as %d/%d", text, r.Num, r.Den)
		}
	}
}
