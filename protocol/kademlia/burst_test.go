package kademlia

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
)

// hold has the rig hold n values, put by nobody in particular.
func (r *rig) hold(n int) {
	r.step(func(env *protocol.Env) {
		for i := range n {
			value := fmt.Appendf(nil, "i%de", i)
			r.d.keep(env, Key(value), &store{value: value})
		}
	})
}

func TestANewcomerIsOfferedManyValuesAFewAtATime(t *testing.T) {
	const values = 900
	r := lasting(t, func(c *Config) { c.Refresh, c.Items = 0, values })
	r.hold(values)
	id := anyID(5, 2)
	meet := queries(r.query(2, id, message{method: findNode, hasTarget: true}))[0]
	out := queries(r.reply(meet, id, message{}))
	given := map[ID]int{}
	for len(out) > 0 {
		if len(out) > maxBusy || r.d.up.busy > maxBusy || len(r.d.calls) > 3*maxBusy {
			t.Fatalf("%d queries are sent in one step, %d under way, in %d slots", len(out), r.d.up.busy, len(r.d.calls))
		}
		q := out[0]
		m := message{}
		switch q.method {
		case get:
			m = message{nodes: naming(), token: []byte("t")}
		case put:
			given[Key(q.value)]++
		}
		out = append(out[1:], queries(r.reply(q, id, m))...)
	}
	if len(given) != values || r.d.Stats().Handed != values || r.d.up.busy != 0 || len(r.d.up.newcomers) != 0 {
		t.Errorf("the newcomer was given %d of %d values, and %d newcomers and %d calls are left; %+v", len(given), values, len(r.d.up.newcomers), r.d.up.busy, r.d.Stats())
	}
}

// A newcomer that is silent is asked for no more than what is under way.
func TestANewcomerThatFallsSilentIsNoLongerOffered(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh, c.Items, c.Stale = 0, 100, 1 })
	r.hold(100)
	id := anyID(5, 2)
	meet := queries(r.query(2, id, message{method: findNode, hasTarget: true}))[0]
	r.reply(meet, id, message{})
	r.silence()
	if s := r.d.Stats(); s.Asked > 1+2*maxBusy || len(r.d.up.newcomers) != 0 || r.d.up.busy != 0 {
		t.Errorf("a node that never answered was asked %d times, and %d newcomers wait", s.Asked, len(r.d.up.newcomers))
	}
}

func TestOfNewcomersTheFirstWaitAndTheOthersAreCounted(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh = 0 })
	r.d.up.busy = maxBusy
	r.hold(1)
	r.step(func(env *protocol.Env) {
		for range 2 {
			for i := range maxNewcomers + 3 {
				r.d.handOver(env, contactOf(i+1, anyID(5, i)))
			}
		}
	})
	if got := r.d.up.newcomers; len(got) != maxNewcomers || got[0].to != contactOf(1, anyID(5, 0)) || r.d.Stats().Unoffered != 6 {
		t.Errorf("%d newcomers wait and %d were sent away, want %d, each once, and 6", len(got), r.d.Stats().Unoffered, maxNewcomers)
	}
}

func TestManyPublicationsBeginAFewAtATime(t *testing.T) {
	const values = 200
	for _, change := range []func(c *Config){
		func(c *Config) { c.Refresh = 0 },
		func(c *Config) { c.Refresh, c.Republish, c.Publish, c.Expire, c.Cache = 0, 0, 0, 0, false }, // no timer will do it
	} {
		r := lasting(t, change)
		r.fill()
		told := map[ID]int{}
		out := r.step(func(env *protocol.Env) {
			for i := range values {
				value := fmt.Appendf(nil, "i%de", i)
				r.d.Publish(env, value, 0, func(_ *protocol.Env, stored int) { told[Key(value)] += stored })
			}
		})
		if most := maxBusy * r.d.cfg.Alpha; len(out) > most {
			t.Errorf("%d publications begin with %d queries in one step, want at most %d", values, len(out), most)
		}
		for range 100 * values {
			i := slices.IndexFunc(r.d.calls, func(c call) bool { return c.purpose != 0 })
			if i < 0 {
				break
			}
			if r.d.up.busy > maxBusy {
				t.Fatalf("%d are under way, want at most %d", r.d.up.busy, maxBusy)
			}
			r.answerOne(i)
		}
		if len(told) != values || r.d.up.busy != 0 {
			t.Errorf("%d of %d publications were made, %d are under way", len(told), values, r.d.up.busy)
		}
		for id, stored := range told {
			if stored != 8 {
				t.Errorf("%v is at %d nodes, want 8, and once", id, stored)
			}
		}
	}
}

// answerOne makes the node asked by the call in that slot answer that it knows no node.
func (r *rig) answerOne(slot int) []sent {
	c := r.d.calls[slot]
	var txn [8]byte
	for b := range txn {
		txn[b] = byte(c.txn >> (56 - 8*b))
	}
	return queries(r.receive(c.node, message{y: 'r', txn: txn[:], id: c.to.ID, nodes: naming(), token: []byte("t")}))
}

func TestPublishTwiceInOneStepPutsTheLastOne(t *testing.T) {
	r := lasting(t, func(c *Config) { c.Refresh = 0 })
	told := []string{}
	r.step(func(env *protocol.Env) {
		r.d.up.busy = maxBusy // others are under way
		for _, name := range []string{"first", "second"} {
			r.d.Publish(env, []byte("i1e"), time.Hour, func(*protocol.Env, int) { told = append(told, name) })
		}
		r.d.up.busy = 0
		r.d.keepUp(env)
	})
	if len(told) != 1 || told[0] != "second" {
		t.Errorf("called back %v, want the second alone", told)
	}
}
