package judge

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// audit is the second ledger: plain maps and lists of outputs and transactions, and two hashes, kept
// by the judge and not by the machines. It works out each verdict itself (verdict.go), and
// remembers what each entry changed, so that it knows the state at every place of the log.
// From package ledger it uses the decoder, the fields of a transaction and the definition of
// a fold, but none of the verification.
type audit struct {
	net     *Network
	notary  *Notary
	unspent purses
	spent   map[ledger.Outpoint]bool
	listed  map[ledger.ID]bool // accepted transactions, by txid
	pairs   map[pair]bool      // of these
	entries []audited
	log     ledger.ID   // hash of the log so far
	list    ledger.ID   // of the accepted ones
	before  []ledger.ID // by node: the log's hash at its last entry
	upTo    []uint64    // by node: entries after which its purses were compared
}

// audited is an entry of the log, and the state after it.
type audited struct {
	log    ledger.ID
	fold   uint64
	tx     *ledger.Tx // if accepted
	id     ledger.ID  // of tx
	purses []purse    // of the owners whose outputs it changed
}

func newAudit(n *Network) audit {
	return audit{
		net:     n,
		notary:  NewNotary(n),
		unspent: newPurses(n),
		spent:   make(map[ledger.Outpoint]bool),
		listed:  make(map[ledger.ID]bool),
		pairs:   make(map[pair]bool),
		log:     n.Genesis.TxID(),
		list:    n.Genesis.TxID(),
		before:  slices.Repeat([]ledger.ID{n.Genesis.TxID()}, len(n.Nodes)),
		upTo:    make([]uint64, len(n.Nodes)),
	}
}

// see audits an entry. The first node whose log reaches a place is judged on the verdict;
// each node, first or not, on what its state is afterwards. If the node's log differs from
// the one so far, there are two orders, and the audit could accuse the wrong one.
func (a *audit) see(node protocol.NodeID, x peer.Entry) (relevant bool, wrong error) {
	if x.Index == 0 {
		a.before[node], a.upTo[node] = a.net.Genesis.TxID(), 0 // the log begins again, perhaps after a restart
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
	a.log = follow(a.log, x)
	entry := audited{log: a.log}
	if n := len(a.entries); n > 0 {
		entry.fold = a.entries[n-1].fold
	}
	if x.Verdict == ledger.Accepted {
		a.list = follow(a.list, x)
		entry.tx, entry.id = tx, tx.TxID()
		entry.fold ^= a.apply(tx, entry.id)
		entry.purses = a.unspent.touched(tx)
	}
	a.entries = append(a.entries, entry)
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
func (a *audit) apply(tx *ledger.Tx, id ledger.ID) (fold uint64) {
	a.listed[id] = true
	a.pairs[pair{tx.Sender, tx.Seq}] = true
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		a.spent[p] = true
		fold ^= ledger.Toggle(p, a.unspent.outs[p])
	}
	a.unspent.move(tx)
	for i, o := range tx.Outputs {
		fold ^= ledger.Toggle(ledger.Outpoint{TxID: id, Index: uint32(i)}, o)
	}
	return fold
}

// same requires that a node's state after that entry is the second ledger's: by its fold,
// and by the purses that changed since it was last compared. If these differ, all is
// compared, output by output. A step that applies several entries is judged after the last of
// them, since the node has gone on before the others are seen.
func (a *audit) same(node protocol.NodeID, index uint64) error {
	s := a.net.Nodes[node].Ledger()
	if s.LogLen() != index+1 {
		return nil
	}
	from := min(a.upTo[node], index)
	a.upTo[node] = index + 1
	if s.Fold() == a.entries[index].fold && (int(node) >= sampled || a.samePurses(s, from, index)) {
		return nil
	}
	unspent := newPurses(a.net)
	for _, e := range a.entries[:index+1] {
		if e.tx != nil {
			unspent.move(e.tx)
		}
	}
	if wrong := a.differs(node, &unspent); wrong != nil {
		return fmt.Errorf("after entry %d %w", index, wrong)
	}
	return fmt.Errorf("after entry %d node %v has the right outputs, and the wrong fold of them", index, node)
}

// samePurses reports whether the purses that these entries changed are right in s.
func (a *audit) samePurses(s *ledger.State, from, to uint64) bool {
	seen := make(map[ledger.Owner]bool)
	for i := int(to); i >= int(from); i-- { // the last state of each
		for _, p := range a.entries[i].purses {
			if !seen[p.owner] && !p.long && foldOf(s.Unspent(p.owner)) != p.fold {
				return false
			}
			seen[p.owner] = true
		}
	}
	return true
}

// differs returns how a node's unspent outputs and balances differ from these, or nil.
func (a *audit) differs(node protocol.NodeID, want *purses) error {
	s := a.net.Nodes[node].Ledger()
	for _, o := range a.net.Owners {
		i, sum := 0, uint64(0)
		coins := want.of[o]
		for p, amount := range s.Unspent(o) {
			out, ok := want.outs[p]
			switch {
			case !ok || out != (ledger.TxOut{Owner: o, Amount: amount}):
				return fmt.Errorf("node %v has output %d of %v unspent, worth %d and %v's; it should be worth %d", node, p.Index, p.TxID.String()[:8], amount, o.String()[:8], out.Amount)
			case i == len(coins) || coins[i] != p:
				return fmt.Errorf("node %v has output %d of %v too early or too late: among those of %v that are unspent it is number %d", node, p.Index, p.TxID.String()[:8], o.String()[:8], i)
			}
			i++
			sum += amount
		}
		for _, p := range coins[i:] {
			return fmt.Errorf("node %v does not list output %d of %v as unspent; it is %v's", node, p.Index, p.TxID.String()[:8], o.String()[:8])
		}
		if got := s.Balance(o); got != sum {
			return fmt.Errorf("node %v has a balance of %d for %v, it should be %d", node, got, o.String()[:8], sum)
		}
	}
	return nil
}

// sampled bounds the number of nodes whose unspent outputs are compared one by one, since
// each node has all of them.
const sampled = 64

// compare requires that nodes have the outputs, the balances and the list of the second
// ledger, except nodes that are behind.
func (a *audit) compare(behind map[int]bool) error {
	for i, n := range a.net.Nodes[:min(sampled, len(a.net.Nodes))] {
		if behind[i] || a.net.Incarnations.Down(protocol.NodeID(i)) {
			continue
		}
		if wrong := a.differs(protocol.NodeID(i), &a.unspent); wrong != nil {
			return wrong
		}
		for _, e := range a.entries {
			if e.tx != nil && !n.Ledger().Listed(e.id) {
				return fmt.Errorf("node %d has not listed %v, which was accepted", i, e.id.String()[:8])
			}
		}
	}
	return nil
}
