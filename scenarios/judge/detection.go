package judge

import (
	"fmt"
	"math/bits"

	"dessim/protocol/abcast"
)

// The bounds of package abcast, in ticks.
const (
	suspectTicks  = 6   // of silence, after which a node is not heard
	longestAbsent = 32  // until a node that dropped out may come back, at most
	calmTicks     = 128 // without dropping out, after which that is forgotten
)

// mostDetected is the most nodes whose heartbeats are judged: up to there the rules leave nothing
// to how long a node searches.
const mostDetected = 24

// detection is what a node must make of the heartbeats that it gets, by the rules that the comment
// of package abcast states: whom it hears, whether it could lead a view, and whom it follows.
type detection struct {
	self     int
	majority int
	ticks    uint64
	peers    []detected // by place
	members  []uint32   // by place: the incarnation in the view that it works in or did last, or 0
	missing  []uint64   // by place: the candidates that are not connected with that one

	hears, fit uint64 // sets of places: whom it hears, and whom it could lead
	want       uint64 // of fit, without those that stay out
	follows    int    // or -1
}

// detected is what it knows of another node.
type detected struct {
	incarnation uint32
	heard       uint64 // tick
	promised    uint64 // a view, at least
	adopted     uint64 // likewise
	beat        uint64 // of the last heartbeat, which says:
	hears       uint64
	able        bool
	follows     int
	works       bool

	dropped, pause uint64 // ticks: when it last dropped out, and for how long it stays out
}

func newDetection(self, nodes int) *detection {
	return &detection{
		self: self, majority: nodes/2 + 1, peers: make([]detected, nodes),
		members: make([]uint32, nodes), missing: make([]uint64, nodes), follows: -1,
	}
}

// only returns the set of one place.
func only(q int) uint64 { return 1 << q }

// hear takes any message of another node. It reports whether it is of the latest incarnation.
func (n *detection) hear(q int, d *abcast.Datagram) bool {
	p := &n.peers[q]
	if d.Incarnation < p.incarnation {
		return false
	}
	if d.Incarnation > p.incarnation {
		*p = detected{incarnation: d.Incarnation, promised: p.promised, adopted: p.adopted, follows: -1, dropped: p.dropped, pause: p.pause}
	}
	p.heard = n.ticks
	if d.Heartbeat && d.Beat >= p.beat {
		p.beat, p.hears, p.able, p.follows, p.works = d.Beat, d.Hears, d.Able, d.Follows, d.View != 0
	}
	return true
}

// connected reports whether the node and q hear each other.
func (n *detection) connected(q int) bool {
	return q == n.self || n.hears>>q&1 == 1 && n.peers[q].hears>>n.self&1 == 1
}

// tick begins tick d.Beat, in which the node works in view d.View and has promised d.Promised.
func (n *detection) tick(d *abcast.Datagram) {
	n.ticks = d.Beat
	n.hears, n.follows = 0, -1
	if n.ticks == 0 {
		return // it begins
	}
	candidates := uint64(0)
	for q := range n.peers {
		if p := &n.peers[q]; q == n.self || p.incarnation != 0 && n.ticks-p.heard < suspectTicks {
			n.hears |= only(q)
		}
		if n.connected(q) {
			candidates |= only(q)
		}
	}
	fit := n.choose(candidates)
	n.watch(fit, d)
	n.fit = fit
	welcome := candidates
	for q := range n.peers {
		if !n.admits(q) {
			welcome &^= only(q)
		}
	}
	n.want = n.choose(welcome)
	if n.want == 0 {
		welcome, n.want = candidates, fit // there is no majority without those that stay out
	}
	for q := range n.peers {
		able := q == n.self && fit != 0 || n.peers[q].able && candidates>>q&1 == 1
		if able && welcome>>q&1 == 1 {
			n.follows = q
			return
		}
	}
}

// choose returns the members of a view that the node could lead, of these candidates.
func (n *detection) choose(candidates uint64) uint64 {
	for q := range n.peers {
		n.missing[q] = 0
	}
	for q := range n.peers {
		if q == n.self || candidates>>q&1 == 0 {
			continue
		}
		deaf := candidates &^ n.peers[q].hears &^ only(q)
		if deaf == 0 {
			continue // as nearly always
		}
		n.missing[q] |= deaf
		for c := range n.peers {
			n.missing[c] |= deaf >> c & 1 << q
		}
	}
	set := n.without(candidates)
	for q := range n.peers {
		if set != 0 && candidates>>q&1 == 1 && n.missing[q]&set == 0 {
			set |= only(q)
		}
	}
	return set
}

// without leaves out, while some are not connected, the one that is not with most of the others,
// the highest of several, and tries the other way round if that leads to no majority.
func (n *detection) without(left uint64) uint64 {
	if bits.OnesCount64(left) < n.majority {
		return 0
	}
	worst, most := 0, 0
	for q := range n.peers {
		if lacks := bits.OnesCount64(n.missing[q] & left); left>>q&1 == 1 && lacks > 0 && lacks >= most {
			worst, most = q, lacks
		}
	}
	if most == 0 {
		return left
	}
	if found := n.without(left &^ only(worst)); found != 0 {
		return found
	}
	return n.without(left &^ n.missing[worst])
}

// watch notes who drops out of the view, or of a ballot that it leads.
func (n *detection) watch(fit uint64, d *abcast.Datagram) {
	if fit == 0 {
		return
	}
	leads := int(d.Promised % uint64(len(n.peers)))
	for q := range n.peers {
		p := &n.peers[q]
		in := n.members[q] != 0 || d.View == 0 && q == leads
		switch {
		case fit>>q&1 == 0 && n.fit>>q&1 == 1 && in:
			n.drop(q)
		case fit>>q&1 == 1 && n.ticks-p.dropped >= calmTicks:
			p.pause = 0
		}
	}
}

func (n *detection) drop(q int) {
	p := &n.peers[q]
	p.dropped, p.pause = n.ticks, min(max(1, 2*p.pause), longestAbsent)
}

// admits reports whether q is in the view or may come in.
func (n *detection) admits(q int) bool {
	p := &n.peers[q]
	return q == n.self || n.members[q] != 0 || n.ticks-p.dropped > p.pause
}

// says judges a heartbeat of the node.
func (n *detection) says(d *abcast.Datagram) error {
	switch {
	case d.Hears != n.hears:
		return fmt.Errorf("a heartbeat that says it hears nodes %v, where it has lately heard %v", places(d.Hears), places(n.hears))
	case d.Able != (n.fit != 0):
		return fmt.Errorf("a heartbeat that says whether it could lead a view: %v, where the members would be nodes %v", d.Able, places(n.fit))
	case d.Follows != n.follows:
		return fmt.Errorf("a heartbeat that says it follows node %d, where it should follow %d", d.Follows, n.follows)
	}
	return nil
}
