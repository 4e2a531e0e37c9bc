package ledger_test

import (
	"testing"

	"dessim/protocol/ledger"
)

func BenchmarkSign(b *testing.B) {
	k := ledger.NewKey([32]byte{1})
	b.ReportAllocs()
	for b.Loop() {
		k.Sign(nil, [32]byte{1})
	}
}

func BenchmarkVerify(b *testing.B) {
	k := ledger.NewKey([32]byte{1})
	pub, sig := k.Public(), k.Sign(nil, [32]byte{1})
	for _, c := range []struct {
		name string
		v    *ledger.Verifier
	}{{"uncached", nil}, {"cached", ledger.NewVerifier(8)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.v.Verify(pub, [32]byte{1}, sig)
			}
		})
	}
}

// BenchmarkReceive is what a node does with the body of a transaction of three
// endorsers that others verified before: decode and check.
func BenchmarkReceive(b *testing.B) {
	w := newWorld()
	v := ledger.NewVerifier(100)
	body := w.signed(w.transfer(nil)).Encode(nil)
	b.ReportAllocs()
	for b.Loop() {
		x, _ := ledger.Decode(body)
		if x.Check(network) != ledger.Accepted || x.CheckSignatures(w.key, v) != ledger.Accepted {
			b.Fatal("refused")
		}
	}
}

// BenchmarkDeliver is what a node does at ordered delivery, amortised over a
// chain of 1,000 transfers: judge and apply. B/op is the memory that a node
// needs for a transaction.
func BenchmarkDeliver(b *testing.B) {
	w := newWorld()
	txs := make([]*ledger.Tx, 1000)
	have := ledger.Input{Outpoint: w.coin(0), Claimed: 100}
	for i := range txs {
		paid := uint64(i % 2) // to bob, while there is enough
		if have.Claimed == 1 {
			paid = 0
		}
		txs[i] = w.signed(w.transfer(func(x *ledger.Tx) {
			x.Seq, x.Inputs[0] = uint64(i), have
			x.Outputs = []ledger.TxOut{{Owner: w.owner(alice), Amount: have.Claimed - paid}}
			if paid > 0 {
				x.Outputs = append(x.Outputs, ledger.TxOut{Owner: w.owner(bob), Amount: paid})
			}
		}))
		have = ledger.Input{Outpoint: ledger.Outpoint{TxID: txs[i].TxID()}, Claimed: have.Claimed - paid}
	}
	var s *ledger.State
	next := len(txs)
	b.ReportAllocs()
	for b.Loop() {
		if next == len(txs) {
			s, next = ledger.NewState(w.genesis), 0
		}
		if v := s.Judge(txs[next]); v != ledger.Accepted {
			b.Fatal(v)
		}
		s.Apply(txs[next], ledger.Accepted)
		next++
	}
}
