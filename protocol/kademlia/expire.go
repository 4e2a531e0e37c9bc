package kademlia

import (
	"slices"
	"time"

	"dessim/protocol"
)

// A value has the life that its publisher gives it, whichever nodes hold it and
// however often they put it again: each message that carries it says what is left.

// after returns when a value with life milliseconds left expires. It is 0, as late as
// each node likes, for 0.
func after(env *protocol.Env, life uint64) protocol.Time {
	if life == 0 {
		return 0
	}
	return env.Now() + protocol.Time(life)*protocol.Time(time.Millisecond)
}

// until returns when a value expires here that its publisher lets expire then.
func (d *DHT) until(env *protocol.Env, expires protocol.Time) protocol.Time {
	if d.cfg.Expire == 0 {
		return 0
	}
	most := env.Now() + protocol.Time(d.cfg.Expire)
	if expires == 0 {
		return most
	}
	return min(most, expires)
}

// left returns the milliseconds left, as messages carry them, to a value that expires
// then. It takes off the message's travel time, so that a value which goes from node
// to node expires in time. If nothing remains it is noLife, since 0 would be a new
// life.
func (d *DHT) left(env *protocol.Env, expires protocol.Time) uint64 {
	if expires == 0 {
		return 0
	}
	left := expires.Sub(env.Now()) - d.cfg.Timeout
	return uint64(min(max(left/time.Millisecond, noLife), maxLife))
}

// noLife is the life of a value that has expired when it arrives. It is not kept.
const noLife = 1

// tooLate reports whether a node that is sent a value that expires then would not
// keep it.
func (d *DHT) tooLate(env *protocol.Env, expires protocol.Time) bool {
	return d.left(env, expires) == noLife
}

func (it *item) over(now protocol.Time) bool { return it.expires != 0 && it.expires <= now }

// forget drops the values that have expired.
func (d *DHT) forget(env *protocol.Env) {
	before := len(d.items)
	d.items = slices.DeleteFunc(d.items, func(it item) bool { return it.over(env.Now()) })
	d.stats.Expired += uint64(before - len(d.items))
	d.up.published = slices.DeleteFunc(d.up.published, func(p publication) bool { return p.until != 0 && p.until <= env.Now() })
}
