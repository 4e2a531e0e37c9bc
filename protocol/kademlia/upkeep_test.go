package kademlia

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
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
				out = append(out, queries(r.reply(q, r.idOf(q.to), message{nodes: naming(), token: []byte("t")}))...)
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
		for i := 0; i < len(r.d.calls); i++ {
			if c := r.d.calls[i]; c.purpose != 0 {
				var txn [8]byte
				for b := range txn {
					txn[b] = byte(c.txn >> (56 - 8*b))
				}
				m := message{y: 'r', txn: txn[:], id: c.to.ID, nodes: naming()}
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
			if q.method == findNode && q.to == 2 && q.target == r.d.cfg.Self && r.d.tab.isStale(contactOf(2, dead)) {
				r.silence() // it is absent
				out = nil
				continue
			}
			if q.method != ping {
				t.Fatalf("at %v node %v is asked %v", r.now, q.to, q.method)
			}
			pinged[q.to]++
			if q.to == 1 {
				out = queries(r.reply(q, alive, message{}))
				continue
			}
			for out = nil; len(r.d.calls) > 0 && r.d.calls[0].purpose != 0 && len(out) == 0; {
				tries := r.d.calls[0].tries
				out = queries(r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(0)) }))
				if len(r.d.calls) > 0 && r.d.calls[0].tries > tries {
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
