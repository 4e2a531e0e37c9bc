package judge

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Ledgers judges the ledgers that result from the transfers: order, hashes, value.
type Ledgers struct {
	Listed uint64 // transactions that every list must have at the end
	Logged uint64 // refused transactions that every log must have besides

	net       *Network
	forgot    func(node protocol.NodeID, id twopc.ID) bool // or nil: see Forgetting
	commits   *Commits                                     // with it
	transfers []transfer
	hashes    []entryHash // by index, from the first node that had the entry
	audit     audit       // the second ledger
	accepted  uint64      // transfers that ended accepted
	answers   uint64
	entry     peer.Entry // the entry that the last event puts out
	entered   bool       // whether it puts out one
}

type entryHash struct {
	node      protocol.NodeID
	log, list ledger.ID
}

// NewLedgers returns a judge of a network's ledgers.
func NewLedgers(n *Network) *Ledgers { return &Ledgers{net: n, audit: newAudit(n)} }

// Asked returns the number of transfers that the client asks for.
func (l *Ledgers) Asked() uint64 { return uint64(len(l.transfers)) }

// Placed returns the number of places of the log, as far as any node has come.
func (l *Ledgers) Placed() int { return len(l.audit.entries) }

// Accepted returns how many transfers ended accepted.
func (l *Ledgers) Accepted() uint64 { return l.accepted }

// Order requires one order of verdicts everywhere.
func (l *Ledgers) Order() *check.Check {
	return check.SameOrder("every log is a prefix of one sequence", sim.Output, func(e *sim.Event) (check.Position, bool) {
		if !l.entered {
			return check.Position{}, false
		}
		x := &l.entry
		item := append(make([]byte, 0, len(x.WTxID)+1), x.WTxID[:]...)
		return check.Position{Index: x.Index, Item: string(append(item, byte(x.Verdict)))}, true
	}, func(item string) string {
		id := ledger.ID([]byte(item))
		return id.String()[:8] + " " + ledger.Verdict(item[len(id)]).String()
	}).OfOutputs(peer.KindEntry)
}

// Integrity requires that no transaction has two places in the order. It is for runs
// without faults: a node that restarts broadcasts again a commit that has no place yet (see
// package peer), so the transaction may get two.
func (l *Ledgers) Integrity() *check.Check {
	places := make(map[ledger.ID]uint64)
	return check.Always("no transaction has two places in the order", sim.Output, func(e *sim.Event) (bool, error) {
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
	}).OfOutputs(peer.KindEntry)
}

// NoTransfers is why a check of transfers is ruled out.
const NoTransfers = "there are no transfers"

// SameHashes requires that logs of equal length have equal hashes.
func (l *Ledgers) SameHashes() *check.Check {
	return check.Always("logs of equal length have equal hashes", sim.Output, func(e *sim.Event) (bool, error) {
		x := &l.entry
		if !l.entered || x.Index > uint64(len(l.hashes)) {
			return false, nil // a gap: the order check reports it
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
	}).OfOutputs(peer.KindEntry)
}

// The names of the checks that hold against every traitor.
const (
	Conserved = "value is conserved after every delivery"
	Audited   = "a second ledger agrees with every entry"
)

// Conserved requires that no entry makes or destroys value.
func (l *Ledgers) Conserved() *check.Check {
	return check.Always(Conserved, sim.Output, func(e *sim.Event) (bool, error) {
		x := &l.entry
		if l.entered && x.Total != l.net.Genesis.Minted() {
			return true, fmt.Errorf("after entry %d the unspent outputs of node %v are worth %d, %d were minted", x.Index, e.Node, x.Total, l.net.Genesis.Minted())
		}
		return l.entered, nil
	}).OfOutputs(peer.KindEntry)
}

// Audited requires that each entry agrees with a second ledger.
func (l *Ledgers) Audited() *check.Check {
	return check.Always(Audited, sim.Output, func(e *sim.Event) (bool, error) {
		if !l.entered {
			return false, nil
		}
		return l.audit.see(e.Node, l.entry)
	}).OfOutputs(peer.KindEntry)
}

// NothingForged requires that no node passes on the forged transaction that strangers
// submit. It is exercised by refusals.
func (l *Ledgers) NothingForged(forged []byte) *check.Check {
	id := ledger.ID(gossip.Sum(forged))
	return check.Always("no node passes on a forged transaction", sim.Output|sim.Sent, func(e *sim.Event) (bool, error) {
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
	}).OfMessages(sim.Sent, ofGossip, ofLink).OfOutputs(peer.KindRefused)
}

// transfer is a transfer that the client asks for.
type transfer struct {
	client  protocol.NodeID
	id      uint64
	parties []protocol.NodeID
	ended   bool
}

// Ask records that a client will ask for a transfer, which must then be listed.
func (l *Ledgers) Ask(client protocol.NodeID, id uint64, parties []protocol.NodeID) {
	l.Listed++
	l.transfers = append(l.transfers, transfer{client: client, id: id, parties: parties})
}

// Forgetting makes the judge allow for nodes that remember few transactions: forgot reports
// whether a node may have forgotten how one ended. Then a transfer that is older is refused for
// ever, if it has not committed.
func (l *Ledgers) Forgetting(c *Commits, forgot func(node protocol.NodeID, id twopc.ID) bool) {
	l.commits, l.forgot = c, forgot
}

// tooOld reports whether some party of a transfer has forgotten later ones.
func (l *Ledgers) tooOld(x *transfer) bool {
	if l.forgot == nil || l.commits.transferred(x.client, x.id) {
		return false
	}
	last := twopc.ID{Client: x.client, Transfer: x.id, Attempt: math.MaxUint32}
	return slices.ContainsFunc(x.parties, func(id protocol.NodeID) bool { return l.forgot(id, last) })
}

// Again reports whether a transaction is an attempt of a transfer that is too old, and so is made
// again to the end of the run.
func (l *Ledgers) Again(id twopc.ID) bool {
	i := slices.IndexFunc(l.transfers, func(x transfer) bool { return x.client == id.Client && x.id == id.Transfer })
	return i >= 0 && !l.transfers[i].ended && l.tooOld(&l.transfers[i])
}

// TooOld counts the transfers that are too old, and so never end.
func (l *Ledgers) TooOld() (n int) {
	for i := range l.transfers {
		if x := &l.transfers[i]; !x.ended && l.tooOld(x) {
			n++
		}
	}
	return n
}

// hopeless counts the transfers that wait for a node that will never start again, or are too old.
func (l *Ledgers) hopeless() (n uint64) {
	for i := range l.transfers {
		if x := &l.transfers[i]; !x.ended && (l.net.Incarnations.Lost(x.parties) || l.tooOld(x)) {
			n++
		}
	}
	return n
}

// Answered requires that every transfer ends, accepted.
func (l *Ledgers) Answered(bound protocol.Time) *check.Check {
	name := "every transfer ends committed and accepted"
	if l.Asked() == 0 {
		return check.Skip(name, NoTransfers)
	}
	return check.EventuallyBut(name, bound, func(excuse check.Excuse) (uint64, error) {
		const most = 4 // named
		missing, named := 0, []string(nil)
		for _, x := range l.transfers {
			switch {
			case x.ended:
			case l.net.Incarnations.Lost(x.parties):
				excuse(fmt.Sprintf("transfer %d, one party of which will never start again", x.id))
			case l.net.stuck():
				excuse(fmt.Sprintf("transfer %d, %s", x.id, noMajority))
			case l.tooOld(&x):
				excuse(fmt.Sprintf("transfer %d, older than what a party remembers", x.id))
			case slices.ContainsFunc(x.parties, func(id protocol.NodeID) bool { return l.keyless(int(id)) }):
				excuse(fmt.Sprintf("transfer %d, one party of which %s", x.id, noKey))
			default:
				if missing++; missing <= most {
					named = append(named, fmt.Sprintf("%v/%d", x.client, x.id))
				}
			}
		}
		switch {
		case missing > 0:
			return l.answers, fmt.Errorf("%d of %d transfers have not ended: %s", missing, l.Asked(), strings.Join(named, ", "))
		case l.accepted < l.answers:
			return l.answers, fmt.Errorf("%d of %d transfers were refused", l.answers-l.accepted, l.answers)
		}
		return l.answers, nil
	})
}

// Watch returns the events that Observe needs.
func (l *Ledgers) Watch() sim.What { return sim.Output }

// Observe decodes entries, once for all checks, and records how transfers ended.
func (l *Ledgers) Observe(e *sim.Event) {
	l.entry, l.entered = Entry(e)
	if e.Kind != peer.KindAnswered {
		return
	}
	a, ok := peer.DecodeAnswer(e.Body)
	if !ok {
		return
	}
	for i := range l.transfers {
		if x := &l.transfers[i]; x.id == a.Transfer {
			x.ended = true
		}
	}
	l.answers++
	if a.Outcome == peer.Accepted {
		l.accepted++
	}
}

// EqualAtEnd requires that all nodes end with the same, complete ledger.
func (l *Ledgers) EqualAtEnd(bound protocol.Time) *check.Check {
	return check.EventuallyBut("all nodes end with the same ledger", bound, func(excuse check.Excuse) (uint64, error) {
		first, n, behind := -1, uint64(0), make(map[int]bool)
		for i := range l.net.Nodes {
			if l.net.Incarnations.Excused(protocol.NodeID(i), excuse) {
				continue
			}
			if l.net.stuck() {
				excuse(fmt.Sprintf("node %d, %s", i, noMajority))
				continue
			}
			if wrong := l.incomplete(i); wrong != nil {
				if l.keyless(i) {
					excuse(fmt.Sprintf("node %d, which %s", i, noKey))
					behind[i] = true
					continue
				}
				return 0, wrong
			}
			if first < 0 {
				first = i
			}
			s, canon := l.net.Nodes[i].Ledger(), l.net.Nodes[first].Ledger()
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

// keyless reports whether a node that is up may lack a public key permanently. Nodes keep
// the keys of others in memory, and publish their own again when they start. So the key of
// a node that never starts again may be lost, and its signatures cannot be verified.
func (l *Ledgers) keyless(node int) bool {
	return l.net.Incarnations.Restarted(protocol.NodeID(node)) && slices.ContainsFunc(l.transfers, func(x transfer) bool { return l.net.Incarnations.Lost(x.parties) })
}

const noKey = "crashed, and may never learn the key of a node that will never start again"

// incomplete returns an error if a node's ledger has too few or too many transactions. With
// faults, only the client's transfers are certain to be there: those of liars may be lost,
// and a transaction may get two places in the log (see package peer).
func (l *Ledgers) incomplete(node int) error {
	n := l.net.Nodes[node]
	switch {
	case n == nil:
		return fmt.Errorf("node %d has not started", node)
	case l.net.Incarnations.Down(protocol.NodeID(node)):
		return fmt.Errorf("node %d is down", node)
	}
	s := n.Ledger()
	switch {
	case l.net.Failing && s.ListLen()+l.hopeless() >= l.Asked():
		return nil
	case s.ListLen() != l.Listed:
		return fmt.Errorf("node %d has listed %d transactions, want %d", node, s.ListLen(), l.Listed)
	case s.LogLen() != l.Listed+l.Logged:
		return fmt.Errorf("node %d has logged %d transactions, want %d", node, s.LogLen(), l.Listed+l.Logged)
	}
	return nil
}

// NoReservation requires that no output stays reserved.
func (l *Ledgers) NoReservation(bound protocol.Time) *check.Check {
	return check.EventuallyBut("no reservation is left", bound, func(excuse check.Excuse) (uint64, error) {
		count := uint64(0)
		for i, n := range l.net.Nodes {
			if n == nil || l.net.Incarnations.Excused(protocol.NodeID(i), excuse) {
				continue
			}
			if l.net.Incarnations.Lost(l.net.Members) && n.Reservations()+n.Undecided() > 0 {
				excuse(fmt.Sprintf("node %d, which may wait for a node that will never start again", i))
				continue
			}
			if l.TooOld() > 0 && n.Undecided() > 0 {
				excuse(fmt.Sprintf("node %d, where a transfer that is too old is tried again", i))
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

// Retried requires that an attempt aborts and a later one is accepted.
func (l *Ledgers) Retried() *check.Check {
	return check.Sometimes("an aborted transfer is retried and accepted", check.EachRun, sim.Output, func(e *sim.Event) bool {
		a, ok := peer.DecodeAnswer(e.Body)
		return ok && e.Kind == peer.KindAnswered && a.Attempts > 1 && a.Outcome == peer.Accepted
	}).OfOutputs(peer.KindAnswered)
}

// Facts counts retries and repairs.
func (l *Ledgers) Facts() []scenario.Fact {
	var fetched, forged uint64
	for _, n := range l.net.Nodes {
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
