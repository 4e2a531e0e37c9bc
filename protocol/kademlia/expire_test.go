package kademlia

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

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
		out := queries(r.reply(q, r.inBucket(0, 1), message{nodes: naming(), token: []byte("t")}))
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
