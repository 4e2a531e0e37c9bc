package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
)

// linkPace is when a node last had reason to wait before it sends another one messages again:
// when that acknowledged anything, when messages were last sent again, or when the first that
// it has not acknowledged was sent. From then on the next resend is due after a pause that
// doubles with each, up to eight times the first one, and lasts a quarter more at most.
// Nothing else puts it off, whatever the other node sends.
type linkPace struct {
	since  protocol.Time
	tries  int      // resends since anything was acknowledged
	fresh  bool     // nothing was acknowledged or sent again yet: the step may have begun earlier
	step   uint64   // of the last resend
	floor  uint64   // numbers up to here were given up for a former incarnation
	sacked []uint64 // numbers that are acknowledged out of turn
}

// linkRule is how long a link waits, where delay is more than disks and what waits for them
// take.
type linkRule struct{ retry, delay time.Duration }

const resendDoublings = 3

// pause returns the least and the most time to the next resend, after tries of them.
func (r *linkRule) pause(tries int) (least, most time.Duration) {
	least = r.retry << min(tries, resendDoublings)
	if tries == 0 {
		return least, least
	}
	return least, least + least/4
}

// outstanding reports whether a message to p is not acknowledged.
func (p *linkPeer) outstanding() bool { return p.top > p.settled() }

// settled returns the number up to which all is acknowledged, or was given up.
func (p *linkPeer) settled() uint64 { return max(p.acked, p.floor) }

// acknowledge notes what a frame of p acknowledges.
func (p *linkPeer) acknowledge(at protocol.Time, f *link.Frame) {
	progress := f.Ack > p.settled() && p.outstanding()
	p.acked = max(p.acked, f.Ack)
	p.sacked = slices.DeleteFunc(p.sacked, func(seq uint64) bool { return seq <= p.acked })
	for bits, seq := f.Sack, f.Ack+2; bits != 0; bits, seq = bits>>1, seq+1 {
		if bits&1 == 1 && seq > p.settled() && seq <= p.top && !slices.Contains(p.sacked, seq) {
			p.sacked, progress = append(p.sacked, seq), true
		}
	}
	if progress {
		p.since, p.tries, p.fresh = at, 0, false
	}
}

// goes judges when and in which order messages to p are sent again.
func (p *linkPeer) goes(e *sim.Event, f *link.Frame, r *linkRule) error {
	switch {
	case !f.Data:
		return nil
	case !p.resent:
		if f.Seq == p.settled()+1 {
			p.since, p.tries, p.fresh = e.At, 0, true
		}
		return nil
	case f.Seq <= p.settled() || slices.Contains(p.sacked, f.Seq):
		return fmt.Errorf("node %v sends node %v message %d again, which is acknowledged", e.Node, e.Peer, f.Seq)
	case e.Step == p.step:
		return nil
	}
	since, fresh := p.since, p.fresh
	least, _ := r.pause(p.tries)
	p.since, p.tries, p.fresh, p.step = e.At, p.tries+1, false, e.Step
	switch took := e.At.Sub(since); {
	case f.Seq != p.settled()+1:
		return fmt.Errorf("node %v sends node %v message %d again before %d, which is older", e.Node, e.Peer, f.Seq, p.settled()+1)
	case r.retry > 0 && !fresh && took < least:
		return fmt.Errorf("node %v sends node %v message %d again %v after the last acknowledgement or resend; want at least %v", e.Node, e.Peer, f.Seq, took, least)
	}
	return nil
}

// late requires that a resend to p is not overdue. A link leaves a timer that fires too early,
// which it has set when its pauses were longest.
func (p *linkPeer) late(id, to protocol.NodeID, now protocol.Time, l *Links) error {
	if !p.outstanding() || l.pace.retry == 0 {
		return nil
	}
	_, most := l.pace.pause(p.tries)
	_, longest := l.pace.pause(resendDoublings)
	if waits := l.held.Free(id, p.since, now, longest); waits > most+l.pace.delay {
		return fmt.Errorf("node %v has not sent node %v message %d again %v after the last acknowledgement or resend; want at most %v", id, to, p.settled()+1, waits, most)
	}
	return nil
}

// late requires that a node's resends are not overdue.
func (l *Links) late(id protocol.NodeID, now protocol.Time) error {
	n := l.ends[id]
	for _, to := range protocol.SortedKeys(n.peers) {
		if err := n.peers[to].late(id, to, now, l); err != nil {
			return err
		}
	}
	return nil
}

// overdue requires that no resend is overdue.
func (l *Links) overdue(now protocol.Time) error {
	for i, n := range l.ends {
		if n == nil {
			continue
		}
		if err := l.late(protocol.NodeID(i), now); err != nil {
			return err
		}
	}
	return nil
}
