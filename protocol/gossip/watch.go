package gossip

import (
	"time"

	"dessim/protocol"
)

// Exchange is what a message says, for checks that watch the network.
type Exchange struct {
	Kind  protocol.Kind // KindData for a requested body, too
	Parts []Part        // of a digest or a list
	IDs   []ID          // on offer, or requested; or that of the body
}

// Part is what a node reports of the ids that begin with Prefix, in hexadecimal digits.
type Part struct {
	Prefix string
	Count  uint64    // in a digest
	Sum    [2]uint64 // in a digest: the XOR of the first 128 bits of ids
	IDs    []ID      // in a list
}

// Bounds of what one answer of anti-entropy holds: a later exchange finds the rest.
const (
	MostParts = fan * maxSplit // of a digest
	MostLists = maxLists       // parts of a list
	MostIDs   = maxIDs         // on offer, or requested

	MostListed = leaf // ids of a part of a list
)

// Read returns what a message says. ok is false if a node would drop it.
func Read(msg []byte) (x Exchange, ok bool) {
	m, ok := open(msg)
	if !ok {
		return Exchange{}, false
	}
	x = Exchange{Kind: [...]protocol.Kind{KindData, KindDigest, KindList, KindHave, KindWant}[m.typ], IDs: m.ids}
	if m.typ == typeData {
		x.IDs = []ID{Sum(m.body)}
	}
	for _, s := range m.ranges {
		x.Parts = append(x.Parts, Part{Prefix: string(s.prefix), Count: s.count, Sum: s.sum, IDs: s.ids})
	}
	return x, true
}

// Kept appends the ids of the messages that Has reports to ids, in the order in which they came.
func (g *Gossip) Kept(ids []ID) []ID {
	q := &g.store.order[kept]
	return append(ids, q.ids[q.head:]...)
}

// Knows reports whether an id is remembered: kept, waiting or refused.
func (g *Gossip) Knows(id ID) bool { return g.store.state(id) != unknown }

// Room returns Config.Memory and Config.Waiting: how many messages of a kind are remembered
// before one is forgotten.
func (g *Gossip) Room() (memory, waiting int) { return g.cfg.Memory, g.cfg.Waiting }

// Interval returns the shortest time from one exchange with a neighbour to the next, or 0
// for never.
func (g *Gossip) Interval() time.Duration { return g.cfg.Repair }

// Repairs reports whether the timer under tag begins an exchange.
func Repairs(tag uint64) bool { return tag == tagRepair }
