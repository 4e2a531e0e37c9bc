package judge

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// encodings asks the decoder about encodings at the ends of what it takes: L2. What it takes
// has no other encoding.
func (u *unsent) encodings(last *ledger.Tx) error {
	name := func(n int) func(x *ledger.Tx) { return func(x *ledger.Tx) { x.Network = strings.Repeat("n", n) } }
	for _, v := range []struct {
		what   string
		change func(x *ledger.Tx)
		want   ledger.Verdict
	}{
		{"of the most bytes", func(x *ledger.Tx) { fill(x, ledger.MaxSize) }, ledger.Accepted},
		{"of a byte more than the most", func(x *ledger.Tx) { fill(x, ledger.MaxSize+1) }, ledger.TooBig},
		{"without a network", name(0), ledger.Accepted},
		{"of the longest network", name(ledger.MaxNetwork), ledger.Accepted},
		{"of a longer network", name(ledger.MaxNetwork + 1), ledger.Malformed},
		{"of the greatest numbers", func(x *ledger.Tx) {
			x.Version, x.Seq, x.Outputs[0].Amount = math.MaxUint8, math.MaxUint64, math.MaxUint64
			x.Inputs[0] = ledger.Input{Outpoint: ledger.Outpoint{Index: math.MaxUint32}, Claimed: math.MaxUint64}
		}, ledger.Accepted},
		{"without inputs and outputs", func(x *ledger.Tx) { x.Inputs, x.Outputs = nil, nil }, ledger.Accepted},
		{"with endorsements", func(x *ledger.Tx) { *x = *last }, ledger.Accepted},
	} {
		tx := u.spend(ledger.Outpoint{TxID: last.TxID()})
		v.change(tx)
		b := tx.Encode(nil)
		got, verdict := ledger.Decode(b)
		switch {
		case verdict != v.want:
			return fmt.Errorf("decodes an encoding %s as %v, want %v", v.what, verdict, v.want)
		case (got != nil) != (verdict == ledger.Accepted):
			return fmt.Errorf("decodes an encoding %s as %v, with a transaction or without", v.what, verdict)
		case got != nil && !bytes.Equal(got.Encode(nil), b):
			return fmt.Errorf("encodes again otherwise what it decoded: an encoding %s", v.what)
		}
	}
	if _, got := ledger.Decode(make([]byte, ledger.MaxSize+1)); got != ledger.TooBig {
		return fmt.Errorf("decodes zeros, one more than the most bytes, as %v", got)
	}
	return nil
}

// genesis asks about networks that nobody has: each has a transaction id of its own, and only
// those are made whose name the decoder takes and which own something.
func (u *unsent) genesis() error {
	outs := u.l.net.Minted[:1]
	twice := []ledger.TxOut{outs[0], outs[0]}
	ids := make(map[ledger.ID]bool)
	all := []*ledger.Genesis{u.l.net.Genesis, ledger.NewGenesis("a", outs), ledger.NewGenesis("b", outs), ledger.NewGenesis("a", twice)}
	for _, g := range all {
		ids[g.TxID()] = true
	}
	if len(ids) < len(all) {
		return fmt.Errorf("has %d transaction ids for %d networks", len(ids), len(all))
	}
	for _, v := range []struct {
		name  int // its length
		outs  []ledger.TxOut
		taken bool
	}{
		{0, outs, false}, {1, outs, true}, {ledger.MaxNetwork, outs, true}, {ledger.MaxNetwork + 1, outs, false}, {1, nil, false},
	} {
		if taken := taken(func() { ledger.NewGenesis(strings.Repeat("n", v.name), v.outs) }); taken != v.taken {
			return fmt.Errorf("takes a network of %d outputs whose name has %d bytes: %v, want %v", len(v.outs), v.name, taken, v.taken)
		}
	}
	return nil
}

// taken reports whether do returns: what is refused panics, as a mistake in the plan.
func taken(do func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	do()
	return true
}

// stops requires that who looks at an owner's outputs may stop after any of them: a node takes
// no more than it needs. What would go on panics.
func (u *unsent) stops(n *peer.Node, o ledger.Owner) error {
	var all []ledger.Outpoint
	for p := range n.Ledger().Unspent(o) {
		all = append(all, p)
	}
	for most := range min(len(all), fewStops) {
		i := len(all) - 1 - most // the last ones were made by transactions
		at := 0
		for p := range n.Ledger().Unspent(o) {
			if p != all[at] {
				return fmt.Errorf("has output %d of %v unspent as number %d of %v, and before it was another", p.Index, p.TxID.String()[:8], at, o.String()[:8])
			}
			if at == i {
				break
			}
			at++
		}
	}
	return nil
}

// fewStops bounds after how many outputs stops stops.
const fewStops = 12
