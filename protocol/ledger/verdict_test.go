package ledger_test

import (
	"slices"
	"testing"

	"dessim/protocol/ledger"
)

// A row is a transaction that breaks one rule and as little else as possible. The
// world is fresh in each, but for what before does to it.
type row struct {
	name   string
	before func(*world)
	make   func(*world) *ledger.Tx
	want   ledger.Verdict
}

func unsigned(change func(*world, *ledger.Tx)) func(*world) *ledger.Tx {
	return func(w *world) *ledger.Tx { return w.transfer(func(x *ledger.Tx) { change(w, x) }) }
}

// signed is endorsed with the change in it, spoilt before it.
func signed(change func(*world, *ledger.Tx)) func(*world) *ledger.Tx {
	return func(w *world) *ledger.Tx { return w.signed(unsigned(change)(w)) }
}

func spoilt(change func(*world, *ledger.Tx)) func(*world) *ledger.Tx {
	return func(w *world) *ledger.Tx {
		x := w.signed(w.transfer(nil))
		change(w, x)
		return x
	}
}

func lacking(who int) func(*world) *ledger.Tx {
	return spoilt(func(w *world, x *ledger.Tx) {
		x.Endorsements = slices.DeleteFunc(x.Endorsements, func(e ledger.Endorsement) bool { return e.Owner == w.owner(who) })
	})
}

func formRows() []row {
	return []row{
		{"an ordinary transfer", nil, spoilt(func(*world, *ledger.Tx) {}), ledger.Accepted},
		{"another version", nil, signed(func(_ *world, x *ledger.Tx) { x.Version = 2 }), ledger.WrongVersion},
		{"another network", nil, signed(func(_ *world, x *ledger.Tx) { x.Network = "prod" }), ledger.WrongNetwork},
		{"300 outputs", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Outputs = make([]ledger.TxOut, 300)
		}), ledger.TooBig},
		{"no input", nil, signed(func(_ *world, x *ledger.Tx) { x.Inputs = nil }), ledger.NoInputs},
		{"no output", nil, signed(func(_ *world, x *ledger.Tx) { x.Outputs = nil }), ledger.NoOutputs},
		{"one outpoint twice", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Inputs = append(x.Inputs, x.Inputs[0])
			x.Outputs[0].Amount += 100
		}), ledger.DuplicateInput},
		{"an output of 0", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Outputs[0].Amount, x.Outputs[1].Amount = 0, 100
		}), ledger.AmountTooSmall},
		{"a claim of 0", nil, signed(func(_ *world, x *ledger.Tx) { x.Inputs[0].Claimed = 0 }), ledger.AmountTooSmall},
		{"an output above all money", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Outputs[0].Amount = ledger.MaxAmount + 1
		}), ledger.AmountTooLarge},
		{"outputs that wrap around to 100", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Outputs[0].Amount, x.Outputs[1].Amount = 1<<63+50, 1<<63+50
		}), ledger.AmountTooLarge},
		{"outputs that sum above all money", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Outputs[0].Amount = ledger.MaxAmount
		}), ledger.SumTooLarge},
		{"more out than claimed", nil, signed(func(_ *world, x *ledger.Tx) { x.Outputs[0].Amount = 71 }), ledger.ClaimsUnbalanced},
		{"the receiver for a witness", nil, signed(func(w *world, x *ledger.Tx) { x.Witness = w.owner(bob) }), ledger.WitnessInvolved},
		{"the sender for a witness", nil, signed(func(w *world, x *ledger.Tx) { x.Witness = w.owner(alice) }), ledger.WitnessInvolved},
	}
}

func endorsementRows() []row {
	return []row{
		{"endorsements in another order", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Endorsements[0], x.Endorsements[1] = x.Endorsements[1], x.Endorsements[0]
		}), ledger.EndorsementsUnsorted},
		{"an endorsement twice", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Endorsements = append(x.Endorsements, x.Endorsements[2])
		}), ledger.EndorsementsUnsorted},
		{"no endorsement", nil, unsigned(func(*world, *ledger.Tx) {}), ledger.MissingEndorsement},
		{"no endorsement by the sender", nil, lacking(alice), ledger.MissingEndorsement},
		{"no endorsement by a sender without change", nil, func(w *world) *ledger.Tx {
			x := w.transfer(func(x *ledger.Tx) { x.Outputs = []ledger.TxOut{{Owner: w.owner(bob), Amount: 100}} })
			x.Endorse(w.keys[bob].Endorse(nil, x))
			x.Endorse(w.keys[wendy].Endorse(nil, x))
			return x
		}, ledger.MissingEndorsement},
		{"no endorsement by the receiver", nil, lacking(bob), ledger.MissingEndorsement},
		{"no endorsement by the witness", nil, lacking(wendy), ledger.MissingEndorsement},
		{"a bystander's endorsement", nil, spoilt(func(w *world, x *ledger.Tx) {
			x.Endorse(w.keys[carol].Endorse(nil, x))
		}), ledger.UnwantedEndorsement},
		{"a high s", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Endorsements[1].Signature = highS(x.Endorsements[1].Signature)
		}), ledger.HighS},
		{"a signature of zeros", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Endorsements[1].Signature = ledger.Signature{}
		}), ledger.BadSignature},
		{"an amount changed after signing", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Outputs[0].Amount, x.Outputs[1].Amount = 71, 29
		}), ledger.BadSignature},
		{"two signatures exchanged", nil, spoilt(func(_ *world, x *ledger.Tx) {
			x.Endorsements[0].Signature, x.Endorsements[1].Signature = x.Endorsements[1].Signature, x.Endorsements[0].Signature
		}), ledger.BadSignature},
		{"an endorser nobody heard of", func(w *world) { delete(w.pubs, w.owner(wendy)) },
			spoilt(func(*world, *ledger.Tx) {}), ledger.UnknownKey},
		{"a key that is another's", func(w *world) { w.pubs[w.owner(wendy)] = w.pubs[w.owner(will)] },
			spoilt(func(*world, *ledger.Tx) {}), ledger.WrongKey},
	}
}

func stateRows() []row {
	first := func(w *world) { w.order(w.signed(w.transfer(nil))) }
	return []row{
		{"the same again", first, spoilt(func(*world, *ledger.Tx) {}), ledger.DuplicateTx},
		{"the same again, signed otherwise", first, func(w *world) *ledger.Tx { return w.resigned(w.transfer(nil)) }, ledger.DuplicateTx},
		{"a sequence number again, other content", first, signed(func(w *world, x *ledger.Tx) {
			x.Inputs[0] = ledger.Input{Outpoint: w.coin(2), Claimed: 50}
			x.Outputs = []ledger.TxOut{{Owner: w.owner(bob), Amount: 50}}
		}), ledger.PairReused},
		{"a sequence number and a coin again, another witness", first, signed(func(w *world, x *ledger.Tx) {
			x.Witness = w.owner(will)
		}), ledger.PairReused},
		{"an unknown transaction's output", nil, signed(func(_ *world, x *ledger.Tx) { x.Inputs[0].Outpoint.TxID[0]++ }), ledger.UnknownInput},
		{"a wrong index in the genesis", nil, signed(func(_ *world, x *ledger.Tx) { x.Inputs[0].Outpoint.Index = 3 }), ledger.UnknownInput},
		{"a wrong index in a transaction", first, signed(func(w *world, x *ledger.Tx) {
			x.Seq, x.Inputs[0].Outpoint = 2, ledger.Outpoint{TxID: w.transfer(nil).TxID(), Index: 2}
		}), ledger.UnknownInput},
		{"the greatest index", first, signed(func(w *world, x *ledger.Tx) {
			x.Seq, x.Inputs[0].Outpoint = 2, ledger.Outpoint{TxID: w.transfer(nil).TxID(), Index: 1<<32 - 1}
		}), ledger.UnknownInput},
		{"a double spend", first, signed(func(_ *world, x *ledger.Tx) { x.Seq = 2 }), ledger.InputSpent},
		{"a double spend with another witness", first, signed(func(w *world, x *ledger.Tx) {
			x.Seq, x.Witness = 2, w.owner(will)
		}), ledger.InputSpent},
		{"another's coin", nil, signed(func(w *world, x *ledger.Tx) {
			x.Inputs[0] = ledger.Input{Outpoint: w.coin(1), Claimed: 30}
			x.Outputs = []ledger.TxOut{{Owner: w.owner(bob), Amount: 30}}
		}), ledger.NotOwned},
		{"a coin and another's", nil, signed(func(w *world, x *ledger.Tx) {
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: w.coin(1), Claimed: 30})
			x.Outputs[0].Amount += 30
		}), ledger.NotOwned},
		{"more than there is, claimed high", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Inputs[0].Claimed, x.Outputs[0].Amount = 101, 71
		}), ledger.Overspends},
		{"less than there is, claimed low", nil, signed(func(_ *world, x *ledger.Tx) {
			x.Inputs[0].Claimed, x.Outputs[0].Amount = 99, 69
		}), ledger.Underspends},
		{"claims wrong by opposite amounts", nil, signed(func(w *world, x *ledger.Tx) {
			x.Inputs = []ledger.Input{{Outpoint: w.coin(0), Claimed: 101}, {Outpoint: w.coin(2), Claimed: 49}}
			x.Outputs[0].Amount += 50
		}), ledger.ClaimWrong},
	}
}

func TestEveryRuleHasItsVerdict(t *testing.T) {
	reached := map[ledger.Verdict]bool{ledger.Unjudged: true}
	for _, r := range slices.Concat(formRows(), endorsementRows(), stateRows()) {
		t.Run(r.name, func(t *testing.T) {
			w := newWorld()
			if r.before != nil {
				r.before(w)
			}
			x := r.make(w)
			b := x.Encode(nil)
			_, got := w.judge(b)
			if r.want == ledger.TooBig { // the bytes are refused already; so must the fields be
				if v := x.Check(network); v != got {
					t.Errorf("Check says %v, Decode %v", v, got)
				}
			}
			if got != r.want {
				t.Fatalf("%v, want %v", got, r.want)
			}
			reached[got] = true
		})
	}
	_, malformed := newWorld().judge([]byte("junk"))
	reached[malformed] = true
	for v := range ledger.NumVerdicts {
		if !reached[ledger.Verdict(v)] {
			t.Errorf("no row reaches %v", ledger.Verdict(v))
		}
	}
}

func TestVerdictsAreNamedOnceAndStayFrozen(t *testing.T) {
	names := map[string]bool{}
	for v := range ledger.NumVerdicts {
		name := ledger.Verdict(v).String()
		if name == "" || names[name] {
			t.Errorf("verdict %d is called %q", v, name)
		}
		names[name] = true
	}
	if got := ledger.Verdict(200).String(); got != "verdict(200)" {
		t.Errorf("verdict 200 is called %q", got)
	}
	// Numbers enter the hash of the log.
	for v, n := range map[ledger.Verdict]int{ledger.Accepted: 1, ledger.Malformed: 2, ledger.WitnessInvolved: 13, ledger.WrongKey: 20, ledger.ClaimWrong: 28} {
		if int(v) != n {
			t.Errorf("%v is %d, want %d", v, int(v), n)
		}
	}
}

func TestOnlyVerdictsOnTheTransactionAreFinal(t *testing.T) {
	for i := range 256 {
		v := ledger.Verdict(i)
		want := i < ledger.NumVerdicts && v != ledger.Unjudged && v != ledger.UnknownKey && v != ledger.WrongKey
		if v.Final() != want {
			t.Errorf("%v final: %v, want %v", v, v.Final(), want)
		}
		if v.Final() && v != ledger.Accepted {
			ledger.NewState(newGenesis()).Refuse(ledger.ID{}, v)
		} else {
			panics(t, "refusing with "+v.String(), func() { ledger.NewState(newGenesis()).Refuse(ledger.ID{}, v) })
		}
	}
}

// A key that this node lacks must not hide what every node can see.
func TestVerdictsDoNotDependOnWhichKeysAreAtHand(t *testing.T) {
	w := newWorld()
	x := w.signed(w.transfer(nil))
	for i := range x.Endorsements {
		bad := clone(x)
		bad.Endorsements[i].Signature[0] ^= 1
		for lacking := range w.keys {
			all := bad.CheckSignatures(w.key, nil)
			some := bad.CheckSignatures(func(o ledger.Owner) ([]byte, bool) {
				if o == w.owner(lacking) {
					return nil, false
				}
				return w.key(o)
			}, nil)
			if some.Final() && some != all {
				t.Errorf("endorsement %d bad: %v without the key of %d, %v with all", i, some, lacking, all)
			}
		}
	}
}
