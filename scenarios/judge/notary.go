package judge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"math/big"

	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// Notary verifies every endorsement with the standard library alone: it shares neither the
// rules nor the caches of package ledger.
type Notary struct {
	net    *Network
	keys   map[ledger.Owner]*ecdsa.PublicKey
	listed map[ledger.ID]bool
}

// NewNotary returns a judge of the transactions that the nodes of n list.
func NewNotary(n *Network) *Notary {
	return &Notary{net: n, keys: make(map[ledger.Owner]*ecdsa.PublicKey), listed: make(map[ledger.ID]bool)}
}

// Endorsed requires that all parties have signed each listed transaction.
func (n *Notary) Endorsed() *check.Check {
	return check.Always("all parties sign each listed transaction", sim.Output, func(e *sim.Event) (bool, error) {
		x, ok := Entry(e)
		if !ok || x.Verdict != ledger.Accepted || n.listed[x.WTxID] {
			return false, nil
		}
		n.listed[x.WTxID] = true
		name := x.WTxID.String()[:8]
		body, ok := n.net.Nodes[e.Node].Body(x.WTxID)
		if !ok {
			return true, fmt.Errorf("node %v lists %s without its body", e.Node, name)
		}
		tx, verdict := ledger.Decode(body)
		if verdict != ledger.Accepted {
			return true, fmt.Errorf("node %v lists %s, which cannot be decoded: %v", e.Node, name, verdict)
		}
		if wrong := n.Verify(tx); wrong != nil {
			return true, fmt.Errorf("node %v lists %s: %w", e.Node, name, wrong)
		}
		return true, nil
	}).OfOutputs(peer.KindEntry)
}

// Verify returns what is wrong with the signatures of tx, or nil.
func (n *Notary) Verify(tx *ledger.Tx) error {
	digest := digest(tx)
	signed := make(map[ledger.Owner]bool)
	for i := range tx.Endorsements {
		e := &tx.Endorsements[i]
		r, s := numbers(&e.Signature)
		key := n.key(e.Owner)
		if key == nil || !ecdsa.Verify(key, digest[:], r, s) {
			return fmt.Errorf("the signature of %v does not verify", e.Owner.String()[:8])
		}
		signed[e.Owner] = true
	}
	must := []ledger.Owner{tx.Sender, tx.Witness}
	for i := range tx.Outputs {
		must = append(must, tx.Outputs[i].Owner)
	}
	for _, o := range must {
		if !signed[o] {
			return fmt.Errorf("%v has not signed it", o.String()[:8])
		}
	}
	return nil
}

// numbers returns the two halves of a signature.
func numbers(sig *ledger.Signature) (r, s *big.Int) {
	return new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
}

// digest returns what signatures sign: the tagged hash of the hash of everything else.
func digest(tx *ledger.Tx) [32]byte {
	bare := *tx
	bare.Endorsements = nil
	b := bare.Encode(nil)
	id := sha256.Sum256(b[len("l") : len(b)-len("lee")])
	return sha256.Sum256(append([]byte("dessim endorsement\x00"), id[:]...))
}

// key returns the public key of a node of the plan, or nil.
func (n *Notary) key(o ledger.Owner) *ecdsa.PublicKey {
	if key := n.keys[o]; key != nil {
		return key
	}
	for i, owner := range n.net.Owners {
		if owner == o {
			x, y := elliptic.UnmarshalCompressed(elliptic.P256(), n.net.Keys[i].Public())
			point := append(append([]byte{4}, x.FillBytes(make([]byte, 32))...), y.FillBytes(make([]byte, 32))...)
			key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
			if err != nil {
				panic(fmt.Sprintf("judge: key of node %d: %v", i, err))
			}
			n.keys[o] = key
		}
	}
	return n.keys[o]
}
