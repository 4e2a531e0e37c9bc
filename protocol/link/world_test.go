package link

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// A world is a set of links with an account of what was sent over them. Nothing
// arrives or fires until the test says so.
type world struct {
	*steps.World
	cfg     Config
	nodes   []*host
	account []sent
	faults  []string
	damaged uint64 // frames
	corrupt uint64 // frames that former lives counted as corrupt
}

// A sent message of the world's account.
type sent struct {
	from, to protocol.NodeID
	fromInc  uint32
	toInc    uint32 // incarnation of to at the time
	known    uint32 // what from knew of it
	got      []uint32
}

type host struct {
	w      *world
	id     protocol.NodeID
	inc    uint32
	link   *Link
	last   map[[3]uint32]uint32 // highest message of (from, its life) in this life
	resets int
	reply  bool
}

var kindTest = protocol.KindOf("test")

func newWorld(n int, cfg Config) *world {
	w := &world{cfg: cfg}
	for i := range n {
		w.nodes = append(w.nodes, &host{w: w, id: protocol.NodeID(i)})
	}
	w.World = steps.New(n, func(id protocol.NodeID) protocol.Node { return w.nodes[id].life() })
	w.StartAll()
	return w
}

func (h *host) life() *Link {
	if h.inc++; h.inc > 1 {
		h.w.corrupt += h.link.Stats().Corrupt
	}
	cfg := h.w.cfg
	cfg.Deliver, cfg.Reset = h.deliver, func(*protocol.Env, protocol.NodeID) { h.resets++ }
	h.link, h.last = New(cfg), map[[3]uint32]uint32{}
	return h.link
}

func (h *host) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if h.reply && msg[0] == 'q' {
		h.link.Send(env, from, kindTest, []byte("answer"))
	}
	if len(msg) != 4 {
		return
	}
	n := binary.BigEndian.Uint32(msg)
	if int(n) >= len(h.w.account) {
		h.w.fault("node %d got message %d, which nobody sent", h.id, n)
		return
	}
	s := &h.w.account[n]
	if s.from != from || s.to != h.id {
		h.w.fault("message %d from %d to %d came from %d to %d", n, s.from, s.to, from, h.id)
	}
	if slices.Contains(s.got, h.inc) {
		h.w.fault("message %d was delivered twice to node %d/%d", n, h.id, h.inc)
	}
	s.got = append(s.got, h.inc)
	k := [3]uint32{uint32(from), s.fromInc}
	if h.w.cfg.FIFO && h.last[k] > n {
		h.w.fault("node %d/%d got message %d after %d", h.id, h.inc, n, h.last[k])
	}
	h.last[k] = n
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// send sends the next numbered message.
func (w *world) send(from, to int) {
	h := w.nodes[from]
	n := uint32(len(w.account))
	w.account = append(w.account, sent{from: h.id, to: protocol.NodeID(to), fromInc: h.inc,
		toInc: w.nodes[to].inc, known: h.link.Known(protocol.NodeID(to))})
	w.Step(h.id, func(env *protocol.Env) {
		h.link.Send(env, protocol.NodeID(to), kindTest, binary.BigEndian.AppendUint32(nil, n))
	})
}

// calm delivers everything in order until nothing is left to do. It reports
// false if that does not end.
func (w *world) calm() bool {
	for range 100_000 {
		if len(w.InFlight) > 0 {
			w.Now += protocol.Time(time.Millisecond)
			w.Deliver(0)
		} else if !w.FireNext() {
			return true
		}
	}
	return false
}

// Pending returns the number of messages to that node which it has not
// acknowledged, those that wait for the window included.
func (l *Link) Pending(to protocol.NodeID) int {
	if p := l.peers[to]; p != nil {
		return p.out.len()
	}
	return 0
}

// Known returns the latest incarnation of that node that was heard of, or 0.
func (l *Link) Known(id protocol.NodeID) uint32 {
	if p := l.peers[id]; p != nil {
		return p.inc
	}
	return 0
}
