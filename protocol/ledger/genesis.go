package ledger

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"sort"

	"dessim/protocol/bencode"
)

// A Genesis is the outputs that a network begins with. It never changes, so that
// all nodes of a run, and all goroutines, share one.
type Genesis struct {
	network string
	id      ID
	outs    []TxOut
	minted  uint64
	// byOwner is the positions in outs, ordered by owner and then position; so an
	// owner's outputs are a range of it and need no map. before[i] is what the
	// first i of them are worth together.
	byOwner []uint32
	before  []uint64
}

// NewGenesis returns the genesis of a network, whose name has 1 to MaxNetwork
// bytes. It copies outs. There must be at least one, each of MinAmount or more,
// and all together of MaxAmount or less; anything else panics, as a mistake in the
// plan.
func NewGenesis(network string, outs []TxOut) *Genesis {
	if len(network) < 1 || len(network) > MaxNetwork {
		panic(fmt.Sprintf("ledger: the name of network %q has %d bytes, want 1 to %d", network, len(network), MaxNetwork))
	}
	if len(outs) < 1 || len(outs) > math.MaxInt32 {
		panic(fmt.Sprintf("ledger: the genesis of %q has %d outputs", network, len(outs)))
	}
	g := &Genesis{network: network, outs: slices.Clone(outs)}
	for i := range outs {
		if v := add(&g.minted, outs[i].Amount); v != Accepted {
			panic(fmt.Sprintf("ledger: the genesis of %q has output %d of %d after %d: %v", network, i, outs[i].Amount, g.minted, v))
		}
	}
	b := bencode.AppendBytes([]byte{'l'}, genesisTag)
	b = bencode.AppendBytes(b, network)
	b = encodeOutputs(b, outs)
	g.id = sha256.Sum256(append(b, 'e'))

	g.byOwner = make([]uint32, len(outs))
	for i := range g.byOwner {
		g.byOwner[i] = uint32(i)
	}
	slices.SortFunc(g.byOwner, func(i, j uint32) int {
		return cmp.Or(compareOwners(outs[i].Owner, outs[j].Owner), cmp.Compare(i, j))
	})
	g.before = make([]uint64, len(outs)+1)
	for i, at := range g.byOwner {
		g.before[i+1] = g.before[i] + outs[at].Amount
	}
	return g
}

// Network returns the name of the network.
func (g *Genesis) Network() string { return g.network }

// TxID returns the transaction id under which the outputs are spent: output i is
// Outpoint{TxID, i}. It is a hash of the network's name and the outputs, and no
// transaction has it.
func (g *Genesis) TxID() ID { return g.id }

// Minted returns the sum of the outputs.
func (g *Genesis) Minted() uint64 { return g.minted }

// find returns the output that an outpoint names. The outpoint's transaction is
// the genesis.
func (g *Genesis) find(index uint32) (TxOut, bool) {
	if int64(index) >= int64(len(g.outs)) {
		return TxOut{}, false
	}
	return g.outs[index], true
}

// owned returns the range of byOwner that belongs to o.
func (g *Genesis) owned(o Owner) (from, to uint32) {
	i := sort.Search(len(g.byOwner), func(i int) bool {
		return compareOwners(g.outs[g.byOwner[i]].Owner, o) >= 0
	})
	j := i + sort.Search(len(g.byOwner)-i, func(j int) bool {
		return g.outs[g.byOwner[i+j]].Owner != o
	})
	return uint32(i), uint32(j)
}
