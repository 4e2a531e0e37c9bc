package kademlia

import (
	"slices"
	"time"

	"dessim/protocol"
)

// A value has the life that its publisher gives it, whichever nodes hold it and
// however often they put it again: each message that carries it says what is left.

// after gives when what has so many milliseconds left is over, 0 for as late as
// each node likes.
func after(env *protocol.Env, life uint64) protocol.Time {
	if life == 0 {
		return 0
	}
	return env.Now() + protocol.Time(life)*protocol.Time(time.Millisecond)
}

// until gives when a value is to expire here that was put to last until then.
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

// left gives the milliseconds to tell of a value that expires then. The way of the
// message is taken off, so that a value which goes from node to node is over in
// time. What has no more than the way is told as noLife, since 0 would be a new one.
func (d *DHT) left(env *protocol.Env, expires protocol.Time) uint64 {
	if expires == 0 {
		return 0
	}
	left := expires.Sub(env.Now()) - d.cfg.Timeout
	return uint64(min(max(left/time.Millisecond, noLife), maxLife))
}

// noLife is told of a value that is over when it arrives: it is not kept.
const noLife = 1

// tooLate reports whether a value that expires then would not be kept by who is sent it.
func (d *DHT) tooLate(env *protocol.Env, expires protocol.Time) bool {
	return d.left(env, expires) == noLife
}

func (it *item) over(now protocol.Time) bool { return it.expires != 0 && it.expires <= now }

// forget drops what is over.
func (d *DHT) forget(env *protocol.Env) {
	before := len(d.items)
	d.items = slices.DeleteFunc(d.items, func(it item) bool { return it.over(env.Now()) })
	d.stats.Expired += uint64(before - len(d.items))
	d.up.published = slices.DeleteFunc(d.up.published, func(p publication) bool { return p.until != 0 && p.until <= env.Now() })
}
