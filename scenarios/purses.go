package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim/swarm"
)

// Questions about the purses of a run, and about those of a transfer. Their names do not
// begin with "work.", so that a transfer that a search leaves out changes no other.
var (
	kindPurses    = protocol.KindOf("purse.tight")
	kindPurseBusy = protocol.KindOf("purse.busy")
	kindPurseTurn = protocol.KindOf("purse.turn")
	kindPurseSize = protocol.KindOf("purse.size")
)

// purses are what the senders of a run have left, where their coins run short: one node is busy.
// It is paid by others and pays in bursts, soon with what it received or what came back, some
// payments need most of its coins, and first attempts often abort. So coins are spent in
// another order than that in which transactions took them. Without this, a node never needs a
// coin but those that it began with.
type purses struct {
	left []uint64 // by node: what it may still promise, even if it receives nothing
	busy uint64
	last protocol.Time // of the transfer before
}

// firstAborts is how likely a participant aborts a first attempt.
const firstAborts = 20 // percent

// newPurses draws whether coins run short in this run: in some of those in which repairs get
// their turn, and in no other. It returns nil if not.
func newPurses(m *market) *purses {
	if !m.p.Draws(swarm.Repair) || m.choose(kindPurses, 0, 2) == 0 {
		return nil
	}
	n := m.p.Nodes
	x := &purses{busy: m.choose(kindPurseBusy, 0, uint64(max(1, n-reserve)))}
	x.left = slices.Repeat([]uint64{coins*coinWorth - maxAmount*uint64(m.p.Txs)}, n)
	usual := m.abort
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Attempt == 1 {
			return protocol.Percent(firstAborts)
		}
		return usual(id)
	}
	return x
}

// tighten makes of a transfer one that may be the busy node's and may need several coins. No
// sender promises more in all than it begins with, so that each transfer can be paid whatever
// becomes of the others.
func (x *purses) tighten(w *world, at protocol.Time, t transfer) (protocol.Time, transfer) {
	from, to := uint64(t.sender), uint64(slices.Index(w.Owners, t.Receiver))
	switch own := w.choose(kindPurseTurn, t.Transfer, 8); {
	case own == 0:
	case own == 1:
		if from != x.busy {
			t.between(w, from, x.busy)
		}
	default:
		at = max(x.last, w.begin+1)
		if to == x.busy {
			to = from
		}
		if from != x.busy {
			t.between(w, x.busy, to)
		}
	}
	x.last = at
	left := &x.left[t.sender]
	sizes := [...]uint64{t.Amount, coinWorth, *left / 2, *left / 16 * 15}
	if size := sizes[w.choose(kindPurseSize, t.Transfer, uint64(len(sizes)))]; size > t.Amount && size <= *left {
		*left -= size
		t.Amount = size
	}
	return at, t
}
