package peer

import (
	"bytes"
	"testing"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

func FuzzDecodeStoredInvertsAppend(f *testing.F) {
	for _, s := range []stored{
		{typ: storeCommit, id: twopc.ID{Client: 5, Transfer: 7, Attempt: 2}, nodes: []protocol.NodeID{3, 0, 1}, body: []byte("body")},
		{typ: storeBody, body: []byte("body")},
		{typ: storeKey, key: make([]byte, ledger.PublicKeySize)},
	} {
		rec := s.append(nil)
		f.Add(rec)
		for n := range rec { // a torn record is none
			if _, ok := decodeStored(rec[:n]); ok {
				f.Errorf("the first %d of %d bytes of %q are taken for a record", n, len(rec), rec)
			}
		}
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		if s, ok := decodeStored(rec); ok && !bytes.Equal(s.append(nil), rec) {
			t.Errorf("%q is read as %+v, which is written %q", rec, s, s.append(nil))
		}
	})
}

// Two incarnations of one node: what it had committed and what it had applied is there
// again, and the outputs that a commit without a place spends stay promised.
func TestARestartKnowsItsCommits(t *testing.T) {
	w := newWorld(3, 2)
	w.survive = true
	n := w.make(0)
	tx := &ledger.Tx{
		Version: ledger.Version, Network: w.genesis.Network(), Sender: w.owner(0), Seq: 1, Witness: w.owner(2),
		Inputs:  []ledger.Input{{Outpoint: w.outpoint(0, 0), Claimed: coin}},
		Outputs: []ledger.TxOut{{Owner: w.owner(1), Amount: coin}},
	}
	body := tx.Encode(nil)
	id := twopc.ID{Client: w.client(), Transfer: 4, Attempt: 1}
	rec := stored{typ: storeCommit, id: id, nodes: []protocol.NodeID{0, 1, 2}, body: body}.append(nil)
	n.fold(rec)
	n.fold(rec)              // again
	n.fold(rec[:len(rec)-2]) // torn
	if len(n.out.unplaced) != 1 || n.out.promised[w.outpoint(0, 0)] != tx.TxID() {
		t.Errorf("%d commits without a place, promised %v; want one that spends coin 0", len(n.out.unplaced), n.out.promised)
	}
	if d := n.out.done[transferOf(id)]; d.attempt == nil || d.outcome != Committed {
		t.Errorf("the client would be answered %+v, want committed", d)
	}
	if got, ok := n.Body(n.out.unplaced[0].wtxid); !ok || !bytes.Equal(got, body) {
		t.Errorf("the body is %q, want %q", got, body)
	}
	if n.Stats().Malformed != 1 {
		t.Errorf("%d records are malformed, want the torn one", n.Stats().Malformed)
	}
}
