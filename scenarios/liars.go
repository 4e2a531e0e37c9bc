package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
)

// kindSaid is the question when a liar makes a broadcast, named by its number.
var kindSaid = protocol.KindOf("work.said")

const (
	// saidSpread is the time over which a liar broadcasts, in delays, so that its
	// transactions mix with the honest transfers.
	saidSpread = 20
	// hearDelays is the longest time until all nodes have heard of a broadcast, for each
	// try that it may take: links wait that long between tries.
	hearDelays = 20
	// fetchMost is the longest time that the log waits for a body that was refused when
	// it came, and must then be fetched.
	fetchMost = 100
)

// said draws when broadcast i is made, at from or soon after.
func (m *market) said(from protocol.Time, i uint64) protocol.Time {
	return m.after(from, int(m.choose(kindSaid, i, saidSpread)))
}

// heard returns a time by which what was broadcast before from+saidSpread has its place in
// the order: later broadcasts come after it.
func (m *market) heard(from protocol.Time) protocol.Time {
	return m.after(from, saidSpread+2*hearDelays*(1+repeats(m.p.Loss, 2)))
}

// say makes a liar broadcast body.
func (m *market) say(at protocol.Time, liar protocol.NodeID, body []byte) {
	m.input(at, liar, peer.SayInput(body))
	m.statements++
}

// unplaced returns the most bodies of liars that have no place in the order in the end. An
// honest node broadcasts a commit again after a crash, but a liar says everything once.
func (m *market) unplaced() int {
	if m.p.Failing() {
		return m.statements
	}
	return 0
}

// spend makes a liar get tx endorsed by two-phase commit; p are the receiver and witness.
func (m *market) spend(at protocol.Time, liar protocol.NodeID, transfer uint64, p [2]protocol.NodeID, tx *ledger.Tx) {
	m.history.Spend(at, liar, tx)
	m.input(at, liar, peer.SpendInput(transfer, p[0], p[1], tx))
}

// reserve is the number of nodes, the last ones, that send no honest transfers: so a plan
// knows what becomes of their coins.
const reserve = 2

func (m *market) askHonest() {
	for i := range uint64(m.p.Txs) {
		m.ask(m.said(m.begin+1, i), m.honest(i))
	}
}

// honest draws transfer i as transfer does, but with a sender before the reserve.
func (w *world) honest(i uint64) transfer {
	t := w.transfer(i)
	n := uint64(w.p.Nodes)
	if s := uint64(t.sender); s >= n-reserve {
		s -= n - reserve
		t.between(w, s, s+1)
	}
	return t
}

// genesisCoin names a coin with which a node begins.
func (w *world) genesisCoin(of protocol.NodeID, i uint32) ledger.Outpoint {
	return ledger.Outpoint{TxID: w.Genesis.TxID(), Index: uint32(of)*coins + i}
}

// paid is what the receiver of a payment gets of the coin.
const paid = coinWorth / 5 * 3

// payment returns a transaction that spends coin i of from's genesis coins: the receiver gets
// three fifths, the rest goes back. It has no endorsements yet.
func (w *world) payment(from, to, witness protocol.NodeID, i uint32, seq uint64) *ledger.Tx {
	return &ledger.Tx{
		Version: ledger.Version,
		Network: w.Genesis.Network(),
		Sender:  w.Owners[from],
		Seq:     seq,
		Inputs:  []ledger.Input{{Outpoint: w.genesisCoin(from, i), Claimed: coinWorth}},
		Outputs: []ledger.TxOut{{Owner: w.Owners[to], Amount: paid}, {Owner: w.Owners[from], Amount: coinWorth - paid}},
		Witness: w.Owners[witness],
	}
}

// endorse signs tx for all parties, as if they colluded, and returns tx.
func (w *world) endorse(tx *ledger.Tx) *ledger.Tx {
	tx.Endorsements = nil
	must := tx.Endorsers()
	for i, owner := range w.Owners {
		for _, o := range must {
			if o == owner {
				tx.Endorse(w.Keys[i].Endorse(w.verifier, tx))
			}
		}
	}
	return tx
}
