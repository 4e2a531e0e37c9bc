package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// The faults of churn besides the sessions. They last for minutes and up to an hour, as the
// upkeep does, and come while values are published. There is no heal, since sessions would
// end there, too: drawn faults end by faultsTo. A refresh interval after the end, every node
// that is up looks for what was published before.
const (
	faultsFrom = 25 * time.Minute
	faultsTo   = 130 * time.Minute
	faultUnit  = 20 * time.Second // the least time that a drawn fault lasts; the longest is 486 times that
	mergeGrace = 10 * time.Minute // for lookups and puts, after the refresh interval
	everyFor   = 20 * time.Minute // over which all nodes look for what was published before
	everyMost  = 1000             // lookups for that, or one for each node
)

// everyID is above the identities of the lookups that are asked for.
const everyID = 1 << 31

var kindEvery = protocol.KindOf("churn.every")

// In a quarter of the runs whose faults may divide the network, two long splits do, of which
// the second begins when the network is one again: so whatever a reunion leaves behind shows.
// In these runs nothing else fails, and no sessions end, since a node that joins anew makes
// one network of two; and buckets are refreshed so often that all of it fits into the usual
// length of a run.
const (
	splitRefresh = 30 * time.Minute
	splitFor     = 40 * time.Minute
	splitAgain   = 110 * time.Minute // when the second one begins; the first does at faultsFrom
	splitLeast   = 4 * time.Hour     // that the run lasts
)

var (
	kindTwice = protocol.KindOf("churn.twice")
	kindSides = protocol.KindOf("churn.sides") // the first of the nodes that are one side of a split
)

// splitTwice draws whether the network is split twice.
func (c *churning) splitTwice() bool {
	return c.p.Draws("partition") && c.p.Nodes >= 4 && c.p.Until >= splitLeast && c.choose(kindTwice, 0, 4) == 3
}

// splits returns the two splits.
func (c *churning) splits() []fault.Fault {
	var faults []fault.Fault
	for i, at := range []time.Duration{faultsFrom, splitAgain} {
		first := int(c.choose(kindSides, uint64(i), uint64(c.p.Nodes)))
		f := fault.Fault{ID: splitID + uint64(i), Op: fault.Partition, At: protocol.Time(at), For: splitFor, Groups: make([][]protocol.NodeID, 2)}
		for k, id := range c.Members {
			side := 0
			if (k+c.p.Nodes-first)%c.p.Nodes >= c.p.Nodes/2 {
				side = 1
			}
			f.Groups[side] = append(f.Groups[side], id)
		}
		faults = append(faults, f)
	}
	return faults
}

// besides returns the sessions that are valid together with the written faults, those, and
// drawn ones.
func (c *churning) besides(sessions []fault.Fault) []fault.Fault {
	if !c.p.Failing() {
		return sessions
	}
	if c.twice {
		return consistent(c.p.Written(), c.splits(), c.p.Nodes)
	}
	drawn := c.p.Drawn(swarm.Config{Nodes: c.Members, From: protocol.Time(faultsFrom), To: protocol.Time(faultsTo), Delay: faultUnit, Most: mostOfAKind})
	for i := range drawn {
		switch f := &drawn[i]; f.Op { // times of messages, syncs and clocks are in delays, not in minutes
		case fault.Slow, fault.SlowSync, fault.LateTimer, fault.Stall, fault.Jump:
			times := f.By / faultUnit
			f.By = times * c.delay
		}
	}
	faults := consistent(c.p.Written(), sessions, c.p.Nodes)
	faults = consistent(faults, drawn, c.p.Nodes)
	return slices.DeleteFunc(faults, func(f fault.Fault) bool { return f.At > c.plan.Until && f.At != fault.Never })
}

// failures notes what the parameters say of failures.
func (c *churning) failures() {
	if !c.p.Failing() {
		return
	}
	written, drawn := c.p.Written(), protocol.Time(0)
	if c.p.Faults != "" {
		drawn = protocol.Time(faultsTo)
	}
	if c.twice {
		drawn = protocol.Time(splitAgain + splitFor)
	}
	c.Failures = judge.Failures{Any: true, Heal: ended(written, drawn)}
	if lasting(written) {
		c.Failures.Heal = 0
		return
	}
	c.Failures.Merged = c.Failures.Heal + protocol.Time(c.config().Refresh+mergeGrace)
}

// untimely reports whether a fault lets something happen later than it should.
func untimely(f fault.Fault) bool {
	switch f.Op {
	case fault.Pause, fault.LateTimer, fault.Stall, fault.Clog, fault.Slow, fault.Late, fault.Echo, fault.Corrupt, fault.Jump, fault.Drift, fault.Byzantine:
		return true
	}
	return false
}

// everybody adds lookups by all nodes of what was published before the heal.
func (c *churning) everybody() {
	c.Failures.Untimely = slices.ContainsFunc(c.plan.Faults, untimely)
	f := &c.Failures
	if !f.Any || f.Heal == 0 || len(c.Values) == 0 {
		return
	}
	each := max(1, min(len(c.Values), everyMost/c.p.Nodes))
	for i := range uint64(c.p.Nodes * each) {
		if c.p.LeftOut(everyID | i) {
			continue
		}
		at := f.Merged + 1 + protocol.Time(everyFor)/protocol.Time(c.p.Nodes*each)*protocol.Time(i)
		for c.Lookups[at] != nil {
			at++
		}
		id := int(i) % c.p.Nodes
		first := c.choose(kindEvery, uint64(id), uint64(len(c.Values)))
		v := c.Values[(first+i/uint64(c.p.Nodes))%uint64(len(c.Values))]
		if at > c.Until || v.At >= f.Heal || v.Life != 0 || !c.up(id, at) {
			continue
		}
		c.Lookups[at] = &judge.Lookup{Number: everyID | i, Value: v, Node: protocol.NodeID(id)}
		c.plan.Inputs = append(c.plan.Inputs, sim.Input{ID: everyID | i, At: at, Node: protocol.NodeID(id), Body: kademlia.GetInput(everyID|i, v.ID)})
	}
}
