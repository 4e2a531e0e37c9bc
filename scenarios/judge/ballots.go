package judge

import (
	"fmt"
	"math/bits"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
)

// The bounds of package abcast, in ticks.
const (
	listenTicks = 4 // before a node may lead, unless it heard all
	graceTicks  = 2 // for which a ballot that has its majority waits for the others
)

// ballots is what a node must do about views, by the rules that package abcast states: when it
// begins a ballot and whom it asks, what it promises, and which view begins with which members.
// It knows the node by its messages alone.
type ballots struct {
	*detection
	own      uint32 // the node's incarnation
	promised uint64 // the highest view
	adopted  uint64 // the view of its log
	view     uint64 // that it works in, or did last
	normal   bool   // it works in that
	seen     uint64 // the highest view of which it has sent a frame
	lives    []abcast.Member
	ballot   ballot
	blocked  int // ticks since it would begin one, but for members that follow others

	begun  bool            // it has sent a heartbeat
	number uint64          // of its next heartbeat
	now    abcast.Datagram // what it has to say in this step
	spoken []spoken        // by place

	due, done act // in this step
}

// ballot is one that the node leads; its view is 0 if there is none.
type ballot struct {
	view, want, since uint64
	answers           []uint32 // by place: the incarnation that has promised, or 0
}

// act is what a node does about views in a step.
type act struct {
	beats    uint64 // the places of those to which it sends heartbeats
	asks, of uint64 // the places of those that it asks to promise a view, and which view
	promises int    // the place of the node that it promises a view, plus 1
	begins   uint64 // the view of which it sends the outcome
	again    uint64 // the places of those to which it sends that of its view again
	enters   uint64 // the view in which it begins to work
	reports  int    // the length of the log that it reports then
}

func newBallots(self, nodes int, incarnation uint32) *ballots {
	return &ballots{detection: newDetection(self, nodes), own: incarnation, ballot: ballot{answers: make([]uint32, nodes)}, spoken: make([]spoken, nodes)}
}

// step ends a step, and requires that the node did what was due.
func (b *ballots) step() (wrong error) {
	if due, done := b.due, b.done; due != done {
		wrong = fmt.Errorf("about views it %v, where it should: %v", done, due)
	}
	b.due, b.done = act{}, act{}
	return wrong
}

func (a act) String() string {
	return fmt.Sprintf("sends heartbeats to nodes %v, asks nodes %v for view %d, promises node %d, begins view %d, tells nodes %v of its view again, works in view %d with a log of %d",
		places(a.beats), places(a.asks), a.of, a.promises-1, a.begins, places(a.again), a.enters, a.reports)
}

func (b *ballots) leader(view uint64) int { return int(view % uint64(len(b.peers))) }

// receive takes a message of another node.
func (b *ballots) receive(q int, kind protocol.Kind, d *abcast.Datagram) {
	p, latest := &b.peers[q], b.hear(q, d)
	switch {
	case d.Heartbeat && latest:
		b.heartbeat(q, d)
	case d.Frame && b.normal && d.View == b.view && b.members[q] == d.Incarnation:
		p.adopted = max(p.adopted, d.View)
	case kind == abcast.KindViewPrepare && b.leader(d.Promised) == q:
		if d.Promised > b.promised {
			b.join(d.Promised)
		} else if d.Promised < b.promised || b.adopted >= d.Promised {
			b.spoken[q].owed = true
			return
		}
		b.due.promises = q + 1
	case kind == abcast.KindViewPromise:
		p.promised = max(p.promised, d.Promised)
		if x := &b.ballot; x.view == d.Promised && x.want>>q&1 == 1 && d.Incarnation >= x.answers[q] {
			x.answers[q] = d.Incarnation
			if b.unanswered() == 0 {
				b.end()
			}
		}
	case d.Members != nil && b.leader(d.Promised) == q:
		self := abcast.Member{Node: protocol.NodeID(b.self), Incarnation: b.own}
		if d.Promised < b.promised || b.adopted >= d.Promised || !slices.Contains(d.Members, self) {
			b.spoken[q].owed = true
			return
		}
		b.enter(d.Promised, d.Members)
		b.due.reports = d.Length
	}
}

// join promises a view.
func (b *ballots) join(view uint64) { b.promised, b.normal, b.ballot.view = view, false, 0 }

// enter begins to work in a view.
func (b *ballots) enter(view uint64, lives []abcast.Member) {
	b.promised, b.adopted, b.view, b.normal, b.ballot.view = max(b.promised, view), view, view, true, 0
	b.due.enters = view
	clear(b.members)
	for _, m := range lives {
		b.members[m.Node] = m.Incarnation
	}
}

// end ends the ballot: its view begins with those that have promised.
func (b *ballots) end() {
	b.lives = b.lives[:0]
	for q, incarnation := range b.ballot.answers {
		if incarnation != 0 {
			b.lives = append(b.lives, abcast.Member{Node: protocol.NodeID(q), Incarnation: incarnation})
		}
	}
	b.due.begins = b.ballot.view
	b.enter(b.ballot.view, b.lives)
}

// unanswered returns whom the ballot asks and who has not promised in the latest incarnation.
func (b *ballots) unanswered() (set uint64) {
	for q := range b.peers {
		if b.ballot.want>>q&1 == 1 && q != b.self && (b.ballot.answers[q] == 0 || b.ballot.answers[q] < b.peers[q].incarnation) {
			set |= only(q)
		}
	}
	return set
}

// sends takes a message of the node, and judges a heartbeat and the members of a view.
func (b *ballots) sends(e *sim.Event, d *abcast.Datagram) (wrong error) {
	q := only(int(e.Peer))
	switch {
	case d.Heartbeat:
		wrong = b.beats(int(e.Peer), d)
	case e.Kind == abcast.KindViewPrepare:
		b.done.asks |= q
		b.done.of = d.Promised
	case e.Kind == abcast.KindViewPromise:
		b.done.promises = int(e.Peer) + 1
	case d.Members != nil && d.Promised == b.due.begins:
		b.done.begins, b.due.reports = d.Promised, d.Length
		if !slices.Equal(d.Members, b.lives) {
			wrong = fmt.Errorf("view %d of %v, which %v have promised", d.Promised, d.Members, b.lives)
		}
	case d.Members != nil:
		b.done.again |= q
	case d.Frame && d.View > b.seen:
		b.seen, b.done.enters, b.done.reports = d.View, d.View, d.Length
	}
	return wrong
}

// consider decides, at a tick, whether to lead, and what.
func (b *ballots) consider() {
	if b.ticks < listenTicks && slices.ContainsFunc(b.others(), func(q int) bool { return b.peers[q].incarnation == 0 }) {
		return
	}
	if b.follows != b.self {
		b.ballot.view, b.blocked = 0, 0
		return
	}
	if x := &b.ballot; x.view != 0 && !b.overtaken() {
		late := b.ticks-x.since >= graceTicks
		if promised := len(x.answers) - count(x.answers, 0); late && promised >= b.majority {
			for rest := b.unanswered(); rest != 0; rest &= rest - 1 {
				b.drop(bits.TrailingZeros64(rest))
			}
			b.end()
			return
		}
		if !late || x.want == b.want {
			b.ask()
			return
		}
	}
	b.ballot.view = 0
	want := b.want
	if !b.changes(want) {
		b.blocked = 0
		return
	}
	if slices.ContainsFunc(b.others(), func(q int) bool { return want>>q&1 == 1 && !b.willing(q) }) {
		b.blocked++
		if b.blocked <= graceTicks {
			return // they may not know yet
		}
		if want = b.followers(); want == 0 || !b.changes(want) {
			return
		}
	}
	b.blocked = 0
	b.begin(want)
}

// others returns the places of the other nodes.
func (b *ballots) others() (all []int) {
	for q := range b.peers {
		if q != b.self {
			all = append(all, q)
		}
	}
	return all
}

func count(all []uint32, x uint32) (n int) {
	for _, y := range all {
		if x == y {
			n++
		}
	}
	return n
}

// overtaken reports whether somebody whom the ballot asks has promised a higher view.
func (b *ballots) overtaken() bool {
	for q := range b.peers {
		if b.ballot.want>>q&1 == 1 && b.peers[q].promised > b.ballot.view {
			return true
		}
	}
	return b.promised > b.ballot.view
}

// changes reports whether the view is not one of the nodes in want.
func (b *ballots) changes(want uint64) bool {
	if !b.normal {
		return true
	}
	for q := range b.peers {
		p, in := &b.peers[q], want>>q&1 == 1
		if q != b.self && (in != (b.members[q] != 0) || in && (p.incarnation != b.members[q] || p.promised > b.view)) {
			return true
		}
	}
	return false
}

// willing reports whether another node follows this one, or will as soon as it knows.
func (b *ballots) willing(q int) bool {
	p := &b.peers[q]
	return p.follows == b.self || !p.works && p.follows > b.self
}

// followers returns the members of a view without those that follow others.
func (b *ballots) followers() uint64 {
	candidates := uint64(0)
	for q := range b.peers {
		if q == b.self || b.connected(q) && b.willing(q) {
			candidates |= only(q)
		}
	}
	return b.choose(candidates)
}

// begin begins a ballot above all views that the node knows of.
func (b *ballots) begin(want uint64) {
	n, highest := uint64(len(b.peers)), b.promised
	for q := range b.peers {
		highest = max(highest, b.peers[q].promised)
	}
	b.join((highest/n+1)*n + uint64(b.self))
	clear(b.ballot.answers)
	b.ballot.answers[b.self] = b.own
	b.ballot.view, b.ballot.want, b.ballot.since = b.promised, want, b.ticks
	b.ask()
}

// ask asks those that have not answered.
func (b *ballots) ask() {
	if rest := b.unanswered(); rest != 0 {
		b.due.asks, b.due.of = rest, b.ballot.view
	}
}
