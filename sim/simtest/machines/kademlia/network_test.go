package kademlia_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// network is a plan of nodes that join through node 0, and what they reported.
type network struct {
	ids    []kademlia.ID
	config func(c *kademlia.Config)
	link   sim.Link
	starts []protocol.Time
	asks   []ask
	faults []fault.Fault
	poison bool
	until  protocol.Time // 0 is a day

	joined  []protocol.Time
	lookups []kademlia.Result // by ask
	found   []kademlia.Found
	stored  []int
}

// ask is what a node does at a time.
type ask struct {
	at    time.Duration
	node  protocol.NodeID
	what  byte        // 'L'ookup, 'G'et, 'P'ut or 'R'efresh
	id    kademlia.ID // of a lookup or get
	value []byte      // of a put
}

// host is a node that has nothing but a DHT.
type host struct {
	dht *kademlia.DHT
	net *network
}

func (h *host) Start(env *protocol.Env) {
	h.dht.Start(env)
	if env.ID() != 0 {
		h.dht.Join(env, protocol.SimBook{}.Endpoint(0), func(env *protocol.Env) {
			h.net.joined[env.ID()] = env.Now()
		})
	}
}

func (h *host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.dht.Receive(env, from, msg)
		return
	}
	i := int(msg[0])<<16 | int(msg[1])<<8 | int(msg[2])
	switch a := h.net.asks[i]; a.what {
	case 'L':
		h.dht.Lookup(env, a.id, func(_ *protocol.Env, r kademlia.Result) {
			r.Closest = slices.Clone(r.Closest)
			h.net.lookups[i] = r
		})
	case 'G':
		h.dht.Get(env, a.id, func(_ *protocol.Env, f kademlia.Found) {
			f.Value = slices.Clone(f.Value)
			h.net.found[i] = f
		})
	case 'R':
		h.dht.Refresh(env, func(*protocol.Env) {})
	case 'P':
		h.dht.Put(env, a.value, func(_ *protocol.Env, stored int) { h.net.stored[i] = stored })
	}
}

func (h *host) Timeout(env *protocol.Env, tag uint64) { h.dht.Timeout(env, tag) }

func (n *network) run(t testing.TB, seed uint64, observers ...sim.Observer) *sim.Sim {
	t.Helper()
	n.joined = make([]protocol.Time, len(n.ids))
	n.lookups = make([]kademlia.Result, len(n.asks))
	n.found = make([]kademlia.Found, len(n.asks))
	n.stored = make([]int, len(n.asks))
	if n.link == (sim.Link{}) {
		n.link = sim.Link{Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond}
	}
	p := sim.Plan{
		Nodes: len(n.ids), Link: n.link, Starts: n.starts, Faults: n.faults, Poison: n.poison,
		Until: cmp.Or(n.until, protocol.Time(24*time.Hour)),
		Node: func(id protocol.NodeID) protocol.Node {
			c := kademlia.Defaults(n.ids[id], protocol.SimBook{}, seed)
			if n.config != nil {
				n.config(&c)
			}
			return &host{kademlia.New(c), n}
		},
	}
	for i, a := range n.asks {
		p.Inputs = append(p.Inputs, sim.Input{
			ID: uint64(i), At: protocol.Time(a.at), Node: a.node, Body: []byte{byte(i >> 16), byte(i >> 8), byte(i)},
		})
	}
	s, err := sim.New(p, source.Seed(seed), observers...)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return s
}

// point returns the i-th point of a random series.
func point(seed uint64, i int) kademlia.ID {
	return kademlia.Key(fmt.Appendf(nil, "%d %d", seed, i))
}

func points(seed uint64, n int) []kademlia.ID {
	ids := make([]kademlia.ID, n)
	for i := range ids {
		ids[i] = point(seed, i)
	}
	return ids
}

// closest returns the k of ids closest to target but not, the slow way.
func closest(ids []kademlia.ID, target, not kademlia.ID, k int) []kademlia.ID {
	all := slices.DeleteFunc(slices.Clone(ids), func(id kademlia.ID) bool { return id == not })
	slices.SortFunc(all, func(a, b kademlia.ID) int {
		switch {
		case target.Closer(a, b):
			return -1
		case target.Closer(b, a):
			return 1
		}
		return 0
	})
	return all[:min(k, len(all))]
}

func idsOf(cs []kademlia.Contact) []kademlia.ID {
	ids := make([]kademlia.ID, len(cs))
	for i := range cs {
		ids[i] = cs[i].ID
	}
	return ids
}

// quiet is long after the last join.
const quiet = 20 * time.Minute

// lookAll has n lookups made all over the network, of random points and of ids
// and of near misses of ids.
func (n *network) lookAll(seed uint64, count int) {
	for i := range count {
		target := point(seed+1, i)
		switch i % 3 {
		case 1:
			target = n.ids[i/3%len(n.ids)]
		case 2:
			target = n.ids[i/3%len(n.ids)]
			target[i%20] ^= 1 << (i % 8)
		}
		n.asks = append(n.asks, ask{
			at: quiet + time.Duration(i)*10*time.Millisecond, node: protocol.NodeID(i * 7 % len(n.ids)), what: 'L', id: target,
		})
	}
}

// judge compares every lookup with the truth.
func (n *network) judge(t testing.TB, seed uint64) {
	t.Helper()
	for id, at := range n.joined {
		if id != 0 && at == 0 {
			t.Errorf("seed %d: node %d of %d never joined", seed, id, len(n.ids))
		}
	}
	bad := 0
	for i, a := range n.asks {
		if a.what != 'L' {
			continue
		}
		want := closest(n.ids, a.id, n.ids[a.node], 8)
		if got := idsOf(n.lookups[i].Closest); !slices.Equal(got, want) {
			if bad++; bad <= 3 {
				t.Errorf("seed %d: %d nodes: node %d looks up %v and finds\n%v, want\n%v", seed, len(n.ids), a.node, a.id, got, want)
			}
		}
	}
	if bad > 0 {
		t.Errorf("seed %d: %d nodes: %d of %d lookups wrong", seed, len(n.ids), bad, len(n.asks))
	}
}

func last(ts []protocol.Time) protocol.Time { return slices.Max(ts) }

func TestLookupsFindTheClosestAfterAllJoinAtOnce(t *testing.T) {
	for _, size := range []int{1, 2, 3, 8, 9, 20, 64, 200} {
		for seed := range uint64(3) {
			n := network{ids: points(seed, size), poison: true}
			n.lookAll(seed, 300)
			s := n.run(t, seed)
			n.judge(t, seed)
			if seed == 0 {
				r := s.Result()
				t.Logf("%d nodes: joined by %v, %d messages", size, last(n.joined), r.Sent)
			}
		}
	}
}

func TestLookupsFindTheClosestDespiteLossAndCopies(t *testing.T) {
	for _, size := range []int{2, 20, 64, 200} {
		for seed := range uint64(2) {
			n := network{ids: points(seed, size), poison: true}
			n.link = sim.Link{Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: protocol.Percent(10), Copy: protocol.Percent(10)}
			n.config = func(c *kademlia.Config) { c.Tries = 10 }
			n.lookAll(seed, 300)
			s := n.run(t, seed)
			n.judge(t, seed)
			if seed == 0 {
				t.Logf("%d nodes: joined by %v, %d messages", size, last(n.joined), s.Result().Sent)
			}
		}
	}
}

// skewed returns ids of which most share long prefixes.
func skewed(seed uint64, kind string, size int) []kademlia.ID {
	ids := points(seed, size)
	for i := range ids {
		switch kind {
		case "one alone": // in its half of the tree
			ids[i][0] &= 0x7f
			if i == size/2 {
				ids[i][0] |= 0x80
			}
		case "bootstrapper alone":
			ids[i][0] &= 0x7f
			if i == 0 {
				ids[i][0] |= 0x80
			}
		case "cluster": // half of them share 80 bits
			if i%2 == 0 {
				copy(ids[i][:10], "0123456789")
			}
		case "comb": // node i leaves the common path at bit i
			p := kademlia.ID{}
			p[i/8%20] = 0x80 >> (i % 8)
			copy(p[18:], ids[i][18:])
			ids[i] = p
		case "ladder": // clusters of clusters
			for b := range i % 8 {
				ids[i][b] = 0
			}
		}
	}
	return ids
}

// subtree returns the others in the smallest subtree around self that holds k of
// them, or all if they are fewer.
func subtree(ids []kademlia.ID, self kademlia.ID, k int) (in []kademlia.ID) {
	for bits := 160; bits >= 0 && len(in) < k; bits-- {
		in = in[:0]
		for _, id := range ids {
			if id != self && shared(id, self) >= bits {
				in = append(in, id)
			}
		}
	}
	return in
}

func TestSkewedNodesKnowTheirNearestAndAreFound(t *testing.T) {
	for _, kind := range []string{"one alone", "bootstrapper alone", "cluster", "comb", "ladder"} {
		t.Run(kind, func(t *testing.T) {
			for seed := range seeds() {
				const size = 70
				n := network{ids: skewed(seed, kind, size)}
				n.lookAll(seed, 400)
				s := n.run(t, seed)
				n.judge(t, seed)
				for id := range n.ids {
					dht := s.Node(protocol.NodeID(id)).(*host).dht
					want := closest(n.ids, n.ids[id], n.ids[id], 8)
					if got := idsOf(dht.Closest(n.ids[id], 8)); !slices.Equal(got, want) {
						t.Errorf("seed %d: node %d knows nearest\n%v, want\n%v", seed, id, got, want)
					}
					for _, other := range subtree(n.ids, n.ids[id], 8) {
						if !slices.Contains(idsOf(dht.Contacts()), other) {
							t.Errorf("seed %d: node %d does not know %v of its own subtree", seed, id, other)
						}
					}
				}
				t.Logf("joined by %v, %d messages", last(n.joined), s.Result().Sent)
			}
		})
	}
}

func TestLookupsFindTheClosestWhenNodesJoinOneByOne(t *testing.T) {
	for _, gap := range []time.Duration{time.Millisecond, time.Second, 6 * time.Second} {
		n := network{ids: points(7, 150)}
		for i := range n.ids {
			n.starts = append(n.starts, protocol.Time(time.Duration(i)*gap))
		}
		n.lookAll(7, 300)
		n.run(t, 7)
		n.judge(t, 7)
	}
}

func TestValuesPutAreFoundByAll(t *testing.T) {
	for _, size := range []int{1, 2, 5, 100} {
		n := network{ids: points(11, size), poison: true}
		n.link = sim.Link{Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: protocol.Percent(5), Copy: protocol.Percent(5)}
		n.config = func(c *kademlia.Config) { c.Tries = 10 }
		const values = 20
		for i := range values {
			v := fmt.Appendf(nil, "i%de", i)
			n.asks = append(n.asks,
				ask{at: quiet, node: protocol.NodeID(i % size), what: 'P', value: v},
				ask{at: quiet + time.Hour, node: protocol.NodeID((i + size/2) % size), what: 'G', id: kademlia.Key(v)},
				ask{at: quiet + time.Hour, node: protocol.NodeID((i + size/3) % size), what: 'G', id: point(12, i)})
		}
		s := n.run(t, 11)
		for i := range values {
			key := kademlia.Key(n.asks[3*i].value)
			if got, want := n.stored[3*i], min(size, 8); got != want {
				t.Errorf("%d nodes: value %d is stored %d times, want %d", size, i, got, want)
			}
			if f := n.found[3*i+1]; !f.OK || string(f.Value) != string(n.asks[3*i].value) {
				t.Errorf("%d nodes: value %d is not found: %+v", size, i, f)
			}
			if f := n.found[3*i+2]; f.OK {
				t.Errorf("%d nodes: a value that was never put is found: %q", size, f.Value)
			}
			var holders []kademlia.ID
			for id := range n.ids {
				if s.Node(protocol.NodeID(id)).(*host).dht.Holds(key) {
					holders = append(holders, n.ids[id])
				}
			}
			want := closest(n.ids, key, kademlia.ID{}, 8)
			for _, id := range holders {
				if !slices.Contains(want, id) {
					t.Errorf("%d nodes: value %d is held by %v, which is not among the closest", size, i, id)
				}
			}
			if len(holders) != len(want) {
				t.Errorf("%d nodes: value %d is held by %d, want %d", size, i, len(holders), len(want))
			}
		}
	}
}

// Nodes crash for good or for a while; once those that live have refreshed their
// tables they must find exactly the living.
func TestLookupsFindTheLivingAfterCrashesAndARefresh(t *testing.T) {
	for _, size := range []int{7, 120} {
		findsTheLiving(t, size)
	}
}

func findsTheLiving(t *testing.T, size int) {
	const seed = 13
	n := network{ids: points(seed, size)}
	for i := 1; i < size; i += 4 {
		f := fault.Fault{ID: uint64(i), Op: fault.Crash, Node: protocol.NodeID(i), At: protocol.Time(quiet)}
		if i%8 == 1 {
			f.For = 10 * time.Minute
		}
		n.faults = append(n.faults, f)
	}
	alive := func(id int) bool { return id%4 != 1 || id%8 == 1 }
	var live []kademlia.ID
	for id := range n.ids {
		if alive(id) {
			live = append(live, n.ids[id])
		}
	}
	for id := range size {
		if alive(id) {
			n.asks = append(n.asks, ask{at: quiet + 30*time.Minute, node: protocol.NodeID(id), what: 'R'})
		}
	}
	for i := range 200 {
		id := i % size
		if !alive(id) {
			id--
		}
		n.asks = append(n.asks, ask{
			at: quiet + time.Hour + time.Duration(i)*time.Second, node: protocol.NodeID(id), what: 'L', id: point(seed+1, i),
		})
	}
	n.run(t, seed)
	for i, a := range n.asks {
		if a.what != 'L' {
			continue
		}
		want := closest(live, a.id, n.ids[a.node], 8)
		if got := idsOf(n.lookups[i].Closest); !slices.Equal(got, want) {
			t.Errorf("of %d nodes, node %d looks up %v and finds\n%v, want\n%v", size, a.node, a.id, got, want)
		}
	}
}

// Whoever knows fewer than k others asks all of them in the first round of a refresh, for its own
// id and for one in the rest of the table: if they know nobody else, there is no second.
func TestARefreshAmongFewNodesTakesOneRound(t *testing.T) {
	const node, others = 2, 4
	n := network{ids: points(3, others+1), asks: []ask{{at: quiet + 30*time.Minute, node: node, what: 'R'}}}
	asked := &counted{node: node, from: protocol.Time(n.asks[0].at)}
	n.run(t, 3, asked)
	if want := 2 * others; asked.n != want {
		t.Errorf("a refresh among %d nodes sends %d queries, want %d", others+1, asked.n, want)
	}
}

// counted counts what a node looks for from a time on.
type counted struct {
	node protocol.NodeID
	from protocol.Time
	n    int
}

func (c *counted) Watch() sim.What { return sim.Sent }

func (c *counted) Observe(e *sim.Event) {
	if e.Node == c.node && e.At >= c.from && e.Kind == kademlia.KindFindNode {
		c.n++
	}
}

func TestEqualAnswersGiveEqualRuns(t *testing.T) {
	run := func() (sim.Digest, int) {
		n := network{ids: points(19, 40)}
		n.link = sim.Link{Delay: time.Millisecond, Jitter: 90 * time.Millisecond, Loss: protocol.Percent(20), Copy: protocol.Percent(10)}
		n.lookAll(19, 50)
		r := n.run(t, 19).Result()
		return r.Digest, int(r.Sent)
	}
	d1, n1 := run()
	d2, n2 := run()
	if d1 != d2 {
		t.Errorf("two runs of one seed differ: %v after %d messages, %v after %d", d1, n1, d2, n2)
	}
}

func BenchmarkJoinAndLookup(b *testing.B) {
	for _, size := range []int{200, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for i := range b.N {
				n := network{ids: points(uint64(i), size)}
				r := n.run(b, uint64(i)).Result()
				b.ReportMetric(float64(r.Sent)/float64(size), "messages/node")
			}
		})
	}
}

// The others have long stopped refreshing; so the newcomer must find all of
// them, or they would not know that anybody is in its half of the tree.
func TestNodeAloneInItsSubtreeThatJoinsLastIsFoundByAll(t *testing.T) {
	const size = 70
	for seed := range uint64(2) {
		n := network{ids: skewed(seed, "one alone", size), starts: make([]protocol.Time, size)}
		n.starts[size/2] = protocol.Time(quiet / 2)
		for i := range 300 {
			target := point(seed+1, i)
			target[0] |= 0x80
			n.asks = append(n.asks, ask{at: quiet + time.Duration(i)*time.Millisecond, node: protocol.NodeID(i % size), what: 'L', id: target})
		}
		n.run(t, seed)
		n.judge(t, seed)
	}
}
