package check

import (
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// MaxCore is the greatest number of nodes of a Core.
const MaxCore = 64

// A Core follows, through the faults of a run, which nodes of a group must be able to go
// on. It is an observer, and sees each event before its checks do.
//
// Two nodes are connected if both are up and each hears the other. A majority of nodes
// that are all connected can go on, whatever the others do. If there are several such
// majorities, a group may choose; so a node is in the core if it is connected with every
// node of every one of them. The core is empty if there is none.
//
// A node whose syncs were slow is impaired until the last of them is over, which can be after
// the fault.
//
// The core is an underestimate: a link that is slow, or loses many messages, does not
// connect, but might.
type Core struct {
	plan    *sim.Plan
	members int
	led     bool

	up      []bool       // by node of the plan
	open    []impairment // without those that neither sever nor disturb
	effects [][]effect   // by fault of the plan, from node to node; nil before it first begins
	links   [][]pair     // from node to node
	core    uint64
	since   []protocol.Time // by node in the core

	sure, maybe []uint64 // scratch of compute, by node of the group
}

// impairment is a fault that is open, or whose effect lasts.
type impairment struct {
	*fault.Fault
	effects []effect      // of it
	until   protocol.Time // when its effect is over; Never while it is open
}

// effect is what a fault does to a link while it is open.
type effect uint8

const (
	harmless effect = iota
	disturbs        // what is sent may be late or lost
	severs          // nothing arrives
)

// pair is what is known of the link from one node to another.
type pair struct {
	sure  bool          // what is sent arrives in time
	cut   bool          // nothing arrives
	since protocol.Time // of the last change of sure or cut
}

// NewCore returns the core of the first nodes of a plan, at most MaxCore, whose faults are
// complete when the run begins. led says that the group needs a leader, as Raft does, which
// may be any node that is connected with a majority, though those are not connected with
// each other. Then the core has only nodes that are connected with all of those as well.
func NewCore(plan *sim.Plan, members int, led bool) *Core {
	return &Core{plan: plan, members: members, led: led, since: make([]protocol.Time, members), sure: make([]uint64, members), maybe: make([]uint64, members)}
}

// Watch returns the events that Observe needs.
func (c *Core) Watch() sim.What {
	return sim.Started | sim.Crashed | sim.Damaged | sim.Injected | sim.Lifted
}

// Observe follows a change.
func (c *Core) Observe(e *sim.Event) {
	c.begin()
	c.settle(e.At)
	switch e.What {
	case sim.Started, sim.Crashed, sim.Damaged:
		c.up[e.Node] = e.What == sim.Started
	case sim.Lifted:
		i := slices.IndexFunc(c.open, func(f impairment) bool { return f.ID == e.Tag && f.until == fault.Never })
		if i < 0 {
			break
		}
		if late := c.hangs(c.open[i].Fault); late > 0 {
			c.open[i].until = e.At.Add(late)
		} else {
			c.open = slices.Delete(c.open, i, i+1)
		}
	case sim.Injected:
		i := slices.IndexFunc(c.plan.Faults, func(f fault.Fault) bool { return f.ID == e.Tag })
		if f := &c.plan.Faults[i]; f.Op.Lasts() && !spares(f.Op) {
			c.open = append(c.open, impairment{f, c.effectsOf(i), fault.Never})
		}
	}
	c.change(e.At)
}

// spares reports whether what is sent arrives under faults of that operation as it does
// without: they only add messages, change the order of goroutines, which takes no time, or fill a
// disk.
func spares(op fault.Op) bool {
	switch op {
	case fault.Copy, fault.Late, fault.Echo, fault.Order, fault.Yield, fault.Full:
		return true
	}
	return false
}

// hangs returns how long the effect of a fault can outlast it: what several of one operation do to
// the node adds up. The last sync that begins in a slow sync takes as much longer. A timer that was
// set under a LateTimer may be due just after it, and then be late; one that is due much later is
// late by less than its own length. A goroutine that stands still at the end of a Stall does so for
// the sum, and for less than twice that where the node's clock is slow.
func (c *Core) hangs(f *fault.Fault) time.Duration {
	sum := time.Duration(0)
	for _, g := range c.open {
		if g.Op == f.Op && g.Node == f.Node && g.until == fault.Never {
			sum += g.By
		}
	}
	switch f.Op {
	case fault.LateTimer, fault.Stall:
		return 2 * sum
	case fault.SlowSync:
		return c.plan.Disk.Sync + c.plan.Disk.Jitter + sum
	}
	return 0
}

// settle removes the faults whose effect is over by now, each at its time.
func (c *Core) settle(now protocol.Time) {
	for {
		i, at := -1, now
		for k, f := range c.open {
			if f.until <= at {
				i, at = k, f.until
			}
		}
		if i < 0 {
			return
		}
		c.open = slices.Delete(c.open, i, i+1)
		c.change(at)
	}
}

// begin makes all nodes down, once, at the first event: before, the plan may be incomplete.
func (c *Core) begin() {
	if c.up != nil {
		return
	}
	c.up, c.effects = make([]bool, c.plan.Nodes), make([][]effect, len(c.plan.Faults))
	for range c.plan.Nodes {
		c.links = append(c.links, make([]pair, c.plan.Nodes))
	}
	for _, row := range c.links {
		for b := range row {
			row[b].cut = true
		}
	}
}

// tolerable is the share of messages that a link may lose and still be relied on.
var tolerable = protocol.Percent(5)

// change is called after each event that is watched.
func (c *Core) change(now protocol.Time) {
	for a, row := range c.links {
		for b := range row {
			if a == b {
				continue
			}
			was, is := row[b], c.link(protocol.NodeID(a), protocol.NodeID(b))
			if is.since = was.since; is.sure != was.sure || is.cut != was.cut {
				is.since = now
			}
			row[b] = is
		}
	}
	c.compute(now)
}

func (c *Core) link(from, to protocol.NodeID) pair {
	up := c.up[from] && c.up[to]
	p := pair{sure: up, cut: !up}
	at := int(from)*c.plan.Nodes + int(to)
	for i := range c.open {
		switch c.open[i].effects[at] {
		case severs:
			p.sure, p.cut = false, true
		case disturbs:
			p.sure = false
		}
	}
	return p
}

// effectsOf returns what fault i of the plan does to each link. To ask the fault costs more than
// all else here, and a fault of many can begin a hundred times.
func (c *Core) effectsOf(i int) []effect {
	if c.effects[i] != nil {
		return c.effects[i]
	}
	f, nodes := &c.plan.Faults[i], c.plan.Nodes
	out := make([]effect, 0, nodes*nodes)
	for from := range protocol.NodeID(nodes) {
		for to := range protocol.NodeID(nodes) {
			out = append(out, effectOn(f, from, to, nodes))
		}
	}
	c.effects[i] = out
	return out
}

func effectOn(f *fault.Fault, from, to protocol.NodeID, nodes int) effect {
	switch {
	case f.Severs(from, to, nodes) || f.Op == fault.Pause && (f.Node == from || f.Node == to):
		return severs
	case f.Op.Harms() && !f.Rate.Never() && !f.Rate.Above(tolerable):
	case f.Touches(from, to, nodes) || f.Op.OfNode() && !f.Op.OfLinks() && (f.Node == from || f.Node == to):
		return disturbs
	}
	return harmless
}

func (c *Core) compute(now protocol.Time) {
	sure, maybe := c.sure, c.maybe
	for a := range c.members {
		sure[a], maybe[a] = 0, 0
		if c.up[a] {
			sure[a], maybe[a] = 1<<a, 1<<a
		}
		for b := range c.members {
			to, back := c.links[a][b], c.links[b][a]
			if a != b && to.sure && back.sure {
				sure[a] |= 1 << b
			}
			if a != b && !to.cut && !back.cut {
				maybe[a] |= 1 << b
			}
		}
	}
	majority := c.members/2 + 1
	all := uint64(0) // that may be in a majority, or lead one
	for a := range c.members {
		s := cliques{maybe, majority, 10_000}
		if bits.OnesCount64(maybe[a]) >= majority && (c.led || s.any(1<<a, maybe[a]&^(1<<a))) {
			all |= 1 << a
		}
	}
	was := c.core
	c.core = 0
	for a := range c.members {
		if all>>a&1 == 1 && all&^sure[a] == 0 {
			c.core |= 1 << a
			if was>>a&1 == 0 {
				c.since[a] = now
			}
		}
	}
}

// Lasting returns the nodes, as bits, that have been in the core for that long, if they are
// a majority; else 0.
func (c *Core) Lasting(now protocol.Time, d time.Duration) (nodes uint64) {
	c.settle(now)
	for a := range c.members {
		if c.core>>a&1 == 1 && now.Sub(c.since[a]) >= d {
			nodes |= 1 << a
		}
	}
	if 2*bits.OnesCount64(nodes) <= c.members {
		return 0
	}
	return nodes
}

// Reaches reports whether a node, of the group or not, has been connected with all of these
// for that long.
func (c *Core) Reaches(id protocol.NodeID, nodes uint64, now protocol.Time, d time.Duration) bool {
	c.settle(now)
	for b := range c.members {
		to, back := c.links[id][b], c.links[b][id]
		if nodes>>b&1 == 1 && int(id) != b && (!to.sure || !back.sure || now.Sub(max(to.since, back.since)) < d) {
			return false
		}
	}
	return true
}

// Parted reports whether nothing passes from one of two nodes to the other, whichever of them.
func (c *Core) Parted(a, b protocol.NodeID, now protocol.Time) bool {
	c.settle(now)
	return c.links[a][b].cut || c.links[b][a].cut
}

// Away returns the nodes of the group, as bits, that have been down or cut off for that long:
// nothing has passed between any of them and these nodes, nor between any of them and a node
// of which that is not known.
func (c *Core) Away(nodes uint64, now protocol.Time, d time.Duration) (away uint64) {
	c.settle(now)
	apart := func(a int, from uint64) bool {
		for b := range c.members {
			to, back := c.links[a][b], c.links[b][a]
			if from>>b&1 == 1 && a != b && (!to.cut || !back.cut || now.Sub(max(to.since, back.since)) < d) {
				return false
			}
		}
		return true
	}
	for a := range c.members {
		if nodes>>a&1 == 0 && apart(a, nodes) {
			away |= 1 << a
		}
	}
	all := away
	for a := range c.members {
		if all>>a&1 == 1 && !apart(a, ^all) {
			away &^= 1 << a
		}
	}
	return away
}

// cliques searches a graph for sets of nodes that are all connected.
type cliques struct {
	next     []uint64
	majority int
	steps    int
}

// any reports whether set, whose nodes are all connected, can grow to a majority by nodes of
// more, each of which is connected with all of set. If the search takes too long, it says
// yes.
func (s *cliques) any(set, more uint64) bool {
	for {
		if bits.OnesCount64(set) >= s.majority {
			return true
		}
		if bits.OnesCount64(set|more) < s.majority {
			return false
		}
		if s.steps--; s.steps < 0 {
			return true
		}
		v := bits.TrailingZeros64(more)
		if s.any(set|1<<v, more&s.next[v]&^(1<<v)) {
			return true
		}
		more &^= 1 << v
	}
}
