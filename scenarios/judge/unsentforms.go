package judge

import (
	"bytes"
	"cmp"
	"crypto/elliptic"
	"fmt"
	"math/big"
	"slices"

	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// form asks about transactions at the ends of the rules that need no state. Each begins as a
// spend of an output of last.
func (u *unsent) form(n *peer.Node, last *ledger.Tx) error {
	const most = ledger.MaxAmount
	amounts := func(claimed, made []uint64) func(x *ledger.Tx) {
		return func(x *ledger.Tx) {
			x.Inputs = slices.Repeat(x.Inputs, len(claimed))
			for i, c := range claimed {
				x.Inputs[i].Claimed = c
				x.Inputs[i].Outpoint.Index += uint32(i)
			}
			x.Outputs = slices.Repeat(x.Outputs, len(made))
			for i, m := range made {
				x.Outputs[i].Amount = m
			}
		}
	}
	one := func(n uint64) []uint64 { return []uint64{n} }
	for _, v := range []struct {
		what   string
		change func(x *ledger.Tx)
	}{
		{"version 0", func(x *ledger.Tx) { x.Version-- }},
		{"the next version", func(x *ledger.Tx) { x.Version++ }},
		{"no network", func(x *ledger.Tx) { x.Network = "" }},
		{"a longer network", func(x *ledger.Tx) { x.Network += "a" }},
		{"the most bytes", func(x *ledger.Tx) { fill(x, ledger.MaxSize) }},
		{"a byte more than the most", func(x *ledger.Tx) { fill(x, ledger.MaxSize+1) }},
		{"no input", func(x *ledger.Tx) { x.Inputs = nil }},
		{"no output", func(x *ledger.Tx) { x.Outputs = nil }},
		{"the first of three inputs again", func(x *ledger.Tx) {
			amounts([]uint64{1, 1, 1}, one(3))(x)
			x.Inputs[2].Outpoint = x.Inputs[0].Outpoint
		}},
		{"the sender for a witness", func(x *ledger.Tx) { x.Witness = x.Sender }},
		{"the last receiver for a witness", func(x *ledger.Tx) {
			amounts(one(2), []uint64{1, 1})(x)
			x.Outputs[1].Owner = x.Witness
		}},
		{"nothing for nothing", amounts(one(0), one(0))},
		{"a claim of nothing beside another", amounts([]uint64{1, 0}, one(1))},
		{"an output of nothing beside another", amounts(one(1), []uint64{1, 0})},
		{"the least amount", amounts(one(1), one(1))},
		{"the greatest amount", amounts(one(most), one(most))},
		{"an amount too great by 1", amounts(one(most+1), one(most+1))},
		{"an output too great by 1", amounts(one(most), one(most+1))},
		{"claims that sum to the greatest amount", amounts([]uint64{most - 1, 1}, one(most))},
		{"claims that sum to 1 more", amounts([]uint64{most, 1}, one(most))},
		{"outputs that sum to the greatest amount", amounts(one(most), []uint64{1, most - 1})},
		{"outputs that sum to 1 more", amounts(one(most), []uint64{1, most})},
		{"outputs that wrap around", amounts(one(2), []uint64{1 << 63, 1<<63 + 2})},
		{"1 more than claimed", amounts(one(2), []uint64{1, 2})},
		{"1 less than claimed", amounts(one(2), one(1))},
	} {
		tx := u.spend(ledger.Outpoint{TxID: last.TxID()})
		v.change(tx)
		if wrong := u.ask(n, tx, v.what); wrong != nil {
			return wrong
		}
	}
	return nil
}

// fill makes the encoding of x have that many bytes, by more outputs and longer numbers.
func fill(x *ledger.Tx, size int) {
	const output, digits = len("l20:i1ee") + len(ledger.Owner{}), 18
	x.Seq, x.Outputs[0].Amount = 1, 1
	x.Outputs = slices.Repeat(x.Outputs[:1], 1+(size-len(x.Encode(nil)))/output)
	for range min(digits, size-len(x.Encode(nil))) {
		x.Seq *= 10
	}
	for range size - len(x.Encode(nil)) {
		x.Outputs[0].Amount *= 10
	}
}

// endorsements asks about signatures of a transaction that was accepted, spoilt in one way
// each. Stages before and after this one are others' to judge.
func (u *unsent) endorsements(last *ledger.Tx) error {
	order := elliptic.P256().Params().N
	half := new(big.Int).Rsh(order, 1)
	number := func(n *big.Int, plus int64) []byte {
		return new(big.Int).Add(n, big.NewInt(plus)).FillBytes(make([]byte, 32))
	}
	none, all := make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)
	high := number(half, 1) // what is wrong with r comes first
	end := len(last.Endorsements) - 1
	for _, v := range []struct {
		at   int
		r, s []byte // nil: as they are
	}{
		{0, nil, number(half, 0)}, {0, nil, high}, {0, nil, number(order, -1)}, {0, nil, number(order, 0)}, {0, nil, all},
		{0, none, high}, {0, number(order, -1), high}, {0, number(order, 0), high}, {0, all, high},
		{end, nil, high}, {end, none, high},
	} {
		tx := endorsedAs(last)
		sig := &tx.Endorsements[v.at].Signature
		copy(sig[:], v.r)
		copy(sig[len(sig)-len(v.s):], v.s)
		if wrong := u.check(tx, fmt.Sprintf("a signature of %x and %x", sig[:32], sig[32:])); wrong != nil {
			return wrong
		}
	}
	for _, at := range []int{0, end} {
		without, twice, owner := endorsedAs(last), endorsedAs(last), last.Endorsements[at].Owner.String()[:8]
		without.Endorsements = slices.Delete(without.Endorsements, at, at+1)
		twice.Endorsements = slices.Insert(twice.Endorsements, at, twice.Endorsements[at])
		if wrong := cmp.Or(u.check(without, "a transaction without the endorsement of "+owner), u.check(twice, "one that "+owner+" endorses twice")); wrong != nil {
			return wrong
		}
	}
	for _, by := range []byte{0, 0xff} { // before all others, and after them
		tx, stranger := endorsedAs(last), ledger.Endorsement{Signature: last.Endorsements[0].Signature}
		for i := range stranger.Owner {
			stranger.Owner[i] = by
		}
		tx.Endorsements = append(tx.Endorsements, stranger)
		slices.SortFunc(tx.Endorsements, func(a, b ledger.Endorsement) int { return bytes.Compare(a.Owner[:], b.Owner[:]) })
		if wrong := u.check(tx, "a stranger's endorsement"); wrong != nil {
			return wrong
		}
	}
	odd := endorsedAs(last) // the form of all signatures comes before any is verified
	odd.Endorsements[0].Signature[0] ^= 1
	copy(odd.Endorsements[end].Signature[len(high):], high)
	return cmp.Or(u.check(odd, "a bad signature before one of a high s"), u.check(last, "a transaction that was accepted"), u.keys(last))
}

// endorsedAs returns a copy whose endorsements are its own.
func endorsedAs(tx *ledger.Tx) *ledger.Tx {
	clone := *tx
	clone.Endorsements = slices.Clone(tx.Endorsements)
	return &clone
}

// check requires that package ledger judges the endorsements as the second ledger does: without
// a verifier that remembers, and with one, the first time and the second. The nodes of a run share
// theirs, which knows each signature from its signer, so that they nearly never verify.
func (u *unsent) check(tx *ledger.Tx, what string) error {
	want := cmp.Or(u.l.audit.endorsed(tx, true), ledger.Accepted)
	for _, v := range []*ledger.Verifier{nil, u.memory, u.memory} {
		if got := tx.CheckSignatures(u.key, v); got != want {
			return fmt.Errorf("judges %s %v, the second ledger %v", what, got, want)
		}
	}
	return u.forgets()
}

// fewAnswers is how many answers the verifier remembers: fewer than there are signatures to
// judge, so that it must forget.
const fewAnswers = 2

// forgets requires that the verifier remembers no more answers than it was made for.
func (u *unsent) forgets() (wrong error) {
	u.memory.Sizes(func(name string, items int) {
		if items > fewAnswers {
			wrong = fmt.Errorf("has %d %s, and room for %d", items, name, fewAnswers)
		}
	})
	return wrong
}

// key returns the public key of an owner of the plan.
func (u *unsent) key(o ledger.Owner) ([]byte, bool) {
	if i := slices.Index(u.l.net.Owners, o); i >= 0 {
		return u.l.net.Keys[i].Public(), true
	}
	return nil, false
}

// keys asks about a good transaction where the key of one party is not at hand, or another's.
func (u *unsent) keys(tx *ledger.Tx) error {
	for i := range tx.Endorsements {
		odd := tx.Endorsements[i].Owner
		other := tx.Endorsements[(i+1)%len(tx.Endorsements)].Owner
		for _, want := range []ledger.Verdict{ledger.UnknownKey, ledger.WrongKey} {
			got := tx.CheckSignatures(func(o ledger.Owner) ([]byte, bool) {
				switch {
				case o != odd:
					return u.key(o)
				case want == ledger.WrongKey:
					return u.key(other)
				}
				return nil, false
			}, nil)
			if got != want {
				return fmt.Errorf("judges a transaction %v where it has the wrong key of an endorser or none, want %v", got, want)
			}
		}
	}
	return nil
}
