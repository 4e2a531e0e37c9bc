package kademlia

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
)

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
		var near []Contact
		for i := range c.closer {
			id := anyID(4, i)
			near = append(near, contactOf(10+i, target.under(20, &id)))
		}
		var got Found
		q := r.step(func(env *protocol.Env) { r.d.Get(env, target, func(_ *protocol.Env, f Found) { got = f }) })[0]
		out := queries(r.reply(q, lacks.ID, message{nodes: naming(near...), token: []byte("tok")}))
		i := slices.IndexFunc(near, func(n Contact) bool { return n.Addr == r.d.cfg.Book.Endpoint(out[0].to) })
		life := 16 * time.Hour
		puts := slices.DeleteFunc(r.reply(out[0], near[i].ID, message{value: value, nodes: naming(), token: []byte("x"), life: uint64(life / time.Millisecond)}),
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
