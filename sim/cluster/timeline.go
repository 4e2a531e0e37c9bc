package cluster

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/sim/fault"
)

// timeline is what is to be done, the next thing first.
type timeline []action

// action is a thing to do at a time. It returns how the run ends by it, or nil.
type action struct {
	at protocol.Time
	do func() *Ending
}

func (t *timeline) add(at protocol.Time, do func() *Ending) {
	i, _ := slices.BinarySearchFunc(*t, at, func(a action, at protocol.Time) int {
		if a.at <= at {
			return -1
		}
		return 1
	})
	*t = slices.Insert(*t, i, action{at, do})
}

func (t timeline) next() (at protocol.Time, more bool) {
	if len(t) == 0 {
		return 0, false
	}
	return t[0].at, true
}

func (t *timeline) pop() action {
	a := (*t)[0]
	*t = (*t)[1:]
	return a
}

// schedule enters the starts, inputs and faults of the plan.
func (c *Cluster) schedule() {
	p := &c.plan.Plan
	for i, m := range c.members {
		at := protocol.Time(0)
		if p.Starts != nil {
			at = p.Starts[i]
		}
		c.timeline.add(at, func() *Ending { return c.start(m) })
	}
	for i := range p.Inputs {
		in := &p.Inputs[i]
		c.timeline.add(in.At, func() *Ending {
			if h := c.members[in.Node].host; h != nil {
				h.Input(in.ID, in.Body)
			}
			return nil
		})
	}
	for i := range p.Faults {
		c.fault(&p.Faults[i])
	}
}

// fault enters a fault that acts by itself. The others are the saboteurs'.
func (c *Cluster) fault(f *fault.Fault) {
	if f.At >= fault.Never {
		return
	}
	switch {
	case f.Op == fault.Heal:
		c.timeline.add(f.At, func() *Ending {
			for _, m := range c.members {
				if end := c.restart(m); end != nil {
					return end
				}
			}
			return nil
		})
	case f.Op == fault.Restart:
		c.timeline.add(f.At, func() *Ending { return c.restart(c.members[f.Node]) })
	case f.Op == fault.Crash && f.After == 0 && f.On.N == 0:
		c.timeline.add(f.At, func() *Ending { return c.crash(c.members[f.Node], f) })
	case f.Op == fault.Pause:
		c.timeline.add(f.At, func() *Ending {
			if h := c.members[f.Node].host; h != nil {
				w := fault.WindowOf(f, c.calm)
				h.Pause(min(w.Until, c.plan.Plan.Until))
			}
			return nil
		})
	}
}

// start begins the next incarnation of a node.
func (c *Cluster) start(m *member) *Ending {
	cfg := live.Config{
		ID: m.id, Make: m.make, Disk: m.disk, Tape: m.tape, Clock: c.Now, Source: c.source(), Saboteur: m.sab,
		Connect: func(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
			return c.cfg.Connect(m.id, inc, arrive)
		},
	}
	if c.cfg.Watch != nil {
		cfg.Watch = c.cfg.Watch(m.id)
	}
	h, err := live.Open(cfg)
	if err != nil {
		return &Ending{At: c.Now(), Node: m.id, Failure: &live.Ending{Reason: live.Failed, Err: err}}
	}
	m.host = h
	m.life++
	go func() {
		h.Wait()
		select {
		case c.ended <- ended{m, h}:
		case <-c.over:
		}
	}()
	return nil
}

// restart starts a node that is down and was up before.
func (c *Cluster) restart(m *member) *Ending {
	if m.host != nil || m.life == 0 {
		return nil
	}
	return c.start(m)
}

// crash ends an incarnation, if the node is up.
func (c *Cluster) crash(m *member, f *fault.Fault) *Ending {
	h := m.host
	if h == nil {
		return nil
	}
	m.host = nil
	if end := h.Crash(); end.Reason != live.Crashed {
		return &Ending{At: end.At, Node: m.id, Failure: end}
	}
	return c.lie(m, f)
}

// lie leaves a node that crashed on the ground for as long as its fault says.
func (c *Cluster) lie(m *member, f *fault.Fault) *Ending {
	if err := m.disk.Crash(); err != nil {
		return &Ending{At: c.Now(), Node: m.id, Failure: &live.Ending{Reason: live.Failed, Err: err}}
	}
	if f.For > 0 {
		life := m.life
		c.timeline.add(c.Now().Add(f.For), func() *Ending {
			if m.life != life {
				return nil // something else has restarted it
			}
			return c.restart(m)
		})
	}
	return nil
}

// died takes note that a host ended by itself.
func (c *Cluster) died(x ended) *Ending {
	if x.m.host != x.host {
		return nil // it was ended from here
	}
	x.m.host = nil
	end := x.host.Wait()
	if end.Reason != live.Crashed {
		return &Ending{At: end.At, Node: x.m.id, Failure: end}
	}
	return c.lie(x.m, x.m.sab.by)
}
