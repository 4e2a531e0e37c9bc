package scenarios

import (
	"time"

	"dessim/sim/check"
	"dessim/sim/swarm"
)

// noFlood is the check that no node sends more than there is to say. Every scenario has
// it: see ours.
const noFlood = "no node floods the network"

// trafficDelays is the window of the bounds, in longest delays: 10 s where links take up to
// 10 ms. All timers of the nodes are multiples of that delay too.
const trafficDelays = 1000

// orderTraffic bounds what a node sends that takes part in a total order. Its heartbeats
// are 100 in a window for each other node. The rest is for the hash table's and what is
// tried again.
func orderTraffic(p params) check.Traffic {
	return check.Traffic{
		Window:   trafficDelays * (p.Delay + p.Jitter),
		Most:     uint64(1500 + 250*p.Nodes),
		PerEvent: uint64(20 + 4*p.Nodes),
	}
}

// churnTraffic bounds what a node sends that is only part of a hash table. Its upkeep does
// not depend on the delay of the links. Where nodes may begin with the same bits, tables have
// many more buckets, of which each round of a join looks through all.
func churnTraffic(p params) check.Traffic {
	t := check.Traffic{Window: time.Minute, Most: 3000, PerEvent: 20}
	if p.Draws(swarm.Repair) {
		t.Most *= 3
	}
	return t
}
