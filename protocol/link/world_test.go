package link

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
)

// A world is an obvious network: frames lie in one slice until the test moves,
// copies or loses them; timers fire when the test says so.
type world struct {
	now     protocol.Time
	cfg     Config
	nodes   []*host
	flights []flight
	sends   map[protocol.Kind]int
	account []sent
	faults  []string
	damaged uint64 // frames
	corrupt uint64 // frames that former lives counted as corrupt
}

type flight struct {
	from, to protocol.NodeID
	frame    []byte
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
	env    protocol.Env
	timers map[uint64]protocol.Time
	last   map[[3]uint32]uint32 // highest message of (from, its life) in this life
	resets int
	reply  bool
}

var kindTest = protocol.KindOf("test")

func newWorld(n int, cfg Config) *world {
	w := &world{cfg: cfg, sends: map[protocol.Kind]int{}}
	for i := range n {
		h := &host{w: w, id: protocol.NodeID(i)}
		w.nodes = append(w.nodes, h)
		h.restart()
	}
	return w
}

func (h *host) restart() {
	if h.inc++; h.inc > 1 {
		h.w.corrupt += h.link.Stats().Corrupt
	}
	cfg := h.w.cfg
	cfg.Deliver, cfg.Reset = h.deliver, func(*protocol.Env, protocol.NodeID) { h.resets++ }
	h.link, h.timers = New(cfg), map[uint64]protocol.Time{}
	h.last = map[[3]uint32]uint32{}
	h.step(func(env *protocol.Env) { env.Mount(nil); h.link.Start(env) })
}

// step runs f as one step and carries its effects out.
func (h *host) step(f func(env *protocol.Env)) {
	h.env.Enter(h.id, h.inc, h.w.now, nil)
	f(&h.env)
	for _, e := range h.env.Effects() {
		switch e.Op {
		case protocol.OpSend:
			h.w.sends[e.Kind]++
			h.w.flights = append(h.w.flights, flight{h.id, e.To, slices.Clone(e.Body)})
		case protocol.OpSetTimer:
			h.timers[e.Tag] = h.w.now.Add(e.After)
		case protocol.OpCancelTimer:
			delete(h.timers, e.Tag)
		}
	}
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
	h.step(func(env *protocol.Env) {
		h.link.Send(env, protocol.NodeID(to), kindTest, binary.BigEndian.AppendUint32(nil, n))
	})
}

// arrive hands over flight i and poisons it, for msg is borrowed.
func (w *world) arrive(i int, copied bool) {
	f := w.flights[i]
	if copied {
		f.frame = slices.Clone(f.frame)
	} else {
		w.flights = slices.Delete(w.flights, i, i+1)
	}
	h := w.nodes[f.to]
	h.step(func(env *protocol.Env) { h.link.Receive(env, f.from, f.frame) })
	for i := range f.frame {
		f.frame[i] = 0xdb
	}
}

// fire lets the earliest timer fire, if there is one.
func (w *world) fire() bool {
	var first *host
	var tag uint64
	for _, h := range w.nodes {
		for t, at := range h.timers { // the least (time, node, tag)
			if first == nil || at < first.timers[tag] || at == first.timers[tag] && h == first && t < tag {
				first, tag = h, t
			}
		}
	}
	if first == nil {
		return false
	}
	w.now = max(w.now, first.timers[tag])
	delete(first.timers, tag)
	first.step(func(env *protocol.Env) { first.link.Timeout(env, tag) })
	return true
}

// calm delivers everything in order until nothing is left to do. It reports
// false if that does not end.
func (w *world) calm() bool {
	for range 100_000 {
		if len(w.flights) > 0 {
			w.now += protocol.Time(time.Millisecond)
			w.arrive(0, false)
		} else if !w.fire() {
			return true
		}
	}
	return false
}
