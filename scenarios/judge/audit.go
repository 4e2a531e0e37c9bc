package judge

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// audit is the second ledger: plain maps of outputs and transactions, and two hashes, kept
// by the judge and not by the machines. It works out each verdict itself (verdict.go), and
// remembers what each entry changed, so that it knows the state at every place of the log.
// From package ledger it uses the decoder, the fields of a transaction and the definition of
// a fold, but none of the verification.
type audit struct {
	net     *Network
	notary  *Notary
	genesis map[ledger.Outpoint]ledger.TxOut
	unspent map[ledger.Outpoint]ledger.TxOut
	spent   map[ledger.Outpoint]bool
	listed  map[ledger.ID]bool // accepted transactions, by txid
	pairs   map[pair]bool      // of these
	entries []audited
	log     ledger.ID   // hash of the log so far
	list    ledger.ID   // of the accepted ones
	before  []ledger.ID // by node: the log's hash at its last entry
}

// audited is an entry of the log, and the state after it.
type audited struct {
	log  ledger.ID
	fold uint64
	tx   *ledger.Tx // if accepted
}

func newAudit(n *Network) audit {
	a := audit{
		net:     n,
		notary:  NewNotary(n),
		genesis: make(map[ledger.Outpoint]ledger.TxOut, len(n.Minted)),
		spent:   make(map[ledger.Outpoint]bool),
		listed:  make(map[ledger.ID]bool),
		pairs:   make(map[pair]bool),
		before:  slices.Repeat([]ledger.ID{n.Genesis.TxID()}, len(n.Nodes)),
	}
	a.log, a.list = n.Genesis.TxID(), n.Genesis.TxID()
	for i, o := range n.Minted {
		a.genesis[ledger.Outpoint{TxID: n.Genesis.TxID(), Index: uint32(i)}] = o
	}
	a.unspent = maps.Clone(a.genesis)
	return a
}

// see audits an entry. The first node whose log reaches a place is judged on the verdict;
// each node, first or not, on what its state is afterwards. If the node's log differs from
// the one so far, there are two orders, and the audit could accuse the wrong one.
func (a *audit) see(node protocol.NodeID, x peer.Entry) (relevant bool, wrong error) {
	if x.Index == 0 {
		a.before[node] = a.net.Genesis.TxID() // the log begins again, perhaps after a restart
	}
	before := a.before[node]
	a.before[node] = x.LogHash
	at := uint64(len(a.entries))
	switch {
	case x.Index > at || x.Index == at && before != a.log:
		return false, nil
	case x.Index == at:
		if wrong := a.enter(node, x); wrong != nil {
			return true, wrong
		}
	case a.entries[x.Index].log != x.LogHash:
		return false, nil
	}
	return true, a.same(node, x.Index)
}

// enter judges the next entry and applies it.
func (a *audit) enter(node protocol.NodeID, x peer.Entry) error {
	tx, wrong := a.verdict(node, x)
	if wrong != nil {
		return wrong
	}
	fold := uint64(0)
	if n := len(a.entries); n > 0 {
		fold = a.entries[n-1].fold
	}
	a.log = follow(a.log, x)
	if x.Verdict == ledger.Accepted {
		a.list = follow(a.list, x)
		fold ^= a.apply(tx)
	} else {
		tx = nil
	}
	a.entries = append(a.entries, audited{a.log, fold, tx})
	switch {
	case x.LogHash != a.log:
		return fmt.Errorf("node %v has log hash %v after entry %d, it should be %v", node, x.LogHash.String()[:8], x.Index, a.log.String()[:8])
	case x.ListHash != a.list:
		return fmt.Errorf("node %v has list hash %v after entry %d, it should be %v", node, x.ListHash.String()[:8], x.Index, a.list.String()[:8])
	}
	return nil
}

// follow returns L6: the hash of the hash so far, the transaction and its verdict.
func follow(before ledger.ID, x peer.Entry) ledger.ID {
	b := append(before[:], x.WTxID[:]...)
	return sha256.Sum256(append(b, byte(x.Verdict)))
}

// apply enters an accepted transaction, and returns what it does to the fold.
func (a *audit) apply(tx *ledger.Tx) (fold uint64) {
	id := tx.TxID()
	a.listed[id] = true
	a.pairs[pair{tx.Sender, tx.Seq}] = true
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		a.spent[p] = true
		fold ^= ledger.Toggle(p, a.unspent[p])
	}
	move(a.unspent, tx)
	for i, o := range tx.Outputs {
		fold ^= ledger.Toggle(ledger.Outpoint{TxID: id, Index: uint32(i)}, o)
	}
	return fold
}

// move makes unspent what it is after an accepted transaction.
func move(unspent map[ledger.Outpoint]ledger.TxOut, tx *ledger.Tx) {
	for i := range tx.Inputs {
		delete(unspent, tx.Inputs[i].Outpoint)
	}
	id := tx.TxID()
	for i, o := range tx.Outputs {
		unspent[ledger.Outpoint{TxID: id, Index: uint32(i)}] = o
	}
}

// same requires that a node's state after that entry is the second ledger's: by its fold,
// and if that differs, output by output. A step that applies several entries is judged
// after the last of them, since the node has gone on before the others are seen.
func (a *audit) same(node protocol.NodeID, index uint64) error {
	s := a.net.Nodes[node].Ledger()
	if s.LogLen() != index+1 || s.Fold() == a.entries[index].fold {
		return nil
	}
	unspent := maps.Clone(a.genesis)
	for _, e := range a.entries[:index+1] {
		if e.tx != nil {
			move(unspent, e.tx)
		}
	}
	if wrong := a.differs(node, unspent, balances(unspent)); wrong != nil {
		return fmt.Errorf("after entry %d %w", index, wrong)
	}
	return fmt.Errorf("after entry %d node %v has the right outputs, and the wrong fold of them", index, node)
}

func balances(unspent map[ledger.Outpoint]ledger.TxOut) map[ledger.Owner]uint64 {
	sums := make(map[ledger.Owner]uint64)
	for _, p := range protocol.SortedKeysFunc(unspent, compareOutpoints) {
		sums[unspent[p].Owner] += unspent[p].Amount
	}
	return sums
}

// differs returns how a node's unspent outputs and balances differ from these, or nil.
func (a *audit) differs(node protocol.NodeID, unspent map[ledger.Outpoint]ledger.TxOut, balance map[ledger.Owner]uint64) error {
	seen, s := 0, a.net.Nodes[node].Ledger()
	for _, o := range a.net.Owners {
		for p, amount := range s.Unspent(o) {
			seen++
			if want, ok := unspent[p]; !ok || want != (ledger.TxOut{Owner: o, Amount: amount}) {
				return fmt.Errorf("node %v has output %d of %v unspent, worth %d and %v's; it should be worth %d", node, p.Index, p.TxID.String()[:8], amount, o.String()[:8], want.Amount)
			}
		}
		if got := s.Balance(o); got != balance[o] {
			return fmt.Errorf("node %v has a balance of %d for %v, it should be %d", node, got, o.String()[:8], balance[o])
		}
	}
	if seen != len(unspent) {
		return fmt.Errorf("node %v has %d unspent outputs, there should be %d", node, seen, len(unspent))
	}
	return nil
}

// sampled bounds the number of nodes whose unspent outputs are compared one by one, since
// each node has all of them.
const sampled = 64

// compare requires that nodes have the outputs, the balances and the list of the second
// ledger, except nodes that are behind.
func (a *audit) compare(behind map[int]bool) error {
	balance := balances(a.unspent)
	for i, n := range a.net.Nodes[:min(sampled, len(a.net.Nodes))] {
		if behind[i] || a.net.Incarnations.Down(protocol.NodeID(i)) {
			continue
		}
		if wrong := a.differs(protocol.NodeID(i), a.unspent, balance); wrong != nil {
			return wrong
		}
		for _, e := range a.entries {
			if e.tx != nil && !n.Ledger().Listed(e.tx.TxID()) {
				return fmt.Errorf("node %d has not listed %v, which was accepted", i, e.tx.TxID().String()[:8])
			}
		}
	}
	return nil
}
