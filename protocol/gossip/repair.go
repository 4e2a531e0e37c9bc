package gossip

import (
	"bytes"
	"slices"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// Repair compares sets of ids from the top: equal digests end it after one tiny
// message, unequal ones are split into sixteen parts until a part is small
// enough to be listed. Then ids that one side lacks are offered or requested, and
// only requested bodies are sent: a body can be long, and no other node knows
// whether an id waits or was refused. A reply depends only on the message that it
// answers and on the store, so any message may be lost. Each message has a bound; a
// later exchange finds what does not fit.

// repair begins an exchange with one neighbour. They take turns, so that all are
// asked even if every answer is 0.
func (g *Gossip) repair(env *protocol.Env) {
	ns := g.cfg.Neighbours()
	if len(ns) == 0 {
		return
	}
	n := uint64(len(ns))
	to := ns[(g.turn+env.Choose(kindPick, n))%n]
	g.turn++
	g.send(env, to, KindDigest, message{typ: typeDigest, ranges: []span{g.summary(nil)}})
}

func (g *Gossip) leaf() int {
	if g.cfg.Leaf == 0 {
		return leaf
	}
	return g.cfg.Leaf
}

// summary returns the digest of what this node holds under prefix.
func (g *Gossip) summary(prefix []byte) span {
	h, n := g.store.total(prefix)
	return span{prefix: prefix, count: uint64(n), sum: h}
}

// compare answers a digest: not at all where it equals our own, else with a list if
// ours is short, else with a finer digest. A node that holds nothing is offered the
// first ids.
func (g *Gossip) compare(env *protocol.Env, from protocol.NodeID, theirs []span) {
	var split, lists []span
	var have []ID
	for _, s := range theirs {
		own := g.summary(s.prefix)
		switch {
		case own.count == s.count && own.sum == s.sum:
			continue
		case s.count == 0:
			ids := g.store.within(s.prefix)
			have = append(have, ids[:min(len(ids), maxIDs)]...)
		case own.count <= uint64(g.leaf()):
			if len(lists) < maxLists {
				lists = append(lists, span{prefix: s.prefix, ids: g.store.within(s.prefix)})
			}
		case len(split) < fan*maxSplit:
			for _, d := range []byte(digits) {
				split = append(split, g.summary(append(bytes.Clone(s.prefix), d)))
			}
		}
		g.quiet = 0
	}
	if len(split) > 0 {
		g.send(env, from, KindDigest, message{typ: typeDigest, ranges: split})
	}
	if len(lists) > 0 {
		g.send(env, from, KindList, message{typ: typeList, ranges: lists})
	}
	g.sendIDs(env, from, KindHave, have)
}

// reconcile answers lists: it requests what we lack and offers what they lack.
func (g *Gossip) reconcile(env *protocol.Env, from protocol.NodeID, theirs []span) {
	var lack, have []ID
	for _, s := range theirs {
		lack = append(lack, s.ids...)
		for _, id := range g.store.within(s.prefix) {
			if _, ok := slices.BinarySearchFunc(s.ids, id, compareIDs); !ok {
				have = append(have, id)
			}
		}
	}
	g.sendIDs(env, from, KindHave, have)
	g.want(env, from, lack)
}

// want requests the bodies of unknown ids, but not of those that wait or were
// refused.
func (g *Gossip) want(env *protocol.Env, from protocol.NodeID, ids []ID) {
	lack := slices.DeleteFunc(ids, func(id ID) bool { return g.store.state(id) != unknown })
	g.sendIDs(env, from, KindWant, lack)
}

func (g *Gossip) serve(env *protocol.Env, from protocol.NodeID, ids []ID) {
	for _, id := range ids {
		if body, ok := g.Body(id); ok {
			g.send(env, from, KindBody, message{typ: typeData, body: body})
		}
	}
}

// sendIDs sends have or want, up to its bound, unless ids is empty. The prefixes of a
// hostile message may overlap, so ids may recur.
func (g *Gossip) sendIDs(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, ids []ID) {
	if len(ids) == 0 {
		return
	}
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	typ := typeHave
	if kind == KindWant {
		typ = typeWant
	}
	g.send(env, to, kind, message{typ: typ, ids: ids[:min(len(ids), maxIDs)]})
}

func (g *Gossip) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, m message) {
	g.out = seal.Append(m.append(g.out[:0]))
	env.Send(to, kind, g.out)
}

func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }
