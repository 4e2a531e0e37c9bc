package host

import (
	"syscall"
	"time"
)

// conn is one end of a TCP connection, as a state machine: segments, the passing of time, and a
// program's reads and writes go in; segments and the error come out. It never waits; see stream for
// what waits. Offsets count a stream's bytes from 0. The FIN takes the offset after the
// last byte.
//
// It does what TCP does on a path without a limit on its rate: a handshake, cumulative
// acknowledgement, retransmission after a measured time that doubles, or after three equal
// acknowledgements, flow control with probes of a closed window, half-close, resets, and
// keep-alive. There is no congestion control, and no selective acknowledgement: everything
// outstanding, four segments at most, is sent again.
type conn struct {
	emit  func(*segment)
	now   int64 // the time of the call under way
	state connState
	id    connID
	peer  connID
	err   error // that ended it; reported once

	// What is sent.
	out     []byte // the bytes from una to total
	una     uint64 // the oldest offset that is not acknowledged
	nxt     uint64 // the next offset to send for the first time
	total   uint64 // bytes that the program has written
	edge    uint64 // the offset at which the peer's window ends
	shut    bool   // the program writes nothing more: the FIN is at total
	orphan  bool   // the program has closed the connection
	tries   int    // retransmissions or probes without an answer
	backoff int    // how often the timeout has doubled
	resend  int64  // when the next retransmission or probe is due, or 0
	equal   int    // acknowledgements that said the same
	srtt    int64  // smoothed round-trip time, 0 if none was measured
	rttvar  int64  // its variation
	timed   uint64 // the offset whose acknowledgement is timed; 0 if none is
	timedAt int64  // when the segment before it was sent

	// What is received.
	in     []byte  // in order, not read yet
	rcv    uint64  // the next offset expected
	held   []piece // came early; ordered, without overlap
	ending bool    // the offset of the peer's FIN is known,
	last   uint64  // and is this
	eof    bool    // everything up to the FIN has come
	told   uint64  // the peer knows that it may send up to this offset
	owes   bool    // an acknowledgement
	deaf   bool    // the program reads nothing more

	keep   keepAlive
	heard  int64 // when something came from the peer last
	asked  int   // keep-alive probes since then
	asking int64 // when the last of them was sent
}

type connState uint8

const (
	synSent     connState = iota
	synReceived           // a SYN came, and was answered
	established
	dead // reset or given up
)

// piece is received data that came early.
type piece struct {
	at uint64
	b  []byte
}

// keepAlive says when a silent peer is probed. Package net turns it on by default.
type keepAlive struct {
	on       bool
	idle     time.Duration // silence before the first probe
	interval time.Duration // between probes
	count    int           // probes without an answer that end the connection
}

// dialConn begins a connection with a SYN. emit sends a segment, whose addresses it adds.
func dialConn(now int64, id connID, emit func(*segment)) *conn {
	c := &conn{emit: emit, now: now, id: id, told: maxWindow, timedAt: now, keep: defaultKeepAlive}
	c.emit(&segment{what: segSyn, of: id, window: maxWindow})
	c.arm()
	return c
}

// answerConn begins the other end, for a SYN.
func answerConn(now int64, id connID, s *segment, emit func(*segment)) *conn {
	c := &conn{emit: emit, now: now, id: id, state: synReceived, peer: s.of, edge: uint64(s.window), told: maxWindow, heard: now, keep: defaultKeepAlive}
	c.again()
	c.arm()
	return c
}

// finished reports whether both streams have ended and are acknowledged.
func (c *conn) finished() bool { return c.eof && c.finAcked() }

func (c *conn) finAcked() bool { return c.shut && c.una == c.total+1 }

// Sending.

// write takes as much of p as there is room for.
func (c *conn) write(p []byte) (int, error) {
	switch {
	case c.err != nil:
		return 0, c.takeErr()
	case c.shut || c.state == dead:
		return 0, syscall.EPIPE
	}
	n := min(len(p), maxWindow-len(c.out))
	c.out = append(c.out, p[:n]...)
	c.total += uint64(n)
	c.push()
	return n, nil
}

// shutdown ends the stream that the program writes.
func (c *conn) shutdown() {
	c.shut = true
	c.push()
}

// push sends what fits into the peer's window.
func (c *conn) push() {
	if c.state != established {
		return
	}
	for c.nxt < min(c.total, c.edge) {
		to := min(c.total, c.edge, c.nxt+maxSegment)
		c.sendData(c.nxt, to)
		c.nxt = to
		if c.timed == 0 {
			c.timed, c.timedAt = to, c.now
		}
	}
	if c.shut && c.nxt == c.total {
		c.speak(&segment{what: segFin, seq: c.total})
		c.nxt++
	}
	c.arm()
}

func (c *conn) sendData(from, to uint64) {
	c.speak(&segment{what: segData, seq: from, data: c.out[from-c.una : to-c.una]})
}

// speak sends a segment to the peer, with the acknowledgement and the window.
func (c *conn) speak(s *segment) {
	s.to, s.ack, s.window = c.peer, c.rcv, c.window()
	c.owes = false
	c.emit(s)
}

// window returns how many bytes the peer may send. The offset at which they end never
// goes back: a byte that comes takes as much from the room as it adds to rcv.
func (c *conn) window() uint32 {
	c.told = c.rcv + uint64(maxWindow-len(c.in))
	return uint32(c.told - c.rcv)
}

// again sends once more what waits for an answer.
func (c *conn) again() {
	c.timed = 0 // the answer could be to either (Karn)
	switch {
	case c.state == synSent:
		c.emit(&segment{what: segSyn, of: c.id, window: maxWindow})
	case c.state == synReceived:
		c.emit(&segment{what: segSynAck, to: c.peer, of: c.id, window: c.window()})
	case c.una == c.nxt:
		c.speak(&segment{what: segProbe, seq: c.nxt})
	default:
		sent := min(c.nxt, c.total)
		for from := c.una; from < sent; from += maxSegment {
			c.sendData(from, min(sent, from+maxSegment))
		}
		if c.nxt > c.total {
			c.speak(&segment{what: segFin, seq: c.total})
		}
	}
}

// Time.

// waits reports whether something must be sent again if no answer comes.
func (c *conn) waits() bool {
	return c.state < established || c.state == established && (c.una < c.nxt || c.nxt < c.total)
}

// arm sets the time of the next retransmission, if it is not set.
func (c *conn) arm() {
	if !c.waits() {
		c.resend = 0
	} else if c.resend == 0 {
		c.resend = c.now + int64(c.timeout())
	}
}

func (c *conn) timeout() time.Duration {
	rto := firstRTO
	if c.srtt != 0 {
		rto = time.Duration(c.srtt) + max(minRTO, time.Duration(4*c.rttvar))
	}
	for range c.backoff {
		rto = min(2*rto, maxRTO)
	}
	return min(rto, maxRTO)
}

// measure takes in a round-trip time (RFC 6298).
func (c *conn) measure(rtt int64) {
	rtt = max(rtt, 1)
	if c.srtt == 0 {
		c.srtt, c.rttvar = rtt, rtt/2
		return
	}
	c.rttvar += (max(c.srtt-rtt, rtt-c.srtt) - c.rttvar) / 4
	c.srtt = max(c.srtt+(rtt-c.srtt)/8, 1)
}

// due returns when tick is to be called, or 0.
func (c *conn) due() int64 {
	switch {
	case c.state == dead:
		return 0
	case c.resend != 0:
		return c.resend
	case c.state != established || !c.keep.on || c.orphan || c.finished():
		return 0
	case c.asked > 0:
		return c.asking + int64(c.keep.interval)
	}
	return c.heard + int64(c.keep.idle)
}

// tick does what is due.
func (c *conn) tick() {
	at := c.due()
	switch {
	case at == 0 || at > c.now:
		return
	case c.resend == 0 && c.asked < c.keep.count:
		c.asked++
		c.asking = c.now
		c.speak(&segment{what: segProbe, seq: c.nxt})
		return
	case c.resend == 0:
		c.abort(syscall.ETIMEDOUT)
		return
	}
	c.resend = 0
	c.tries++
	if c.tries > c.patience() {
		c.die(syscall.ETIMEDOUT)
		return
	}
	c.backoff++
	c.again()
	c.arm()
}

// patience returns how often a segment without an answer is sent again.
func (c *conn) patience() int {
	switch {
	case c.state == synSent:
		return synTries
	case c.state == synReceived:
		return synAckTries
	case c.orphan:
		return orphanTries
	}
	return dataTries
}
