package host

import (
	"bytes"
	"io"
	"slices"
	"syscall"
)

// receive consumes a segment of this connection.
func (c *conn) receive(s *segment) {
	if c.state == dead || s.what == segReset {
		c.wasReset()
		return
	}
	if s.what == segSynAck {
		c.answered(s)
		return
	}
	if c.state == synSent || s.ack > c.nxt {
		return // no peer sends that
	}
	c.heard, c.asked = c.now, 0
	if c.state == synReceived {
		c.state = established
		c.progress()
	}
	c.acknowledged(s)
	switch s.what {
	case segData:
		c.arrived(s.seq, s.data)
	case segFin:
		c.owes = true
		if !c.ending && s.seq >= c.rcv {
			c.ending, c.last = true, s.seq
		}
	case segProbe:
		c.owes = true
	}
	if c.state == established {
		c.deliver()
		c.push()
	}
}

// answered consumes the answer to a SYN. It is acknowledged, with data or without.
func (c *conn) answered(s *segment) {
	switch {
	case c.state == synSent:
		c.state, c.peer, c.edge = established, s.of, uint64(s.window)
		c.heard = c.now
		if c.tries == 0 {
			c.measure(c.now - c.timedAt)
		}
		c.progress()
		c.arm()
		c.owes = true
	case c.peer == s.of:
		c.owes = true
	default: // the peer has answered two copies of the SYN
		c.emit(&segment{what: segReset, to: s.of})
	}
}

// wasReset ends a connection that the peer has reset. If both streams have ended, a reset is no error:
// the peer may have forgotten the connection.
func (c *conn) wasReset() {
	switch {
	case c.state == dead || c.finished():
	case c.state == synSent:
		c.die(syscall.ECONNREFUSED)
	default:
		c.die(syscall.ECONNRESET)
	}
}

// progress notes that the peer has answered.
func (c *conn) progress() { c.tries, c.backoff, c.equal, c.resend = 0, 0, 0, 0 }

// acknowledged notes how far the peer has received, and how far it allows sending.
func (c *conn) acknowledged(s *segment) {
	edge := s.ack + uint64(s.window)
	switch {
	case s.ack > c.una:
		n := min(s.ack-c.una, uint64(len(c.out)))
		c.out = c.out[n:]
		c.una = s.ack
		c.progress()
		if c.timed != 0 && c.una >= c.timed {
			c.measure(c.now - c.timedAt)
			c.timed = 0
		}
	case s.ack < c.una:
	case c.una == c.nxt && edge > c.edge: // the window opens
		c.progress()
	case c.una == c.nxt: // a probe was answered
		c.tries = 0
	case s.what == segAck && edge <= c.edge:
		c.equal++
		if c.equal == dupAcks {
			c.timed = 0
			if to := min(c.nxt, c.total, c.una+maxSegment); to > c.una {
				c.sendData(c.una, to)
			}
		}
	}
	c.edge = max(c.edge, edge)
}

// arrived consumes data.
func (c *conn) arrived(at uint64, b []byte) {
	c.owes = true
	end := min(at+uint64(len(b)), c.told)
	if end <= max(at, c.rcv) || c.ending && end > c.last {
		return
	}
	if c.orphan { // the program will not read it, and the peer must know
		c.abort(nil)
		return
	}
	b = b[:end-at]
	if at < c.rcv {
		b, at = b[c.rcv-at:], c.rcv
	}
	c.hold(at, b)
}

// hold keeps those bytes of b that are not held yet.
func (c *conn) hold(at uint64, b []byte) {
	for i := 0; len(b) > 0; i++ {
		n := uint64(len(b))
		if i < len(c.held) {
			h := c.held[i]
			if end := h.at + uint64(len(h.b)); at >= h.at {
				n = min(n, max(end, at)-at)
				at, b = at+n, b[n:]
				continue
			}
			n = min(n, h.at-at)
		}
		c.held = slices.Insert(c.held, i, piece{at, bytes.Clone(b[:n])})
		at, b = at+n, b[n:]
	}
}

// deliver makes readable what is in order.
func (c *conn) deliver() {
	n := 0
	for ; n < len(c.held) && c.held[n].at == c.rcv; n++ {
		if !c.deaf {
			c.in = append(c.in, c.held[n].b...)
		}
		c.rcv += uint64(len(c.held[n].b))
	}
	c.held = slices.Delete(c.held, 0, n)
	if c.ending && !c.eof && c.rcv == c.last {
		c.eof = true
		c.rcv++
	}
}

// read moves data into p. If there is none, it returns 0 and no error.
func (c *conn) read(p []byte) (int, error) {
	switch {
	case len(c.in) > 0:
		n := copy(p, c.in)
		c.in = c.in[n:]
		// The window is announced once it has grown by a segment (RFC 1122, 4.2.3.3).
		if !c.eof && c.state == established && c.rcv+uint64(maxWindow-len(c.in)) >= c.told+maxSegment {
			c.owes = true
		}
		return n, nil
	case c.err != nil:
		return 0, c.takeErr()
	case c.eof || c.deaf || c.state == dead:
		return 0, io.EOF
	}
	return 0, nil
}

// readable reports whether read would return data or an error.
func (c *conn) readable() bool {
	return len(c.in) > 0 || c.err != nil || c.eof || c.deaf || c.state == dead
}

// acknowledge sends the acknowledgement that is owed, if it did not go with data.
func (c *conn) acknowledge() {
	if c.owes && c.state == established {
		c.speak(&segment{what: segAck, seq: c.nxt})
	}
}

// The end.

// silence makes the connection drop what it receives from here on.
func (c *conn) silence() { c.deaf, c.in = true, nil }

// close is called when the program closes the connection. Data that it has not read is lost, and a
// reset tells the peer so. Data that it has written is still sent, unless drop is set.
func (c *conn) close(drop bool) {
	switch {
	case c.state == dead:
	case c.state == synSent:
		c.die(nil)
	case drop || c.state == synReceived || len(c.in) > 0:
		c.abort(nil)
	default:
		c.orphan = true
		c.silence()
		c.shutdown()
	}
}

// abort ends the connection on both sides.
func (c *conn) abort(err error) {
	c.emit(&segment{what: segReset, to: c.peer})
	c.die(err)
}

// die ends the connection on this side. Data that came in order can still be read.
func (c *conn) die(err error) {
	c.state, c.err = dead, err
	c.out, c.held, c.resend, c.owes = nil, nil, 0, false
}

// takeErr returns the error that ended the connection, the first time.
func (c *conn) takeErr() error {
	err := c.err
	c.err = nil
	return err
}
