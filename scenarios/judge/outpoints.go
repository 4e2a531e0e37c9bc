package judge

import "dessim/protocol/ledger"

// outpoints is a second implementation of the ledger's rule for refusing requests: a
// transaction must spend outputs that exist, are its sender's and sum to the outputs that it
// makes, and its sender must not have used its number. The audit judges only accepted
// transactions.
type outpoints struct {
	net   *Network
	made  map[ledger.Outpoint]ledger.TxOut // without those of the genesis
	spent map[ledger.Outpoint]bool
	pairs map[pair]bool
	known map[ledger.ID]bool // transactions that have a place
}

type pair struct {
	sender ledger.Owner
	seq    uint64
}

func newOutpoints(n *Network) outpoints {
	return outpoints{net: n, made: make(map[ledger.Outpoint]ledger.TxOut), spent: make(map[ledger.Outpoint]bool),
		pairs: make(map[pair]bool), known: make(map[ledger.ID]bool)}
}

func (o *outpoints) find(p ledger.Outpoint) (out ledger.TxOut, ok bool) {
	if p.TxID == o.net.Genesis.TxID() && uint64(p.Index) < uint64(len(o.net.Minted)) {
		return o.net.Minted[p.Index], true
	}
	out, ok = o.made[p]
	return out, ok
}

// free reports whether tx may be accepted now.
func (o *outpoints) free(tx *ledger.Tx) bool {
	in, out := uint64(0), uint64(0)
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		was, ok := o.find(p)
		if !ok || o.spent[p] || was.Owner != tx.Sender || was.Amount != tx.Inputs[i].Claimed {
			return false
		}
		in += was.Amount
	}
	for i := range tx.Outputs {
		out += tx.Outputs[i].Amount
	}
	return in == out && !o.pairs[pair{tx.Sender, tx.Seq}]
}

// enter judges a place, and records the outputs that it spends and makes.
func (o *outpoints) enter(p *logPlace) (good, again bool) {
	good = o.free(p.tx) == p.accepted
	again = !p.accepted && o.known[p.id]
	o.known[p.id] = true
	if !p.accepted {
		return good, again
	}
	o.pairs[pair{p.tx.Sender, p.tx.Seq}] = true
	for i := range p.tx.Inputs {
		o.spent[p.tx.Inputs[i].Outpoint] = true
	}
	for i := range p.tx.Outputs {
		o.made[ledger.Outpoint{TxID: p.id, Index: uint32(i)}] = p.tx.Outputs[i]
	}
	return good, again
}
