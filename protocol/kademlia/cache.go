package kademlia

import (
	"slices"

	"dessim/protocol"
)

// cache leaves the value that l found at the closest node that answered without it.
// Lookups for a key come from anywhere, but their paths converge close to it: so a
// popular key is found ever earlier on them. The farther a node is from the key, the
// fewer lookups reach it and the shorter it keeps the value: half as long for each
// node between it and the k closest, as far as l knows them.
func (d *DHT) cache(env *protocol.Env, l *lookup) {
	if !d.cfg.Cache {
		return
	}
	between, i := 0, 0
	for ; i < len(l.list); i++ {
		c := &l.list[i]
		if c.state == answered && c.Contact != l.foundAt.Contact {
			break
		}
		if c.state != failed {
			between++
		}
	}
	if i == len(l.list) {
		return
	}
	expires := d.until(env, after(env, l.life))
	s := store{expires: expires}
	if beyond := between + 1 - d.cfg.K; beyond > 0 {
		s.cached = true
		s.expires = env.Now() + (expires-env.Now())>>min(beyond, 60)
	}
	if d.tooLate(env, s.expires) {
		return
	}
	s.value = slices.Clone(l.found)
	d.storeAt(env, l, i, call{purpose: forCache, put: &s})
}
