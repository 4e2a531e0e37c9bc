package gossip

import (
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// A world is a graph of gossipers. It judges what they send and deliver.
type world struct {
	*steps.World
	t     testing.TB
	nodes []*host
	seed  uint64
	loss  uint64 // percent
	count uint64 // of messages that arrived or were lost
}

// A host is a node. What a test changes of it holds for its later lives, too.
type host struct {
	w          *world
	id         protocol.NodeID
	neighbours []protocol.NodeID
	check      func(id ID) Verdict
	gossip     *Gossip
	delivered  []ID
	forwarded  map[ID]int // steps that passed it on
}

// newWorld makes the nodes of a graph. cfg gives Repair, Memory and Waiting.
func newWorld(t testing.TB, graph [][]protocol.NodeID, cfg Config) *world {
	w := &world{t: t}
	for i, ns := range graph {
		w.nodes = append(w.nodes, &host{w: w, id: protocol.NodeID(i), neighbours: ns, check: func(ID) Verdict { return Pass }})
	}
	w.World = steps.New(len(graph), func(id protocol.NodeID) protocol.Node { return w.nodes[id].life(cfg) })
	w.Observe = func(id protocol.NodeID, effects []protocol.Effect) { w.nodes[id].judge(effects) }
	w.StartAll()
	return w
}

func (h *host) life(cfg Config) *Gossip {
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
	h.delivered, h.forwarded = nil, map[ID]int{}
	h.gossip = New(cfg)
	return h.gossip
}

// judge demands of a step that what it sends decodes and was not passed on before.
func (h *host) judge(effects []protocol.Effect) {
	forwards := map[ID]bool{}
	for _, e := range effects {
		if e.Op != protocol.OpSend {
			continue
		}
		if m, ok := open(e.Body); !ok {
			h.w.t.Fatalf("node %d sends %v, which does not decode: %q", h.id, e.Kind, e.Body)
		} else if e.Kind == KindData {
			forwards[Sum(m.body)] = true
		}
	}
	for id := range forwards {
		if h.forwarded[id]++; h.forwarded[id] > 1 {
			h.w.t.Errorf("node %d passes %v on %d times", h.id, id, h.forwarded[id])
		}
	}
}

// drain lets all messages arrive, and what follows from them, except for those
// that are lost by a hash of their count.
func (w *world) drain() {
	for len(w.InFlight) > 0 {
		if w.count++; w.count > 1_000_000 {
			w.t.Fatal("messages circulate")
		}
		if protocol.Hash2(w.seed, w.count)%100 < w.loss {
			w.Lose(0)
		} else {
			w.Deliver(0)
		}
	}
}

// ask fires a node's timer, so that it begins an exchange.
func (w *world) ask(h *host) {
	w.Fire(slices.IndexFunc(w.Timers, func(t steps.Timer) bool { return t.Node == h.id }))
}

// repair lets each node's timer fire once and the exchanges finish.
func (w *world) repair() {
	for _, h := range w.nodes {
		w.ask(h)
	}
	w.drain()
}

func (w *world) broadcast(node int, body string) (id ID) {
	h := w.nodes[node]
	w.Step(h.id, func(env *protocol.Env) { id = h.gossip.Broadcast(env, []byte(body)) })
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
