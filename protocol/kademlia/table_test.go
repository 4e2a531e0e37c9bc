package kademlia

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
)

func anyID(seed, i int) ID { return Key(fmt.Appendf(nil, "%d %d", seed, i)) }

func addr(i int) (e protocol.Endpoint) {
	binary.BigEndian.PutUint32(e[:], uint32(i))
	return e
}

// distance is the slow twin of compare and shared.
func distance(a, b ID) *big.Int {
	return new(big.Int).Xor(new(big.Int).SetBytes(a[:]), new(big.Int).SetBytes(b[:]))
}

func drawID(t *rapid.T, name string) (id ID) {
	copy(id[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x80, 0xff}), 20, 20).Draw(t, name))
	return id
}

func TestDistanceIsXOR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawID(t, "a"), drawID(t, "b"), drawID(t, "c")
		if got, want := c.compare(&a, &b), distance(c, a).Cmp(distance(c, b)); got != want {
			t.Fatalf("compare: %d, want %d", got, want)
		}
		if got, want := c.Closer(a, b), distance(c, a).Cmp(distance(c, b)) < 0; got != want {
			t.Fatalf("Closer: %v, want %v", got, want)
		}
		if got, want := a.shared(&b), idBits-distance(a, b).BitLen(); got != want {
			t.Fatalf("shared: %d, want %d", got, want)
		}
		n := rapid.IntRange(0, idBits-1).Draw(t, "n")
		if s := a.sibling(n, &b); a.shared(&s) != n {
			t.Fatalf("the sibling of %v at %d is %v, which shares %d bits", a, n, s, a.shared(&s))
		}
	})
}

// TestTableFindsTheClosest runs the table through what can happen to it and
// compares what it finds with a sorted list of all it has.
func TestTableFindsTheClosest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 4).Draw(t, "k")
		tab := table{self: anyID(0, 0), k: k, stale: 2}
		for i := range rapid.IntRange(1, 120).Draw(t, "events") {
			n := rapid.IntRange(1, 60).Draw(t, "contact")
			c := Contact{anyID(0, n), addr(n)}
			if n%4 == 0 {
				c.ID = tab.self.sibling(n/4, &c.ID)
			}
			switch b, _ := tab.bucketOf(&c.ID); rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				tab.lost(c, never)
			case 1:
				b.remember(contact{Contact: c}, k)
			case 2:
				tab.heard(Contact{c.ID, addr(1000)}, uint32(i)) // moved
			default:
				tab.heard(c, uint32(i))
			}
			checkTable(t, &tab)
			for _, q := range []query{
				{target: anyID(1, i), n: k},
				{target: c.ID, n: 2 * k, except: &c, stale: true},
				{target: tab.self, n: 3},
			} {
				if have, want := tab.closest(nil, &q), slowClosest(&tab, q); !slices.Equal(have, want) {
					t.Fatalf("closest to %v: %v, want %v", q.target, have, want)
				}
			}
		}
	})
}

func slowClosest(tab *table, q query) (cs []Contact) {
	for _, b := range tab.buckets {
		for _, c := range b.live {
			if (c.fails < tab.stale || q.stale) && (q.except == nil || c.ID != q.except.ID && c.Addr != q.except.Addr) {
				cs = append(cs, c.Contact)
			}
		}
	}
	slices.SortFunc(cs, func(a, b Contact) int { return distance(q.target, a.ID).Cmp(distance(q.target, b.ID)) })
	return cs[:min(q.n, len(cs))]
}

// checkTable asserts what holds of every table.
func checkTable(t *rapid.T, tab *table) {
	for n, b := range tab.buckets {
		if len(b.cache) > tab.k {
			t.Fatalf("bucket %d has a cache of %d", n, len(b.cache))
		}
		for _, c := range append(slices.Clone(b.live), b.cache...) {
			if got := tab.self.shared(&c.ID); got != n {
				t.Fatalf("bucket %d holds %v, which shares %d bits", n, c.ID, got)
			}
		}
		for i := range b.live {
			if !b.live[i].answered {
				t.Fatalf("bucket %d holds %v, which never answered", n, b.live[i].ID)
			}
			if index(b.live[i+1:], &b.live[i].ID) >= 0 {
				t.Fatalf("bucket %d holds %v twice", n, b.live[i].ID)
			}
		}
	}
}

func TestTableKeepsAllOfItsOwnSubtreeAndKOfEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 8).Draw(t, "k")
		seed := rapid.IntRange(0, 1<<20).Draw(t, "seed")
		tab := table{self: anyID(seed, 0), k: k, stale: 2}
		var all []ID
		for i := range rapid.IntRange(1, 200).Draw(t, "nodes") {
			id := anyID(seed, i+1)
			if i%3 == 0 { // skew
				id = tab.self.under(i%20, &id)
			}
			all = append(all, id)
			tab.heard(Contact{id, addr(i)}, uint32(i))
		}
		sum, edge := 0, 0
		for n := idBits - 1; n >= 0 && sum < k; n-- {
			edge = n
			for _, id := range all {
				if tab.self.shared(&id) == n {
					sum++
				}
			}
		}
		for _, id := range all {
			n := tab.self.shared(&id)
			if n >= edge && tab.get(&id) == nil {
				t.Fatalf("%v shares %d bits and is not kept, though the smallest subtree of %d begins at %d", id, n, k, edge)
			}
			if tab.get(&id) == nil && len(tab.buckets[n].live) < k {
				t.Fatalf("bucket %d has %d contacts but not %v", n, len(tab.buckets[n].live), id)
			}
		}
		if got := tab.edge(); sum >= k && got != edge {
			t.Fatalf("edge is %d, want %d", got, edge)
		}
	})
}

func TestStaleContactsGiveWayOnlyToOthersThatAnswered(t *testing.T) {
	tab := table{self: ID{}, k: 2, stale: 3}
	far := func(i byte) Contact { return Contact{ID{0x80, i}, addr(int(i))} }
	near := func(i byte) Contact { return Contact{ID{0x40, i}, addr(100 + int(i))} }
	for i := byte(1); i <= 2; i++ {
		tab.heard(near(i), 0)
		tab.heard(far(i), 0)
	}
	for range 5 {
		if old, _, ok := tab.lost(far(1), never); old || ok {
			t.Fatal("a stale contact is dropped though nobody can replace it")
		}
	}
	if got := tab.closest(nil, &query{target: far(1).ID, n: 1}); got[0] == far(1) {
		t.Error("a stale contact is still in answers")
	}
	b := &tab.buckets[0]
	b.remember(contact{Contact: far(3)}, 2)
	if old, next, ok := tab.lost(far(1), never); old || !ok || next != far(3) {
		t.Errorf("lost returns %v %v %v, want to try %v, which only asked", old, next, ok, far(3))
	}
	b.remember(contact{Contact: far(4), answered: true}, 2)
	if old, _, _ := tab.lost(far(1), never); !old || index(b.live, new(far(1).ID)) >= 0 || index(b.live, new(far(4).ID)) < 0 {
		t.Errorf("a stale contact did not give way to one that answered: %v", b.live)
	}
	b.remember(contact{Contact: far(5), answered: true}, 2)
	b.remember(contact{Contact: far(6), answered: true}, 2)
	b.remember(contact{Contact: far(7)}, 2)
	if index(b.cache, new(far(7).ID)) >= 0 {
		t.Error("one that only asked displaced one that answered in the cache")
	}
}

func never(uint32) bool { return false }

func TestWhoWasSilentForLongIsPingedBeforeItTakesAPlace(t *testing.T) {
	tab := table{self: ID{}, k: 2, stale: 1}
	far := func(i byte) Contact { return Contact{ID{0x80, i}, addr(int(i))} }
	near := func(i byte) Contact { return Contact{ID{0x40, i}, addr(100 + int(i))} }
	for i := byte(1); i <= 4; i++ { // the last two of the far ones wait
		tab.heard(near(i), 0)
		tab.heard(far(i), uint32(i))
	}
	if old, next, ok := tab.lost(far(1), func(uint32) bool { return true }); old || !ok || next != far(4) {
		t.Errorf("both that wait were silent: lost returns %v %v %v, want to try %v", old, next, ok, far(4))
	}
	b := &tab.buckets[0]
	if old, _, _ := tab.lost(far(1), func(seen uint32) bool { return seen == 4 }); !old || index(b.live, new(far(3).ID)) < 0 {
		t.Errorf("the last that waits was silent: replaced %v by one of %v, want %v", old, b.live, far(3))
	}
}

func TestWhoWaitsAndAsksHasAnsweredNoLess(t *testing.T) {
	var b bucket
	c := contact{Contact: Contact{ID{0x80}, addr(1)}, answered: true, seen: 7, fails: 1}
	b.remember(c, 2)
	b.remember(contact{Contact: Contact{ID{0x81}, addr(2)}}, 2)
	b.remember(contact{Contact: c.Contact}, 2)
	if got := b.cache[len(b.cache)-1]; got != c {
		t.Errorf("one that answered at 7 and asked waits as %+v, want %+v", got, c)
	}
}
