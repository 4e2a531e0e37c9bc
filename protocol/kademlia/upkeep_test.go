package kademlia

import (
	"bytes"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// lasting makes a rig with the upkeep.
func lasting(t *testing.T, change func(c *Config)) *rig {
	return newRig(t, func(c *Config) {
		*c = Lasting(c.Self, c.Book, c.Secret)
		if change != nil {
			change(c)
		}
	})
}

// wake has the upkeep's timer fire at that time.
func (r *rig) wake(at time.Duration) []sent {
	r.t.Helper()
	r.now = protocol.Time(at)
	return r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(upkeepTimer)) })
}

// stored has node 1 put a value with that life, and returns its id.
func (r *rig) stored(value string, life time.Duration) ID {
	r.t.Helper()
	token := r.query(1, anyID(9, 1), message{method: get, hasTarget: true, readOnly: true})[0].token
	out := r.query(1, anyID(9, 1), message{method: put, token: token, value: []byte(value), life: uint64(life / time.Millisecond), readOnly: true})
	if out[0].y != 'r' {
		r.t.Fatalf("a put was answered by %+v", out[0].message)
	}
	return Key([]byte(value))
}

// asks returns the node's answer to a get.
func (r *rig) asks(id ID) message {
	r.t.Helper()
	return r.query(1, anyID(9, 1), message{method: get, hasTarget: true, target: id, readOnly: true})[0].message
}

func TestWithoutUpkeepNoTimerIsSet(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	id := r.stored("i1e", time.Minute)
	if r.d.up.wake != 0 {
		t.Errorf("the timer is set for %v", r.d.up.wake)
	}
	if r.now = protocol.Time(50 * time.Hour); r.asks(id).value == nil || r.asks(id).life != 0 {
		t.Errorf("a value expires that should not: %+v", r.asks(id))
	}
}

// K9: expiry.
func TestAValueIsOverADayAfterItsPublisherPutItLast(t *testing.T) {
	r := lasting(t, nil)
	id := r.stored("i1e", 0)
	r.now = protocol.Time(10 * time.Hour)
	r.stored("i1e", 0)
	for at, want := range map[time.Duration]bool{33 * time.Hour: true, 34*time.Hour - 1: true, 34 * time.Hour: false, 40 * time.Hour: false} {
		if r.now = protocol.Time(at); (r.asks(id).value != nil) != want {
			t.Errorf("at %v the value is there: %v, want %v", at, !want, want)
		}
	}
	r.wake(34 * time.Hour)
	if r.d.Holds(id) || r.d.Stats().Expired != 1 {
		t.Errorf("what is over is still stored: %+v", r.d.Stats())
	}
}

func TestAValuePutWithALifeEndsWithItAndIsToldWithWhatIsLeft(t *testing.T) {
	r := lasting(t, nil)
	id := r.stored("i1e", time.Hour)
	r.now = protocol.Time(40 * time.Minute)
	if got, want := r.asks(id).life, uint64((20*time.Minute-time.Second)/time.Millisecond); got != want {
		t.Errorf("after 40 minutes of an hour %d ms are left, want %d: a second is for the way", got, want)
	}
	r.stored("i1e", time.Minute) // shorter: it must not end what is held
	r.now = protocol.Time(time.Hour - 1)
	if m := r.asks(id); m.value == nil || m.life != noLife {
		t.Errorf("a put with a shorter life ended the value, or %d ms are told, want %d", m.life, noLife)
	}
	if r.now = protocol.Time(time.Hour); r.asks(id).value != nil {
		t.Error("a value lasts beyond its life")
	}
}

func TestNoPutLivesLongerThanExpire(t *testing.T) {
	r := lasting(t, nil)
	id := r.stored("i1e", 99*24*time.Hour)
	if r.now = protocol.Time(24 * time.Hour); r.asks(id).value != nil {
		t.Error("a stranger's put lasts longer than Expire")
	}
}

// A value that goes round for ever, by all the ways there are, ages all the same.
func TestHowOftenEverAValueIsHandedOnItIsOverInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Lasting(anyID(9, 0), protocol.SimBook{}, 42)
		holders := []*DHT{New(c), New(c), New(c)}
		life := time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "life")).Truncate(time.Millisecond) + time.Millisecond
		var env protocol.Env
		now := protocol.Time(0)
		value := []byte("i1e")
		env.Enter(0, 1, now, nil)
		holders[0].keep(&env, Key(value), &store{value: value, expires: after(&env, uint64(life/time.Millisecond))})
		for range rapid.IntRange(1, 30).Draw(t, "ways") {
			now += protocol.Time(rapid.Int64Range(0, int64(life)/4).Draw(t, "wait"))
			from, to := rapid.SampledFrom(holders).Draw(t, "from"), rapid.SampledFrom(holders).Draw(t, "to")
			env.Enter(0, 1, now, nil)
			it := from.item(&env, Key(value))
			if it == nil {
				continue
			}
			if it.expires > protocol.Time(life) {
				t.Fatalf("at %v the value lasts until %v, want at most %v", now, it.expires, life)
			}
			told := from.left(&env, it.expires)
			if told == noLife {
				continue // what nobody keeps: see the next test
			}
			now += protocol.Time(rapid.Int64Range(1, int64(c.Timeout-time.Millisecond)).Draw(t, "way"))
			env.Enter(0, 1, now, nil)
			to.keep(&env, Key(value), &store{value: value, expires: after(&env, told), cached: rapid.Bool().Draw(t, "cached")})
			if got := to.item(&env, Key(value)); got != nil && got.expires > protocol.Time(life) {
				t.Fatalf("at %v a copy lasts until %v, want at most %v", now, got.expires, life)
			}
		}
	})
}

func TestWhatIsOverWhenItArrivesIsNotKept(t *testing.T) {
	r := lasting(t, nil)
	if id := r.stored("i1e", time.Millisecond); r.d.Holds(id) {
		t.Error("it was kept")
	}
	r.stored("i1e", 2*time.Second)
	if r.now = protocol.Time(time.Second); r.asks(Key([]byte("i1e"))).life != noLife {
		t.Error("a value with life for the way alone travels with more")
	}
}

// Nodes that receive a put which has expired on the way do not keep it, so they do not
// count.
func TestAPutThatIsOverOnTheWayIsStoredNowhere(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh = 0 })
	r.meet(1, r.inBucket(0, 1))
	got := -1
	r.step(func(env *protocol.Env) {
		r.d.Publish(env, []byte("i1e"), time.Millisecond, func(_ *protocol.Env, stored int) { got = stored })
	})
	if puts := r.answerOne(0); len(puts) != 0 || got != 0 || len(r.d.items) != 0 {
		t.Errorf("stored at %d nodes, put by %v, and held by the node: %v", got, puts, len(r.d.items) > 0)
	}
}

// The first try may be lost, and the second one come when it is over.
func TestAPutThatIsAnsweredTooLateIsNotCounted(t *testing.T) {
	for late, want := range map[bool]int{false: 2, true: 1} { // the node itself has it for a while
		r := lasting(t, func(c *Config) { c.Refresh = 0 })
		r.meet(1, r.inBucket(0, 1))
		got := -1
		q := r.step(func(env *protocol.Env) {
			r.d.Publish(env, []byte("i1e"), 1500*time.Millisecond, func(_ *protocol.Env, stored int) { got = stored })
		})[0]
		out := queries(r.reply(q, r.inBucket(0, 1), message{nodes: []byte{}, token: []byte("t")}))
		if late {
			r.now += protocol.Time(time.Second)
			slot := slices.IndexFunc(r.d.calls, func(c call) bool { return c.purpose == forPut })
			out = r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(uint64(slot))) })
		}
		if r.reply(out[0], r.inBucket(0, 1), message{}); got != want {
			t.Errorf("answered at the second try: %v; stored at %d, want %d", late, got, want)
		}
	}
}

// K9: holders.
func TestAHolderPutsAValueAgainWithinTheHourUnlessSomebodyDid(t *testing.T) {
	for _, again := range []time.Duration{0, 20 * time.Minute, 44 * time.Minute} {
		r := lasting(t, func(c *Config) { c.Refresh = 0 })
		r.fill()
		id := r.stored("i1e", 0)
		if again > 0 {
			r.now = protocol.Time(again)
			r.stored("i1e", 0)
		}
		due := time.Duration(r.d.up.wake)
		if again > 0 && due < 45*time.Minute { // of the first put, and void
			if out := r.wake(due); len(out) != 0 {
				t.Fatalf("put at %v: at %v it was put again: %v", again, due, out)
			}
			due = time.Duration(r.d.up.wake)
		}
		for due < again+45*time.Minute {
			if out := r.wake(due); len(out) != 0 {
				t.Fatalf("put at %v: already at %v it was put again: %v", again, due, out)
			}
			due = time.Duration(r.d.up.wake)
		}
		if due > again+time.Hour {
			t.Fatalf("put at %v: due at %v, want within the hour", again, due)
		}
		out := r.wake(due)
		if len(out) != 3 || out[0].method != get || out[0].target != id {
			t.Fatalf("put at %v: at %v it sends %v, want lookups of the value's closest nodes", again, due, out)
		}
		left := uint64((24*time.Hour + again - due - time.Second) / time.Millisecond)
		puts := 0
		for i := 0; i < len(out); i++ {
			q := out[i]
			switch q.method {
			case get:
				out = append(out, queries(r.reply(q, r.idOf(q.to), message{nodes: []byte{}, token: []byte("t")}))...)
			case put:
				if puts++; !bytes.Equal(q.value, []byte("i1e")) || q.life != left || q.cached {
					t.Fatalf("put at %v: node %v is given %+v, want the value for %d ms", again, q.to, q.message, left)
				}
			}
		}
		if puts < 7 {
			t.Errorf("put at %v: it was put again at %d nodes, want the closest, of which the node may be one", again, puts)
		}
	}
}

// idOf returns the id under which fill met a node.
func (r *rig) idOf(n protocol.NodeID) ID {
	if n > 100 {
		return r.inBucket(1, int(n-100))
	}
	return r.inBucket(0, int(n))
}

func TestHoldersOfOneValueAreNotDueAtOnce(t *testing.T) {
	seen := map[protocol.Time]bool{}
	for node := range protocol.NodeID(8) {
		d := New(Lasting(anyID(9, int(node)), protocol.SimBook{}, 1))
		var env protocol.Env
		env.Enter(node, 1, 0, nil)
		d.Start(&env)
		due := d.due(0, time.Hour, new(anyID(1, 1)))
		if due < protocol.Time(45*time.Minute) || due > protocol.Time(time.Hour) {
			t.Errorf("node %d is due at %v, want 45 to 60 minutes", node, due)
		}
		seen[due/protocol.Time(time.Second)] = true
	}
	if len(seen) < 6 {
		t.Errorf("8 holders are due at %d different seconds", len(seen))
	}
}

// K9: publishers.
func TestAPublisherPutsItsValueAgainBeforeItExpires(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh, c.Republish = 0, 0 })
	stored := []time.Duration{}
	r.step(func(env *protocol.Env) {
		r.d.Publish(env, []byte("i1e"), 0, func(env *protocol.Env, n int) { stored = append(stored, time.Duration(env.Now())) })
	})
	for range 3 {
		r.wake(time.Duration(r.d.up.wake))
	}
	for i, at := range stored {
		if i > 0 && (at-stored[i-1] < 18*time.Hour || at-stored[i-1] >= 24*time.Hour) {
			t.Errorf("published at %v, want every 18 to 24 hours", stored)
		}
	}
	if len(stored) < 3 || r.d.Stats().Expired != 0 {
		t.Errorf("published at %v, %d expired", stored, r.d.Stats().Expired)
	}
	r.d.Withdraw(Key([]byte("i1e")))
	for range 3 {
		if at := r.d.up.wake; at > r.now {
			r.wake(time.Duration(at))
		}
	}
	if r.d.Holds(Key([]byte("i1e"))) {
		t.Error("a value that was withdrawn is published again")
	}
}

func TestAPublicationThatNobodyStoresIsTriedAgainSoon(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh, c.Items = 0, 0 })
	tries := 0
	r.step(func(env *protocol.Env) {
		r.d.Publish(env, []byte("i1e"), time.Hour, func(*protocol.Env, int) { tries++ })
	})
	for range 4 {
		r.wake(time.Duration(r.d.up.wake))
	}
	if tries != 5 || r.now != protocol.Time(4*r.d.cfg.Pause) {
		t.Errorf("%d tries until %v, want 5, a pause apart", tries, r.now)
	}
	r.wake(time.Hour)
	if len(r.d.up.published) != 0 || tries != 5 {
		t.Error("a publication lasts beyond its life")
	}
}

// K8.
func TestAValueFoundIsLeftAtTheClosestThatLackedIt(t *testing.T) {
	for _, c := range []struct {
		closer int // nodes that the lookup hears of, closer than the one that lacks the value
		cached bool
		halved int
	}{{1, false, 0}, {6, false, 0}, {7, false, 0}, {8, true, 1}, {9, true, 2}, {12, true, 5}} {
		r := lasting(t, nil)
		value := []byte("i7e")
		target := Key(value)
		lacks := contactOf(1, target.under(1, &target))
		lacks.ID[1] ^= 1 << 6
		r.meet(1, lacks.ID)
		var nodes []byte
		var near []Contact
		for i := range c.closer {
			id := anyID(4, i)
			near = append(near, contactOf(10+i, target.under(20, &id)))
			nodes = appendCompact(nodes, &near[i])
		}
		var got Found
		q := r.step(func(env *protocol.Env) { r.d.Get(env, target, func(_ *protocol.Env, f Found) { got = f }) })[0]
		out := queries(r.reply(q, lacks.ID, message{nodes: nodes, token: []byte("tok")}))
		i := slices.IndexFunc(near, func(n Contact) bool { return n.Addr == r.d.cfg.Book.Endpoint(out[0].to) })
		life := 16 * time.Hour
		puts := slices.DeleteFunc(r.reply(out[0], near[i].ID, message{value: value, nodes: []byte{}, token: []byte("x"), life: uint64(life / time.Millisecond)}),
			func(s sent) bool { return s.method != put })
		if !got.OK || len(puts) != 1 || puts[0].to != 1 || string(puts[0].token) != "tok" {
			t.Fatalf("%d closer: found %v, and puts are %v, want one, to node 1", c.closer, got.OK, puts)
		}
		want := uint64((life>>c.halved - time.Second) / time.Millisecond)
		if puts[0].life != want || puts[0].cached != c.cached {
			t.Errorf("%d closer: left for %d ms, cached %v, want %d, %v", c.closer, puts[0].life, puts[0].cached, want, c.cached)
		}
	}
}

func TestWhatIsLeftOnTheWayIsNotPutAgainNorInTheWay(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh = 0 })
	r.fill()
	token := r.query(1, anyID(9, 1), message{method: get, hasTarget: true, readOnly: true})[0].token
	leave := message{method: put, token: token, value: []byte("i1e"), life: 2 * 3600_000, cached: true, readOnly: true}
	r.query(1, anyID(9, 1), leave)
	if out := r.wake(61 * time.Minute); len(out) != 0 {
		t.Errorf("a cached copy was put again: %v", out)
	}
	if got := r.d.Stored(); len(got) != 1 || !got[0].Cached {
		t.Fatalf("stored are %+v, want one cached", got)
	}
	r.stored("i1e", 0)
	at := r.now
	r.now += protocol.Time(time.Minute)
	leave.token = r.query(1, anyID(9, 1), message{method: get, hasTarget: true, readOnly: true})[0].token
	r.query(1, anyID(9, 1), leave)
	if got := r.d.Stored(); got[0].Cached || got[0].At != at || got[0].Expires != at+protocol.Time(24*time.Hour) {
		t.Errorf("stored is %+v, want it as it was put at %v", got[0], at)
	}
}

// K10, by the slow way: of nodes that know each other, one gives a newcomer a value,
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
	meet := queries(r.query(2, anyID(5, 2), message{method: ping}))[0]
	first := offer(r.reply(meet, anyID(5, 2), message{}))
	if len(first) != 1 || first[0].to != 2 {
		t.Fatalf("a new contact was offered %v, want the value", first)
	}
	puts := queries(r.reply(first[0], anyID(5, 2), message{nodes: []byte{}, token: []byte("t")}))
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
	if puts := queries(r.reply(back[0], anyID(5, 2), message{nodes: []byte{}, token: []byte("t"), value: []byte("i1e")})); len(puts) != 0 {
		t.Errorf("a newcomer that has the value was sent it: %v", puts)
	}
}

// K11.
func TestEveryBucketWithoutALookupForAnHourIsRefreshed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := lasting(t, func(c *Config) { c.Republish, c.Publish, c.Expire, c.Cache = 0, 0, 0, false })
		depth := rapid.IntRange(1, 5).Draw(rt, "buckets")
		for b := range depth {
			for i := range 8 {
				r.d.tab.heard(contactOf(100*b+i+1, r.inBucket(b, i)), 0)
			}
		}
		last := make([]protocol.Time, depth+1) // by bucket; the last is those below the edge
		for n := range rapid.IntRange(0, 10).Draw(rt, "lookups") {
			r.now += protocol.Time(rapid.Int64Range(0, int64(10*time.Minute)).Draw(rt, "pause"))
			b := rapid.IntRange(0, depth).Draw(rt, "bucket")
			target := r.d.cfg.Self
			if b < depth {
				target = r.inBucket(b, n)
			}
			r.step(func(env *protocol.Env) { r.d.Lookup(env, target, func(*protocol.Env, Result) {}) })
			r.answerAll()
			last[b] = r.now
		}
		until := r.now + protocol.Time(3*time.Hour)
		r.step(func(env *protocol.Env) { r.d.rearm(env) })
		for r.now < until {
			next := r.d.up.wake
			for b, at := range last {
				if late := at + protocol.Time(time.Hour+time.Minute); late < until && (next <= r.now || late < next) {
					rt.Fatalf("bucket %d was looked into at %v, and at %v the next wake is %v", b, at, r.now, next)
				}
			}
			if next <= r.now {
				break // the timer is not set, and need not be
			}
			out := queries(r.wake(time.Duration(next)))
			for _, q := range append(out, r.answerAll()...) { // not all begin at once
				if q.method == ping {
					continue // of a silent node
				}
				if b := r.d.cfg.Self.shared(&q.target); b >= depth {
					last[depth] = r.now
				} else {
					if r.now < last[b]+protocol.Time(time.Hour) && last[b] != r.now {
						rt.Fatalf("bucket %d was looked into at %v, and again at %v", b, last[b], r.now)
					}
					last[b] = r.now
				}
			}
		}
	})
}

// A bucket is refreshed within the hour also if the timer had been set for something
// else before there was any contact.
func TestTheFirstContactHasItsBucketRefreshedInTime(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Republish = 0 })
	r.now = protocol.Time(time.Second)
	r.step(func(env *protocol.Env) { r.d.Publish(env, []byte("i1e"), 0, nil) })
	r.now = protocol.Time(time.Minute)
	r.meet(1, r.inBucket(0, 1))
	if due := time.Duration(r.d.up.wake); due > time.Hour+time.Minute {
		t.Fatalf("the first contact came at %v, and the upkeep wakes at %v, want within an hour", r.now, due)
	}
	if r.wake(time.Duration(r.d.up.wake)); r.d.Stats().Refreshed == 0 {
		t.Errorf("at %v no bucket was refreshed", r.now)
	}
}

// answerAll makes all nodes that are asked answer that they know none, and returns what else
// they are asked.
func (r *rig) answerAll() (more []sent) {
	for range 100 {
		for i := range r.d.calls {
			if c := r.d.calls[i]; c.purpose != 0 {
				var txn [8]byte
				for b := range txn {
					txn[b] = byte(c.txn >> (56 - 8*b))
				}
				m := message{y: 'r', txn: txn[:], id: c.to.ID, nodes: []byte{}}
				more = append(more, queries(r.receive(c.node, m))...)
			}
		}
		if !slices.ContainsFunc(r.d.calls, func(c call) bool { return c.purpose != 0 }) {
			return more
		}
	}
	r.t.Fatal("calls never end")
	return nil
}

func TestUpkeepOutOfRangePanics(t *testing.T) {
	for i, change := range []func(c *Config){
		func(c *Config) { c.Refresh = -1 }, func(c *Config) { c.Republish = 25 * time.Hour }, func(c *Config) { c.Publish = 25 * time.Hour },
		func(c *Config) { c.Expire = 0 }, func(c *Config) { c.Expire = 2401 * time.Hour },
		func(c *Config) { c.Publish = 3 }, func(c *Config) { c.Republish = c.Pause - 1 },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("mistake %d was accepted", i)
				}
			}()
			c := Lasting(ID{}, protocol.SimBook{}, 1)
			change(&c)
			New(c)
		}()
	}
}

// However short the period, what is done again is due later: else it would be done for
// ever in one step.
func TestWhatIsDoneAgainIsDueLater(t *testing.T) {
	for period := range time.Duration(100) {
		c := Lasting(anyID(9, 0), protocol.SimBook{}, 1)
		if at := New(c).due(7, period+1, new(anyID(1, 1))); at <= 7 || at > 7+protocol.Time(period+1) {
			t.Errorf("every %v: what was done at 7 is due at %d", period+1, at)
		}
	}
}

func TestLifeAndCachedTravel(t *testing.T) {
	m := message{y: 'q', txn: []byte("aa"), method: put, token: []byte("t"), value: []byte("i1e"), life: 5, cached: true}
	var got message
	if !got.decode(new(bencode.Reader), m.append(nil)) || got.life != 5 || !got.cached {
		t.Errorf("%q is read as %+v", m.append(nil), got)
	}
	for _, bad := range []string{"4:lifei8640000001e", "4:lifei-1e", "4:life1:x", "5:sparei2e"} {
		b := fmt.Sprintf("d1:ad2:id20:abcdefghij0123456789%s5:token1:x1:vi1ee1:q3:put1:t2:aa1:y1:qe", bad)
		if got.decode(new(bencode.Reader), []byte(b)) {
			t.Errorf("accepted %q", b)
		}
	}
	if bits.Len64(maxLife) > 40 {
		t.Error("a life could overflow a time")
	}
}

// Lookups go to the bucket all the time, so that it is never refreshed; they ask others.
func TestWhoDidNotAnswerForAnHourIsPingedUntilItIsStale(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Republish = 0 })
	alive, dead := r.inBucket(0, 1), r.inBucket(0, 2)
	r.meet(1, alive)
	r.meet(2, dead)
	pinged := map[protocol.NodeID]int{}
	for at := protocol.Time(0); at < protocol.Time(62*time.Minute); at = r.d.up.wake {
		r.now = at
		r.step(func(env *protocol.Env) { r.d.lookedAt(env, &alive); r.d.lookedAt(env, &r.d.cfg.Self) })
		out := queries(r.wake(time.Duration(at)))
		for len(out) > 0 {
			q := out[0]
			if q.method != ping {
				t.Fatalf("at %v node %v is asked %v", r.now, q.to, q.method)
			}
			pinged[q.to]++
			if q.to == 1 {
				out = queries(r.reply(q, alive, message{}))
				continue
			}
			for out = nil; r.d.calls[0].purpose != 0 && len(out) == 0; {
				tries := r.d.calls[0].tries
				out = queries(r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(0)) }))
				if r.d.calls[0].tries > tries {
					out = nil // the same ping again
				}
			}
		}
		if r.d.up.wake <= r.now {
			t.Fatalf("at %v the upkeep wakes at %v", r.now, r.d.up.wake)
		}
	}
	if want := map[protocol.NodeID]int{1: 1, 2: r.d.cfg.Stale}; !maps.Equal(pinged, want) {
		t.Errorf("within 62 minutes nodes were pinged so often: %v, want %v", pinged, want)
	}
	if good := r.d.Contacts(); len(good) != 1 || good[0].ID != alive {
		t.Errorf("taken to be good: %v, want the one that answers", good)
	}
}
