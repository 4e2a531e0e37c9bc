package gossip

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
)

// A world is an obvious network: messages travel in rounds of one millisecond,
// in order, and get lost by a hash of their count.
type world struct {
	t       testing.TB
	nodes   []*host
	now     protocol.Time
	flights []flight
	seed    uint64
	loss    uint64 // percent
	count   uint64
	sends   map[protocol.Kind]int
	bytes   int // of what was sent last
}

type flight struct {
	from, to protocol.NodeID
	msg      []byte
}

type host struct {
	w          *world
	id         protocol.NodeID
	inc        uint32
	neighbours []protocol.NodeID
	check      func(id ID) Verdict
	gossip     *Gossip
	env        protocol.Env
	timer      protocol.Time // 0 if none
	delivered  []ID
	forwarded  map[ID]int // steps that passed it on
}

// newWorld makes the nodes of a graph. cfg gives Repair, Memory and Waiting.
func newWorld(t testing.TB, graph [][]protocol.NodeID, cfg Config) *world {
	w := &world{t: t, sends: map[protocol.Kind]int{}}
	for i, ns := range graph {
		h := &host{w: w, id: protocol.NodeID(i), neighbours: ns, check: func(ID) Verdict { return Pass }}
		w.nodes = append(w.nodes, h)
		h.restart(cfg)
	}
	return w
}

func (h *host) restart(cfg Config) {
	cfg.Neighbours = func() []protocol.NodeID { return h.neighbours }
	cfg.Check = func(_ *protocol.Env, id ID, _ []byte) Verdict { return h.check(id) }
	cfg.Deliver = func(_ *protocol.Env, id ID, body []byte) {
		if Sum(body) != id {
			h.w.t.Errorf("node %d gets %v with another body", h.id, id)
		}
		if slices.Contains(h.delivered, id) {
			h.w.t.Errorf("node %d delivers %v twice", h.id, id)
		}
		h.delivered = append(h.delivered, id)
	}
	h.inc++
	h.delivered, h.forwarded, h.timer = nil, map[ID]int{}, 0
	h.gossip = New(cfg)
	h.step(func(env *protocol.Env) { env.Mount(nil); h.gossip.Start(env) })
}

func (h *host) step(f func(env *protocol.Env)) {
	h.env.Enter(h.id, h.inc, h.w.now, nil)
	f(&h.env)
	forwards := map[ID]bool{}
	for _, e := range h.env.Effects() {
		switch e.Op {
		case protocol.OpSend:
			h.w.send(h, e)
			if m, ok := open(e.Body); !ok {
				h.w.t.Fatalf("node %d sends %v, which does not decode: %q", h.id, e.Kind, e.Body)
			} else if e.Kind == KindData {
				forwards[Sum(m.body)] = true
			}
		case protocol.OpSetTimer:
			h.timer = h.w.now.Add(e.After)
		}
	}
	for id := range forwards {
		if h.forwarded[id]++; h.forwarded[id] > 1 {
			h.w.t.Errorf("node %d passes %v on %d times", h.id, id, h.forwarded[id])
		}
	}
}

func (w *world) send(h *host, e protocol.Effect) {
	w.sends[e.Kind]++
	w.bytes = len(e.Body)
	w.count++
	if protocol.Hash2(w.seed, w.count)%100 >= w.loss {
		w.flights = append(w.flights, flight{h.id, e.To, slices.Clone(e.Body)})
	}
}

// drain lets all messages arrive, and what follows from them.
func (w *world) drain() {
	for i := 0; len(w.flights) > 0; i++ {
		if i > 1_000_000 {
			w.t.Fatal("messages circulate")
		}
		f := w.flights[0]
		w.flights = w.flights[1:]
		h := w.nodes[f.to]
		h.step(func(env *protocol.Env) { h.gossip.Receive(env, f.from, f.msg) })
		for i := range f.msg {
			f.msg[i] = 0xdb // msg is borrowed
		}
	}
}

// repair lets each node's timer fire once and the exchanges finish.
func (w *world) repair() {
	w.now += protocol.Time(time.Second)
	for _, h := range w.nodes {
		if h.timer != 0 {
			h.step(func(env *protocol.Env) { h.gossip.Timeout(env, tagRepair) })
		}
	}
	w.drain()
}

func (w *world) broadcast(node int, body string) (id ID) {
	h := w.nodes[node]
	h.step(func(env *protocol.Env) { id = h.gossip.Broadcast(env, []byte(body)) })
	return id
}

// lacking counts the pairs of node and message that are not delivered.
func (w *world) lacking(ids []ID) (n int) {
	for _, h := range w.nodes {
		for _, id := range ids {
			if !h.gossip.Has(id) {
				n++
			}
		}
	}
	return n
}

type graph = [][]protocol.NodeID

// edges gives the symmetric graph of n nodes with those edges.
func edges(n int, pairs ...[2]int) graph {
	g := make(graph, n)
	for _, p := range pairs {
		g[p[0]] = append(g[p[0]], protocol.NodeID(p[1]))
		g[p[1]] = append(g[p[1]], protocol.NodeID(p[0]))
	}
	for i := range g {
		slices.Sort(g[i])
		g[i] = slices.Compact(g[i])
	}
	return g
}

func ring(n int) graph {
	var p [][2]int
	for i := range n {
		p = append(p, [2]int{i, (i + 1) % n})
	}
	return edges(n, p...)
}

func line(n int) graph {
	var p [][2]int
	for i := range n - 1 {
		p = append(p, [2]int{i, i + 1})
	}
	return edges(n, p...)
}

func clique(n int) graph {
	var p [][2]int
	for i := range n {
		for j := range i {
			p = append(p, [2]int{j, i})
		}
	}
	return edges(n, p...)
}

// barbell is two cliques of n joined by one edge.
func barbell(n int) graph {
	var p [][2]int
	for i := range n {
		for j := range i {
			p = append(p, [2]int{j, i}, [2]int{n + j, n + i})
		}
	}
	return edges(2*n, append(p, [2]int{n - 1, n})...)
}

func bodies(n int) (s []string) {
	for i := range n {
		s = append(s, fmt.Sprintf("message %d", i))
	}
	return s
}
