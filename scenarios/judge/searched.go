package judge

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// searched judges a lookup that has ended. What ends one for a value is known from the outputs of
// package kademlia's own nodes alone.
func (q *Queries) searched(id protocol.NodeID, d *kademlia.DHT, s *search, now protocol.Time) {
	alone := q.c.Config.Refresh > 0
	switch {
	case s.get && !alone:
	case s.ended != nil && s.ended.OK:
		q.found(id, s)
	default:
		q.exhausted(id, s)
		if s.ended == nil && s.get {
			q.scattered(id, d, s, now)
		}
	}
	if i := slices.IndexFunc(s.list, func(o sought) bool { return o.answered }); s.looked && !s.inexact && (i < 0 || s.list[i].hops != s.hops) {
		q.wrong("node %v says that the closest to %.8s is %d hops away, which those who named it are not", id, s.target, s.hops)
	}
	if s.ended != nil && s.ended.RPCs != s.queries {
		q.wrong("node %v says that its lookup of %.8s took %d queries; it sent %d", id, s.target, s.ended.RPCs, s.queries)
	}
}

// exhausted requires that the k closest that did not fail have answered.
func (q *Queries) exhausted(id protocol.NodeID, s *search) {
	answered := 0
	for i := range s.list {
		switch o := &s.list[i]; {
		case answered == q.c.Config.K:
			return
		case o.answered:
			answered++
		case !o.asked:
			q.wrong("node %v ends its lookup of %.8s without asking %.8s, of which it was told; only %d that are closer answered", id, s.target, o.id, answered)
			return
		}
	}
}

// found judges a lookup that ended with a value: how far away it was, and that it is left at the
// closest node that answered without it, for half as long for each node between that one and the
// k closest.
func (q *Queries) found(id protocol.NodeID, s *search) {
	i, ok := s.find(s.found)
	if !ok || s.found == (kademlia.ID{}) {
		q.wrong("node %v says that it found %.8s, with which nobody answered", id, s.target)
		return
	}
	if hops := s.list[i].hops; s.ended.Hops != hops && !s.inexact {
		q.wrong("node %v says that it found %.8s after %d hops; those who named %.8s are %d away", id, s.target, s.ended.Hops, s.found, hops)
	}
	at := slices.IndexFunc(s.list, func(o sought) bool { return o.answered && o.id != s.found })
	least, most := 0, 0 // nodes between: those that were asked may have failed
	for j := range s.list[:max(at, 0)] {
		if o := &s.list[j]; !o.asked || o.answered {
			least++
		}
		most++
	}
	switch {
	case at < 0 && len(s.puts) > 0:
		q.wrong("node %v leaves %.8s at a node, and none has answered without it", id, s.target)
	case at < 0 || s.inexact:
	case len(s.puts) == 0:
		if q.leftFor(s, most) > protocol.Time(time.Second) {
			q.wrong("node %v does not leave %.8s, which it found, at %.8s, which answered without it", id, s.target, s.list[at].id)
		}
	case len(s.puts) > 1 || s.puts[0].id != s.list[at].id:
		q.wrong("node %v leaves %.8s, which it found, at %d nodes, first at %.8s; want at %.8s", id, s.target, len(s.puts), s.puts[0].id, s.list[at].id)
	default:
		p := &s.puts[0]
		right := false
		for between := least; between <= most; between++ {
			right = right || p.life == q.leftFor(s, between) && p.cached == (between+1 > q.c.Config.K)
		}
		if !right {
			q.wrong("node %v leaves %.8s for %v, spare %v, at %.8s; %d to %d nodes are closer, and it has %v left", id, s.target, p.life, p.cached, p.id, least, most, s.life)
		}
	}
}

// leftFor returns the life, as a message carries it, of a value left at a node with so many
// closer ones.
func (q *Queries) leftFor(s *search, between int) protocol.Time {
	life := protocol.Time(q.c.Config.Expire)
	if s.life > 0 {
		life = min(life, s.life)
	}
	if beyond := between + 1 - q.c.Config.K; beyond > 0 {
		life >>= min(beyond, 60)
	}
	return (life - protocol.Time(q.c.Config.Timeout)) / protocol.Time(time.Millisecond) * protocol.Time(time.Millisecond)
}

// scattered requires that a value is put at the k closest that answered, the node itself
// included.
func (q *Queries) scattered(id protocol.NodeID, d *kademlia.DHT, s *search, now protocol.Time) {
	const soon = protocol.Time(time.Minute) // then it may expire on the way
	until, publishes := d.Publishes(s.target)
	h, holds := d.Held(s.target)
	if publishes && until != 0 && until < now+soon || !publishes && (!holds || h.Expires < now+soon) {
		return
	}
	var want, got []kademlia.ID
	for i := range s.list {
		if o := &s.list[i]; o.answered && len(want) < q.c.Config.K {
			want = append(want, o.id)
		}
	}
	if n := len(want); n < q.c.Config.K || s.target.Closer(q.c.IDs[id], want[n-1]) {
		want = want[:min(n, q.c.Config.K-1)]
	}
	for i := range s.puts {
		got = append(got, s.puts[i].id)
	}
	slices.SortFunc(got, closer(s.target))
	if !slices.Equal(got, want) {
		q.wrong("node %v puts %.8s at %s, where the closest that answered are %s", id, s.target, short(got), short(want))
	}
}
