package peer

import (
	"cmp"
	"encoding/binary"
	"slices"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// Request asks for a transfer: move an amount from the node it asks to a receiver,
// before a witness.
type Request struct {
	Transfer uint64 // names the transfer for its client, for all time; less than 2^47
	Attempt  uint32 // from 1
	Receiver ledger.Owner
	Witness  ledger.Owner
	Amount   uint64
}

// transfers holds the node's work for clients, and the outputs that are promised to
// transactions under way.
type transfers struct {
	open     map[twopc.ID]bool             // parties are being located, or queued
	queued   []*attempt                    // wait for coins, oldest first
	begun    map[twopc.ID]*attempt         // in two-phase commit
	pending  map[ledger.ID]*attempt        // committed, by wtxid: anybody can order other copies of the txid
	promised map[ledger.Outpoint]ledger.ID // spent by a transaction, of that txid, that is not applied yet
	asked    map[transferID]twopc.ID       // the attempt under way
	done     map[transferID]answer         // of what committed
	commits  map[ledger.ID]*commit         // by wtxid, with Config.Survive
	unplaced []*commit                     // of them, without a place in the order, oldest first
	seq      uint64                        // of the last transaction of this incarnation
}

// attempt is one attempt at a transfer that this node, as the sender, carries out.
type attempt struct {
	id                twopc.ID
	req               Request
	receiver, witness protocol.NodeID
	tx                *ledger.Tx
}

// transferID names what a client wants done once, in however many attempts.
type transferID struct {
	client   protocol.NodeID
	transfer uint64
}

func transferOf(id twopc.ID) transferID { return transferID{id.Client, id.Transfer} }

// answer is the reply about a transfer that has committed.
type answer struct {
	attempt *attempt
	outcome Outcome
}

// maxOpen is the usual Config.Open; further requests are aborted at once.
const maxOpen = 1 << 12

func (t *transfers) init() {
	t.open = make(map[twopc.ID]bool)
	t.begun = make(map[twopc.ID]*attempt)
	t.pending = make(map[ledger.ID]*attempt)
	t.promised = make(map[ledger.Outpoint]ledger.ID)
	t.asked = make(map[transferID]twopc.ID)
	t.done = make(map[transferID]answer)
	t.commits = make(map[ledger.ID]*commit)
}

// promise holds the inputs of tx until release.
func (t *transfers) promise(tx *ledger.Tx) {
	id := tx.TxID()
	for i := range tx.Inputs {
		t.promised[tx.Inputs[i].Outpoint] = id
	}
}

// release lets go of the inputs that are promised to tx. Most transactions are another node's.
func (t *transfers) release(tx *ledger.Tx) {
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		if by, promised := t.promised[p]; promised && by == tx.TxID() {
			delete(t.promised, p)
		}
	}
}

// request consumes a client's request: first it finds the parties. A client that
// loses patience asks with the next attempt number. While an earlier attempt is under
// way, or once one has committed, no other is begun: the client hears of that one.
func (n *Node) request(env *protocol.Env, client protocol.NodeID, r Request, inc uint32) {
	a := &attempt{id: twopc.ID{Client: client, Transfer: r.Transfer, Attempt: r.Attempt}, req: r}
	_, asked := n.out.asked[transferOf(a.id)]
	done, committed := n.out.done[transferOf(a.id)]
	switch {
	case committed:
		n.stats.Late++
		if r.Attempt > done.attempt.id.Attempt { // else it is a repetition: the answer is on its way
			n.reply(env, done.attempt, done.outcome)
		}
		return
	case asked || n.vote.Status(a.id) != twopc.Unknown:
		n.stats.Late++
		return
	case max(inc, 1) != env.Incarnation():
		n.reply(env, a, Aborted) // an earlier incarnation may have begun it, and replied
		return
	case r.Amount == 0 || r.Amount > n.state.Minted() || len(n.out.open) >= cmp.Or(n.cfg.Open, maxOpen):
		n.reply(env, a, Aborted)
		return
	}
	n.out.open[a.id] = true
	n.out.asked[transferOf(a.id)] = a.id
	n.locate(env, kademlia.ID(r.Receiver), func(env *protocol.Env, id protocol.NodeID, ok bool) {
		if !ok {
			n.turnAway(env, a)
			return
		}
		a.receiver = id
		n.locate(env, kademlia.ID(r.Witness), func(env *protocol.Env, id protocol.NodeID, ok bool) {
			if !ok {
				n.turnAway(env, a)
				return
			}
			a.witness = id
			n.out.queued = append(n.out.queued, a)
			n.retry(env)
		})
	})
}

// turnAway ends an attempt that was not begun.
func (n *Node) turnAway(env *protocol.Env, a *attempt) {
	delete(n.out.open, a.id)
	n.aborted(env, a)
}

// aborted replies to the client that an attempt has aborted.
func (n *Node) aborted(env *protocol.Env, a *attempt) {
	delete(n.out.asked, transferOf(a.id))
	n.reply(env, a, Aborted)
}

// retry begins the queued attempts that there are coins for, in their order. An attempt
// that no coin under way could pay either is aborted.
func (n *Node) retry(env *protocol.Env) {
	for len(n.out.queued) > 0 {
		a := n.out.queued[0]
		tx, ok := n.compose(env, a.req)
		if !ok && len(n.out.promised) > 0 {
			return
		}
		n.out.queued = n.out.queued[1:]
		if !ok {
			n.turnAway(env, a)
			continue
		}
		delete(n.out.open, a.id)
		a.tx = tx
		n.begin(env, a)
	}
}

// compose makes the transaction that the request asks for, from outputs that are
// not promised elsewhere.
func (n *Node) compose(env *protocol.Env, r Request) (*ledger.Tx, bool) {
	tx := &ledger.Tx{Version: ledger.Version, Network: n.cfg.Genesis.Network(), Sender: n.self, Witness: r.Witness}
	sum := uint64(0)
	for p, amount := range n.state.Unspent(n.self) {
		if _, taken := n.out.promised[p]; taken {
			continue
		}
		tx.Inputs = append(tx.Inputs, ledger.Input{Outpoint: p, Claimed: amount})
		if sum += amount; sum >= r.Amount {
			break
		}
	}
	if sum < r.Amount {
		return nil, false
	}
	tx.Outputs = append(tx.Outputs, ledger.TxOut{Owner: r.Receiver, Amount: r.Amount})
	if sum > r.Amount {
		tx.Outputs = append(tx.Outputs, ledger.TxOut{Owner: n.self, Amount: sum - r.Amount})
	}
	n.out.seq++
	tx.Seq = uint64(env.Incarnation())<<32 | n.out.seq
	return tx, true
}

func (n *Node) begin(env *protocol.Env, a *attempt) {
	n.out.begun[a.id] = a
	n.out.promise(a.tx)
	env.Note(KindTransfer, a.id, "begins:", a.req.Amount, "to", a.receiver, "before", a.witness)
	participants := []protocol.NodeID{env.ID(), a.receiver, a.witness}
	if err := n.vote.Begin(env, a.id, a.tx.Encode(nil), participants); err != nil {
		delete(n.out.begun, a.id)
		n.out.release(a.tx)
		n.aborted(env, a)
	}
}

// inspect is this node's judgement of a transaction in which it takes part.
func (n *Node) inspect(env *protocol.Env, id twopc.ID, payload []byte) (keys [][]byte, endorsement []byte, ok bool) {
	tx, v := ledger.Decode(payload)
	if v == ledger.Accepted {
		v = n.state.Judge(tx)
	}
	if v != ledger.Accepted {
		env.Note(KindRefused, id, v)
		return nil, nil, false
	}
	if tx.Sender == n.self && n.out.begun[id] == nil {
		return nil, nil, false // no other node spends for this one
	}
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		if by, taken := n.out.promised[p]; taken && by != tx.TxID() {
			env.Note(KindRefused, id, "input is promised to", by)
			return nil, nil, false
		}
		key := binary.BigEndian.AppendUint32(append(make([]byte, 0, len(p.TxID)+4), p.TxID[:]...), p.Index)
		keys = append(keys, key)
	}
	e := n.cfg.Key.Endorse(n.cfg.Verifier, tx)
	return keys, slices.Concat(e.Owner[:], e.Signature[:]), true
}

// decided is called when a transaction in which this node takes part has ended.
func (n *Node) decided(env *protocol.Env, d twopc.Decision) {
	a := n.out.begun[d.ID]
	if !d.Commit {
		if d.Mine && a != nil {
			delete(n.out.begun, d.ID)
			n.out.release(a.tx)
			n.aborted(env, a)
			n.retry(env)
		}
		return
	}
	tx, v := ledger.Decode(d.Payload)
	if v != ledger.Accepted {
		return // the coordinator lies; this never enters the order
	}
	for _, e := range d.Endorsements {
		var x ledger.Endorsement
		if len(e.Bytes) == len(x.Owner)+len(x.Signature) {
			copy(x.Owner[:], e.Bytes)
			copy(x.Signature[:], e.Bytes[len(x.Owner):])
			if x.Owner != n.self || e.Node == env.ID() { // no other node endorses for this one
				tx.Endorse(x)
			}
		}
	}
	if tx.Sender == n.self && !tx.EndorsedBy(n.self) { // a Liar is not a participant
		tx.Endorse(n.cfg.Key.Endorse(n.cfg.Verifier, tx))
	}
	switch n.state.Judge(tx) {
	case ledger.DuplicateTx, ledger.PairReused, ledger.InputSpent: // its place comes in vain, or came before this
	default:
		n.out.promise(tx)
	}
	c, news := n.committed(env, d, tx)
	if d.Mine {
		delete(n.out.begun, d.ID)
	} else {
		if !n.flood.Has(gossip.ID(c.wtxid)) { // else it may be applied already, and would never be forgotten
			n.bodies.own[c.wtxid] = c.body
		}
		n.advance(env)
	}
	if news { // else the next view shows whether it lacks a place
		n.place(env, c)
	}
}

// committed records a commit and, if it is this node's own, replies to the client. news
// is false if the commit was known and is reported again after a restart.
func (n *Node) committed(env *protocol.Env, d twopc.Decision, tx *ledger.Tx) (c *commit, news bool) {
	s := stored{typ: storeCommit, id: d.ID, nodes: []protocol.NodeID{d.Coordinator}, body: tx.Encode(nil)}
	for _, e := range d.Endorsements {
		if e.Node != d.Coordinator {
			s.nodes = append(s.nodes, e.Node)
		}
	}
	c = &commit{id: d.ID, nodes: s.nodes, wtxid: ledger.ID(gossip.Sum(s.body)), body: s.body}
	if known := n.out.commits[c.wtxid]; known != nil {
		return known, false
	}
	n.persist(env, s)
	n.enter(c, tx)
	if d.Mine {
		a := n.out.begun[d.ID]
		if a == nil { // a Liar's own, or of an earlier incarnation
			a = c.attempt()
		}
		n.await(c, a)
		if n.state.Listed(tx.TxID()) { // a crash took the record of the commit, and not that of its place
			n.applied(env, c.wtxid, true)
		} else {
			n.reply(env, a, Committed)
		}
	}
	return c, true
}

// enter remembers a commit until its transaction has its place.
func (n *Node) enter(c *commit, tx *ledger.Tx) {
	if n.cfg.Survive {
		n.out.commits[c.wtxid] = c
		if !n.hasPlace(tx, c.wtxid) {
			n.out.unplaced = append(n.out.unplaced, c)
		}
	}
}

// await makes the node reply when the transaction has its place in the order.
func (n *Node) await(c *commit, a *attempt) {
	delete(n.out.asked, transferOf(c.id))
	n.out.pending[c.wtxid] = a
	n.out.done[transferOf(c.id)] = answer{a, Committed}
}

// attempt returns what is known of the attempt after a restart.
func (c *commit) attempt() *attempt {
	return &attempt{id: c.id, req: Request{Transfer: c.id.Transfer, Attempt: c.id.Attempt}}
}

// applied replies to the client how its transfer ended at its place in the order: it is accepted if
// the ledger lists the transaction, be it from another place.
func (n *Node) applied(env *protocol.Env, id ledger.ID, listed bool) {
	a := n.out.pending[id]
	if a == nil {
		return
	}
	delete(n.out.pending, id)
	outcome := Refused
	if listed {
		outcome = Accepted
	}
	n.out.done[transferOf(a.id)] = answer{a, outcome}
	n.reply(env, a, outcome)
}

func (n *Node) reply(env *protocol.Env, a *attempt, o Outcome) {
	env.Note(KindTransfer, a.id, o)
	n.send(env, a.id.Client, KindReply, message{typ: typeReply, req: a.req, outcome: o, incarnation: laterIncarnation(env)})
}

// laterIncarnation returns this incarnation as messages carry it: 0 for the first.
func laterIncarnation(env *protocol.Env) uint32 {
	if env.Incarnation() == 1 {
		return 0
	}
	return env.Incarnation()
}
