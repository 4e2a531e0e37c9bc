package udp

import (
	"net/netip"
	"slices"
	"time"

	"dessim/protocol"
)

// Send sends a message to another node. seq counts the messages that this incarnation has
// sent to it, from 1. What cannot be sent is dropped and
// counted. A message of many fragments leaves at 150 MB a second at most, since one that
// leaves at once overruns its receiver; Send blocks as long.
func (n *Network) Send(to protocol.NodeID, seq uint64, msg []byte) {
	at, isMember, ok := n.addrOf(to)
	switch {
	case !ok || !isMember && (len(msg) == 0 || msg[0] != raw):
		n.count.count(unroutable)
		return
	case n.tooLong(msg, !isMember):
		n.count.count(tooLong)
		return
	}
	p := parcel{at: at, raw: !isMember, incarnation: n.cfg.Incarnation, seq: seq}
	if n.cfg.Fate == nil {
		n.send(p, msg)
		return
	}
	leaving := n.cfg.Fate(to, seq, msg)
	if len(leaving) == 0 {
		n.count.count(lost)
	}
	for _, l := range leaving {
		switch {
		case n.tooLong(l.Body, p.raw):
			n.count.count(tooLong)
		case l.After > 0:
			n.delay(p, l)
		default:
			n.send(p, l.Body)
		}
	}
}

func (n *Network) tooLong(msg []byte, isRaw bool) bool {
	return isRaw && len(msg) > maxDatagram || len(msg) > n.cfg.Limits.Message
}

// parcel says where a message goes, and what its frames say.
type parcel struct {
	at          netip.AddrPort
	raw         bool
	incarnation uint32
	seq         uint64
}

// delay sends a copy of a message later.
func (n *Network) delay(p parcel, l Leaving) {
	n.mu.Lock()
	room := n.delayed+len(l.Body) <= maxDelayed && !n.closed
	if room {
		n.delayed += len(l.Body)
	}
	n.mu.Unlock()
	if !room {
		n.count.count(undelayed)
		return
	}
	body := slices.Clone(l.Body)
	time.AfterFunc(l.After, func() {
		n.send(p, body)
		n.mu.Lock()
		n.delayed -= len(body)
		n.mu.Unlock()
	})
}

// send hands a message to the system.
func (n *Network) send(p parcel, msg []byte) {
	if p.raw {
		n.write(p, &frame{body: msg})
		return
	}
	count := fragments(len(msg))
	f := frame{network: n.cfg.Network, incarnation: p.incarnation, seq: p.seq, count: uint16(count)}
	for i := range count {
		if i > 0 && i%burst == 0 {
			time.Sleep(betweenBurst)
		}
		f.index, f.body = uint16(i), msg[:min(len(msg), fragmentLen)]
		msg = msg[len(f.body):]
		if !n.write(p, &f) {
			return
		}
	}
}

// write hands one datagram to the system.
func (n *Network) write(p parcel, f *frame) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		n.count.count(sentToClosed)
		return false
	}
	b := f.body
	if !p.raw {
		n.out = f.append(n.out[:0])
		b = n.out
	}
	if _, err := n.cfg.Conn.WriteToUDPAddrPort(b, p.at); err != nil {
		n.count.count(sendFailed)
		return false
	}
	n.count.count(sentDatagrams)
	n.count[sentBytes].Add(uint64(len(b)))
	if p.raw || f.index == f.count-1 {
		n.count.count(sentMessages)
	}
	return true
}
