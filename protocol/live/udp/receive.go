package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"dessim/protocol"
)

// read is the goroutine that reads.
func (n *Network) read() {
	defer close(n.done)
	buf := make([]byte, 1<<16) // no datagram is longer, so none is cut, nor reported as an error
	failures := 0              // in a row
	for {
		size, from, err := n.cfg.Conn.ReadFromUDPAddrPort(buf)
		if err == nil {
			n.accept(from, buf[:size])
		}
		switch {
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
			failures = 0
		case errors.Is(err, net.ErrClosed):
			return
		default: // Windows reports ports that others have closed
			n.count.count(readFailed)
			if failures++; failures > manyFailures {
				time.Sleep(afterFailures) // a socket that is broken for good is not read in a tight loop
			}
		}
		if n.sweep != 0 {
			n.expire()
		}
	}
}

// accept consumes one datagram. What is cheap to refuse is refused first.
func (n *Network) accept(source netip.AddrPort, b []byte) {
	n.count.count(receivedDatagrams)
	n.count[receivedBytes].Add(uint64(len(b)))
	if len(b) > maxDatagram {
		n.count.count(oversized)
		return
	}
	isRaw := len(b) > 0 && b[0] == raw
	from, isMember := n.cfg.Book.Member(source)
	switch {
	case isMember:
		if !n.members[from].limit.allow(n.now(), len(b)) {
			n.count.count(excess)
			return
		}
	case !isRaw:
		n.count.count(unknown)
		return
	case !n.strangers.allow(n.now(), len(b)):
		n.count.count(strangers)
		return
	}
	if !isRaw {
		n.acceptFrame(from, b)
		return
	}
	if !isMember {
		var ok bool
		if from, ok = n.cfg.Book.Meet(source); !ok {
			n.count.count(unknown)
			return
		}
	}
	n.deliver(from, 0, 0, b)
}

// acceptFrame consumes a datagram of a member that is no raw one.
func (n *Network) acceptFrame(from protocol.NodeID, b []byte) {
	var f frame
	why := f.decode(b, n.cfg.Network)
	if why == delivered && int(f.count) > fragments(n.cfg.Limits.Message) {
		why = malformed
	}
	if why != delivered {
		n.count.count(why)
		return
	}
	if f.count == 1 {
		n.deliver(from, f.incarnation, f.seq, f.body)
		return
	}
	now := n.now()
	msg, gone, why := n.members[from].parts.add(&f, now, n.share)
	n.count[incomplete].Add(uint64(gone))
	if why != delivered {
		n.count.count(why)
	}
	if n.sweep == 0 && len(n.members[from].parts.list) > 0 {
		n.sweepAt(now + reassembleFor)
	}
	if msg != nil && len(msg) > n.cfg.Limits.Message {
		n.count.count(malformed)
	} else if msg != nil {
		n.deliver(from, f.incarnation, f.seq, msg)
	}
}

func (n *Network) deliver(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
	n.count.count(delivered)
	n.cfg.Receive(from, incarnation, seq, body)
}

// sweepAt has the goroutine wake at a time, though no datagram comes.
func (n *Network) sweepAt(at time.Duration) {
	n.sweep = at
	_ = n.cfg.Conn.SetReadDeadline(n.began.Add(at)) // fails only if closed, which the next read reports
}

// expire drops the messages that have been incomplete for too long, if it is time.
func (n *Network) expire() {
	now := n.now()
	if now < n.sweep {
		return
	}
	next := time.Duration(0)
	for i := range n.members {
		p := &n.members[i].parts
		n.count[incomplete].Add(uint64(p.expire(now)))
		if len(p.list) > 0 && (next == 0 || p.list[0].begun+reassembleFor < next) {
			next = p.list[0].begun + reassembleFor
		}
	}
	if n.sweep = next; next != 0 {
		n.sweepAt(next)
	} else {
		_ = n.cfg.Conn.SetReadDeadline(time.Time{})
	}
}
