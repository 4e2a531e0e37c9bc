package kademlia

import (
	"testing"
	"time"

	"dessim/protocol"
)

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
	if tries != 5 || r.now != protocol.Time((1+2+4+8)*r.d.cfg.Pause) {
		t.Errorf("%d tries until %v, want 5, after pauses that double", tries, r.now)
	}
	r.wake(time.Hour)
	if len(r.d.up.published) != 0 || tries != 5 {
		t.Error("a publication lasts beyond its life")
	}
}
