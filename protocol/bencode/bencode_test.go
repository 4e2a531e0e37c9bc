package bencode_test

import (
	"bytes"
	"math"
	"testing"

	"dessim/protocol/bencode"
)

// Values that are canonical, and near misses of each.
var (
	canonical = []string{"i0e", "i-1e", "i18446744073709551615e", "i-9223372036854775808e", "0:", "3:abc", "le", "de", "l3:abci7ee", "d1:ai1e1:bd1:xleee", "lllleeee"}
	refused   = []string{"", "i", "ie", "i-e", "i-0e", "i00e", "i01e", "i1", "i18446744073709551616e", "1:", "01:a", "-1:a", "3:ab", "l", "li1e", "d1:b0:1:a0:e", "d1:a0:1:a0:e", "di1e0:e", "d1:ae", "i1ei2e", "x", "e", "i 1e", "i+1e"}
)

func read(s string) (bencode.Reader, []byte) {
	var r bencode.Reader
	r.Reset([]byte(s))
	return r, r.Skip()
}

func TestReaderAcceptsTheCanonicalFormAlone(t *testing.T) {
	for _, s := range canonical {
		var r bencode.Reader
		r.Reset([]byte(s))
		if got := r.Skip(); !r.Done() || string(got) != s {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range refused {
		var r bencode.Reader
		r.Reset([]byte(s))
		if r.Skip(); r.Done() {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := bytes.Repeat([]byte("l"), bencode.MaxDepth+1)
	deep = append(deep, bytes.Repeat([]byte("e"), bencode.MaxDepth+1)...)
	var r bencode.Reader
	r.Reset(deep)
	if r.Skip(); r.Done() {
		t.Errorf("a list nested %d deep is accepted", bencode.MaxDepth+1)
	}
	r.Reset(deep[1 : len(deep)-1])
	if r.Skip(); !r.Done() {
		t.Errorf("a list nested %d deep is refused", bencode.MaxDepth)
	}
}

func TestTypedReadsGiveBackWhatWasAppended(t *testing.T) {
	b := append([]byte(nil), 'l')
	b = bencode.AppendInt(b, -9223372036854775808)
	b = bencode.AppendUint(b, 18446744073709551615)
	b = bencode.AppendBytes(b, "vote")
	b = append(b, "d1:ki5eee"...)
	var r bencode.Reader
	r.Reset(b)
	r.List()
	if v := r.Int(); v != -9223372036854775808 {
		t.Errorf("Int returns %d", v)
	}
	if v := r.Uint(); v != 18446744073709551615 {
		t.Errorf("Uint returns %d", v)
	}
	if v := r.Fixed(4); string(v) != "vote" {
		t.Errorf("Fixed returns %q", v)
	}
	r.Dict()
	if k := r.Key(); string(k) != "k" || r.UintMax(5) != 5 {
		t.Errorf("Key returns %q", k)
	}
	if r.More() {
		t.Error("the dictionary has more")
	}
	r.End()
	r.End()
	if !r.Done() {
		t.Error("not Done at the end")
	}
}

func TestSizesAreThoseOfWhatIsAppended(t *testing.T) {
	for _, v := range []uint64{0, 9, 10, 99, 100, 1e19 - 1, 1e19, math.MaxUint64} {
		if b := bencode.AppendUint(nil, v); bencode.UintSize(v) != len(b) {
			t.Errorf("UintSize(%d) is %d, AppendUint returns %q", v, bencode.UintSize(v), b)
		}
	}
	for _, n := range []int{0, 1, 9, 10, 99, 100, 12345} {
		if b := bencode.AppendBytes(nil, make([]byte, n)); bencode.BytesSize(n) != len(b) {
			t.Errorf("BytesSize(%d) is %d, AppendBytes returns %d bytes", n, bencode.BytesSize(n), len(b))
		}
	}
}

func TestOutOfRangeAndWrongTypesBreakTheReader(t *testing.T) {
	for name, f := range map[string]func(r *bencode.Reader){
		"i9223372036854775808e":  func(r *bencode.Reader) { r.Int() },
		"i-9223372036854775809e": func(r *bencode.Reader) { r.Int() },
		"i-1e":                   func(r *bencode.Reader) { r.Uint() },
		"i6e":                    func(r *bencode.Reader) { r.UintMax(5) },
		"3:abc":                  func(r *bencode.Reader) { r.Fixed(4) },
		"le":                     func(r *bencode.Reader) { r.Dict(); r.End() },
		"l1:ae":                  func(r *bencode.Reader) { r.List(); r.Key(); r.End() },
	} {
		var r bencode.Reader
		r.Reset([]byte(name))
		if f(&r); r.Done() {
			t.Errorf("%q was read by the wrong call", name)
		}
	}
}

// FuzzReader checks against a second decoder, which builds the tree and encodes
// it again: what Skip accepts, the tree reproduces byte by byte.
func FuzzReader(f *testing.F) {
	for _, s := range append(canonical, refused...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, v := read(string(b))
		ok := r.Done()
		enc, rest, ok2 := reencode(b, 0)
		ok2 = ok2 && len(rest) == 0 && bytes.Equal(enc, b)
		if ok != ok2 {
			t.Fatalf("%q: Reader says %v, the second decoder %v", b, ok, ok2)
		}
		if ok && !bytes.Equal(v, b) {
			t.Fatalf("%q: Skip returns %q", b, v)
		}
	})
}

// Decoders have a Reader for each message: it must stay on their stack.
func TestReadingAShallowValueAllocatesNothing(t *testing.T) {
	value := []byte("lli7eed1:ai1e1:bi2eee")
	ok := true
	n := testing.AllocsPerRun(100, func() {
		var r bencode.Reader
		r.Reset(value)
		r.Skip()
		ok = ok && r.Done()
	})
	if n != 0 || !ok {
		t.Errorf("reading %s: %v allocations, done %v; want none, true", value, n, ok)
	}
}
