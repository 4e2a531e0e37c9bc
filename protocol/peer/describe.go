package peer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer: this package's
// own, and a part for each machine. Owners and transactions have the beginnings of their
// hashes, as in traces; the keys, bodies and commits that a node will keep for ever are
// only counted, with a hash.
func (n *Node) Describe(b []byte) []byte {
	b = words.Line(b, "owner", words.Short(n.self[:]))
	b = words.Part(b, "ledger", n.state.Describe)
	b = words.Uint(b, "balance", n.state.Balance(n.self))
	b = words.Part(b, "ordered, not applied", n.describeQueue)
	b = n.describeTransfers(b)
	b = words.Part(b, "order", n.order.Describe)
	b = words.Part(b, "twopc", n.vote.Describe)
	b = words.Part(b, "bodies", n.describeBodies)
	b = words.Part(b, "gossip", n.flood.Describe)
	b = words.Part(b, "link", n.link.Describe)
	b = words.Part(b, "keys", n.describeKeys)
	b = words.Part(b, "network", n.describeNetwork)
	return words.Part(b, "dht", n.dht.Describe)
}

// describeQueue appends what is ordered and not applied, by the places that it will have in
// the ledger, and what the first of it lacks.
func (n *Node) describeQueue(b []byte) []byte {
	for i, o := range n.queue.items {
		b = words.Row(b).Uint(n.state.LogLen() + uint64(i)).Str(": ").Short(o.id[:]).Str(" ordered by ").Node(o.origin)
		if i == 0 {
			_, have := n.body(o.id)
			switch {
			case !have:
				b = words.Row(b).Str(", lacks its body, asked ").Count(uint64(n.queue.tries), "time")
			default:
				b = append(b, ", lacks an endorser's key"...)
			}
		}
		b = append(b, '\n')
	}
	return b
}

// describeTransfers appends what clients have asked this node for, stage by stage, and the
// outputs that it holds for transactions under way.
func (n *Node) describeTransfers(b []byte) []byte {
	t := &n.out
	under := func(b []byte) []byte {
		for _, id := range protocol.SortedKeysFunc(t.open, twopc.ID.Compare) {
			stage := "looks for receiver and witness"
			if i := slices.IndexFunc(t.queued, func(a *attempt) bool { return a.id == id }); i >= 0 {
				stage = fmt.Sprintf("waits for coins, %d before it: %s", i, t.queued[i].req.terms())
			}
			b = words.Line(b, id.String(), stage)
		}
		for _, id := range protocol.SortedKeysFunc(t.begun, twopc.ID.Compare) {
			b = words.Line(b, id.String(), "in two-phase commit: "+t.begun[id].text())
		}
		return b
	}
	b = words.Part(b, "transfers", under)
	b = words.Part(b, "committed, no verdict", func(b []byte) []byte {
		for _, id := range protocol.SortedKeysFunc(t.pending, compareIDs) {
			b = words.Row(b).Short(id[:]).Str(": ").Str(t.pending[id].id.String()).End()
		}
		return b
	})
	if len(t.unplaced) > 0 {
		b = words.Part(b, "committed, no place", func(b []byte) []byte {
			for _, c := range t.unplaced {
				by := "to be broadcast by"
				if c.sent {
					by = "broadcast, of"
				}
				b = fmt.Appendf(words.Row(b).Short(c.wtxid[:]), ": %v, %s %v\n", c.id, by, c.nodes)
			}
			return b
		})
	}
	b = words.Part(b, "answered", func(b []byte) []byte {
		for _, id := range protocol.SortedKeysFunc(t.done, transferID.compare) {
			a := t.done[id]
			b = words.Row(b).Node(id.client).Str("/").Uint(uint64(id.transfer)).Str(": attempt ").Uint(uint64(a.attempt.id.Attempt)).
				Str(" ").Str(a.outcome.String()).End()
		}
		return b
	})
	b = words.Part(b, "promised", func(b []byte) []byte {
		for _, p := range protocol.SortedKeysFunc(t.promised, compareOutpoints) {
			tx := t.promised[p]
			b = words.Row(b).Short(p.TxID[:]).Str(".").Uint(uint64(p.Index)).Str(": to ").Short(tx[:]).End()
		}
		return b
	})
	b = words.Line(b, "commits", counted(t.commits))
	return words.Uint(b, "own transactions", t.seq)
}

func (a *attempt) text() string {
	id := a.tx.TxID()
	return a.req.terms() + " as " + words.Short(id[:]) + ", receiver " + a.receiver.String() + ", witness " + a.witness.String()
}

func (t transferID) compare(o transferID) int {
	return cmp.Or(cmp.Compare(t.client, o.client), cmp.Compare(t.transfer, o.transfer))
}

func compareOutpoints(a, b ledger.Outpoint) int {
	return cmp.Or(compareIDs(a.TxID, b.TxID), cmp.Compare(a.Index, b.Index))
}

// counted stands for a set of transactions.
func counted[V any](set map[ledger.ID]V) string {
	var h uint64
	for _, id := range protocol.SortedKeysFunc(set, compareIDs) {
		h = protocol.Hash2(h, protocol.HashBytes(id[:]))
	}
	return countHash(len(set), h)
}

func countHash(n int, h uint64) string {
	if n == 0 {
		return "none"
	}
	return string(words.Row(nil).Uint(uint64(n)).Str(" ").Short(binary.BigEndian.AppendUint32(nil, uint32(h))))
}

func (n *Node) describeNetwork(b []byte) []byte {
	b = words.Line(b, "joined", words.YesNo(n.joined))
	b = words.Line(b, "settled", words.YesNo(n.settled))
	b = words.Line(b, "neighbours", words.Ranges(n.neighbours))
	if n.cfg.Survive {
		b = words.Uint(b, "last view", n.view)
		b = words.Line(b, "its members", words.Ranges(n.members))
		b = words.Uint(b, "refresh turn", uint64(n.turn))
		b = words.Uint(b, "contacts after it", uint64(n.contacts))
		b = words.Uint(b, "refreshes without news", uint64(n.idle))
	}
	return words.Uint(b, "own key put in vain", uint64(n.puts))
}

func (n *Node) describeKeys(b []byte) []byte {
	k := &n.keys
	var h uint64
	for _, o := range sortedOwners(k.known) {
		h = protocol.Hash2(h, protocol.HashBytes(o[:]))
	}
	b = words.Line(b, "known", countHash(len(k.known), h))
	b = words.Part(b, "asked", func(b []byte) []byte {
		for _, o := range sortedOwners(k.asked) {
			how := "under way"
			if i := slices.Index(k.failed, o); i >= 0 {
				how = fmt.Sprintf("not found, number %d to be asked again", i)
			}
			b = words.Line(b, words.Short(o[:]), how)
		}
		return b
	})
	b = words.Uint(b, "times not found", uint64(k.tries))
	return words.Part(b, "bodies that wait", func(b []byte) []byte {
		for i, id := range k.bodies {
			b = words.Line(b, strconv.Itoa(i), words.Short(id[:]))
		}
		return b
	})
}

func sortedOwners[V any](set map[ledger.Owner]V) []ledger.Owner {
	return protocol.SortedKeysFunc(set, func(a, b ledger.Owner) int { return bytes.Compare(a[:], b[:]) })
}

func (n *Node) describeBodies(b []byte) []byte {
	b = words.Line(b, "own", counted(n.bodies.own))
	return words.Part(b, "not applied", func(b []byte) []byte {
		for _, id := range protocol.SortedKeysFunc(n.bodies.parsed, compareIDs) {
			p := n.bodies.parsed[id]
			b = words.Row(b).Short(id[:]).Str(": ").Str(p.verdict.String()).Str(", of ").Short(p.tx.Sender[:]).End()
		}
		return b
	})
}

// Describe appends the state to b by the convention of protocol.Describer: each transfer by
// its number, with its sender, what is asked for, and how far it is.
func (c *Client) Describe(b []byte) []byte {
	b = words.Part(b, "transfers", func(b []byte) []byte {
		for _, i := range protocol.SortedKeys(c.transfers) {
			b = words.Row(b).Uint(uint64(i)).Str(": ").Str(c.transfers[i].text()).End()
		}
		return b
	})
	b = words.Part(b, "lives of others", func(b []byte) []byte {
		for _, id := range protocol.SortedKeys(c.incarnations) {
			b = words.Uint(b, id.String(), uint64(c.incarnations[id]))
		}
		return b
	})
	return words.Part(b, "link", c.link.Describe)
}

func (t *transfer) text() string {
	how := "aborted, waits for the next attempt"
	switch {
	case t.answered:
		how = "answered"
	case t.open:
		how = "open"
	}
	s := t.req.terms() + " by node " + t.sender.String() + ", attempt " + strconv.Itoa(int(t.req.Attempt)) + " " + how
	if t.silent > 0 {
		s += ", " + words.Count(uint64(t.silent), "attempt") + " without a reply"
	}
	return s
}
