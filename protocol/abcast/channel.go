package abcast

import (
	"bytes"

	"dessim/protocol"
	"dessim/protocol/backoff"
)

// A channel makes a FIFO link of datagrams between two members of a view. It begins
// and ends with the view: numbers begin at 0, and a node that is not in the view
// neither takes nor acknowledges anything. So incarnations need no handshake.
// Heartbeats acknowledge.
type channel struct {
	out   []frame // sent and not acknowledged
	sent  uint64  // frames so far
	next  uint64  // number of the next frame to be taken
	early map[uint64][]byte
	tries int    // repetitions since the two were last connected
	pause uint64 // from sending a frame to repeating it, in ticks; 0: repeatAfter
}

// FrameAgain is the rule for repeating frames that were not acknowledged, from repeatAfter
// ticks on. A view begins it anew, and a member that is connected: so the pause grows
// towards one that is out of reach. One that hears now and then, and so stays in the view,
// gets frames at the first pause: the whole view may wait for it.
var FrameAgain = backoff.Rule{Kind: protocol.KindOf("frame.again"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}

type frame struct {
	seq  uint64
	at   uint64 // tick of the last sending
	kind protocol.Kind
	body []byte
}

// An aheadFrame came before the view that it belongs to, from a member that entered
// it sooner. It waits as if in the network: not taken and not acknowledged. Dropping
// it would be correct, but would delay the sender by repeatAfter at nearly each
// ballot.
type aheadFrame struct {
	from int
	frame
	inc  uint32
	view uint64
}

// maxEarly is how many frames may wait for a missing one, or for a view. Those
// beyond it are dropped, and repeated.
const maxEarly = 1 << 12

// acknowledged forgets the frames before next.
func (c *channel) acknowledged(next uint64) {
	i := 0
	for i < len(c.out) && c.out[i].seq < next {
		i++
	}
	clear(c.out[:i])
	c.out = c.out[i:]
}

// send sends a body over the channel to another member.
func (m *membership) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, body []byte) {
	q, _ := m.place(to)
	c := &m.chans[q]
	if !bytes.Equal(body, m.sent) {
		m.sent = bytes.Clone(body) // shared by all members that a broadcast goes to
	}
	c.out = append(c.out, frame{c.sent, m.ticks, kind, m.sent})
	c.sent++
	m.sendFrame(env, q, &c.out[len(c.out)-1])
}

func (m *membership) sendFrame(env *protocol.Env, q int, f *frame) {
	m.datagram(env, q, f.kind, appendFrame(m.head(opFrame), m.view, f.seq, f.body))
}

// repeat sends again the frames that were not acknowledged in time.
func (m *membership) repeat(env *protocol.Env, q int) {
	c := &m.chans[q]
	connected := m.connected(q)
	if connected {
		c.tries, c.pause = 0, 0
	}
	repeated := false
	for i := range c.out {
		f := &c.out[i]
		if m.ticks-f.at >= max(repeatAfter, c.pause) {
			f.at = m.ticks
			m.stats.Repeated++
			m.sendFrame(env, q, f)
			repeated = true
		}
	}
	if repeated && !connected {
		c.tries = FrameAgain.Next(c.tries)
		c.pause = uint64(FrameAgain.Ticks(env, m.cfg.Views.Tick, repeatAfter, c.tries))
	}
}

// frame takes a frame of a channel, and in order those that waited for it.
func (m *membership) frame(env *protocol.Env, q int, d *datagram) {
	if !m.normal || d.view != m.view {
		if d.view == m.promised && d.view > m.log.adopted && len(m.ahead) < maxEarly {
			m.ahead = append(m.ahead, aheadFrame{q, frame{seq: d.seq, body: bytes.Clone(d.body)}, d.inc, d.view})
			return
		}
		m.stray(q) // of another view: void, or too early to acknowledge
		return
	}
	if m.members[q] != d.inc {
		m.stats.Foreign++
		return
	}
	m.peers[q].adopted = max(m.peers[q].adopted, d.view) // else it would not send in it
	c := &m.chans[q]
	if d.seq < c.next {
		m.stray(q)
		return
	}
	if d.seq-c.next > maxEarly || c.early[d.seq] != nil {
		m.stats.Stray++
		return
	}
	if d.seq > c.next {
		if c.early == nil {
			c.early = map[uint64][]byte{}
		}
		c.early[d.seq] = bytes.Clone(d.body)
		return
	}
	for body := d.body; body != nil && m.normal; body = c.early[c.next] {
		delete(c.early, c.next)
		c.next++
		m.take(env, q, body)
	}
}

// catchUp takes the frames that came before the view that just began.
func (m *membership) catchUp(env *protocol.Env) {
	ahead := m.ahead
	m.ahead = nil
	for _, f := range ahead {
		m.frame(env, f.from, &datagram{inc: f.inc, view: f.view, seq: f.seq, body: f.body})
	}
}

// take consumes a body in its order.
func (m *membership) take(env *protocol.Env, q int, body []byte) {
	length, ok := m.in.stable(body)
	if !ok {
		m.rule.receive(env, m.cfg.Members[q], body)
		return
	}
	if length <= m.stable[q] {
		return
	}
	m.stable[q] = length
	m.counted = false
}
