package scenarios

import (
	"bytes"
	"crypto/elliptic"
	"math/big"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
)

// tampering is one way to break one rule of the ledger, and as few others as possible.
type tampering struct {
	name string
	late bool // refers to the liar's accepted transaction
	make func(t *tamperer) []byte
	want ledger.Verdict
}

// tamperings returns all ways to tamper, in the order of the stages that refuse them. It
// leaves out what cannot be encoded, such as negative amounts, and verdicts that are not
// about the transaction (UnknownKey, WrongKey).
func tamperings() []tampering {
	return slices.Concat(brokenForms(), brokenClaims(), brokenEndorsements(), brokenSignatures(), brokenSpends(), brokenSequels())
}

// tamperer makes a liar's transactions. All parties have signed unless noted otherwise,
// which is possible if they collude.
type tamperer struct {
	*world
	liar  protocol.NodeID
	payee protocol.NodeID // spends nothing
	first *ledger.Tx      // the accepted one
	seq   uint64          // of the last transaction
}

// Node witness is the witness of the liar's transactions; bystander takes no part in them.
const (
	witness   = 0
	bystander = 1
)

// The coins of the liar that its transactions spend. All but the first one remain
// unspent, since all but the first transaction are refused.
const (
	coinFirst = 0
	coinNext  = 1
	coinOther = 2
)

func newTamperer(w *world, liar, payee protocol.NodeID) *tamperer {
	t := &tamperer{world: w, liar: liar, payee: payee}
	t.first = t.plain()
	t.first.Inputs[0].Outpoint = w.genesisCoin(liar, coinFirst)
	w.endorse(t.first)
	return t
}

// plain returns an ordinary transaction, unsigned.
func (t *tamperer) plain() *ledger.Tx {
	t.seq++
	return t.payment(t.liar, t.payee, witness, coinNext, t.seq)
}

// signed returns a tampering whose change is made before the endorsements.
func signed(change func(t *tamperer, x *ledger.Tx)) func(*tamperer) []byte {
	return func(t *tamperer) []byte {
		x := t.plain()
		change(t, x)
		return t.endorse(x).Encode(nil)
	}
}

// spoilt returns one whose change is made after the endorsements.
func spoilt(change func(t *tamperer, x *ledger.Tx)) func(*tamperer) []byte {
	return func(t *tamperer) []byte {
		x := t.endorse(t.plain())
		change(t, x)
		return x.Encode(nil)
	}
}

// mangled returns one that changes the encoded bytes.
func mangled(change func(b []byte) []byte) func(*tamperer) []byte {
	return func(t *tamperer) []byte { return change(t.endorse(t.plain()).Encode(nil)) }
}

// lacking returns one without the endorsement of one party.
func lacking(party func(x *ledger.Tx) ledger.Owner) func(*tamperer) []byte {
	return spoilt(func(_ *tamperer, x *ledger.Tx) {
		x.Endorsements = slices.DeleteFunc(x.Endorsements, func(e ledger.Endorsement) bool { return e.Owner == party(x) })
	})
}

// endorsement returns the endorsement of an owner.
func endorsement(x *ledger.Tx, of ledger.Owner) *ledger.Endorsement {
	return &x.Endorsements[slices.IndexFunc(x.Endorsements, func(e ledger.Endorsement) bool { return e.Owner == of })]
}

// highS returns the other valid form of a signature with a low s.
func highS(sig ledger.Signature) ledger.Signature {
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return sig
}

func brokenForms() []tampering {
	return []tampering{
		{"no transaction at all", false, func(*tamperer) []byte { return []byte("all the money is mine") }, ledger.Malformed},
		{"a byte too many", false, mangled(func(b []byte) []byte { return append(b, 'e') }), ledger.Malformed},
		{"a byte too few", false, mangled(func(b []byte) []byte { return b[:len(b)-1] }), ledger.Malformed},
		{"a number with a leading zero", false, mangled(func(b []byte) []byte {
			return bytes.Replace(b, []byte("i1e"), []byte("i01e"), 1)
		}), ledger.Malformed},
		{"another version", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Version++ }), ledger.WrongVersion},
		{"another network", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Network = "prod" }), ledger.WrongNetwork},
		{"300 outputs", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs = slices.Repeat([]ledger.TxOut{{Owner: x.Outputs[0].Owner, Amount: 1}}, 300)
		}), ledger.TooBig},
		{"no input", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Inputs = nil }), ledger.NoInputs},
		{"no output", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Outputs = nil }), ledger.NoOutputs},
		{"an input twice", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Inputs = append(x.Inputs, x.Inputs[0])
			x.Outputs[0].Amount += coinWorth
		}), ledger.DuplicateInput},
		{"the receiver for a witness", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Witness = x.Outputs[0].Owner }), ledger.WitnessInvolved},
		{"the sender for a witness", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Witness = x.Sender }), ledger.WitnessInvolved},
	}
}

func brokenClaims() []tampering {
	return []tampering{
		{"an output of 0", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs[0].Amount, x.Outputs[1].Amount = 0, coinWorth
		}), ledger.AmountTooSmall},
		{"a claim of 0", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Inputs[0].Claimed = 0 }), ledger.AmountTooSmall},
		{"an output above all money", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs[0].Amount = ledger.MaxAmount + 1
		}), ledger.AmountTooLarge},
		{"outputs that wrap around", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs[0].Amount, x.Outputs[1].Amount = 1<<63, 1<<63+coinWorth
		}), ledger.AmountTooLarge},
		{"outputs that sum above all money", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs[0].Amount = ledger.MaxAmount
		}), ledger.SumTooLarge},
		{"more out than claimed", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Outputs[0].Amount++ }), ledger.ClaimsUnbalanced},
		{"less out than claimed", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Outputs[0].Amount-- }), ledger.ClaimsUnbalanced},
	}
}

func brokenEndorsements() []tampering {
	return []tampering{
		{"endorsements out of order", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			x.Endorsements[0], x.Endorsements[1] = x.Endorsements[1], x.Endorsements[0]
		}), ledger.EndorsementsUnsorted},
		{"an endorsement twice", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			x.Endorsements = append(x.Endorsements, x.Endorsements[len(x.Endorsements)-1])
		}), ledger.EndorsementsUnsorted},
		{"no endorsement", false, spoilt(func(_ *tamperer, x *ledger.Tx) { x.Endorsements = nil }), ledger.MissingEndorsement},
		{"no endorsement by the sender", false, lacking(func(x *ledger.Tx) ledger.Owner { return x.Sender }), ledger.MissingEndorsement},
		{"no endorsement by the receiver", false, lacking(func(x *ledger.Tx) ledger.Owner { return x.Outputs[0].Owner }), ledger.MissingEndorsement},
		{"no endorsement by the witness", false, lacking(func(x *ledger.Tx) ledger.Owner { return x.Witness }), ledger.MissingEndorsement},
		{"a bystander's endorsement", false, spoilt(func(t *tamperer, x *ledger.Tx) {
			x.Endorse(t.Keys[bystander].Endorse(t.verifier, x))
		}), ledger.UnwantedEndorsement},
	}
}

func brokenSignatures() []tampering {
	receiver := func(x *ledger.Tx) *ledger.Endorsement { return endorsement(x, x.Outputs[0].Owner) }
	return []tampering{
		{"a high s", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			receiver(x).Signature = highS(receiver(x).Signature)
		}), ledger.HighS},
		{"a signature of zeros", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			receiver(x).Signature = ledger.Signature{}
		}), ledger.BadSignature},
		{"a signature of another transaction", false, spoilt(func(t *tamperer, x *ledger.Tx) {
			*receiver(x) = *receiver(t.first)
		}), ledger.BadSignature},
		{"the sender's signature in the receiver's name", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			receiver(x).Signature = endorsement(x, x.Sender).Signature
		}), ledger.BadSignature},
		{"an amount changed after signing", false, spoilt(func(_ *tamperer, x *ledger.Tx) {
			x.Outputs[0].Amount++
			x.Outputs[1].Amount--
		}), ledger.BadSignature},
		{"an input changed after signing", false, spoilt(func(t *tamperer, x *ledger.Tx) {
			x.Inputs[0].Outpoint = t.genesisCoin(t.liar, coinOther)
		}), ledger.BadSignature},
		{"a sequence number changed after signing", false, spoilt(func(_ *tamperer, x *ledger.Tx) { x.Seq += 1 << 32 }), ledger.BadSignature},
	}
}

func brokenSpends() []tampering {
	return []tampering{
		{"an output of an unknown transaction", false, signed(func(_ *tamperer, x *ledger.Tx) { x.Inputs[0].Outpoint.TxID[0]++ }), ledger.UnknownInput},
		{"an output that the genesis lacks", false, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs[0].Outpoint.Index = uint32(coins * t.p.Nodes)
		}), ledger.UnknownInput},
		{"another's coin", false, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs[0].Outpoint = t.genesisCoin(t.payee, coins-1)
		}), ledger.NotOwned},
		{"a coin and another's", false, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: t.genesisCoin(t.payee, coins-1), Claimed: coinWorth})
			x.Outputs[0].Amount += coinWorth
		}), ledger.NotOwned},
		{"more than there is, claimed high", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Inputs[0].Claimed++
			x.Outputs[0].Amount++
		}), ledger.Overspends},
		{"less than there is, claimed low", false, signed(func(_ *tamperer, x *ledger.Tx) {
			x.Inputs[0].Claimed--
			x.Outputs[0].Amount--
		}), ledger.Underspends},
		{"claims that are wrong by opposite amounts", false, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs[0].Claimed++
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: t.genesisCoin(t.liar, coinOther), Claimed: coinWorth - 1})
			x.Outputs[0].Amount += coinWorth
		}), ledger.ClaimWrong},
	}
}

func brokenSequels() []tampering {
	return []tampering{
		{"an accepted transaction again", true, func(t *tamperer) []byte { return t.first.Encode(nil) }, ledger.DuplicateTx},
		{"a sequence number again, other content", true, signed(func(t *tamperer, x *ledger.Tx) { x.Seq = t.first.Seq }), ledger.PairReused},
		{"a spent input", true, signed(func(t *tamperer, x *ledger.Tx) { x.Inputs[0].Outpoint = t.first.Inputs[0].Outpoint }), ledger.InputSpent},
		{"a spent input beside another", true, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs = append(x.Inputs, ledger.Input{Outpoint: t.first.Inputs[0].Outpoint, Claimed: coinWorth})
			x.Outputs[0].Amount += coinWorth
		}), ledger.InputSpent},
		{"an output that an accepted transaction lacks", true, signed(func(t *tamperer, x *ledger.Tx) {
			x.Inputs[0].Outpoint = ledger.Outpoint{TxID: t.first.TxID(), Index: uint32(len(t.first.Outputs))}
		}), ledger.UnknownInput},
		{"what an accepted transaction paid to another", true, signed(func(t *tamperer, x *ledger.Tx) {
			out := t.first.Outputs[0]
			x.Inputs[0] = ledger.Input{Outpoint: ledger.Outpoint{TxID: t.first.TxID()}, Claimed: out.Amount}
			x.Outputs = []ledger.TxOut{out}
		}), ledger.NotOwned},
	}
}
