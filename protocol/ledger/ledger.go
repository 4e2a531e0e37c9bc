// Package ledger is the data of the distributed ledger: transactions that spend
// earlier outputs, the rules that accept or refuse them, and the state that every
// node computes for itself from their total order. It sends nothing, waits for
// nothing and is not a Node.
//
// The form is Bitcoin's (Nakamoto 2008, section 2): a transaction names unspent
// outputs by outpoint and makes new ones of the same value. Two things differ.
// There is no mining and no fee, so value is conserved exactly; and a transaction
// carries the endorsements of all concerned, namely sender, receivers and a
// disinterested witness, and a Lamport pair (sender, sequence) that names it
// (Lamport 1978).
//
// A transaction is judged in three stages, always in this order; the order of
// the rules within a stage is written at the function:
//
//	Tx.Check            form and amounts; needs nothing but the transaction
//	Tx.CheckSignatures  endorsements; needs the endorsers' public keys
//	State.Judge         against the unspent outputs; decides double spends
//
// A node passes a transaction on after the first two, which do not depend on
// state, so that a child may travel before its parent. At ordered delivery it
// judges and then calls State.Apply, or State.Refuse when an earlier stage refused
// it. The package promises: equal orders give equal verdicts, hashes and
// balances on every node; a refused transaction changes the log's hash and
// length and nothing else; the sum of unspent outputs is what was minted. It
// does not reserve outputs (two-phase commit does), does not keep the log's
// entries (the machine that orders has them on disk), and does not find keys.
//
// An Owner is a SHA-1 hash, as Kademlia prescribes. To spend another's outputs takes
// a second preimage of it. Two keys of one hash could make nodes that hold different
// ones disagree on a signature; the known collisions are of far longer inputs than a
// key.
package ledger

import "encoding/hex"

// Limits of a transaction. All nodes of a network must use the same.
const (
	Version    = 1                     // the only version that Check accepts
	MinAmount  = 1                     // least value of an output
	MaxAmount  = 2_100_000_000_000_000 // greatest value of an output, of any sum, and of all that is minted
	MaxSize    = 8192                  // bytes of an encoded transaction
	MaxNetwork = 32                    // bytes of a network's name; it has at least one
	genesisTag = "dessim genesis"      // keeps the hash of a genesis apart from all others
	digestTag  = "dessim endorsement\x00"
	keyTag     = "dessim key\x00"
)

// ID is a SHA-256 hash that names a transaction: its txid, which leaves the
// signatures out, or its wtxid, which has them in.
type ID [32]byte

// String returns all 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// An Outpoint names an output: the transaction that made it, by txid, and the
// position among that transaction's outputs.
type Outpoint struct {
	TxID  ID
	Index uint32
}

// A TxOut is an output: an amount that belongs to an owner.
type TxOut struct {
	Owner  Owner
	Amount uint64 // MinAmount to MaxAmount
}
