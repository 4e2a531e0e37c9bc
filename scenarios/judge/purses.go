package judge

import (
	"iter"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
)

// purses is the second ledger's view of what each owner can spend: the outputs of the genesis
// by index, then the others as they were made.
type purses struct {
	outs map[ledger.Outpoint]ledger.TxOut
	of   map[ledger.Owner][]ledger.Outpoint
}

// purse stands for an owner's unspent outputs after an entry.
type purse struct {
	owner ledger.Owner
	long  bool   // not folded
	fold  uint64 // of them in their order: see foldOf
}

// longPurse is the number of outputs above which a purse is compared at the end of the run
// alone, since a walk over it after each entry would cost more than the run.
const longPurse = 256

func newPurses(n *Network) purses {
	u := purses{make(map[ledger.Outpoint]ledger.TxOut, len(n.Minted)), make(map[ledger.Owner][]ledger.Outpoint, len(n.Owners))}
	for i, o := range n.Minted {
		u.add(ledger.Outpoint{TxID: n.Genesis.TxID(), Index: uint32(i)}, o)
	}
	return u
}

func (u *purses) add(p ledger.Outpoint, out ledger.TxOut) {
	u.outs[p] = out
	u.of[out.Owner] = append(u.of[out.Owner], p)
}

// move applies an accepted transaction.
func (u *purses) move(tx *ledger.Tx) {
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		owner := u.outs[p].Owner
		if at := slices.Index(u.of[owner], p); at >= 0 {
			u.of[owner] = slices.Delete(u.of[owner], at, at+1)
		}
		delete(u.outs, p)
	}
	id := tx.TxID()
	for i, o := range tx.Outputs {
		u.add(ledger.Outpoint{TxID: id, Index: uint32(i)}, o)
	}
}

// touched returns the purses that a transaction has just changed.
func (u *purses) touched(tx *ledger.Tx) []purse {
	owners := []ledger.Owner{tx.Sender}
	for _, o := range tx.Outputs {
		if !slices.Contains(owners, o.Owner) {
			owners = append(owners, o.Owner)
		}
	}
	list := make([]purse, 0, len(owners))
	for _, o := range owners {
		x := purse{owner: o, long: len(u.of[o]) > longPurse}
		if !x.long {
			x.fold = foldOf(u.all(o))
		}
		list = append(list, x)
	}
	return list
}

func (u *purses) all(o ledger.Owner) iter.Seq2[ledger.Outpoint, uint64] {
	return func(yield func(ledger.Outpoint, uint64) bool) {
		for _, p := range u.of[o] {
			if !yield(p, u.outs[p].Amount) {
				return
			}
		}
	}
}

// foldOf hashes outputs in their order.
func foldOf(outs iter.Seq2[ledger.Outpoint, uint64]) (h uint64) {
	for p, amount := range outs {
		h = protocol.Hash3(h, protocol.HashBytes(p.TxID[:])^uint64(p.Index), amount)
	}
	return h
}
