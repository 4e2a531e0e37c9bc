package judge

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/peer"
	"dessim/sim"
)

// search is a lookup of a watched node, as its messages tell of it:
//
//   - It begins with the k contacts that are closest to the target, and hears of others from
//     those that answer.
//   - It asks the closest of those that it knows, once, and no other; alpha of them at first.
//   - It ends with a value, or once the k closest that did not fail have answered.
//
// Lookups for the node's own id are not judged, nor those for a target of another one that is
// under way: they ask the same nodes.
type search struct {
	target   kademlia.ID
	get      bool
	list     []sought // in the order of distance
	txns     map[uint64]kademlia.ID
	step     uint64 // in which it began
	first    int    // queries in that step
	queries  int
	inexact  bool // it may know others, which were stale
	mixed    bool // it is not judged
	ended    *kademlia.Ended
	looked   bool          // it ended with the closest nodes
	hops     int           // to the first of them, as the node says
	more     []kademlia.ID // named in the last answer, and not taken in yet
	moreHops int
	found    kademlia.ID // which answered with the value
	life     protocol.Time
	puts     []placedAt // since the node's last step
}

// sought is a node that a search knows.
type sought struct {
	id       kademlia.ID
	hops     int
	asked    bool
	answered bool
}

// placedAt is a put for the target of a search.
type placedAt struct {
	id     kademlia.ID
	at     protocol.Time
	life   protocol.Time
	cached bool
}

// lookFor notes a query, which may be one of a lookup.
func (q *Queries) lookFor(n *watched, e *sim.Event, g *kademlia.Datagram) {
	if r := &n.reunion; g.Target == q.c.IDs[e.Node] && e.Step == r.step && q.c.DHT(e.Node).LookupsOf(g.Txn) > 0 {
		r.looks++
	}
	if q.c.Untimely || g.Target == q.c.IDs[e.Node] || uint64(e.Peer) >= uint64(len(q.c.IDs)) || g.Kind == kademlia.KindPing {
		return
	}
	s, id := n.search(g.Target), q.c.IDs[e.Peer]
	if g.Kind == kademlia.KindPut {
		if s != nil {
			s.puts = append(s.puts, placedAt{id, e.At, protocol.Time(g.Life), g.Cached})
		}
		return
	}
	txn := protocol.HashBytes(g.Txn)
	d := q.c.DHT(e.Node)
	lookups := d.LookupsOf(g.Txn)
	if lookups == 0 || s != nil && s.txns[txn] != (kademlia.ID{}) {
		return // it is none of a lookup, or sent again
	}
	if s == nil {
		s = q.begin(n, e, g, d)
	}
	if s.mixed = s.mixed || lookups > 1; s.mixed {
		return
	}
	s.goOn()
	s.txns[txn] = id
	s.queries++
	if e.Step == s.step {
		if s.first++; s.first > q.c.Config.Alpha {
			q.wrong("node %v asks %d nodes when it begins to look for %.8s, want at most %d", e.Node, s.first, s.target, q.c.Config.Alpha)
		}
	}
	i, knows := s.find(id)
	switch {
	case !knows && !s.inexact:
		q.wrong("node %v asks node %v for %.8s, of which nobody told it", e.Node, e.Peer, s.target)
		return
	case !knows:
		s.list = slices.Insert(s.list, i, sought{id: id, hops: 1})
	case s.list[i].asked:
		q.wrong("node %v asks node %v for %.8s twice", e.Node, e.Peer, s.target)
	}
	s.list[i].asked = true
	for j := range s.list[:i] {
		if o := &s.list[j]; !o.asked {
			q.wrong("node %v asks %.8s for %.8s, and not %.8s, which is closer and which it knows", e.Node, id, s.target, o.id)
		}
	}
}

// begin notes a lookup that begins. The table is that with which it begins: what changes it in a
// step comes first.
func (q *Queries) begin(n *watched, e *sim.Event, g *kademlia.Datagram, d *kademlia.DHT) *search {
	s := &search{target: g.Target, get: g.Kind == kademlia.KindGet, txns: make(map[uint64]kademlia.ID), step: e.Step}
	for _, c := range d.Closest(g.Target, q.c.Config.K) {
		s.list = append(s.list, sought{id: c.ID, hops: 1})
	}
	if s.inexact = len(s.list) < q.c.Config.K; s.inexact {
		s.list = s.list[:0] // stale ones that are closer take the places of good ones
	}
	if !s.get && q.c.Config.Refresh > 0 {
		if n.targets[s.target] {
			q.wrong("node %v looks for %.8s again, where it should look for another point", e.Node, s.target)
		}
		n.targets[s.target] = true
	}
	n.searches = append(n.searches, s)
	return s
}

func (n *watched) search(target kademlia.ID) *search {
	for _, s := range n.searches {
		if s.target == target {
			return s
		}
	}
	return nil
}

// find returns the place of a node in the list, and whether it is there.
func (s *search) find(id kademlia.ID) (int, bool) {
	order := closer(s.target)
	return slices.BinarySearchFunc(s.list, id, func(o sought, id kademlia.ID) int { return order(o.id, id) })
}

// learn takes in an answer that a node has taken.
func (n *watched) learn(t *dueTaken, own kademlia.ID, k int) {
	for _, s := range n.searches {
		id, there := s.txns[t.txn]
		if !there {
			continue
		}
		i, knows := s.find(id)
		if !knows || t.failed {
			return
		}
		s.list[i].answered = true
		s.more, s.moreHops = slices.DeleteFunc(t.named, func(id kademlia.ID) bool { return id == own }), s.list[i].hops+1
		if t.value == s.target {
			s.found, s.life = id, t.life
		} else {
			s.goOn()
		}
		const most = 32 // that a lookup knows, times k
		s.mixed = s.mixed || len(s.list)+len(s.more) > most*k
		return
	}
}

// goOn takes in whom the last answer names. One with the value ends a lookup that wants it, which
// does not look at them, but not one that is to put it.
func (s *search) goOn() {
	for _, id := range s.more {
		if at, knows := s.find(id); !knows {
			s.list = slices.Insert(s.list, at, sought{id: id, hops: s.moreHops})
		}
	}
	s.more = nil
}

// conclude judges, before a node's next step, which of its lookups ended in the last one.
func (q *Queries) conclude(id protocol.NodeID, n *watched, now protocol.Time) {
	if len(n.searches) == 0 {
		return
	}
	d := q.c.DHT(id)
	n.under = d.Lookups(n.under[:0])
	n.searches = slices.DeleteFunc(n.searches, func(s *search) bool {
		of := 0
		for _, t := range n.under {
			if t == s.target {
				of++
			}
		}
		s.mixed = s.mixed || of > 1
		if of > 0 || s.ended == nil || !s.ended.OK {
			s.goOn()
		}
		if of > 0 {
			s.puts = s.puts[:0]
			return false
		}
		if !s.mixed {
			q.relevant = true
			q.searched(id, d, s, now)
		}
		return true
	})
}

// ends notes the outcome of a lookup, of a value or of a node. A node that holds the value may look
// for it to put it again, and need not look to find it.
func (n *watched) ends(e *sim.Event, d *kademlia.DHT) {
	if e.Kind == peer.KindLooked {
		r, ok := peer.DecodeLooked(e.Body)
		if s := n.search(r.Target); ok && s != nil && len(r.Closest) > 0 {
			s.looked, s.hops = true, r.Hops
		}
		return
	}
	x, ok := kademlia.DecodeEnded(e.Body)
	if s := n.search(x.ID); ok && s != nil {
		s.mixed = s.mixed || s.ended != nil || d.Holds(x.ID)
		x.Value = nil // it aliases the event
		s.ended = &x
	}
}
