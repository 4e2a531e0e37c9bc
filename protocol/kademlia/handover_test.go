package kademlia

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
)

// By the slow way: of nodes that know each other, one gives a newcomer a value,
// and that is if the newcomer is among the k closest.
func TestOneHolderGivesANewcomerWhatItShouldHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, n := rapid.IntRange(0, 1<<20).Draw(t, "seed"), rapid.IntRange(2, 30).Draw(t, "nodes")
		k := rapid.IntRange(1, 5).Draw(t, "k")
		ids := make([]ID, n)
		for i := range ids {
			ids[i] = anyID(seed, i)
		}
		key, newcomer := anyID(seed, 1000), ids[0]
		rank, givers := 0, 0
		for _, id := range ids {
			if key.Closer(id, newcomer) {
				rank++
			}
		}
		for i, self := range ids[1:] {
			c := Lasting(self, protocol.SimBook{}, 1)
			c.K, c.Alpha = k, 1
			d := New(c)
			d.tab.k = 1 << 20 // it knows all
			for j, id := range ids {
				if id != self {
					d.tab.heard(Contact{id, addr(j)}, 0)
				}
			}
			if d.mine(&key, &newcomer) {
				givers++
				if slices.ContainsFunc(ids[1:], func(id ID) bool { return key.Closer(id, self) }) {
					t.Fatalf("node %d stores it, and is not the closest", i+1)
				}
			}
		}
		if want := btoi(rank < k); givers != want {
			t.Fatalf("%d nodes store a value at a newcomer of rank %d, want %d", givers, rank, want)
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestANewcomerAndWhoComesBackAreGivenTheValueUnlessTheyHaveIt(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh = 0 })
	id := r.stored("i1e", 0)
	offer := func(out []sent) (offers []sent) {
		return slices.DeleteFunc(out, func(s sent) bool { return s.y != 'q' || s.method != get || s.target != id })
	}
	meet := queries(r.query(2, anyID(5, 2), message{method: findNode, hasTarget: true}))[0]
	first := offer(r.reply(meet, anyID(5, 2), message{}))
	if len(first) != 1 || first[0].to != 2 {
		t.Fatalf("a new contact was offered %v, want the value", first)
	}
	puts := queries(r.reply(first[0], anyID(5, 2), message{nodes: naming(), token: []byte("t")}))
	if len(puts) != 1 || puts[0].method != put || string(puts[0].value) != "i1e" || r.d.Stats().Handed != 1 {
		t.Fatalf("a newcomer that lacks the value was sent %v, want a put", puts)
	}
	self := message{method: findNode, hasTarget: true, target: anyID(5, 2)}
	back := offer(r.query(2, anyID(5, 2), self))
	if len(back) != 1 {
		t.Fatalf("a node that looks itself up was offered %v, want the value", back)
	}
	if more := offer(r.query(2, anyID(5, 2), self)); len(more) != 0 {
		t.Errorf("it was offered twice at a time: %v", more)
	}
	if puts := queries(r.reply(back[0], anyID(5, 2), message{nodes: naming(), token: []byte("t"), value: []byte("i1e")})); len(puts) != 0 {
		t.Errorf("a newcomer that has the value was sent it: %v", puts)
	}
}

// While it was silent it may have missed values, or lost them.
func TestAStaleContactThatAnswersAgainIsOfferedTheValuesThatItShouldHold(t *testing.T) {
	for _, stale := range []bool{false, true} {
		r := lasting(t, func(c *Config) { c.Refresh = 0 })
		to := contactOf(2, anyID(5, 2))
		r.meet(2, to.ID)
		id := r.stored("i1e", 0)
		q := r.step(func(env *protocol.Env) { r.d.Lookup(env, to.ID, func(*protocol.Env, Result) {}) })[0]
		if stale {
			for range r.d.cfg.Stale {
				r.d.tab.lost(to, never)
			}
			if !r.d.tab.isStale(to) {
				t.Fatal("the contact is not stale")
			}
		}
		offers := slices.DeleteFunc(r.reply(q, to.ID, message{nodes: naming()}), func(s sent) bool { return s.y != 'q' || s.method != get || s.target != id })
		if got := len(offers) == 1 && offers[0].to == 2; got != stale {
			t.Errorf("stale: %v; a contact that answers is offered %v", stale, offers)
		}
	}
}
