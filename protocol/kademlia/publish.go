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
	until protocol.Time // 0: for as long as this incarnation lives
	due   protocol.Time // after MaxTime: never again
	done  func(env *protocol.Env, stored int)
}

// Publish puts value as Put does, and again every Config.Publish, for as long as
// this incarnation lives: after a restart the host publishes again. If life is not
// 0, it ends then, and the value with it, which takes Config.Expire. Of many values
// that are published at once a few are put at a time. done, which may be nil, is told
// each time at how many nodes it is. Publish again replaces; then done of the former
// is told of what is under way, and no more. A negative life panics.
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

// Withdraw ends the publication of a value. It lives on at its holders until it
// expires.
func (d *DHT) Withdraw(id ID) {
	d.up.published = slices.DeleteFunc(d.up.published, func(p publication) bool { return p.id == id })
}

// publish puts what is published. What nobody stores is due again soon.
func (d *DHT) publish(env *protocol.Env, p *publication) {
	p.due = protocol.MaxTime + 1
	if d.cfg.Publish > 0 {
		p.due = d.due(env.Now(), d.cfg.Publish, &p.id)
	}
	id, told := p.id, p.done
	d.up.busy++
	d.put(env, &store{value: p.value, expires: p.until, done: func(env *protocol.Env, stored int) {
		d.up.busy--
		if i := d.publication(id); stored == 0 && i >= 0 && d.cfg.Publish > 0 {
			d.up.published[i].due = env.Now() + protocol.Time(d.cfg.Pause)
		}
		if told != nil {
			told(env, stored)
		}
		d.keepUp(env)
	}})
}

func (d *DHT) publication(id ID) int {
	return slices.IndexFunc(d.up.published, func(p publication) bool { return p.id == id })
}
