package judge

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// unsent asks the ledgers of nodes about transactions that nobody sends, and compares the
// verdicts with those of the second ledger. A workload of honest nodes, and liars whose ways
// are listed, come to few of the places where a rule ends: the first output that does not
// exist, the greatest amount. To ask changes nothing, so it costs no messages.
type unsent struct {
	l      *Ledgers
	memory *ledger.Verifier // of fewAnswers: it changes none
	seen   int              // entries, so far
	asked  int              // entries after which the ledger was asked
	every  int              // entries from one time to the next, at least
	made   uint32           // outputs of the transactions that were accepted
	forms  bool             // what needs no state is to be asked

	encoded []byte // scratch
}

// placesEvery is how many entries pass from one place at which ledgers are asked to the next, in
// most runs: what a ledger gets wrong about its state it gets wrong for longer than that.
const placesEvery = 4

// Unsent requires that nodes judge what nobody sends as the second ledger does: of some places
// of the log, the node that comes to it first. If all is set, it asks at each place, and at the
// first one what needs no state, which is the same in all runs. It must be listed after Audited.
func (l *Ledgers) Unsent(all bool) *check.Check {
	u := &unsent{l: l, memory: ledger.NewVerifier(fewAnswers), forms: all, every: placesEvery}
	if all {
		u.every = 1
	}
	u.asked = 1 - u.every // so that it begins with the first
	return check.Always("a second ledger agrees on spends nobody makes", sim.Output, func(e *sim.Event) (bool, error) {
		a, x := &l.audit, &l.entry
		if !l.entered || x.Verdict != ledger.Accepted || len(a.entries) == u.seen || x.Index+1 != uint64(len(a.entries)) {
			return false, nil
		}
		u.seen = len(a.entries)
		n, last := l.net.Nodes[e.Node], a.entries[x.Index].tx
		if last == nil || n.Ledger().LogLen() != x.Index+1 {
			return false, nil
		}
		before := u.made
		u.made += uint32(len(last.Outputs))
		if u.seen < u.asked+u.every {
			return false, nil
		}
		u.asked = u.seen
		wrong := cmp.Or(u.spends(n, last, before), u.strangers(n), u.stops(n, last.Sender))
		if wrong == nil && u.forms {
			u.forms = false
			wrong = cmp.Or(u.form(n, last), u.endorsements(last), u.encodings(last), u.genesis())
		}
		if wrong != nil {
			wrong = fmt.Errorf("node %v, after entry %d, %w", e.Node, x.Index, wrong)
		}
		return true, wrong
	}).OfOutputs(peer.KindEntry).OrNotApplicable("no transaction was accepted")
}

// spendOf names a transaction by the output that it spends. It is text only where something is
// wrong.
type spendOf ledger.Outpoint

func (p *spendOf) String() string {
	return fmt.Sprintf("a spend of output %d of %v", p.Index, p.TxID.String()[:8])
}

// ask requires that a node judges a transaction as the second ledger does.
func (u *unsent) ask(n *peer.Node, tx *ledger.Tx, what any) error {
	a := &u.l.audit
	u.encoded = tx.Encode(u.encoded[:0])
	got, want := n.Ledger().Judge(tx), cmp.Or(a.form(tx, len(u.encoded)), a.spends(tx), ledger.Accepted)
	switch {
	case got != want:
		return fmt.Errorf("judges %v %v, the second ledger %v", what, got, want)
	case strings.HasPrefix(got.String(), "verdict("):
		return fmt.Errorf("has no name for the verdict on %v", what)
	}
	return nil
}

// spend returns a transaction that spends an output, as its owner would if it is unspent.
func (u *unsent) spend(p ledger.Outpoint) *ledger.Tx {
	out, ok := u.l.audit.unspent.outs[p]
	if !ok {
		out = ledger.TxOut{Owner: u.l.net.Owners[0], Amount: 1}
	}
	others := u.besides(out.Owner)
	return &ledger.Tx{
		Version: ledger.Version,
		Network: u.l.net.Genesis.Network(),
		Sender:  out.Owner,
		Seq:     math.MaxUint64, // which no workload comes to
		Inputs:  []ledger.Input{{Outpoint: p, Claimed: out.Amount}},
		Outputs: []ledger.TxOut{{Owner: others[0], Amount: out.Amount}},
		Witness: others[1],
	}
}

// besides returns two owners other than o.
func (u *unsent) besides(o ledger.Owner) (others [2]ledger.Owner) {
	n := 0
	for _, x := range u.l.net.Owners {
		if x != o && n < len(others) {
			others[n] = x
			n++
		}
	}
	return others
}

// spends asks about spends of the outputs of the last accepted transaction and of the genesis,
// of those beyond the last, and of indices that would wrap around to those that were made before.
func (u *unsent) spends(n *peer.Node, last *ledger.Tx, before uint32) error {
	id, genesis := last.TxID(), u.l.net.Genesis.TxID()
	outs, minted := uint32(len(last.Outputs)), uint32(len(u.l.net.Minted))
	points := []ledger.Outpoint{
		{TxID: id}, {TxID: id, Index: outs - 1}, {TxID: id, Index: outs}, {TxID: id, Index: outs + 1},
		{TxID: id, Index: -before}, {TxID: id, Index: math.MaxUint32}, {TxID: id, Index: 1 << 31},
		{TxID: genesis}, {TxID: genesis, Index: minted - 1}, {TxID: genesis, Index: minted},
		{TxID: genesis, Index: math.MaxUint32}, {TxID: genesis, Index: 1 << 31}, {},
	}
	if before := u.before(); before != nil { // what comes after its outputs is not its own
		points = append(points, ledger.Outpoint{TxID: before.TxID(), Index: uint32(len(before.Outputs))})
	}
	for _, in := range last.Inputs {
		points = append(points, in.Outpoint)
	}
	for i := range points {
		if wrong := u.ask(n, u.spend(points[i]), (*spendOf)(&points[i])); wrong != nil {
			return wrong
		}
	}
	return u.variants(n, last)
}

// before returns the transaction that was accepted before the last one, or nil.
func (u *unsent) before() *ledger.Tx {
	for i := len(u.l.audit.entries) - 2; i >= 0; i-- {
		if tx := u.l.audit.entries[i].tx; tx != nil {
			return tx
		}
	}
	return nil
}

// variants asks about spends of an output that exists, each wrong in one way.
func (u *unsent) variants(n *peer.Node, last *ledger.Tx) error {
	p := ledger.Outpoint{TxID: last.TxID()}
	for _, v := range []struct {
		what   string
		change func(x *ledger.Tx)
	}{
		{"the last transaction again", func(x *ledger.Tx) { *x = *last }},
		{"its number again", func(x *ledger.Tx) {
			others := u.besides(last.Sender)
			x.Sender, x.Seq, x.Outputs[0].Owner, x.Witness = last.Sender, last.Seq, others[0], others[1]
		}},
		{"its number, of another sender", func(x *ledger.Tx) { x.Seq = last.Seq }},
		{"a spend by another", func(x *ledger.Tx) { x.Sender, x.Witness = x.Witness, x.Sender }},
		{"a spend of 1 more than there is", func(x *ledger.Tx) { x.Inputs[0].Claimed++; x.Outputs[0].Amount++ }},
		{"a spend of 1 less than there is", func(x *ledger.Tx) { x.Inputs[0].Claimed--; x.Outputs[0].Amount-- }},
		{"a spend of two outputs", func(x *ledger.Tx) { u.double(x, 0) }},
		{"a spend of two outputs, claimed for each other", func(x *ledger.Tx) { u.double(x, 1) }},
		{"a spend beside one that was before", func(x *ledger.Tx) {
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: last.Inputs[0].Outpoint, Claimed: 1})
			x.Outputs[0].Amount++
		}},
		{"a spend beside an output that is not there", func(x *ledger.Tx) {
			x.Inputs = append([]ledger.Input{{Outpoint: ledger.Outpoint{TxID: p.TxID, Index: math.MaxUint32}, Claimed: 1}}, x.Inputs...)
			x.Outputs[0].Amount++
		}},
	} {
		tx := u.spend(p)
		v.change(tx)
		if wrong := u.ask(n, tx, v.what); wrong != nil {
			return wrong
		}
	}
	return nil
}

// double makes x spend another output of its sender too, if there is one. Of the one it claims
// that much more, and of the other less.
func (u *unsent) double(x *ledger.Tx, more uint64) {
	for _, p := range u.l.audit.unspent.of[x.Sender] {
		if worth := u.l.audit.unspent.outs[p].Amount; p != x.Inputs[0].Outpoint && worth > more {
			x.Inputs[0].Claimed += more
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: p, Claimed: worth - more})
			x.Outputs[0].Amount += worth
			return
		}
	}
}

// strangers requires that owners of whom the ledger never heard own nothing.
func (u *unsent) strangers(n *peer.Node) error {
	least, most := ledger.Owner{}, ledger.Owner{}
	for i := range most {
		most[i] = 0xff
	}
	for _, o := range []ledger.Owner{least, most} {
		if b := n.Ledger().Balance(o); b != 0 {
			return fmt.Errorf("has a balance of %d for %v, who owns nothing", b, o)
		}
		for p := range n.Ledger().Unspent(o) {
			return fmt.Errorf("has output %d of %v unspent for %v, who owns nothing", p.Index, p.TxID.String()[:8], o)
		}
	}
	return nil
}
