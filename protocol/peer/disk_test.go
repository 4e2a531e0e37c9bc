package peer

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
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

// spend returns a transaction, not endorsed, in which a member pays coin n to another.
func (w *world) spend(sender, n, receiver, witness int) *ledger.Tx {
	return &ledger.Tx{
		Version: ledger.Version, Network: w.genesis.Network(), Sender: w.owner(sender), Seq: 1, Witness: w.owner(witness),
		Inputs:  []ledger.Input{{Outpoint: w.outpoint(sender, n), Claimed: coin}},
		Outputs: []ledger.TxOut{{Owner: w.owner(receiver), Amount: coin}},
	}
}

// Two incarnations of one node: what it had committed and what it had applied is there
// again, and the outputs that a commit without a place spends stay promised.
func TestARestartKnowsItsCommits(t *testing.T) {
	w := newWorld(3, 2)
	w.survive = true
	n := w.make(0)
	tx := w.spend(0, 0, 1, 2)
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
	if n.Stats().Torn != 1 {
		t.Errorf("%d records are torn, want 1", n.Stats().Torn)
	}
}

// A crash took the record of a commit, and not those of its place in the order: two-phase commit
// reports the commit again, and then another node gives it a second place.
func TestACommitThatTheLedgerListsIsAccepted(t *testing.T) {
	w := newWorld(3, 2)
	w.survive = true
	n := w.make(0)
	tx := w.spend(0, 0, 1, 2)
	place := func(env *protocol.Env, v ledger.Verdict) {
		n.apply(env, ordered{id: ledger.ID(gossip.Sum(tx.Encode(nil)))}, &parsed{tx: tx}, v)
	}
	var env protocol.Env
	env.Enter(0, 2, 0, nil)
	place(&env, ledger.Accepted)
	id := twopc.ID{Client: w.client(), Transfer: 4, Attempt: 1}
	n.committed(&env, twopc.Decision{ID: id, Commit: true, Mine: true}, tx)
	place(&env, ledger.DuplicateTx)
	var told []Outcome
	for _, e := range env.Effects() {
		if e.Op == protocol.OpSend && e.To == w.client() {
			msg, _ := link.Payload(e.Body)
			r, ok := DecodeReply(msg)
			if !ok {
				t.Fatalf("the client is sent %q", e.Body)
			}
			told = append(told, r.Outcome)
		}
	}
	if !slices.Equal(told, []Outcome{Accepted}) || n.out.done[transferOf(id)].outcome != Accepted || len(n.out.pending) != 0 {
		t.Errorf("the client is told %v, and on demand %v, with %d replies to come; want accepted, once", told, n.out.done[transferOf(id)].outcome, len(n.out.pending))
	}
}

// What a node writes down again says the same as what it discards, whether a restart
// finds it alone or after the old records.
func TestWhatIsWrittenAgainSaysTheSame(t *testing.T) {
	w := newWorld(4, 3)
	w.survive = true
	old := w.make(0)
	for i := range uint64(3) {
		tx := w.spend(int(i%2), int(i), 2, 3)
		tx.Seq = 1 + i
		id := twopc.ID{Client: w.client(), Transfer: 7 - i, Attempt: 1}
		old.fold(stored{typ: storeCommit, id: id, nodes: []protocol.NodeID{0, 1, 3}, body: tx.Encode(nil)}.append(nil))
	}
	old.fold(stored{typ: storeBody, body: []byte("a body of others")}.append(nil))
	old.fold(stored{typ: storeKey, key: w.keys[1].Public()}.append(nil))
	old.placed(old.out.unplaced[1].wtxid)
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	old.checkpoint(&env)
	say := func(n *Node) string {
		var b []byte
		for _, c := range n.out.unplaced {
			b = fmt.Appendf(b, "unplaced %v\n", c.id)
		}
		b = fmt.Appendf(b, "promised %v\nkeys %v\nbodies %v\n", n.out.promised, n.keys.known, n.bodies.own)
		for _, id := range protocol.SortedKeysFunc(n.out.commits, compareIDs) {
			c := n.out.commits[id]
			b = fmt.Appendf(b, "commit %v of %v, %x\n", c.id, c.nodes, c.body)
		}
		for _, transfer := range []uint64{5, 6, 7} {
			if a, ok := n.out.done[transferID{w.client(), transfer}]; ok {
				b = fmt.Appendf(b, "client is answered %v %v\n", a.attempt.id, a.outcome)
			}
		}
		return string(b)
	}
	alone := w.make(0)
	for range 2 { // the second time after the old records
		for _, e := range env.Effects() {
			alone.fold(e.Body)
		}
		// The log places it again.
		alone.placed(placedOf(old))
		if got, want := say(alone), say(old); got != want {
			t.Errorf("a restart knows\n%s\nwant\n%s", got, want)
		}
	}
	if len(old.out.done) == 0 || len(old.out.commits) != 3 || len(old.bodies.own) != 4 || len(old.keys.known) != 2 || len(env.Effects()) != 5 {
		t.Errorf("vacuous: the node knows\n%s\nand writes %d records", say(old), len(env.Effects()))
	}
}

// placedOf returns the one commit that has its place.
func placedOf(n *Node) (id ledger.ID) {
	for wtxid := range n.out.commits {
		if !slices.ContainsFunc(n.out.unplaced, func(c *commit) bool { return c.wtxid == wtxid }) {
			id = wtxid
		}
	}
	return id
}
