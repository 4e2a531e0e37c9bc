package kademlia

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
)

// publication is a value that the node publishes.
type publication struct {
	id    ID
	value []byte
	until protocol.Time // 0: until this incarnation ends
	due   protocol.Time // after MaxTime: never again
	tries int           // puts in a row that nobody stored
	done  func(env *protocol.Env, stored int)
}

// Publish puts value as Put does, and again every Config.Publish until the incarnation
// ends: after a restart the host publishes again. If life is not 0 the publication,
// and with Config.Expire the value, ends then. Of many values that are published at
// once a few are put at a time. done, which may be nil, is called each time with the
// number of nodes that have the value. Publishing a value again replaces its
// publication; the old done is called for a put under way, and not again. A negative
// life panics.
func (d *DHT) Publish(env *protocol.Env, value []byte, life time.Duration, done func(env *protocol.Env, stored int)) {
	if err := d.CheckValue(value); err != nil {
		panic(fmt.Sprintf("kademlia: node %d publishes: %v", env.ID(), err))
	}
	if life < 0 {
		panic(fmt.Sprintf("kademlia: node %d publishes for %v", env.ID(), life))
	}
	p := publication{id: Key(value), value: slices.Clone(value), due: env.Now(), done: done}
	if life != 0 {
		p.until = env.Now() + protocol.Time(life)
	}
	d.Withdraw(p.id)
	d.up.published = append(d.up.published, p)
	d.keepUp(env)
}

// Withdraw ends the publication of a value. Its holders keep it until it expires.
func (d *DHT) Withdraw(id ID) {
	d.up.published = slices.DeleteFunc(d.up.published, func(p publication) bool { return p.id == id })
}

// publish puts a published value. If nobody stores it, it is due again soon.
func (d *DHT) publish(env *protocol.Env, p *publication) {
	p.due = protocol.MaxTime + 1
	if d.cfg.Publish > 0 {
		p.due = d.due(env.Now(), d.cfg.Publish, &p.id)
	}
	id, done := p.id, p.done
	d.up.busy++
	d.put(env, &store{value: p.value, expires: p.until, done: func(env *protocol.Env, stored int) {
		d.up.busy--
		if i := d.publication(id); i >= 0 && d.cfg.Publish > 0 {
			d.up.published[i].putEnd(env, d.cfg.Pause, stored)
		}
		if done != nil {
			done(env, stored)
		}
		d.keepUp(env)
	}})
}

func (d *DHT) publication(id ID) int {
	return slices.IndexFunc(d.up.published, func(p publication) bool { return p.id == id })
}

// putEnd notes at how many nodes a publication was stored.
func (p *publication) putEnd(env *protocol.Env, pause time.Duration, stored int) {
	if stored > 0 {
		p.tries = 0
		return
	}
	p.due = env.Now() + protocol.Time(PutAgain.Pause(env, pause, p.tries))
	p.tries++
}
