package ledger_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"math/big"
	"slices"

	"dessim/protocol/ledger"
)

const network = "test"

// Who is who in these tests. The witnesses own nothing.
const (
	alice = iota
	bob
	carol
	wendy
	will
	people
)

// world is a genesis in which alice has 100 and 50, bob 30, with everybody's key.
type world struct {
	keys    []ledger.Key
	pubs    map[ledger.Owner][]byte
	genesis *ledger.Genesis
	state   *ledger.State
}

func newWorld() *world {
	w := &world{pubs: map[ledger.Owner][]byte{}}
	for i := range people {
		k := ledger.NewKey([32]byte{byte(i)})
		w.keys = append(w.keys, k)
		w.pubs[k.Owner()] = k.Public()
	}
	w.genesis = ledger.NewGenesis(network, []ledger.TxOut{
		{Owner: w.owner(alice), Amount: 100}, {Owner: w.owner(bob), Amount: 30}, {Owner: w.owner(alice), Amount: 50},
	})
	w.state = ledger.NewState(w.genesis)
	return w
}

func (w *world) owner(who int) ledger.Owner { return w.keys[who].Owner() }

func (w *world) key(o ledger.Owner) ([]byte, bool) {
	pub, ok := w.pubs[o]
	return pub, ok
}

// coin names an output of the genesis.
func (w *world) coin(i uint32) ledger.Outpoint {
	return ledger.Outpoint{TxID: w.genesis.TxID(), Index: i}
}

// transfer moves alice's 100, 70 of them to bob, unsigned. change makes it odd.
func (w *world) transfer(change func(*ledger.Tx)) *ledger.Tx {
	t := &ledger.Tx{
		Version: ledger.Version, Network: network, Sender: w.owner(alice), Seq: 1,
		Inputs:  []ledger.Input{{Outpoint: w.coin(0), Claimed: 100}},
		Outputs: []ledger.TxOut{{Owner: w.owner(bob), Amount: 70}, {Owner: w.owner(alice), Amount: 30}},
		Witness: w.owner(wendy),
	}
	if change != nil {
		change(t)
	}
	return t
}

// signed adds the endorsements that t needs and returns it.
func (w *world) signed(t *ledger.Tx) *ledger.Tx {
	t.Endorsements = nil
	for _, o := range t.Endorsers() {
		for _, k := range w.keys {
			if k.Owner() == o {
				t.Endorse(k.Endorse(nil, t))
			}
		}
	}
	return t
}

// judge is the three stages, from the bytes on.
func (w *world) judge(b []byte) (*ledger.Tx, ledger.Verdict) {
	t, v := ledger.Decode(b)
	if v == ledger.Accepted {
		v = t.Check(network)
	}
	if v == ledger.Accepted {
		v = t.CheckSignatures(w.key, nil)
	}
	if v == ledger.Accepted {
		v = w.state.Judge(t)
	}
	return t, v
}

// order has t delivered: it is judged and logged.
func (w *world) order(t *ledger.Tx) ledger.Verdict {
	t, v := w.judge(t.Encode(nil))
	w.state.Apply(t, v)
	return v
}

func clone(t *ledger.Tx) *ledger.Tx {
	c := *t
	c.Inputs, c.Outputs, c.Endorsements = slices.Clone(t.Inputs), slices.Clone(t.Outputs), slices.Clone(t.Endorsements)
	return &c
}

// highS returns the other valid form of a signature.
func highS(sig ledger.Signature) ledger.Signature {
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return sig
}

// resigned is signed with signatures that are as good but not those of RFC 6979.
func (w *world) resigned(t *ledger.Tx) *ledger.Tx {
	w.signed(t)
	digest := t.Digest()
	for i := range t.Endorsements {
		for _, k := range w.keys {
			if k.Owner() != t.Endorsements[i].Owner {
				continue
			}
			r, s, err := ecdsa.Sign(rand.Reader, k.Private(), digest[:])
			if err != nil {
				panic(err)
			}
			sig := &t.Endorsements[i].Signature
			r.FillBytes(sig[:32])
			s.FillBytes(sig[32:])
			if (*ledger.Verifier)(nil).Verify(k.Public(), digest, *sig) == ledger.HighS {
				*sig = highS(*sig)
			}
		}
	}
	return t
}

func newGenesis() *ledger.Genesis {
	return ledger.NewGenesis(network, []ledger.TxOut{{Amount: 1}})
}
