package judge

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// audit is the second ledger: a plain map of unspent outputs and two hashes, kept by the
// judge and not by the machines. From package ledger it uses the decoder and the fields of
// a transaction, but none of the verification.
type audit struct {
	net     *Network
	unspent map[coin]ledger.TxOut
	balance map[ledger.Owner]uint64
	entries uint64      // applied
	log     ledger.ID   // hash of the log so far
	list    ledger.ID   // of the accepted ones
	before  []ledger.ID // by node: the log's hash at its last entry
}

type coin struct {
	tx    ledger.ID
	index uint32
}

func newAudit(n *Network) audit {
	a := audit{
		net:     n,
		unspent: make(map[coin]ledger.TxOut, len(n.Minted)),
		balance: make(map[ledger.Owner]uint64, len(n.Owners)),
		before:  slices.Repeat([]ledger.ID{n.Genesis.TxID()}, len(n.Nodes)),
	}
	a.log, a.list = n.Genesis.TxID(), n.Genesis.TxID()
	for i, o := range n.Minted {
		a.add(coin{n.Genesis.TxID(), uint32(i)}, o)
	}
	return a
}

func (a *audit) add(c coin, o ledger.TxOut) {
	a.unspent[c] = o
	a.balance[o.Owner] += o.Amount
}

// see audits an entry if it is the next one, from a node whose log is the same so far. If
// the log differs, there are two orders, and the audit could accuse the wrong one.
func (a *audit) see(node protocol.NodeID, x peer.Entry) (relevant bool, wrong error) {
	if x.Index == 0 {
		a.before[node] = a.net.Genesis.TxID() // the log begins again, perhaps after a restart
	}
	before := a.before[node]
	a.before[node] = x.LogHash
	if x.Index != a.entries || before != a.log {
		return false, nil
	}
	a.entries++
	a.log = follow(a.log, x)
	if x.Verdict == ledger.Accepted {
		a.list = follow(a.list, x)
		if wrong := a.apply(node, x.WTxID); wrong != nil {
			return true, wrong
		}
	}
	switch {
	case x.LogHash != a.log:
		return true, fmt.Errorf("node %v has log hash %v after entry %d, it should be %v", node, x.LogHash.String()[:8], x.Index, a.log.String()[:8])
	case x.ListHash != a.list:
		return true, fmt.Errorf("node %v has list hash %v after entry %d, it should be %v", node, x.ListHash.String()[:8], x.Index, a.list.String()[:8])
	}
	return true, nil
}

// follow returns L6: the hash of the hash so far, the transaction and its verdict.
func follow(before ledger.ID, x peer.Entry) ledger.ID {
	b := append(before[:], x.WTxID[:]...)
	return sha256.Sum256(append(b, byte(x.Verdict)))
}

// apply applies an accepted transaction, or returns why it must not be accepted.
func (a *audit) apply(node protocol.NodeID, id ledger.ID) error {
	name := id.String()[:8]
	body, ok := a.net.Nodes[node].Body(id)
	if !ok || sha256.Sum256(body) != id {
		return fmt.Errorf("node %v accepted %v without its body", node, name)
	}
	tx, v := ledger.Decode(body)
	if v != ledger.Accepted {
		return fmt.Errorf("node %v accepted %v, which cannot be decoded: %v", node, name, v)
	}
	in, out := uint64(0), uint64(0)
	for _, i := range tx.Inputs {
		c := coin{i.Outpoint.TxID, i.Outpoint.Index}
		was, ok := a.unspent[c]
		switch {
		case !ok:
			return fmt.Errorf("node %v accepted %v, which spends output %d of %v: it is spent, or never was", node, name, c.index, c.tx.String()[:8])
		case was.Owner != tx.Sender:
			return fmt.Errorf("node %v accepted %v, in which %v spends output %d of %v: it is %v's", node, name, tx.Sender.String()[:8], c.index, c.tx.String()[:8], was.Owner.String()[:8])
		}
		delete(a.unspent, c)
		a.balance[was.Owner] -= was.Amount
		in += was.Amount
	}
	txid := tx.TxID()
	for i, o := range tx.Outputs {
		a.add(coin{txid, uint32(i)}, o)
		out += o.Amount
	}
	if in != out {
		return fmt.Errorf("node %v accepted %v, which makes %d of %d", node, name, out, in)
	}
	return nil
}

// sampled bounds the number of nodes whose unspent outputs are compared one by one, since
// each node has all of them.
const sampled = 64

// compare requires that nodes have the unspent outputs and balances of the second
// ledger, except nodes that are behind.
func (a *audit) compare(behind map[int]bool) error {
	for i, n := range a.net.Nodes[:min(sampled, len(a.net.Nodes))] {
		if behind[i] || a.net.Incarnations.Down(protocol.NodeID(i)) {
			continue
		}
		seen := 0
		for _, o := range a.net.Owners {
			for p, amount := range n.Ledger().Unspent(o) {
				seen++
				if want, ok := a.unspent[coin{p.TxID, p.Index}]; !ok || want != (ledger.TxOut{Owner: o, Amount: amount}) {
					return fmt.Errorf("node %d has output %d of %v unspent, worth %d and %v's; it should be worth %d", i, p.Index, p.TxID.String()[:8], amount, o.String()[:8], want.Amount)
				}
			}
			if got := n.Ledger().Balance(o); got != a.balance[o] {
				return fmt.Errorf("node %d has a balance of %[3]d for %[2]v, it should be %[4]d", i, o.String()[:8], got, a.balance[o])
			}
		}
		if seen != len(a.unspent) {
			return fmt.Errorf("node %d has %d unspent outputs, there should be %d", i, seen, len(a.unspent))
		}
	}
	return nil
}
