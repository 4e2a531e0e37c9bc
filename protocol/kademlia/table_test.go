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
		if got, want := a.is(&b), a == b; got != want {
			t.Fatalf("is: %v, want %v", got, want)
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
		tab := table{self: anyID(0, 0), k: k, stale: 2, known: drawKnown(t)}
		for i := range rapid.IntRange(1, 120).Draw(t, "events") {
			n := rapid.IntRange(1, 60).Draw(t, "contact")
			c := Contact{anyID(0, n), addr(n)}
			if n%4 == 0 {
				c.ID = tab.self.sibling(n/4, &c.ID)
			}
			switch n := tab.bucketOf(&c.ID); rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				tab.lost(c, never)
			case 1:
				tab.remember(n, tab.entry(n, &c))
			case 2:
				tab.heard(Contact{c.ID, addr(rapid.SampledFrom([]int{21, 1000}).Draw(t, "address"))}, uint32(i)) // moved
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

// book maps nodes to the addresses of addr.
type book struct{ protocol.SimBook }

func (book) Endpoint(id protocol.NodeID) protocol.Endpoint { return addr(int(id)) }

func (book) Node(e protocol.Endpoint) (protocol.NodeID, bool) {
	return protocol.NodeID(binary.BigEndian.Uint32(e[:])), true
}

// drawKnown returns a table in which none, some or all of the contacts are as they say, and two
// may have one id.
func drawKnown(t *rapid.T) *Known {
	n := rapid.SampledFrom([]int{0, 22, 40, 61}).Draw(t, "known")
	if n == 0 {
		return nil
	}
	ids := make([]ID, n)
	for i := range ids {
		ids[i] = anyID(0, i)
	}
	if n > 2 && rapid.Bool().Draw(t, "twins") {
		ids[n-1] = ids[1]
	}
	return NewKnown(book{}, ids)
}

func slowClosest(tab *table, q query) (cs []Contact) {
	for _, o := range tab.rows[liveRow] {
		c := tab.contact(o.who)
		if (o.fails < tab.stale || q.stale) && (q.except == nil || c.ID != q.except.ID && c.Addr != q.except.Addr) {
			cs = append(cs, c)
		}
	}
	slices.SortFunc(cs, func(a, b Contact) int { return distance(q.target, a.ID).Cmp(distance(q.target, b.ID)) })
	return cs[:min(q.n, len(cs))]
}

// bitsAfter is a slow twin of ID.after.
func bitsAfter(id *ID, n int) (next uint16) {
	for i := n + 1; i <= n+16; i++ {
		next <<= 1
		if i < idBits {
			next |= uint16(id[i/8] >> (7 - i%8) & 1)
		}
	}
	return next
}

// checkTable asserts what holds of every table.
func checkTable(t *rapid.T, tab *table) {
	failed, places := 0, make(map[uint32]int)
	for n := range tab.buckets {
		live, waiting := tab.contacts(n), tab.waiting(n)
		if len(waiting) > tab.k {
			t.Fatalf("bucket %d has a cache of %d", n, len(waiting))
		}
		for _, c := range append(slices.Clone(live), waiting...) {
			places[c.who]++
			id := tab.id(c.who)
			if got := tab.self.shared(id); got != n {
				t.Fatalf("bucket %d holds %v, which shares %d bits", n, id, got)
			}
			if want := bitsAfter(id, n); c.next != want {
				t.Fatalf("bucket %d holds %v as %016b, want %016b", n, id, c.next, want)
			}
		}
		ids := make(map[ID]bool)
		for _, c := range live {
			id := *tab.id(c.who)
			switch {
			case !c.answered:
				t.Fatalf("bucket %d holds %v, which never answered", n, id)
			case ids[id]:
				t.Fatalf("bucket %d holds %v twice", n, id)
			case c.fails >= tab.stale:
				failed++
			}
			ids[id] = true
		}
	}
	if failed != tab.failed {
		t.Fatalf("the table counts %d stale contacts, and has %d", tab.failed, failed)
	}
	for i, s := range tab.strangers {
		if s.places != places[foreign|uint32(i)] {
			t.Fatalf("stranger %v has %d places in the table, and counts %d", s.Contact, places[foreign|uint32(i)], s.places)
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
			there := slices.ContainsFunc(tab.rows[liveRow], func(c contact) bool { return *tab.id(c.who) == id })
			if n >= edge && !there {
				t.Fatalf("%v shares %d bits and is not kept, though the smallest subtree of %d begins at %d", id, n, k, edge)
			}
			if !there && len(tab.contacts(n)) < k {
				t.Fatalf("bucket %d has %d contacts but not %v", n, len(tab.contacts(n)), id)
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
	remember := func(c Contact, answered bool) {
		e := tab.entry(0, &c)
		e.answered = answered
		tab.remember(0, e)
	}
	remember(far(3), false)
	if old, next, ok := tab.lost(far(1), never); old || !ok || next != far(3) {
		t.Errorf("lost returns %v %v %v, want to try %v, which only asked", old, next, ok, far(3))
	}
	remember(far(4), true)
	if old, _, _ := tab.lost(far(1), never); !old || holds(&tab, tab.contacts(0), far(1)) || !holds(&tab, tab.contacts(0), far(4)) {
		t.Errorf("a stale contact did not give way to one that answered: %v", tab.contacts(0))
	}
	remember(far(5), true)
	remember(far(6), true)
	remember(far(7), false)
	if holds(&tab, tab.waiting(0), far(7)) {
		t.Error("one that only asked displaced one that answered in the cache")
	}
}

func holds(tab *table, list []contact, c Contact) bool {
	return slices.ContainsFunc(list, func(o contact) bool { return tab.contact(o.who) == c })
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
	if old, _, _ := tab.lost(far(1), func(seen uint32) bool { return seen == 4 }); !old || !holds(&tab, tab.contacts(0), far(3)) {
		t.Errorf("the last that waits was silent: replaced %v by one of %v, want %v", old, tab.contacts(0), far(3))
	}
}

func TestWhoWaitsAndAsksHasAnsweredNoLess(t *testing.T) {
	tab := table{k: 2, stale: 2}
	first, second := Contact{ID{0x80}, addr(1)}, Contact{ID{0x81}, addr(2)}
	n := tab.bucketOf(&first.ID)
	want := contact{who: tab.take(&first), next: first.ID.after(n), answered: true, seen: 7, fails: 1}
	tab.remember(n, want)
	tab.remember(n, tab.entry(n, &second))
	tab.remember(n, tab.entry(n, &first))
	if got := tab.waiting(n)[1]; got != want {
		t.Errorf("one that answered at 7 and asked waits as %+v, want %+v", got, want)
	}
}
