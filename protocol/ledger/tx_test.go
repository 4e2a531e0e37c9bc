package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"dessim/protocol/ledger"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// someTx draws a transaction that can be encoded, mostly one that breaks rules.
func someTx(t *rapid.T) *ledger.Tx {
	owner := rapid.Custom(func(t *rapid.T) (o ledger.Owner) {
		copy(o[:], rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "owner"))
		return o
	})
	amount := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, ledger.MaxAmount, ledger.MaxAmount + 1, math.MaxUint64}))
	x := &ledger.Tx{
		Version: rapid.Byte().Draw(t, "version"),
		Network: string(rapid.SliceOfN(rapid.Byte(), 0, ledger.MaxNetwork).Draw(t, "network")),
		Sender:  owner.Draw(t, "sender"),
		Seq:     rapid.Uint64().Draw(t, "seq"),
		Witness: owner.Draw(t, "witness"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "inputs") {
		var in ledger.Input
		copy(in.Outpoint.TxID[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "txid"))
		in.Outpoint.Index = rapid.Uint32().Draw(t, "index")
		in.Claimed = amount.Draw(t, "claimed")
		x.Inputs = append(x.Inputs, in)
	}
	for range rapid.IntRange(0, 4).Draw(t, "outputs") {
		x.Outputs = append(x.Outputs, ledger.TxOut{Owner: owner.Draw(t, "receiver"), Amount: amount.Draw(t, "amount")})
	}
	for range rapid.IntRange(0, 4).Draw(t, "endorsements") {
		e := ledger.Endorsement{Owner: owner.Draw(t, "endorser")}
		copy(e.Signature[:], rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
		x.Endorsements = append(x.Endorsements, e)
	}
	return x
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := someTx(t)
		y, v := ledger.Decode(x.Encode(nil))
		if v != ledger.Accepted {
			t.Fatalf("%+v encodes to %q, which is %v", x, x.Encode(nil), v)
		}
		if d := cmp.Diff(x, y, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("decoded differs (-encoded +decoded):\n%s", d)
		}
	})
}

func TestSizeIsThatOfTheEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := someTx(t)
		if b := x.Encode(nil); x.Size() != len(b) {
			t.Fatalf("%+v has size %d, its encoding %d: %q", x, x.Size(), len(b), b)
		}
	})
}

// An ordinary transaction has one input, a payment and change, and three endorsers.
func TestADecodedTransactionHasRoomForWhatOrdinaryOnesHave(t *testing.T) {
	w := newWorld()
	x := w.transfer(func(x *ledger.Tx) {
		x.Outputs = []ledger.TxOut{{Owner: w.owner(bob), Amount: 40}, {Owner: w.owner(alice), Amount: 60}}
	})
	bare, e := x.Encode(nil), w.signed(x).Endorsements
	if len(e) != 3 {
		t.Fatalf("%d endorsements, want 3", len(e))
	}
	n := testing.AllocsPerRun(100, func() {
		y, _ := ledger.Decode(bare)
		for i := range e {
			y.Endorse(e[i])
		}
	})
	if n != 2 { // and one for the name of the network
		t.Errorf("decoding and endorsing takes %v allocations, want 2", n)
	}
	if n := testing.AllocsPerRun(100, func() { x.Encode(nil) }); n != 1 {
		t.Errorf("encoding takes %v allocations, want 1", n)
	}
}

func TestDecodedDoesNotAliasTheMessage(t *testing.T) {
	w := newWorld()
	x := w.signed(w.transfer(nil))
	b := x.Encode(nil)
	y, _ := ledger.Decode(b)
	for i := range b {
		b[i] = 0xaa
	}
	if d := cmp.Diff(x, y); d != "" {
		t.Fatalf("changed with the message:\n%s", d)
	}
}

func TestDecodeRefusesWhatIsNotCanonical(t *testing.T) {
	w := newWorld()
	good := w.signed(w.transfer(nil)).Encode(nil)
	edit := func(from, to string) []byte {
		if bytes.Count(good, []byte(from)) == 0 {
			t.Fatalf("%q does not occur", from)
		}
		return bytes.Replace(slices.Clone(good), []byte(from), []byte(to), 1)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want ledger.Verdict
	}{
		{"nothing", nil, ledger.Malformed},
		{"an empty list", []byte("le"), ledger.Malformed},
		{"something after it", append(slices.Clone(good), 'e'), ledger.Malformed},
		{"twice", append(slices.Clone(good), good...), ledger.Malformed},
		{"cut short", good[:len(good)-1], ledger.Malformed},
		{"a negative amount", edit("i70e", "i-70e"), ledger.Malformed},
		{"a leading zero", edit("i70e", "i070e"), ledger.Malformed},
		{"an amount of 2^64", edit("i70e", "i18446744073709551616e"), ledger.Malformed},
		{"an index of 2^32", edit("i0ei100e", "i4294967296ei100e"), ledger.Malformed},
		{"a version of 256", edit("lli1e", "lli256e"), ledger.Malformed},
		{"a string for a number", edit("i70e", "2:70"), ledger.Malformed},
		{"a leading zero of a length", edit("4:test", "04:test"), ledger.Malformed},
		{"a long network", edit("4:test", "33:123456789012345678901234567890123"), ledger.Malformed},
		{"a short owner", edit("20:", "19:"), ledger.Malformed},
		{"a byte more than the most", make([]byte, ledger.MaxSize+1), ledger.TooBig},
		{"too much", append(slices.Clone(good), make([]byte, ledger.MaxSize)...), ledger.TooBig},
	} {
		if x, v := ledger.Decode(c.b); v != c.want || x != nil {
			t.Errorf("%s: %v, %v; want nil, %v", c.name, x, v, c.want)
		}
	}
}

func FuzzDecodeTx(f *testing.F) {
	w := newWorld()
	f.Add([]byte(nil))
	f.Add((&ledger.Tx{}).Encode(nil))
	f.Add(w.transfer(nil).Encode(nil))
	f.Add(w.signed(w.transfer(nil)).Encode(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, v := ledger.Decode(b)
		if v != ledger.Accepted {
			if x != nil || v != ledger.Malformed && v != ledger.TooBig {
				t.Fatalf("%q: %v, %v", b, x, v)
			}
			return
		}
		if again := x.Encode(nil); !bytes.Equal(again, b) {
			t.Fatalf("%q decodes and encodes to %q", b, again)
		}
		if sha256.Sum256(b) != x.WTxID() {
			t.Fatalf("%q: wtxid %v is not its hash", b, x.WTxID())
		}
		// Nothing below may panic, whatever anybody sends.
		x.CheckSignatures(w.key, nil)
		if s := ledger.NewState(w.genesis); s.Judge(x) == ledger.Accepted {
			s.Apply(x, ledger.Accepted)
			if s.Total() != s.Minted() {
				t.Fatalf("%q: %d unspent of %d minted", b, s.Total(), s.Minted())
			}
		}
	})
}

// A signature must commit to every field but the signatures themselves.
func TestIDsCommitToEveryField(t *testing.T) {
	w := newWorld()
	original := w.signed(w.transfer(nil))
	txid, wtxid, digest := original.TxID(), original.WTxID(), original.Digest()
	if digest == txid {
		t.Error("the digest is the txid, without a tag")
	}
	for _, c := range []struct {
		name   string
		change func(*ledger.Tx)
	}{
		{"version", func(x *ledger.Tx) { x.Version++ }},
		{"network", func(x *ledger.Tx) { x.Network = "tes" }},
		{"sender", func(x *ledger.Tx) { x.Sender[19]++ }},
		{"seq", func(x *ledger.Tx) { x.Seq++ }},
		{"an input's txid", func(x *ledger.Tx) { x.Inputs[0].Outpoint.TxID[0]++ }},
		{"an input's index", func(x *ledger.Tx) { x.Inputs[0].Outpoint.Index++ }},
		{"an input's claim", func(x *ledger.Tx) { x.Inputs[0].Claimed++ }},
		{"the number of inputs", func(x *ledger.Tx) { x.Inputs = nil }},
		{"an output's owner", func(x *ledger.Tx) { x.Outputs[1].Owner[0]++ }},
		{"an output's amount", func(x *ledger.Tx) { x.Outputs[0].Amount++ }},
		{"the order of outputs", func(x *ledger.Tx) { slices.Reverse(x.Outputs) }},
		{"witness", func(x *ledger.Tx) { x.Witness[7]++ }},
	} {
		x := clone(original)
		c.change(x)
		if x.TxID() == txid || x.WTxID() == wtxid || x.Digest() == digest {
			t.Errorf("%s: an id or the digest stays", c.name)
		}
	}
	x := clone(original)
	x.Endorsements[1].Signature[5]++
	if x.TxID() != txid || x.Digest() != digest {
		t.Error("a signature changes txid or digest")
	}
	if x.WTxID() == wtxid {
		t.Error("a signature does not change the wtxid")
	}
}

// Frozen: a change of the encoding is a new Version.
func TestEncodingIsPinned(t *testing.T) {
	x := &ledger.Tx{
		Version: 1, Network: "test", Sender: ledger.Owner{'s'}, Seq: 7,
		Inputs:       []ledger.Input{{Outpoint: ledger.Outpoint{TxID: ledger.ID{'t'}, Index: 2}, Claimed: 9}},
		Outputs:      []ledger.TxOut{{Owner: ledger.Owner{'o'}, Amount: 9}},
		Witness:      ledger.Owner{'w'},
		Endorsements: []ledger.Endorsement{{Owner: ledger.Owner{'e'}, Signature: ledger.Signature{'x'}}},
	}
	pad := func(s string, n int) string { return s + string(make([]byte, n-1)) }
	want := "l" + "li1e4:test20:" + pad("s", 20) + "i7e" + "ll32:" + pad("t", 32) + "i2ei9eee" +
		"ll20:" + pad("o", 20) + "i9eee" + "20:" + pad("w", 20) + "e" +
		"ll20:" + pad("e", 20) + "64:" + pad("x", 64) + "ee" + "e"
	if got := string(x.Encode(nil)); got != want {
		t.Errorf("encoding\n%q, want\n%q", got, want)
	}
	digest := x.Digest()
	if got := hex.EncodeToString(digest[:]); got != "fac7cabd4a7a55165208f52a72c2a9ffe2155fd47ae5dd0936f82693376085f0" {
		t.Errorf("digest %s", got)
	}
}

func TestEndorseKeepsOrder(t *testing.T) {
	w := newWorld()
	for _, order := range [][]int{{alice, bob, wendy}, {wendy, bob, alice}, {bob, wendy, alice, bob}} {
		x := w.transfer(nil)
		for _, who := range order {
			x.Endorse(w.keys[who].Endorse(nil, x))
		}
		var got []ledger.Owner
		for _, e := range x.Endorsements {
			got = append(got, e.Owner)
		}
		if d := cmp.Diff(x.Endorsers(), got); d != "" {
			t.Errorf("endorsed in order %v (-want +got):\n%s", order, d)
		}
		if v := x.CheckSignatures(w.key, nil); v != ledger.Accepted {
			t.Errorf("endorsed in order %v: %v", order, v)
		}
	}
}
