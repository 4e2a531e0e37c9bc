package abcast

// A Datagram is what a message with Views says of channels, and of the views that its sender
// is in: for checks that watch the network. Fields that its type lacks are 0.
type Datagram struct {
	Incarnation uint32 // of its sender
	Promised    uint64 // the view that the sender has promised at least
	Adopted     uint64 // by a heartbeat, the view of its sender's log
	View        uint64 // that the sender works in, or that a frame belongs to
	Frame       bool   // it is a frame of a channel:
	Seq         uint64 // its number
	Body        []byte // what it carries; it aliases the message
	Heartbeat   bool   // it is a heartbeat:
	Next        uint64 // the number of the frame that the sender wants next, of the receiver's
	Beat        uint64 // its number
	Hears       uint64 // the places that it hears, a bit each, up to 64
	Able        bool   // it could lead a view
	Follows     int    // the place of the node whose ballots it waits for, or -1
	Asks        bool   // the receiver is to answer at once

	Members []Member // of the view that begins, if it is that
	Length  int      // of the log with which it begins; or what a frame reports, else -1
}

// Ticks reports whether a timer of a group with Views is its tick.
func Ticks(tag uint64) bool { return tag == tagTick }

// Watcher reads datagrams for checks. The zero Watcher is ready.
type Watcher struct{ in datagramReader }

// Read returns what a datagram says. ok is false if a node would drop it as malformed.
func (w *Watcher) Read(msg []byte) (x Datagram, ok bool) {
	d, ok := w.in.decode(msg)
	if !ok {
		return Datagram{}, false
	}
	x.Incarnation = d.inc
	switch d.op {
	case opHeartbeat:
		x.Heartbeat, x.Next, x.Promised, x.Adopted = true, d.next, d.promised, d.adopted
		if d.normal {
			x.View = d.adopted
		}
		x.Beat, x.Able, x.Follows, x.Asks = d.beat, d.able, d.follows, d.asks
		for i, b := range d.hears[:min(8, len(d.hears))] {
			x.Hears |= uint64(b) << (8 * i)
		}
	case opFrame:
		x.Frame, x.View, x.Seq, x.Body, x.Promised, x.Length = true, d.view, d.seq, d.body, d.view, -1
		if length, ok := w.in.stable(d.body); ok {
			x.Length = length
		}
	case opNewView:
		x.Promised, x.Members, x.Length = d.view, d.entries[len(d.entries)-1].members, d.base+len(d.entries)
	default:
		x.Promised = d.view
	}
	return x, true
}
