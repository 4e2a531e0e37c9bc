package scenarios

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// ledgers judges what became of the transfers: order, hashes, value.
type ledgers struct {
	w          *world
	asked      uint64 // transfers that the client asks for
	wishes     []wish
	listed     uint64      // transactions that every list must have at the end
	logged     uint64      // and, beside them, refused ones that every log must have
	hashes     []entryHash // by index, of the first node that had it
	audit      audit       // the second ledger
	accepted   uint64      // transfers that ended accepted
	attempts   uint64      // of them all
	arrivals   map[abcast.MsgID]*arrival
	broadcasts []*arrival // of arrivals, in order
	answers    uint64
	entry      peer.Entry // that the event shown last puts out
	entered    bool       // it does
}

type entryHash struct {
	node      protocol.NodeID
	log, list ledger.ID
}

func newLedgers(w *world) *ledgers {
	return &ledgers{w: w, audit: newAudit(w), arrivals: make(map[abcast.MsgID]*arrival)}
}

// entry reads an output of a member.
func entry(e *sim.Event) (peer.Entry, bool) {
	if e.Kind != peer.KindEntry {
		return peer.Entry{}, false
	}
	return peer.DecodeEntry(e.Body)
}

// order demands one order of verdicts everywhere.
func (l *ledgers) order() *check.Check {
	return check.SameOrder("one order: every log is a prefix of one sequence", sim.Output, func(e *sim.Event) (check.Position, bool) {
		if !l.entered {
			return check.Position{}, false
		}
		x := &l.entry
		item := append(make([]byte, 0, len(x.WTxID)+1), x.WTxID[:]...)
		return check.Position{Index: x.Index, Item: string(append(item, byte(x.Verdict)))}, true
	}, func(item string) string {
		id := ledger.ID([]byte(item))
		return id.String()[:8] + " " + ledger.Verdict(item[len(id)]).String()
	})
}

// integrity demands that no transaction has two places in the order. Where nodes fail it
// may: who comes back broadcasts a commit again that has no place yet (see package peer).
func (l *ledgers) integrity() *check.Check {
	places := make(map[ledger.ID]uint64)
	return l.w.p.calmly(check.Always("no transaction has two places in the order", sim.Output, func(e *sim.Event) (bool, error) {
		if !l.entered {
			return false, nil
		}
		x := &l.entry
		place, known := places[x.WTxID]
		places[x.WTxID] = x.Index
		if known && place != x.Index {
			return true, fmt.Errorf("node %v has %v at %d, it was at %d already", e.Node, x.WTxID.String()[:8], x.Index, place)
		}
		return true, nil
	}))
}

const noTransfers = "there are no transfers"

// sameHashes demands that logs of equal length have equal hashes.
func (l *ledgers) sameHashes() *check.Check {
	return check.Always("equal log and list hashes at equal length", sim.Output, func(e *sim.Event) (bool, error) {
		x := &l.entry
		if !l.entered || x.Index > uint64(len(l.hashes)) {
			return false, nil // a gap: order's business
		}
		if x.Index == uint64(len(l.hashes)) {
			l.hashes = append(l.hashes, entryHash{e.Node, x.LogHash, x.ListHash})
			return false, nil
		}
		h := l.hashes[x.Index]
		if h.log != x.LogHash || h.list != x.ListHash {
			return true, fmt.Errorf("after entry %d node %v has log %v and list %v, node %v has %v and %v", x.Index,
				e.Node, x.LogHash.String()[:8], x.ListHash.String()[:8], h.node, h.log.String()[:8], h.list.String()[:8])
		}
		return true, nil
	})
}

// What holds against every traitor.
const (
	conserved = "value is conserved after every delivery"
	audited   = "a second ledger agrees with every entry"
)

// conserved demands that no entry makes or destroys value.
func (l *ledgers) conserved() *check.Check {
	return check.Always(conserved, sim.Output, func(e *sim.Event) (bool, error) {
		x := &l.entry
		if l.entered && x.Total != l.w.genesis.Minted() {
			return true, fmt.Errorf("after entry %d the unspent outputs of node %v are worth %d, %d were minted", x.Index, e.Node, x.Total, l.w.genesis.Minted())
		}
		return l.entered, nil
	})
}

// audited demands that each entry is what a second ledger makes of it.
func (l *ledgers) audited() *check.Check {
	return check.Always(audited, sim.Output, func(e *sim.Event) (bool, error) {
		if !l.entered {
			return false, nil
		}
		return l.audit.see(e.Node, l.entry)
	})
}

// nothingForged demands that no node passes on the forged transaction that
// strangers hand in; it is exercised by its refusals.
func (l *ledgers) nothingForged(forged []byte) *check.Check {
	id := ledger.ID(gossip.Sum(forged))
	return check.Always("a forged transaction is passed on by nobody", sim.Output|sim.Sent, func(e *sim.Event) (bool, error) {
		if e.What == sim.Output {
			if e.Kind != peer.KindRefused {
				return false, nil
			}
			refused, _, ok := peer.DecodeRefused(e.Body)
			return ok && refused == id, nil
		}
		if (e.Kind == gossip.KindData || e.Kind == gossip.KindBody || e.Kind == peer.KindBody) && bytes.Contains(e.Body, forged) {
			return true, fmt.Errorf("node %v passed the forged transaction %v on to node %v", e.Node, id.String()[:8], e.Peer)
		}
		return false, nil
	})
}

// wish is a transfer that the client asks for, and how it ended.
type wish struct {
	id      uint64
	parties []protocol.NodeID
	ended   bool
}

// hopeless counts the transfers that wait for somebody who will never come back.
func (l *ledgers) hopeless() (n uint64) {
	for _, x := range l.wishes {
		if !x.ended && l.w.lives.lost(x.parties) {
			n++
		}
	}
	return n
}

// answered demands that every transfer ends, accepted.
func (l *ledgers) answered(bound protocol.Time) *check.Check {
	name := "every transfer ends committed and accepted"
	if l.asked == 0 {
		return check.Skip(name, noTransfers)
	}
	return check.EventuallyBut(name, bound, func(excuse check.Excuse) (uint64, error) {
		missing := 0
		for _, x := range l.wishes {
			switch {
			case x.ended:
			case l.w.lives.lost(x.parties):
				excuse(fmt.Sprintf("transfer %d, of which one party will never start again", x.id))
			case l.w.lives.stuck(l.w.p.Nodes):
				excuse(fmt.Sprintf("transfer %d, %s", x.id, noMajority))
			case slices.ContainsFunc(x.parties, func(id protocol.NodeID) bool { return l.keyless(int(id)) }):
				excuse(fmt.Sprintf("transfer %d, of which one party %s", x.id, noKey))
			default:
				missing++
			}
		}
		switch {
		case missing > 0:
			return l.answers, fmt.Errorf("%d of %d transfers have not ended", missing, l.asked)
		case l.accepted < l.answers:
			return l.answers, fmt.Errorf("%d of %d transfers were refused", l.answers-l.accepted, l.answers)
		}
		return l.answers, nil
	})
}

// Watch gives the outputs: ledgers are an observer, to be shown an event before
// their checks are.
func (l *ledgers) Watch() sim.What { return sim.Output }

// Observe reads entries, once for all checks, and enters how a transfer ended.
func (l *ledgers) Observe(e *sim.Event) {
	l.entry, l.entered = entry(e)
	if e.Kind != peer.KindAnswered {
		return
	}
	a, ok := peer.DecodeAnswer(e.Body)
	if !ok {
		return
	}
	for i := range l.wishes {
		if x := &l.wishes[i]; x.id == a.Transfer {
			x.ended = true
		}
	}
	l.answers++
	l.attempts += uint64(a.Attempts)
	if a.Outcome == peer.Accepted {
		l.accepted++
	}
}

// equalAtEnd demands that all nodes end with the whole ledger, the same one.
func (l *ledgers) equalAtEnd(bound protocol.Time) *check.Check {
	return check.EventuallyBut("all nodes end with the same ledger", bound, func(excuse check.Excuse) (uint64, error) {
		first, n, behind := -1, uint64(0), make(map[int]bool)
		for i := range l.w.nodes {
			if l.w.lives.excused(protocol.NodeID(i), excuse) {
				continue
			}
			if l.w.lives.stuck(l.w.p.Nodes) {
				excuse(fmt.Sprintf("node %d, %s", i, noMajority))
				continue
			}
			if wrong := l.incomplete(i); wrong != nil {
				if l.keyless(i) {
					excuse(fmt.Sprintf("node %d, %s", i, noKey))
					behind[i] = true
					continue
				}
				return 0, wrong
			}
			if first < 0 {
				first = i
			}
			s, canon := l.w.nodes[i].Ledger(), l.w.nodes[first].Ledger()
			if s.LogHash() != canon.LogHash() || s.ListHash() != canon.ListHash() {
				return 0, fmt.Errorf("nodes %d and %d have different ledgers, of %d and %d transactions", first, i, canon.LogLen(), s.LogLen())
			}
			n++
		}
		if n == 0 {
			return 0, nil
		}
		return n, l.audit.compare(behind)
	})
}

// keyless reports whether a node that is up may lack a public key for good: nodes keep
// those of others in memory, and publish their own again when they start. So of who
// never starts again the key may be gone, and what it signed can't be verified.
func (l *ledgers) keyless(node int) bool {
	again := l.w.lives.state[node].lives > 1 && !l.w.lives.down(protocol.NodeID(node))
	return again && slices.ContainsFunc(l.wishes, func(x wish) bool { return l.w.lives.lost(x.parties) })
}

const noKey = "which crashed, may have nobody left to tell it the key of a node that will never start again"

// incomplete tells what a node's ledger lacks or has too much. Where there are
// faults only the client's transfers are sure to be there: liars may be out of
// luck, and a transaction may get two places in the log (see package peer).
func (l *ledgers) incomplete(node int) error {
	n := l.w.nodes[node]
	switch {
	case n == nil:
		return fmt.Errorf("node %d has not started", node)
	case l.w.lives.down(protocol.NodeID(node)):
		return fmt.Errorf("node %d is down", node)
	}
	s := n.Ledger()
	switch {
	case l.w.p.Failing() && s.ListLen()+l.hopeless() >= l.asked:
		return nil
	case s.ListLen() != l.listed:
		return fmt.Errorf("node %d has listed %d transactions, want %d", node, s.ListLen(), l.listed)
	case s.LogLen() != l.listed+l.logged:
		return fmt.Errorf("node %d has logged %d transactions, want %d", node, s.LogLen(), l.listed+l.logged)
	}
	return nil
}

// noReservation demands that no output stays reserved.
func (l *ledgers) noReservation(bound protocol.Time) *check.Check {
	return check.EventuallyBut("no reservation is left", bound, func(excuse check.Excuse) (uint64, error) {
		count := uint64(0)
		for i, n := range l.w.nodes {
			if n == nil || l.w.lives.excused(protocol.NodeID(i), excuse) {
				continue
			}
			if l.w.lives.lost(l.w.members) && n.Reservations()+n.Undecided() > 0 {
				excuse(fmt.Sprintf("node %d, which may wait for a node that will never start again", i))
				continue
			}
			if r := n.Reservations(); r > 0 {
				return 0, fmt.Errorf("node %d holds %d reservations", i, r)
			}
			if u := n.Undecided(); u > 0 {
				return 0, fmt.Errorf("node %d has %d transactions that have not ended", i, u)
			}
			count++
		}
		return count, nil
	})
}

// arrival is where a broadcast has arrived, in the order of its arrivals.
type arrival struct {
	at map[protocol.NodeID]uint64 // step of the first arrival, or of sending
}

// manyNodes is the size beyond which nodes are not each other's contacts: they look
// each other up first, so that a plan cannot say when a transfer gets under way. Nor
// can it if more than every tenth message is lost on the way to a witness. Then it is
// left to chance, which in a sweep is sure.
const manyNodes = 4 * tableK

// reordered demands that two broadcasts reached two nodes in different orders, so
// that agreeing on one was not for nothing.
func (l *ledgers) reordered() *check.Check {
	name := "two transactions reached two nodes in different orders"
	if l.asked < 2 {
		return check.Skip(name, "it takes two transfers")
	}
	if l.w.p.Order == orderRaft {
		return check.Skip(name, "Raft's leader sends what it has in order")
	}
	scope := check.EachRun
	if l.w.p.Failing() || l.w.p.Nodes > manyNodes || 10*uint64(l.w.p.Loss.Num) > uint64(l.w.p.Loss.Den) {
		scope = check.InSweep
	}
	done := false
	return check.Sometimes(name, scope, sim.Sent|sim.Received, func(e *sim.Event) bool {
		if e.Kind != abcast.KindData || done {
			return false
		}
		msg, ok := link.Payload(e.Body)
		if !ok {
			return false
		}
		id, ok := abcast.DataID(msg)
		if !ok {
			return false
		}
		a := l.arrivals[id]
		if a == nil {
			a = &arrival{at: make(map[protocol.NodeID]uint64)}
			l.arrivals[id] = a
			l.broadcasts = append(l.broadcasts, a)
		}
		if _, known := a.at[e.Node]; known {
			return false
		}
		a.at[e.Node] = e.Step
		done = l.crossed(a)
		return done
	})
}

// crossed reports whether a and another broadcast are known to have reached two
// nodes in different orders.
func (l *ledgers) crossed(a *arrival) bool {
	for _, b := range l.broadcasts {
		if b == a {
			continue
		}
		before, after := false, false
		for _, id := range protocol.SortedKeys(a.at) {
			if at, ok := b.at[id]; ok {
				before = before || a.at[id] < at
				after = after || a.at[id] > at
			}
		}
		if before && after {
			return true
		}
	}
	return false
}

// facts counts retries and repairs.
func (l *ledgers) facts() []scenario.Fact {
	var fetched, forged uint64
	for _, n := range l.w.nodes {
		if n != nil {
			fetched += n.Stats().Fetched
			forged += n.Stats().Forged
		}
	}
	return []scenario.Fact{
		{Name: "bodies fetched", Value: fmt.Sprint(fetched)},
		{Name: "forged bodies refused", Value: fmt.Sprint(forged)},
	}
}
