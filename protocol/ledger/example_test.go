package ledger_test

import (
	"fmt"

	"dessim/protocol/ledger"
)

// Alice pays Bob before Wendy's eyes, and then tries to spend the same output
// again, with the help of all.
func Example() {
	alice, bob, wendy := ledger.NewKey([32]byte{1}), ledger.NewKey([32]byte{2}), ledger.NewKey([32]byte{3})
	keys := func(o ledger.Owner) ([]byte, bool) { // Kademlia's task, in a network
		for _, k := range []ledger.Key{alice, bob, wendy} {
			if k.Owner() == o {
				return k.Public(), true
			}
		}
		return nil, false
	}
	genesis := ledger.NewGenesis("example", []ledger.TxOut{{Owner: alice.Owner(), Amount: 100}})
	state, verifier := ledger.NewState(genesis), ledger.NewVerifier(1000)

	for seq := range uint64(2) {
		tx := &ledger.Tx{
			Version: ledger.Version, Network: "example",
			Sender: alice.Owner(), Seq: seq,
			Inputs:  []ledger.Input{{Outpoint: ledger.Outpoint{TxID: genesis.TxID(), Index: 0}, Claimed: 100}},
			Outputs: []ledger.TxOut{{Owner: bob.Owner(), Amount: 60}, {Owner: alice.Owner(), Amount: 40}},
			Witness: wendy.Owner(),
		}
		for _, k := range []ledger.Key{alice, bob, wendy} { // two-phase commit's
			tx.Endorse(k.Endorse(verifier, tx))
		}

		// What follows every node does with the bytes that it was handed.
		tx, verdict := ledger.Decode(tx.Encode(nil))
		if verdict == ledger.Accepted {
			verdict = tx.Check(genesis.Network())
		}
		if verdict == ledger.Accepted {
			verdict = tx.CheckSignatures(keys, verifier)
		}
		if verdict == ledger.Accepted {
			verdict = state.Judge(tx) // at ordered delivery, as all below
		}
		state.Apply(tx, verdict)
		fmt.Println(verdict, state.Balance(alice.Owner()), state.Balance(bob.Owner()))
	}
	fmt.Println(state.ListLen(), "of", state.LogLen(), "accepted;", state.Total(), "of", state.Minted(), "unspent")
	fmt.Printf("%s", state.Describe(nil))
	// Output:
	// accepted 40 60
	// input-spent 40 60
	// 1 of 2 accepted; 100 of 100 unspent
	// log: f717f84a
	// list: e16a8fcf
	// total: 100
	// entries:
	//   0: db12502f accepted as 9ba604bf, 60 to 3ef6ba4f, 40 to 79c872db
	//   1: f5c56418 input-spent
	// owners:
	//   3ef6ba4f:
	//     balance: 60
	//     sent: none
	//     unspent:
	//       9ba604bf.0: 60
	//   79c872db:
	//     balance: 40
	//     sent: 0
	//     unspent:
	//       9ba604bf.1: 40
}
