package judge

import (
	"bytes"
	"cmp"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// verdict requires that an entry has the verdict that the second ledger comes to: accepted,
// or refused for the first rule that the transaction breaks, in the order of package ledger.
// It returns the transaction, or nil if it cannot be decoded.
func (a *audit) verdict(node protocol.NodeID, x peer.Entry) (*ledger.Tx, error) {
	if x.WTxID == (ledger.ID{}) { // a liar broadcast something else
		if x.Verdict != ledger.Malformed {
			return nil, fmt.Errorf("node %v judges what is no transaction %v", node, x.Verdict)
		}
		return nil, nil
	}
	name := x.WTxID.String()[:8]
	body, ok := a.net.Nodes[node].Body(x.WTxID)
	if !ok || sha256.Sum256(body) != x.WTxID {
		return nil, fmt.Errorf("node %v judges %v without its body", node, name)
	}
	tx, want := ledger.Decode(body)
	if want == ledger.Accepted {
		want = cmp.Or(
			a.form(tx, len(body)),
			a.endorsed(tx, x.Verdict != ledger.Accepted && x.Verdict != ledger.DuplicateTx),
			a.spends(tx),
			ledger.Accepted,
		)
	}
	if x.Verdict != want {
		return nil, fmt.Errorf("node %v judges %v %v at entry %d, the second ledger %v%s", node, name, x.Verdict, x.Index, want, a.reason(tx, want))
	}
	return tx, nil
}

// reason says more about a refusal.
func (a *audit) reason(tx *ledger.Tx, v ledger.Verdict) string {
	for i := 0; tx != nil && i < len(tx.Inputs); i++ {
		p := tx.Inputs[i].Outpoint
		_, there := a.unspent.outs[p]
		if !there && (v == ledger.InputSpent || v == ledger.UnknownInput) {
			return fmt.Sprintf(": output %d of %v", p.Index, p.TxID.String()[:8])
		}
	}
	return ""
}

// form judges what needs no state and no keys. 0 is that nothing is wrong, here and below.
func (a *audit) form(tx *ledger.Tx, size int) ledger.Verdict {
	switch {
	case tx.Version != ledger.Version:
		return ledger.WrongVersion
	case tx.Network != a.net.Genesis.Network():
		return ledger.WrongNetwork
	case size > ledger.MaxSize:
		return ledger.TooBig
	case len(tx.Inputs) == 0:
		return ledger.NoInputs
	case len(tx.Outputs) == 0:
		return ledger.NoOutputs
	}
	ins, outs := make(map[ledger.Outpoint]bool), make(map[ledger.Owner]bool)
	var claimed, made []uint64
	for i := range tx.Inputs {
		ins[tx.Inputs[i].Outpoint] = true
		claimed = append(claimed, tx.Inputs[i].Claimed)
	}
	for i := range tx.Outputs {
		outs[tx.Outputs[i].Owner] = true
		made = append(made, tx.Outputs[i].Amount)
	}
	if len(ins) < len(tx.Inputs) {
		return ledger.DuplicateInput
	}
	in, wrongIn := sum(claimed)
	out, wrongOut := sum(made)
	if wrong := cmp.Or(wrongIn, wrongOut); wrong != 0 {
		return wrong
	}
	switch {
	case in.Cmp(out) != 0:
		return ledger.ClaimsUnbalanced
	case tx.Witness == tx.Sender || outs[tx.Witness]:
		return ledger.WitnessInvolved
	}
	return 0
}

// sum adds amounts, without bound, or returns the first rule that they break.
func sum(amounts []uint64) (*big.Int, ledger.Verdict) {
	total, most := new(big.Int), new(big.Int).SetUint64(ledger.MaxAmount)
	for _, x := range amounts {
		switch {
		case x < ledger.MinAmount:
			return nil, ledger.AmountTooSmall
		case x > ledger.MaxAmount:
			return nil, ledger.AmountTooLarge
		case total.Add(total, new(big.Int).SetUint64(x)).Cmp(most) > 0:
			return nil, ledger.SumTooLarge
		}
	}
	return total, 0
}

// endorsed judges the endorsements. Signatures are verified if thorough, which is for what
// was refused, and is no repetition: that each accepted transaction has valid ones is what
// Notary judges, at a cost that would be that of the run.
func (a *audit) endorsed(tx *ledger.Tx, thorough bool) ledger.Verdict {
	owners := make([]ledger.Owner, len(tx.Endorsements))
	for i := range owners {
		owners[i] = tx.Endorsements[i].Owner
		if i > 0 && bytes.Compare(owners[i-1][:], owners[i][:]) >= 0 {
			return ledger.EndorsementsUnsorted
		}
	}
	must := []ledger.Owner{tx.Sender, tx.Witness}
	for i := range tx.Outputs {
		must = append(must, tx.Outputs[i].Owner)
	}
	for _, o := range must {
		if !slices.Contains(owners, o) {
			return ledger.MissingEndorsement
		}
	}
	for _, o := range owners {
		if !slices.Contains(must, o) {
			return ledger.UnwantedEndorsement
		}
	}
	n := elliptic.P256().Params().N
	for i := range tx.Endorsements {
		r, s := numbers(&tx.Endorsements[i].Signature)
		switch {
		case r.Sign() == 0 || r.Cmp(n) >= 0 || s.Sign() == 0 || s.Cmp(n) >= 0:
			return ledger.BadSignature
		case new(big.Int).Lsh(s, 1).Cmp(n) > 0:
			return ledger.HighS
		}
	}
	if thorough && a.notary.Verify(tx) != nil {
		return ledger.BadSignature
	}
	return 0
}

// spends judges a transaction against the outputs and the list so far.
func (a *audit) spends(tx *ledger.Tx) ledger.Verdict {
	switch {
	case a.listed[tx.TxID()]:
		return ledger.DuplicateTx
	case a.pairs[pair{tx.Sender, tx.Seq}]:
		return ledger.PairReused
	}
	worth, made, lied := uint64(0), uint64(0), false
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		was, ok := a.unspent.outs[p]
		switch {
		case a.spent[p]:
			return ledger.InputSpent
		case !ok:
			return ledger.UnknownInput
		case was.Owner != tx.Sender:
			return ledger.NotOwned
		}
		worth += was.Amount
		lied = lied || was.Amount != tx.Inputs[i].Claimed
	}
	for i := range tx.Outputs {
		made += tx.Outputs[i].Amount
	}
	switch {
	case worth < made:
		return ledger.Overspends
	case worth > made:
		return ledger.Underspends
	case lied:
		return ledger.ClaimWrong
	}
	return 0
}
