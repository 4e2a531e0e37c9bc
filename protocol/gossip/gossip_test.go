package gossip

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
	"dessim/protocol/seal"
)

func config() Config {
	return Config{
		Neighbours: func() []protocol.NodeID { return nil },
		Check:      func(*protocol.Env, ID, []byte) Verdict { return Pass },
		Deliver:    func(*protocol.Env, ID, []byte) {},
		Repair:     time.Second, Memory: 10_000, Waiting: 100,
	}
}

// cost is the promised number of messages of one flood.
func cost(g graph) int {
	n := 1
	for _, ns := range g {
		n += len(ns) - 1
	}
	return n
}

func TestFloodCostsTheSumOfDegreesLessOnePlusOne(t *testing.T) {
	for name, g := range map[string]graph{
		"alone": edges(1), "pair": line(2), "line": line(9), "ring": ring(10),
		"clique": clique(8), "barbell": barbell(5),
		"star":     edges(5, [2]int{0, 1}, [2]int{0, 2}, [2]int{0, 3}, [2]int{0, 4}),
		"triangle": edges(4, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 0}, [2]int{2, 3}),
	} {
		for from := range g {
			w := newWorld(t, g, config())
			id := w.broadcast(from, "m")
			w.drain()
			if w.lacking([]ID{id}) != 0 || w.Sent[KindData] != cost(g) || len(w.Sent) > 1 {
				t.Errorf("%s from %d: %d nodes lack it, sends %v, want %d", name, from, w.lacking([]ID{id}), w.Sent, cost(g))
			}
			for _, h := range w.nodes {
				if len(h.delivered) != 1 {
					t.Errorf("%s from %d: node %d delivers %d", name, from, h.id, len(h.delivered))
				}
			}
		}
	}
}

func TestFloodReachesAllOfAnyConnectedGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "nodes")
		var pairs [][2]int
		for i := 1; i < n; i++ { // a random tree, and some more
			pairs = append(pairs, [2]int{rapid.IntRange(0, i-1).Draw(rt, "parent"), i})
		}
		for range rapid.IntRange(0, 8).Draw(rt, "chords") {
			a, b := rapid.IntRange(0, n-1).Draw(rt, "a"), rapid.IntRange(0, n-1).Draw(rt, "b")
			if a != b {
				pairs = append(pairs, [2]int{a, b})
			}
		}
		g := edges(n, pairs...)
		w := newWorld(t, g, config())
		k := rapid.IntRange(1, 4).Draw(rt, "messages")
		var ids []ID
		for _, b := range bodies(k) {
			ids = append(ids, w.broadcast(rapid.IntRange(0, n-1).Draw(rt, "from"), b))
		}
		w.drain()
		if w.lacking(ids) != 0 || w.Sent[KindData] != k*cost(g) {
			rt.Fatalf("graph %v: %d lacking, %d sends, want %d", g, w.lacking(ids), w.Sent[KindData], k*cost(g))
		}
	})
}

func TestEqualNodesExchangeOneTinyMessage(t *testing.T) {
	w := newWorld(t, line(2), config())
	for _, b := range bodies(500) {
		w.broadcast(0, b)
	}
	w.drain()
	clear(w.Sent)
	w.repair()
	last := w.Delivered[len(w.Delivered)-1]
	if len(w.Sent) != 1 || w.Sent[KindDigest] != 2 || len(last.Body) > 50 {
		t.Errorf("2 equal nodes send %v, the last %d bytes", w.Sent, len(last.Body))
	}
}

func TestRepairConvergesUnderLoss(t *testing.T) {
	for name, g := range map[string]graph{"line": line(8), "barbell": barbell(4), "ring": ring(9)} {
		for _, loss := range []uint64{10, 30} {
			w := newWorld(t, g, config())
			w.seed, w.loss = 1, loss
			var ids []ID
			for i, b := range bodies(60) {
				ids = append(ids, w.broadcast(i%len(g), b))
			}
			w.drain()
			missed, rounds := w.lacking(ids), 0
			for ; w.lacking(ids) > 0 && rounds < 200; rounds++ {
				w.repair()
			}
			if missed == 0 || w.lacking(ids) > 0 {
				t.Errorf("%s, %d%% lost: %d missed, %d still after %d rounds", name, loss, missed, w.lacking(ids), rounds)
			}
			w.loss = 0
			w.repair()
			clear(w.Sent)
			w.repair()
			if len(w.Sent) != 1 {
				t.Errorf("%s, %d%% lost: at the end nodes still send %v", name, loss, w.Sent)
			}
		}
	}
}

// TestClusterThatMissedAllCatchesUp cuts the bridge of a barbell during the flood.
func TestClusterThatMissedAllCatchesUp(t *testing.T) {
	for _, n := range []int{1, leaf, leaf + 1, 700} {
		w := newWorld(t, barbell(3), config())
		bridge := w.nodes[2].neighbours
		w.nodes[2].neighbours = []protocol.NodeID{0, 1}
		var ids []ID
		for _, b := range bodies(n) {
			ids = append(ids, w.broadcast(0, b))
		}
		w.drain()
		ids = append(ids, w.broadcast(5, "of the other side"))
		w.nodes[3].neighbours = []protocol.NodeID{4, 5}
		w.drain()
		w.nodes[2].neighbours, w.nodes[3].neighbours = bridge, []protocol.NodeID{2, 4, 5}
		rounds := 0
		for ; w.lacking(ids) > 0 && rounds < 40; rounds++ {
			w.repair()
		}
		if w.lacking(ids) > 0 {
			t.Errorf("%d messages: %d lacking after %d rounds", n, w.lacking(ids), rounds)
		}
	}
}

func TestRestartedNodeCatchesUp(t *testing.T) {
	cfg := config()
	w := newWorld(t, ring(5), cfg)
	var ids []ID
	for _, b := range bodies(300) {
		ids = append(ids, w.broadcast(0, b))
	}
	w.drain()
	w.Restart(3)
	rounds := 0
	for ; w.lacking(ids) > 0 && rounds < 20; rounds++ {
		w.repair()
	}
	if w.lacking(ids) > 0 || rounds > 3 {
		t.Errorf("%d lacking after %d rounds", w.lacking(ids), rounds)
	}
	if got := len(w.nodes[3].delivered); got != 300 {
		t.Errorf("the new incarnation delivers %d, want 300", got)
	}
}

// diverge returns a pair of nodes that hold n messages each that the other lacks,
// and common ones.
func diverge(t *testing.T, n, common int) (*world, []ID) {
	w := newWorld(t, line(2), config())
	var ids []ID
	for i, b := range bodies(2*n + common) {
		ids = append(ids, w.broadcast(i%2, b))
		if i < 2*n {
			w.InFlight = nil
		}
		w.drain()
	}
	clear(w.Sent)
	return w, ids
}

func TestOneExchangeRepairsBothSides(t *testing.T) {
	for _, n := range []int{1, 5, 40} {
		w, ids := diverge(t, n, 3)
		h := w.nodes[0]
		w.ask(h)
		w.drain()
		if w.lacking(ids) != 0 || w.Sent[KindBody] != 2*n {
			t.Errorf("%d unknown on each side: %d lacking, sends %v", n, w.lacking(ids), w.Sent)
		}
	}
}

func TestEmptyNodeIsOfferedAllAtOnce(t *testing.T) {
	w, ids := diverge(t, 0, 200)
	h := w.nodes[1]
	w.Restart(h.id)
	w.ask(h)
	w.drain()
	want := map[protocol.Kind]int{KindDigest: 1, KindHave: 1, KindWant: 1, KindBody: 200}
	if w.lacking(ids) != 0 || !maps.Equal(w.Sent, want) {
		t.Errorf("%d lacking, sends %v, want %v", w.lacking(ids), w.Sent, want)
	}
}

func TestRepairVisitsAllNeighboursThoughAllAnswersAreBenign(t *testing.T) {
	w := newWorld(t, clique(5), config())
	h := w.nodes[2]
	var asked []protocol.NodeID
	for range 5 {
		w.ask(h)
		asked = append(asked, w.InFlight[len(w.InFlight)-1].To)
	}
	if want := []protocol.NodeID{0, 1, 3, 4, 0}; !slices.Equal(asked, want) {
		t.Errorf("asks %v, want %v", asked, want)
	}
}

func TestRefusedMessageIsNeitherForwardedNorCheckedAgain(t *testing.T) {
	w := newWorld(t, line(3), config())
	checks := 0
	w.nodes[1].check = func(ID) Verdict { checks++; return Drop }
	id := w.broadcast(0, "bad") // of a liar: node 0 does not check its own
	w.drain()
	for range 6 {
		w.repair()
	}
	if w.nodes[2].gossip.Has(id) {
		t.Error("the refused message reached node 2")
	}
	w.broadcast(2, "bad")
	w.drain()
	s := w.nodes[1].gossip.Stats()
	if checks != 1 || s.Refused != 1 || s.Forwarded != 0 || s.Duplicates != 1 {
		t.Errorf("%d checks, %+v", checks, s)
	}
	if w.Sent[KindBody] != 0 || w.nodes[1].gossip.Has(id) {
		t.Errorf("the refused body was asked for: %v", w.Sent)
	}
}

func TestWaitingMessageIsForwardedWhenResumed(t *testing.T) {
	for _, ok := range []bool{true, false} {
		w := newWorld(t, ring(4), config())
		h := w.nodes[1]
		h.check = func(ID) Verdict { return Wait }
		w.nodes[3].check = h.check
		id := w.broadcast(0, "m")
		w.drain()
		w.repair()
		if len(h.delivered) != 0 || h.gossip.Has(id) || w.nodes[2].gossip.Has(id) {
			t.Fatal("a message was forwarded while its nodes wait")
		}
		for _, h := range []*host{h, w.nodes[3], h} { // the second time does nothing
			w.Step(h.id, func(env *protocol.Env) { h.gossip.Resume(env, id, ok) })
		}
		w.drain()
		want := 0
		if ok {
			want = cost(ring(4))
		}
		if got := w.nodes[2].gossip.Has(id); got != ok || ok && w.Sent[KindData] != want {
			t.Errorf("resumed with %v: node 2 has it: %v, sends %v", ok, got, w.Sent)
		}
		if s := h.gossip.Stats(); s.Waited != 1 || s.Refused != uint64(1-len(h.delivered)) {
			t.Errorf("resumed with %v: %+v", ok, s)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	cfg := config()
	cfg.Memory, cfg.Waiting, cfg.Repair = 8, 3, 0
	w := newWorld(t, line(2), cfg)
	h := w.nodes[1]
	for i := range 300 {
		h.check = func(ID) Verdict { return Verdict(i%3 + 1) }
		w.broadcast(0, fmt.Sprint(i))
		w.drain()
	}
	st := &h.gossip.store
	if n := len(st.items); n != 8+8+3 {
		t.Errorf("%d ids remembered, want 8 kept, 8 refused and 3 waiting", n)
	}
	if s := h.gossip.Stats(); s.Evicted != 92+92 || s.Overflowed != 97 {
		t.Errorf("%+v, want 184 evicted and 97 overflowed", s)
	}
	if n := cap(st.order[kept].ids); n > 64 {
		t.Errorf("a fifo of 8 has room for %d", n)
	}
	if len(w.Timers) != 0 {
		t.Error("a timer is set without Repair")
	}
}

// TestStoreAgreesWithAPlainList compares digests and ranges with the slow twin.
func TestStoreAgreesWithAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s store
		type entry struct {
			id ID
			st state
		}
		var ref []entry // in order of entry
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id := Sum([]byte{rapid.Byte().Draw(t, "body")})
				st := state(rapid.IntRange(1, int(states)-1).Draw(t, "state"))
				s.put(id, &item{}, st, limit)
				ref = slices.DeleteFunc(ref, func(e entry) bool { return e.id == id })
				ref = append(ref, entry{id, st})
				same := 0
				for _, e := range ref {
					if e.st == st {
						same++
					}
				}
				if same > limit {
					i := slices.IndexFunc(ref, func(e entry) bool { return e.st == st })
					ref = slices.Delete(ref, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				prefix := []byte(rapid.StringMatching("[0-9a-f]{0,2}").Draw(t, "prefix"))
				var want []ID
				var sum sum
				for _, e := range ref {
					if s.state(e.id) != e.st {
						t.Fatalf("%v is in state %d, want %d", e.id, s.state(e.id), e.st)
					}
					if e.st == kept && strings.HasPrefix(e.id.String(), string(prefix)) {
						want = append(want, e.id)
						sum.toggle(e.id)
					}
				}
				slices.SortFunc(want, compareIDs)
				if got := s.within(prefix); !slices.Equal(got, want) {
					t.Fatalf("under %q: %v, want %v", prefix, got, want)
				}
				if h, n := s.total(prefix); h != sum || n != len(want) || len(s.items) != len(ref) {
					t.Fatalf("under %q: %x and %d, want %x and %d", prefix, h, n, sum, len(want))
				}
			},
		})
	})
}

func TestMistakesPanic(t *testing.T) {
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	for name, f := range map[string]func(){
		"Memory is 0":      func() { c := config(); c.Memory = 0; New(c) },
		"Waiting is 0":     func() { c := config(); c.Waiting = 0; New(c) },
		"Repair is -1ns":   func() { c := config(); c.Repair = -1; New(c) },
		"Check or Deliver": func() { c := config(); c.Check = nil; New(c) },
		"want at most":     func() { New(config()).Broadcast(&env, make([]byte, MaxBody+1)) },
		"its own neighbour": func() {
			c := config()
			c.Neighbours = func() []protocol.NodeID { return []protocol.NodeID{0} }
			New(c).Broadcast(&env, nil)
		},
		"verdict 0": func() {
			c := config()
			c.Check = func(*protocol.Env, ID, []byte) (v Verdict) { return }
			New(c).Receive(&env, 1, Data(nil))
		},
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, name) {
					t.Errorf("panic %q, want %q in it", s, name)
				}
			}()
			f()
		}()
	}
}

func TestDamagedMessageIsDroppedAndCountedAndRepairBringsIt(t *testing.T) {
	cfg := config()
	cfg.Repair = time.Second
	w := newWorld(t, [][]protocol.NodeID{{1}, {0}}, cfg)
	w.broadcast(0, "body")
	frame := w.InFlight[0].Body
	for i := range 8 * len(frame) {
		damaged := bytes.Clone(frame)
		damaged[i/8] ^= 1 << (i % 8)
		w.Hand(steps.Message{From: 0, To: 1, Body: damaged})
	}
	if got, want := w.nodes[1].gossip.Stats(), (Stats{Corrupt: uint64(8 * len(frame))}); got != want {
		t.Errorf("after every single flipped bit the receiver counts %+v, want %+v", got, want)
	}
	if Text(frame) == "" || Text(frame[:len(frame)-1]) != "" {
		t.Errorf("the message has the text %q, and cut short %q", Text(frame), Text(frame[:len(frame)-1]))
	}
	w.InFlight = nil
	w.repair()
	if got := w.nodes[1].delivered; len(got) != 1 {
		t.Errorf("after repair %d messages are delivered, want 1", len(got))
	}
}

func TestPrefixesAscendAndAreNoLongerThanAnID(t *testing.T) {
	long := strings.Repeat("0", 2*len(ID{}))
	for _, x := range []struct {
		prefixes []string
		ok       bool
	}{
		{[]string{"0", "c"}, true}, {[]string{long}, true}, {[]string{"0", long}, true},
		{nil, false}, {[]string{"c", "0"}, false}, {[]string{"0", "0"}, false}, {[]string{long + "0"}, false}, {[]string{"g"}, false},
	} {
		m := message{typ: typeDigest}
		for _, p := range x.prefixes {
			m.ranges = append(m.ranges, span{prefix: []byte(p), count: 1})
		}
		if _, ok := new(decoder).decode(m.append(nil)); ok != x.ok {
			t.Errorf("a digest of %q decodes: %v, want %v", x.prefixes, ok, x.ok)
		}
	}
}

func FuzzMessage(f *testing.F) {
	a, b := Sum([]byte("a")), Sum([]byte("b")) // ca97..., 3e23...
	f.Add(message{typ: typeData, body: []byte("body")}.append(nil))
	f.Add(message{typ: typeDigest, ranges: []span{{count: 3, sum: sum{1, 2}}}}.append(nil))
	f.Add(message{typ: typeDigest, ranges: []span{{prefix: []byte("0")}, {prefix: []byte("c")}}}.append(nil))
	f.Add(message{typ: typeList, ranges: []span{{prefix: []byte("3e"), ids: []ID{b}}, {prefix: []byte("c")}}}.append(nil))
	f.Add(message{typ: typeHave, ids: []ID{b, a}}.append(nil))
	f.Add(message{typ: typeWant, ids: []ID{a}}.append(nil))
	f.Add(message{typ: typeWant}.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, ok := new(decoder).decode(in)
		if ok && !bytes.Equal(m.append(nil), in) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", in, m, m.append(nil))
		}
		var env protocol.Env
		g := New(config())
		env.Enter(0, 1, 0, nil)
		g.Broadcast(&env, []byte("a"))
		g.Receive(&env, 1, seal.Append(bytes.Clone(in)))
		if (g.Stats().Malformed == 0) != ok {
			t.Fatalf("%q: decoded %v, counted %d", in, ok, g.Stats().Malformed)
		}
		g.Receive(&env, 1, in)
	})
}
