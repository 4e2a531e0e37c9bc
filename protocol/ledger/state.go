package ledger

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"

	"dessim/protocol"
)

// A State is one node's ledger: which outputs are unspent, and how the log and
// the list of accepted transactions hash. It is a function of the order in which
// transactions were applied and of nothing else. It holds its difference to the
// genesis only, so that a run may have very many. Unspent outputs, duplicates and
// Lamport pairs are a function of the list alone: a refused transaction leaves no
// trace in them, and may be accepted when it is ordered again, as a child that came
// before its parent is.
//
// The log's entries are not kept, but for what Describe shows of them: the node that
// ordered them has them on disk, and rebuilds its State by applying them again.
type State struct {
	genesis *Genesis
	total   uint64 // sum of the unspent outputs
	fold    uint64 // of what is spent and what is made: see Fold

	logHash, listHash ID
	log               []logged

	txs     []accepted        // the list
	byID    map[ID]uint32     // positions in txs
	byPair  map[pair]struct{} // of the list
	coins   []coin            // outputs of the list, in its order
	spent   []uint32          // positions of the genesis' outputs that are, ascending
	wallets []wallet          // of the owners that the list mentions
	holder  map[Owner]uint32  // positions in wallets
}

// logged is what is kept of an entry of the log, for Describe alone: 5 bytes.
type logged struct {
	wtxid   [4]byte // its beginning
	verdict Verdict
}

// accepted is a transaction of the list.
type accepted struct {
	id    ID
	first uint32 // position in coins of its first output
}

// pair is a Lamport pair. The sender is known by its wallet, to save space.
type pair struct {
	wallet uint32
	seq    uint64
}

// coin is an output that is not of the genesis. The unspent ones of an owner are
// linked in order of creation, which stays cheap when some in the middle go.
type coin struct {
	amount     uint64
	wallet, tx uint32
	prev, next uint32 // positions in coins plus 1, so that 0 is none; gone if spent
}

const gone = 1<<32 - 1

// wallet is an owner's unspent outputs.
type wallet struct {
	owner       Owner
	from, to    uint32 // its range of Genesis.byOwner
	first, last uint32 // of its unspent coins, as coin.prev
	balance     uint64
}

// NewState returns the state before anything was ordered. States may share g.
func NewState(g *Genesis) *State {
	return &State{genesis: g, total: g.minted, logHash: g.id, listHash: g.id}
}

// LogLen returns the number of transactions that were ordered.
func (s *State) LogLen() uint64 { return uint64(len(s.log)) }

// LogHash hashes all that was ordered, with the verdicts: it is the genesis' id
// at first, then SHA-256 of itself, the wtxid and the verdict as a byte. Equal
// logs have equal hashes, and different logs of equal length different ones.
func (s *State) LogHash() ID { return s.logHash }

// ListLen returns the number of transactions that were accepted.
func (s *State) ListLen() uint64 { return uint64(len(s.txs)) }

// ListHash is LogHash over the accepted transactions alone.
func (s *State) ListHash() ID { return s.listHash }

// Total returns the sum of the unspent outputs. It is kept by addition and
// subtraction, not derived from Minted: checks compare the two.
func (s *State) Total() uint64 { return s.total }

// Minted returns the sum of the genesis' outputs.
func (s *State) Minted() uint64 { return s.genesis.minted }

// Fold returns a fold of the difference to the genesis: the XOR of Toggle of each output
// of the genesis that is spent and of each other one that is not. It follows the outputs as
// they stand in the state, so that a check need not walk over all of them.
func (s *State) Fold() uint64 { return s.fold }

// Toggle returns what an output adds to Fold, or takes from it.
func Toggle(p Outpoint, out TxOut) uint64 {
	return protocol.Hash3(protocol.HashBytes(p.TxID[:]), uint64(p.Index), protocol.Hash2(protocol.HashBytes(out.Owner[:]), out.Amount))
}

// Balance returns the sum of the unspent outputs of o.
func (s *State) Balance(o Owner) uint64 {
	if w, ok := s.holder[o]; ok {
		return s.wallets[w].balance
	}
	from, to := s.genesis.owned(o)
	return s.genesis.before[to] - s.genesis.before[from]
}

// Unspent returns the unspent outputs of o with their amounts, in an order that is
// the same on all nodes of equal list: those of the genesis by index, then the
// others as they were made. The cost is proportional to the outputs taken and to the
// genesis outputs of o. s must not change meanwhile.
func (s *State) Unspent(o Owner) iter.Seq2[Outpoint, uint64] {
	return func(yield func(Outpoint, uint64) bool) {
		var w wallet
		if at, ok := s.holder[o]; ok {
			w = s.wallets[at]
		} else {
			w.from, w.to = s.genesis.owned(o)
		}
		for _, i := range s.genesis.byOwner[w.from:w.to] {
			if _, spent := slices.BinarySearch(s.spent, i); spent {
				continue
			}
			if !yield(Outpoint{s.genesis.id, i}, s.genesis.outs[i].Amount) {
				return
			}
		}
		for at := w.first; at != 0; at = s.coins[at-1].next {
			c := &s.coins[at-1]
			tx := &s.txs[c.tx]
			if !yield(Outpoint{tx.id, at - 1 - tx.first}, c.amount) {
				return
			}
		}
	}
}

// Listed reports whether a transaction with that txid was accepted.
func (s *State) Listed(txid ID) bool {
	_, ok := s.byID[txid]
	return ok
}

// lookup returns an output, its position in coins if it is not of the genesis, and
// whether it can be spent (Accepted), was spent (InputSpent) or never existed
// (UnknownInput, with the zero TxOut).
func (s *State) lookup(p Outpoint) (out TxOut, at uint32, verdict Verdict) {
	if p.TxID == s.genesis.id {
		out, ok := s.genesis.find(p.Index)
		if !ok {
			return TxOut{}, 0, UnknownInput
		}
		if _, spent := slices.BinarySearch(s.spent, p.Index); spent {
			return out, 0, InputSpent
		}
		return out, 0, Accepted
	}
	tx, ok := s.byID[p.TxID]
	if !ok {
		return TxOut{}, 0, UnknownInput
	}
	end := uint64(len(s.coins))
	if int(tx)+1 < len(s.txs) {
		end = uint64(s.txs[tx+1].first)
	}
	if uint64(s.txs[tx].first)+uint64(p.Index) >= end {
		return TxOut{}, 0, UnknownInput
	}
	at = s.txs[tx].first + p.Index
	c := &s.coins[at]
	out = TxOut{s.wallets[c.wallet].owner, c.amount}
	if c.prev == gone {
		return out, at, InputSpent
	}
	return out, at, Accepted
}

// Judge returns the verdict on t if it is ordered next. It changes nothing, and
// its answer depends on the list and t alone. The rules in their order: those of
// Check; not on the list already; a fresh Lamport pair; each input known,
// unspent and the sender's; inputs worth exactly as much as outputs, since there
// are no fees and value may not vanish either; each input as claimed. Owners and
// amounts are those of the state. It does not look at endorsements: see
// CheckSignatures.
func (s *State) Judge(t *Tx) Verdict {
	return s.judge(t, t.TxID(), t.size())
}

func (s *State) judge(t *Tx, id ID, size int) Verdict {
	if v := t.check(s.genesis.network, size); v != Accepted {
		return v
	}
	if s.Listed(id) {
		return DuplicateTx
	}
	if w, ok := s.holder[t.Sender]; ok {
		if _, used := s.byPair[pair{w, t.Seq}]; used {
			return PairReused
		}
	}
	var worth, made uint64
	lied := false
	for i := range t.Inputs {
		in := &t.Inputs[i]
		out, _, verdict := s.lookup(in.Outpoint)
		switch {
		case verdict != Accepted:
			return verdict
		case out.Owner != t.Sender:
			return NotOwned
		}
		worth += out.Amount // of distinct unspent outputs: at most what was minted
		lied = lied || out.Amount != in.Claimed
	}
	for i := range t.Outputs {
		made += t.Outputs[i].Amount // cannot wrap: see check
	}
	switch {
	case worth < made:
		return Overspends
	case worth > made:
		return Underspends
	case lied:
		return ClaimWrong
	}
	return Accepted
}

// Apply appends t to the log and, if accepted, to the list, whole or not at all.
// verdict is that of Check, CheckSignatures and Judge, in this order, on t in this
// very state. Apply panics on a verdict that is not Final, and on Accepted where
// Judge disagrees: the node would silently diverge from all others. It keeps nothing
// of t.
func (s *State) Apply(t *Tx, verdict Verdict) {
	var buf encoded
	id, b := t.idAndEncoding(&buf)
	wtxid := ID(sha256.Sum256(b))
	if verdict == Accepted {
		if v := s.judge(t, id, len(b)); v != Accepted {
			panic(fmt.Sprintf("ledger: transaction %v is applied as accepted and judged %v", id, v))
		}
		s.spend(t)
		s.create(t, id)
		s.listHash = chain(s.listHash, wtxid, Accepted)
	}
	s.extendLog(wtxid, verdict)
}

// Refuse appends a refused entry to the log, by the hash of its bytes: for bytes that
// Decode does not take. For a transaction's WTxID it does the same as Apply. verdict
// must be Final and not Accepted.
func (s *State) Refuse(wtxid ID, verdict Verdict) {
	if verdict == Accepted {
		panic(fmt.Sprintf("ledger: transaction %v is refused with verdict accepted", wtxid))
	}
	s.extendLog(wtxid, verdict)
}

func (s *State) extendLog(wtxid ID, verdict Verdict) {
	if !verdict.Final() {
		panic(fmt.Sprintf("ledger: transaction %v is logged with verdict %v", wtxid, verdict))
	}
	s.logHash = chain(s.logHash, wtxid, verdict)
	s.log = append(s.log, logged{[4]byte(wtxid[:4]), verdict})
}

func chain(before, wtxid ID, verdict Verdict) ID {
	var b [2*len(before) + 1]byte
	copy(b[:], before[:])
	copy(b[len(before):], wtxid[:])
	b[2*len(before)] = byte(verdict)
	return sha256.Sum256(b[:])
}

// spend spends the inputs of an accepted transaction.
func (s *State) spend(t *Tx) {
	w := s.wallet(t.Sender)
	for i := range t.Inputs {
		p := t.Inputs[i].Outpoint
		out, at, _ := s.lookup(p)
		if p.TxID == s.genesis.id {
			where, _ := slices.BinarySearch(s.spent, p.Index)
			s.spent = slices.Insert(s.spent, where, p.Index)
			s.fold ^= Toggle(p, out)
		} else {
			s.unlink(at)
		}
		s.wallets[w].balance -= out.Amount
		s.total -= out.Amount
	}
}

// create adds an accepted transaction and its outputs.
func (s *State) create(t *Tx, id ID) {
	if s.byID == nil {
		s.byID = map[ID]uint32{}
		s.byPair = map[pair]struct{}{}
	}
	tx := uint32(len(s.txs))
	s.byID[id] = tx
	s.byPair[pair{s.wallet(t.Sender), t.Seq}] = struct{}{}
	s.txs = append(s.txs, accepted{id, uint32(len(s.coins))})
	for i := range t.Outputs {
		w := s.wallet(t.Outputs[i].Owner)
		amount := t.Outputs[i].Amount
		s.link(coin{amount: amount, wallet: w, tx: tx})
		s.wallets[w].balance += amount
		s.total += amount
	}
}

// wallet finds an owner's wallet, or makes it from the genesis.
func (s *State) wallet(o Owner) uint32 {
	if at, ok := s.holder[o]; ok {
		return at
	}
	if s.holder == nil {
		s.holder = map[Owner]uint32{}
	}
	at := uint32(len(s.wallets))
	w := wallet{owner: o, balance: s.Balance(o)}
	w.from, w.to = s.genesis.owned(o)
	s.wallets = append(s.wallets, w)
	s.holder[o] = at
	return at
}

// link appends c to the coins and to its owner's unspent ones.
func (s *State) link(c coin) {
	w := &s.wallets[c.wallet]
	c.prev = w.last
	s.coins = append(s.coins, c)
	at := uint32(len(s.coins)) // plus 1
	if c.prev == 0 {
		w.first = at
	} else {
		s.coins[c.prev-1].next = at
	}
	w.last = at
	s.toggle(at - 1)
}

// toggle enters the coin at that position into the fold, or removes it.
func (s *State) toggle(at uint32) {
	c := &s.coins[at]
	t := &s.txs[c.tx]
	s.fold ^= Toggle(Outpoint{t.id, at - t.first}, TxOut{s.wallets[c.wallet].owner, c.amount})
}

// unlink marks the coin at that position as spent.
func (s *State) unlink(at uint32) {
	s.toggle(at)
	c := &s.coins[at]
	w := &s.wallets[c.wallet]
	if c.prev == 0 {
		w.first = c.next
	} else {
		s.coins[c.prev-1].next = c.next
	}
	if c.next == 0 {
		w.last = c.prev
	} else {
		s.coins[c.next-1].prev = c.prev
	}
	c.prev, c.next = gone, gone
}
