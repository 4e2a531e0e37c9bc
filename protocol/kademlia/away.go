package kademlia

import (
	"math"
	"slices"

	"dessim/protocol"
)

// absent is a node that the node would like to hear from again: one through which it
// joined, or a contact that it has given up.
//
// When the network is split, each side gives up the contacts on the other, fills its
// buckets with its own, and never asks across again. So absent nodes are asked now and
// then for the node's own id. The answer of one node of the other side names those of
// its side that are closest, and a lookup that begins with them makes them contacts: see
// reunite. Since all nodes do so, the two sides become one within a refresh interval.
//
// A node through which it joined is asked even if it is a contact, so that networks
// that never were one become one, too.
type absent struct {
	Contact       // its ID is zero if it is not known
	seed    bool  // it joined through this one, which is never forgotten
	tries   uint8 // times in a row that it did not answer
	due     protocol.Time
}

// Bounds of what a node asks now and then.
const (
	maxSeeds  = 4
	maxAbsent = 8 // with the seeds
)

// seedsAre notes the nodes through which the node joins.
func (d *DHT) seedsAre(env *protocol.Env, known []protocol.Endpoint) {
	if d.cfg.Refresh == 0 {
		return
	}
	d.up.absent = slices.DeleteFunc(d.up.absent, func(a absent) bool { return a.seed })
	for _, addr := range known[:min(len(known), maxSeeds)] {
		d.up.absent = append(d.up.absent, absent{Contact: Contact{Addr: addr}, seed: true, due: d.askSeed(env)})
	}
	d.rearm(env)
}

// gaveUp notes a contact that is stale. If there are too many, the one that was asked in
// vain most often makes way.
func (d *DHT) gaveUp(env *protocol.Env, c Contact) {
	if d.cfg.Refresh == 0 {
		return
	}
	if i := d.absent(c.Addr); i >= 0 {
		a := &d.up.absent[i]
		a.due = min(a.due, d.askAbsent(env, a.tries))
		d.rearm(env)
		return
	}
	if len(d.up.absent) >= maxAbsent { // more than the seeds
		worst := slices.IndexFunc(d.up.absent, func(a absent) bool { return !a.seed })
		for i := range d.up.absent {
			if a := &d.up.absent[i]; !a.seed && a.tries > d.up.absent[worst].tries {
				worst = i
			}
		}
		d.up.absent = slices.Delete(d.up.absent, worst, worst+1)
	}
	d.up.absent = append(d.up.absent, absent{Contact: c, due: d.askAbsent(env, 0)})
	d.rearm(env)
}

// absent returns the place of the absent node at that address, or -1.
func (d *DHT) absent(addr protocol.Endpoint) int {
	return slices.IndexFunc(d.up.absent, func(a absent) bool { return a.Addr == addr })
}

// askSeed returns when a node through which it joined, and which answers, is asked next.
func (d *DHT) askSeed(env *protocol.Env) protocol.Time {
	return env.Now() + protocol.Time(SeedAgain.Pause(env, max(1, d.cfg.Refresh/4*3), 0))
}

// askAbsent returns when an absent node that did not answer that often is asked next.
func (d *DHT) askAbsent(env *protocol.Env, tries uint8) protocol.Time {
	return env.Now() + protocol.Time(AbsentAgain.Pause(env, max(1, d.cfg.Refresh/absentParts), int(tries)))
}

// nextAbsent returns the absent node that is due first. It is nil if there is none.
func (d *DHT) nextAbsent() *absent {
	var first *absent
	for i := range d.up.absent {
		if a := &d.up.absent[i]; first == nil || a.due < first.due {
			first = a
		}
	}
	return first
}

// seek asks an absent node for the node's own id, one at a time, and reports whether it
// did.
func (d *DHT) seek(env *protocol.Env, a *absent) bool {
	if d.up.seeking {
		return false
	}
	d.up.seeking = d.call(env, call{purpose: forAbsent, method: findNode, to: a.Contact, target: d.tab.self, anyID: a.seed})
	if !d.up.seeking { // no node has that address any more
		a.due = d.askAbsent(env, math.MaxUint8)
	}
	return d.up.seeking
}

// absentEnd consumes the end of the query to an absent node.
func (d *DHT) absentEnd(env *protocol.Env, c *call, m *message) {
	d.up.seeking = false
	if i := d.absent(c.to.Addr); i >= 0 { // else it was heard of meanwhile
		switch a := &d.up.absent[i]; {
		case m == nil:
			a.tries += min(1, math.MaxUint8-a.tries)
			a.due = d.askAbsent(env, a.tries)
		case a.seed:
			a.tries, a.due = 0, d.askSeed(env)
		}
	}
	if m != nil && d.lacks(m.nodes) {
		d.reunite(env, m.nodes)
	}
	d.keepUp(env)
}

// isBack forgets an absent contact that has answered.
func (d *DHT) isBack(c Contact) {
	if i := d.absent(c.Addr); i >= 0 && !d.up.absent[i].seed {
		d.up.absent = slices.Delete(d.up.absent, i, i+1)
	}
}

// lacks reports whether one of the contacts in an answer belongs to the k closest to this
// node, but is not a good contact of it.
func (d *DHT) lacks(nodes named) bool {
	near := d.tab.closest(nil, &query{target: d.tab.self, n: d.cfg.K})
	for range d.cfg.K {
		c, ok := nodes.cut(d.cfg.Book)
		if !ok {
			return false
		}
		if c.ID == d.tab.self || slices.Contains(near, c) {
			continue
		}
		if last := len(near) - 1; last+1 < d.cfg.K || d.tab.self.Closer(c.ID, near[last].ID) {
			return true
		}
	}
	return false
}

// reunite looks up the node's own id, beginning with the contacts in an answer besides
// its own: so it meets the nodes next to it that its contacts do not know, and they meet
// it.
func (d *DHT) reunite(env *protocol.Env, nodes named) {
	d.up.busy++
	l := d.newLookup(d.tab.self, findNode)
	l.done = func(env *protocol.Env, _ *lookup) { d.ended(env) }
	d.learn(env, l, nodes, 1)
	d.begin(env, l)
}
