package ledger_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"

	"dessim/protocol/ledger"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOrderIsThatOfP256(t *testing.T) {
	n := elliptic.P256().Params().N
	if o := ledger.Order(); new(big.Int).SetBytes(o[:]).Cmp(n) != 0 {
		t.Errorf("order is %x, want %x", o, n)
	}
	if h := ledger.HalfOrder(); new(big.Int).SetBytes(h[:]).Cmp(new(big.Int).Rsh(n, 1)) != 0 {
		t.Errorf("half of the order is %x, want %x", h, new(big.Int).Rsh(n, 1))
	}
}

// The vectors of RFC 6979, A.2.5. The s of "sample" lies in the upper half.
func TestSignaturesAreThoseOfRFC6979(t *testing.T) {
	k, ok := ledger.KeyOf(unhex(t, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
	if !ok {
		t.Fatal("the scalar is refused")
	}
	if want := unhex(t, "0360FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"); !bytes.Equal(k.Public(), want) {
		t.Errorf("public key %x, want %x", k.Public(), want)
	}
	for _, c := range []struct {
		message, r, s string
		high          bool
	}{
		{"sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716", "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8", true},
		{"test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367", "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083", false},
	} {
		digest := sha256.Sum256([]byte(c.message))
		published := ledger.Signature(unhex(t, c.r+c.s))
		want, judged := published, ledger.Accepted
		if c.high {
			want, judged = highS(published), ledger.HighS
		}
		if got := k.Sign(nil, digest); got != want {
			t.Errorf("%q: signature %x, want %x", c.message, got, want)
		}
		var v *ledger.Verifier
		if got := v.Verify(k.Public(), digest, published); got != judged {
			t.Errorf("%q: the published signature is judged %v, want %v", c.message, got, judged)
		}
		if got := v.Verify(k.Public(), digest, want); got != ledger.Accepted {
			t.Errorf("%q: our own signature is judged %v", c.message, got)
		}
	}
}

// Frozen: stored runs and everybody's ids depend on these bytes.
func TestKeysAndSignaturesArePinned(t *testing.T) {
	for _, c := range []struct {
		seed            byte
		pub, owner, sig string
	}{
		{0, "031436788f6f245feef0599ffe631530d9bfe4506bfa3baf67de34f22850844875", "51dc9b5a235f1e87a92c7f2c5374311b8428ef5b",
			"5429f89cd575e68aba78b8cd7f13d6f0e591e083e5cc7ef1564a04143b39a4b320330c25a490528cc39c6dbbb8fed2587895d1cc95995d8c2861a60b60d58e51"},
		{1, "03636af110cd2a8c861da0596e892bba95e4b023c251966437b6aedad494ac3ae6", "79c872db50d4a2fc45825178f886530d83acdcb8",
			"5011550dfef64a551931b0ca08d2fef3fd329d4fd783e905d8ab287513e23f5b2d78bf7069f63538310036350cade0e96cd5520ea76e10ce0886a753801054dd"},
		{255, "0305dffb7d14b2f8362f91522b7c15f61fed1f89540a4488a90b28d5487b86bf6f", "3ac1cb28a123f32d0d3269ada2b2f96c8e6d9923",
			"50840fe254218bcafcc78ed31c61bb991ab0f1202998120132230c6b570140cd07c7dca599fc68585ea8e8d2a48bc57d7230294fdd715b3879042101c62a9d84"},
	} {
		k := ledger.NewKey([32]byte{c.seed})
		if got := hex.EncodeToString(k.Public()); got != c.pub {
			t.Errorf("seed %d: public key %s, want %s", c.seed, got, c.pub)
		}
		if got := k.Owner().String(); got != c.owner || k.Owner() != ledger.OwnerOf(k.Public()) {
			t.Errorf("seed %d: owner %s, want %s", c.seed, got, c.owner)
		}
		sig := k.Sign(nil, [32]byte{1, 2, 3})
		if got := hex.EncodeToString(sig[:]); got != c.sig {
			t.Errorf("seed %d: signature %s, want %s", c.seed, got, c.sig)
		}
	}
}

func TestScalarsOutOfRangeAreNoKeys(t *testing.T) {
	order := ledger.Order()
	for _, scalar := range [][]byte{make([]byte, 32), order[:], bytes.Repeat([]byte{0xff}, 32)} {
		if _, ok := ledger.KeyOf(scalar); ok {
			t.Errorf("scalar %x makes a key", scalar)
		}
	}
}

func TestVerifyIsStrict(t *testing.T) {
	k := ledger.NewKey([32]byte{1})
	digest := [32]byte{1}
	good := k.Sign(nil, digest)
	order := ledger.Order()
	with := func(at int, n []byte) ledger.Signature {
		sig := good
		copy(sig[at:], n)
		return sig
	}
	pub := k.Public()
	shared := ledger.NewVerifier(64) // by all rows: answers must not be mixed up
	for _, c := range []struct {
		name string
		pub  []byte
		sig  ledger.Signature
		want ledger.Verdict
	}{
		{"good", pub, good, ledger.Accepted},
		{"high s", pub, highS(good), ledger.HighS},
		{"r = 0", pub, with(0, make([]byte, 32)), ledger.BadSignature},
		{"s = 0", pub, with(32, make([]byte, 32)), ledger.BadSignature},
		{"r = order", pub, with(0, order[:]), ledger.BadSignature},
		{"s = order", pub, with(32, order[:]), ledger.BadSignature},
		{"another r", pub, with(0, []byte{1, 2, 3}), ledger.BadSignature},
		{"another's key", ledger.NewKey([32]byte{2}).Public(), good, ledger.BadSignature},
		{"the negated key", append([]byte{pub[0] ^ 1}, pub[1:]...), good, ledger.BadSignature},
		{"no point", append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...), good, ledger.BadSignature},
		{"short key", pub[:32], good, ledger.BadSignature},
		{"no key", nil, good, ledger.BadSignature},
	} {
		for range 2 { // the second time from memory
			for _, v := range []*ledger.Verifier{nil, shared} {
				if got := v.Verify(c.pub, digest, c.sig); got != c.want {
					t.Errorf("%s: %v, want %v", c.name, got, c.want)
				}
			}
		}
	}
	if got := (*ledger.Verifier)(nil).Verify(pub, [32]byte{2}, good); got != ledger.BadSignature {
		t.Errorf("another digest: %v", got)
	}
}

func TestMemoryNeverChangesAVerdict(t *testing.T) {
	keys := []ledger.Key{ledger.NewKey([32]byte{1}), ledger.NewKey([32]byte{2}), ledger.NewKey([32]byte{3})}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 9).Draw(t, "size")
		v := ledger.NewVerifier(size)
		var sigs []ledger.Signature
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			digest := [32]byte{rapid.Byte().Draw(t, "digest") % 3}
			signer := rapid.SampledFrom(keys).Draw(t, "signer")
			if len(sigs) == 0 || rapid.Bool().Draw(t, "sign") {
				sigs = append(sigs, signer.Sign(v, digest))
			}
			sig := rapid.SampledFrom(sigs).Draw(t, "sig")
			switch rapid.IntRange(0, 3).Draw(t, "spoil") {
			case 1:
				sig = highS(sig)
			case 2:
				sig[rapid.IntRange(0, 63).Draw(t, "byte")] ^= 1
			}
			sigs = append(sigs, sig) // bad ones are asked about again, too
			got := v.Verify(signer.Public(), digest, sig)
			want := (*ledger.Verifier)(nil).Verify(signer.Public(), digest, sig)
			if got != want {
				t.Fatalf("signature %x of %x by %v: %v with memory, %v without", sig, digest, signer.Owner(), got, want)
			}
			if v.Len() > size {
				t.Fatalf("%d answers remembered, want at most %d", v.Len(), size)
			}
		}
	})
}

func TestABadSignatureStaysBadAsItIsRemembered(t *testing.T) {
	v := ledger.NewVerifier(4)
	k := ledger.NewKey([32]byte{1})
	bad := k.Sign(nil, [32]byte{1})
	for range 5 {
		for ask := range 3 { // worked out or from the older half, then from the younger
			if got := v.Verify(k.Public(), [32]byte{2}, bad); got != ledger.BadSignature {
				t.Fatalf("asked again %d times: %v", ask, got)
			}
		}
		k.Sign(v, [32]byte{3}) // pushes it into the older half by and by
		k.Sign(v, [32]byte{4})
	}
}

func TestRememberedVerifyAllocatesNothing(t *testing.T) {
	v := ledger.NewVerifier(4)
	k := ledger.NewKey([32]byte{1})
	pub, digest := k.Public(), [32]byte{1}
	sig := k.Sign(v, digest)
	if n := testing.AllocsPerRun(100, func() {
		if v.Verify(pub, digest, sig) != ledger.Accepted {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

func TestMistakesWithKeysPanic(t *testing.T) {
	panics(t, "a verifier of size 1", func() { ledger.NewVerifier(1) })
	panics(t, "the zero Key signing", func() { ledger.Key{}.Sign(nil, [32]byte{}) })
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	f()
}
