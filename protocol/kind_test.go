package protocol

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func kindName() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune(kindAlphabet[1:])), 1, kindLen, -1)
}

func TestKindsKeepTheirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := kindName().Draw(t, "name")
		if got := KindOf(name).String(); got != name {
			t.Fatalf("KindOf(%q) prints %q", name, got)
		}
	})
}

// rank returns a name's letters as their places in the alphabet, so that comparing
// ranks compares names by it.
func rank(name string) string {
	return strings.Map(func(r rune) rune { return rune(strings.IndexRune(kindAlphabet, r)) }, name)
}

func TestKindsAreOrderedAsTheirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := kindName().Draw(t, "a"), kindName().Draw(t, "b")
		if (KindOf(a) < KindOf(b)) != (rank(a) < rank(b)) {
			t.Fatalf("%q is %d and %q is %d", a, KindOf(a), b, KindOf(b))
		}
	})
}

func TestKindsKeepTheirPinnedValues(t *testing.T) {
	for name, want := range map[string]Kind{
		"a":            419430400000000000,
		"vote":         9390030848000000000,
		"net.delay":    5929946993872960000,
		"____________": 16777215999999999999,
	} {
		if got := KindOf(name); got != want {
			t.Errorf("KindOf(%q) = %d, want %d", name, got, want)
		}
	}
	if got := Kind(0).String(); got != "" {
		t.Errorf("the zero Kind prints %q", got)
	}
}

func TestNamesThatPeopleWriteAreRefusedWithAReason(t *testing.T) {
	for name, reason := range map[string]string{
		"":            "is empty, want 1 character or more",
		"Vote":        "has 'V', want a-z",
		"a b":         "has ' ', want a-z",
		"a\x00":       `has '\x00', want a-z`,
		"\x00":        `has '\x00', want a-z`,
		"caf\xc3\xa9": "want a-z",
	} {
		k, err := ParseKind(name)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("ParseKind(%q) = %v, %v, want an error with %q", name, k, err, reason)
		}
	}
}

// A machine may name a kind as late as it likes, and as it likes.
func TestEveryNameHasAKind(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "",
		"twelve-chars":           "twelve-chars",
		"thirteenchars":          "thirtee_r7nj",
		"append-entries":         "append-_bk2m",
		"append-entries-reply":   "append-_a7wc",
		"append-entries-request": "append-_z54z",
		"Vote":                   "vote_67ze",
		"vote":                   "vote",
		"a b":                    "a_b_x339",
		"caf\xc3\xa9":            "caf___ltr2",
	} {
		if got := KindOf(name).String(); got != want {
			t.Errorf("KindOf(%q) prints %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		k := KindOf(a)
		if KindOf(k.String()) != k {
			t.Fatalf("KindOf(%q) prints %q, which is another kind", a, k)
		}
		if (k == KindOf(b)) != (a == b) {
			t.Fatalf("%q and %q have the kinds %v and %v", a, b, k, KindOf(b))
		}
		if p, err := ParseKind(a); err == nil && p != k {
			t.Fatalf("people who write %q mean %v, the machine means %v", a, p, k)
		}
	})
}

func FuzzParseKind(f *testing.F) {
	for _, name := range []string{"", "a", "vote", "net.delay", "0-._", "____________", "thirteenchars", "a\x00b", "é"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		k, err := ParseKind(name)
		if err != nil {
			if k != 0 {
				t.Errorf("ParseKind(%q) = %d with error %v", name, uint64(k), err)
			}
			return
		}
		if len(name) <= kindLen && k.String() != name {
			t.Errorf("ParseKind(%q) prints %q", name, k)
		}
		if again, err := ParseKind(k.String()); err != nil || again != k {
			t.Errorf("ParseKind(%q) prints %q, which is %v, %v", name, k, again, err)
		}
	})
}

// FuzzKindString: whatever word a Kind is, it can be printed; what was not made by
// ParseKind does not pass for another's name.
func FuzzKindString(f *testing.F) {
	for _, k := range []uint64{0, 1, 39, 40, uint64(KindOf("vote")), 1<<64 - 1} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, word uint64) {
		name := Kind(word).String()
		if k, err := ParseKind(name); err == nil && word < 16777216000000000000 && k != Kind(word) {
			t.Errorf("%d prints %q, which is %d", word, name, uint64(k))
		}
	})
}
