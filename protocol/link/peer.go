package link

import (
	"cmp"
	"slices"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// A peer is the state towards one node: about 150 bytes when quiet.
type peer struct {
	id  protocol.NodeID
	inc uint32 // the latest incarnation heard of, or 0

	out      queue
	sent     int           // how many of out were transmitted, from the front
	tries    int           // resends since anything was last acknowledged
	resendAt protocol.Time // if sent > 0

	got    uint64    // numbers up to here are settled
	ahead  []arrival // received beyond got, ascending
	ackDue bool      // until the end of the step, or until a message carries the acknowledgement

	armed   bool
	timerAt protocol.Time // if armed
}

// An arrival is a number received early, with its message if order matters.
type arrival struct {
	seq  uint64
	body []byte
}

// A message is sent or waits for the window, and is not acknowledged.
type message struct {
	kind protocol.Kind
	body []byte
	got  bool // acknowledged out of order
}

// A queue holds consecutively numbered messages. The zero queue is empty and
// numbers from 1.
type queue struct {
	items []message
	head  int    // index of the first
	count uint64 // messages ever pushed
}

func (q *queue) len() int            { return len(q.items) - q.head }
func (q *queue) at(i int) *message   { return &q.items[q.head+i] }
func (q *queue) number(i int) uint64 { return q.count - uint64(q.len()) + uint64(i) + 1 }

func (q *queue) push(m message) {
	q.items = append(q.items, m)
	q.count++
}

// pop removes the first message. It moves the rest down when they are at most
// half, so that a queue neither creeps through memory nor moves at each pop. An empty
// one that was long gives up its memory.
func (q *queue) pop() {
	q.items[q.head] = message{}
	q.head++
	if q.len() <= q.head {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	const long = 256
	if q.len() == 0 && cap(q.items) > long {
		q.items = nil
	}
}

func (l *Link) peer(id protocol.NodeID) *peer {
	p := l.peers[id]
	if p == nil {
		if l.peers == nil {
			l.peers = make(map[protocol.NodeID]*peer)
		}
		p = &peer{id: id}
		l.peers[id] = p
	}
	return p
}

// learn notes the incarnation that a frame came from. The first one heard of
// inherits what was sent while none was known.
func (l *Link) learn(env *protocol.Env, p *peer, inc uint32) {
	if inc == p.inc {
		return
	}
	first := p.inc == 0
	p.inc = inc
	if first {
		return
	}
	l.drop(p)
	for _, a := range p.ahead {
		l.recycle(a.body)
	}
	p.got, p.ahead, p.ackDue = 0, nil, false
	if l.cfg.Reset != nil {
		l.cfg.Reset(env, p.id)
	}
}

// drop forgets what is unacknowledged. The numbers stay used.
func (l *Link) drop(p *peer) {
	for p.out.len() > 0 {
		l.settle(p)
	}
	p.sent, p.tries = 0, 0
}

// settle forgets the oldest message to p.
func (l *Link) settle(p *peer) {
	l.recycle(p.out.at(0).body)
	p.out.pop()
}

// acknowledged applies the acknowledgement in f, if there is one. It reports false if
// that covers messages that were never sent.
func (l *Link) acknowledged(env *protocol.Env, p *peer, f frame) bool {
	first := p.out.number(0)
	if f.ack >= first+uint64(p.sent) {
		return false
	}
	progress := f.ack >= first
	for ; first <= f.ack; first++ {
		l.settle(p)
		p.sent--
	}
	for bits, seq := f.sack, f.ack+2; bits != 0; bits, seq = bits>>1, seq+1 {
		if bits&1 == 0 || seq < first || seq >= first+uint64(p.sent) {
			continue
		}
		if m := p.out.at(int(seq - first)); !m.got {
			m.got, progress = true, true
		}
	}
	if progress {
		p.tries = 0
		p.resendAt = env.Now() + protocol.Time(l.cfg.Retry)
	}
	return true
}

// accept takes the message of a data frame, and what it makes deliverable.
func (l *Link) accept(env *protocol.Env, p *peer, f frame) {
	p.ackDue = true // of a duplicate too: its acknowledgement may be what was lost
	if f.low > p.got+1 {
		l.skip(p, f.low)
	}
	i, early := slices.BinarySearchFunc(p.ahead, f.seq, func(a arrival, seq uint64) int {
		return cmp.Compare(a.seq, seq)
	})
	fresh := f.seq > p.got && !early
	deliver := fresh && (f.seq == p.got+1 || !l.cfg.FIFO)
	switch {
	case !fresh:
		l.stats.Duplicates++
	case f.seq == p.got+1:
		p.got++
	case deliver:
		p.ahead = slices.Insert(p.ahead, i, arrival{seq: f.seq})
	default:
		p.ahead = slices.Insert(p.ahead, i, arrival{seq: f.seq, body: l.copy(f.msg)})
	}
	p.advance()
	if deliver {
		l.deliver(env, p, f.msg)
	}
	l.drain(env, p)
}

// skip settles the numbers below low: the sender dropped the missing ones, and so
// this node drops what waits for them.
func (l *Link) skip(p *peer, low uint64) {
	p.got = low - 1
	n := 0
	for n < len(p.ahead) && p.ahead[n].seq < low {
		l.recycle(p.ahead[n].body)
		n++
	}
	p.ahead = slices.Delete(p.ahead, 0, n)
}

// advance settles what came early and is now next. It settles all before any is
// delivered, so that a message that Deliver sends acknowledges all of it.
func (p *peer) advance() {
	for _, a := range p.ahead {
		if a.seq != p.got+1 {
			return
		}
		p.got++
	}
}

// drain removes what is settled from ahead, and with FIFO delivers it.
func (l *Link) drain(env *protocol.Env, p *peer) {
	for len(p.ahead) > 0 && p.ahead[0].seq <= p.got {
		a := p.ahead[0]
		p.ahead = slices.Delete(p.ahead, 0, 1)
		if l.cfg.FIFO {
			l.deliver(env, p, a.body)
			l.recycle(a.body)
		}
	}
}

func (l *Link) deliver(env *protocol.Env, p *peer, msg []byte) {
	l.stats.Delivered++
	l.cfg.Deliver(env, p.id, msg)
}

// release transmits what waits, as far as the window allows.
func (l *Link) release(env *protocol.Env, p *peer) {
	for p.sent < min(l.cfg.Window, p.out.len()) {
		if p.sent == 0 {
			p.resendAt = env.Now() + protocol.Time(l.cfg.Retry)
		}
		p.sent++
		l.stats.Sent++
		l.transmit(env, p, p.sent-1, p.out.at(p.sent-1).kind)
	}
}

// resend transmits again what is not acknowledged. It sends ever less to a silent
// node, which may be down, until that answers.
func (l *Link) resend(env *protocol.Env, p *peer) {
	left := max(1, p.sent>>p.tries)
	for i := 0; i < p.sent && left > 0; i++ {
		if !p.out.at(i).got {
			l.transmit(env, p, i, KindResend)
			left--
		}
	}
	p.tries = min(p.tries+1, 16)
	p.resendAt = env.Now() + protocol.Time(Again.Pause(env, l.cfg.Retry, p.tries))
}

func (l *Link) transmit(env *protocol.Env, p *peer, i int, kind protocol.Kind) {
	f := frame{data: true, src: env.Incarnation(), dst: p.inc, ack: p.got, sack: p.sack(),
		low: p.out.number(0), seq: p.out.number(i), msg: p.out.at(i).body}
	p.ackDue = false
	l.send(env, p.id, kind, f)
}

func (l *Link) ack(env *protocol.Env, p *peer) {
	p.ackDue = false
	l.sendAck(env, p.id, frame{dst: p.inc, ack: p.got, sack: p.sack()})
}

// refuse answers inc, which addressed a former incarnation of this node, in the name
// of this one.
func (l *Link) refuse(env *protocol.Env, p *peer, inc uint32) {
	f := frame{dst: inc}
	if inc == p.inc {
		f.ack, f.sack = p.got, p.sack()
	}
	l.sendAck(env, p.id, f)
}

func (l *Link) sendAck(env *protocol.Env, to protocol.NodeID, f frame) {
	f.src = env.Incarnation()
	l.stats.Acks++
	l.send(env, to, KindAck, f)
}

func (l *Link) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, f frame) {
	l.frame = seal.Append(f.append(l.frame[:0]))
	env.Send(to, kind, l.frame)
}

// sack returns the selective part of an acknowledgement.
func (p *peer) sack() (bits uint64) {
	for _, a := range p.ahead {
		bits |= 1 << (a.seq - p.got - 2) // adds nothing beyond 63, also by wrapping below 0
	}
	return bits
}

// arm sets p's one timer such that it fires no later than needed, and cancels it if
// nothing is to be resent. It leaves a timer that fires too early: setting it again
// at each message would cost more.
func (l *Link) arm(env *protocol.Env, p *peer) {
	tag := protocol.Link.Tag(uint64(p.id))
	if p.sent == 0 {
		if p.armed {
			p.armed = false
			env.CancelTimer(tag)
		}
		return
	}
	if p.armed && p.timerAt <= p.resendAt {
		return
	}
	p.armed, p.timerAt = true, p.resendAt
	env.SetTimer(max(1, p.resendAt.Sub(env.Now())), tag)
}

// Bodies are reused: at most maxSpare are kept, of at most maxSpareLen bytes.
const (
	maxSpare    = 8
	maxSpareLen = 1024
)

func (l *Link) copy(b []byte) []byte {
	n := len(l.spare)
	if n == 0 {
		return append([]byte(nil), b...)
	}
	s := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return append(s[:0], b...)
}

func (l *Link) recycle(b []byte) {
	if cap(b) > 0 && cap(b) <= maxSpareLen && len(l.spare) < maxSpare {
		l.spare = append(l.spare, b)
	}
}
