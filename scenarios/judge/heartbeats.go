package judge

import (
	"fmt"

	"dessim/protocol/abcast"
)

// The pace of heartbeats by package abcast, in ticks.
const (
	beatTicks = 3 // from a heartbeat to the next one that says nothing new
	askTicks  = 4 // of silence, after which a node is asked to say something
)

// spoken is the last heartbeat to a node.
type spoken struct {
	d    abcast.Datagram
	tick uint64
	owed bool // a message came since then that one would not send who knew what it says
}

// saying returns what the node has to say in its step, but for what it says to one alone.
func (b *ballots) saying() abcast.Datagram {
	return abcast.Datagram{
		Heartbeat: true, Beat: b.number, Promised: b.promised, Adopted: b.adopted, View: b.working(),
		Hears: b.hears, Able: b.fit != 0, Follows: b.follows,
	}
}

// asks reports whether q has been silent for so long that it is asked to say something.
func (b *ballots) asks(q int) bool {
	p := &b.peers[q]
	return p.incarnation == 0 || b.ticks-p.heard >= askTicks
}

// beatDue reports whether q must get a heartbeat at this tick. next is the frame of q's that the node
// wants.
func (b *ballots) beatDue(q int, next uint64) bool {
	last, d := &b.spoken[q], &b.now
	was := &last.d
	return b.ticks-last.tick >= beatTicks || last.owed || b.hears>>q&1 == 1 && b.asks(q) ||
		d.Promised != was.Promised || d.Adopted != was.Adopted || d.View != was.View || d.View != 0 && next != was.Next ||
		d.Hears != was.Hears || d.Able != was.Able || d.Follows != was.Follows
}

// fires begins a tick, but for what the node does about ballots: see consider. next returns the
// frame that it wants from another one.
func (b *ballots) fires(next func(q int) uint64) {
	b.number++
	b.tick(&abcast.Datagram{Beat: b.ticks + 1, View: b.working(), Promised: b.promised})
	b.now = b.saying()
	for q := range b.peers {
		if q == b.self {
			continue
		}
		if b.beatDue(q, next(q)) {
			b.due.beats |= only(q)
		}
		p := &b.peers[q]
		if b.normal && b.leader(b.view) == b.self && b.members[q] != 0 && b.members[q] == p.incarnation && p.promised == b.view && p.adopted < b.view {
			b.due.again |= only(q)
		}
	}
}

// working returns the view that the node works in, or 0.
func (b *ballots) working() uint64 {
	if b.normal {
		return b.view
	}
	return 0
}

// beats takes a heartbeat of the node to q. Whether it acknowledges what it should is judged by
// Channels.
func (b *ballots) beats(q int, d *abcast.Datagram) error {
	if !b.begun { // it begins, with what its disk has
		b.begun, b.promised, b.adopted = true, d.Promised, d.Adopted
		b.now = b.saying()
		for other := range b.peers {
			if other != b.self {
				b.due.beats |= only(other)
			}
		}
	}
	b.done.beats |= only(q)
	want, asks := &b.now, b.asks(q)
	b.spoken[q] = spoken{*d, b.ticks, false}
	switch {
	case d.Beat != want.Beat || d.View != want.View || d.Promised != want.Promised || d.Adopted != want.Adopted:
		return fmt.Errorf("heartbeat %d, that it works in view %d, has promised %d, and adopted %d; want %d, %d, %d and %d",
			d.Beat, d.View, d.Promised, d.Adopted, want.Beat, want.View, want.Promised, want.Adopted)
	case d.View == 0 && d.Next != 0:
		return fmt.Errorf("a heartbeat that acknowledges %d frames, and works in no view", d.Next)
	case d.Asks != asks:
		return fmt.Errorf("a heartbeat that says whether it is to be answered: %v, where node %d was heard %d ticks ago", d.Asks, q, b.ticks-b.peers[q].heard)
	}
	return b.says(d)
}

// heartbeat takes another node's heartbeat.
func (b *ballots) heartbeat(q int, d *abcast.Datagram) {
	p := &b.peers[q]
	p.promised, p.adopted = max(p.promised, d.Promised), max(p.adopted, d.Adopted)
	if d.Adopted > b.promised {
		b.normal = false // a majority goes on without it
	}
	if d.Asks {
		b.number++
		b.now = b.saying()
		b.due.beats |= only(q)
	}
}
